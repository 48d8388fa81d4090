"""One process at a time on a folder of resumable state.

In: a folder under work/. Out: a lock that ends with this process. Two jobs with the same settings, inputs and code
would write the same checkpoints: a job that a scheduler started again while the first still lives on a lost node, or a
command typed by hand beside a run. The second waits, and then continues from what the first has left.
"""

import errno
import fcntl
import os
from pathlib import Path

WITHOUT_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)  # what a file system says that has no locks
_held = {}  # open files: closing one would give up its lock


def hold(folder):
    """Create `folder`, hold it until this process ends, and return it; waits while another process holds it."""
    folder = Path(folder)
    if folder.resolve() in _held:
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    if os.environ.get("RANK", "0") != "0":
        return folder  # one of several processes of a training job, whose first one holds it
    stream = open(folder / ".lock", "w")  # noqa: SIM115  (stays open on purpose)
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"waiting for another process that works on {folder}", flush=True)
        fcntl.flock(stream, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:
            raise
    _held[folder.resolve()] = stream
    return folder
