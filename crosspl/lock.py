"""One run at a time on a results tree, without a lock that outlives a killed run.

In: a lock file. Out: a lock that the kernel drops when the process ends, however it ends. The lock of Snakemake itself
is a file that a SIGKILL leaves behind, so the default profile switches it off.
"""

import fcntl
from pathlib import Path

from crosspl.errors import UserError

_held = []  # open files: closing one would give up its lock


def lock_tree(path="work/.lock"):
    """Hold the lock until this process ends; raise UserError when another process holds it."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    stream = open(path, "w")  # noqa: SIM115  (stays open on purpose)
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(f"another run is working in this folder ({path} is locked): wait for it or stop it") from None
    _held.append(stream)
