"""One run at a time on a results tree, without a lock that outlives a killed run.

In: a lock file. Out: a lock that the kernel drops when the process ends, however it ends. The lock of Snakemake itself
is a file that a SIGKILL leaves behind, so the profiles switch it off.
"""

import fcntl
import os
import socket
import sys
from pathlib import Path

from crosspl.errors import UserError
from crosspl.exclusive import WITHOUT_LOCKS

_held = []  # open files: closing one would give up its lock


def lock_tree(path="work/.lock"):
    """Hold the lock until this process ends; raise UserError when another process holds it.

    Returns the name of the machine whose run signed the lock last, None when there was none.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    stream = open(path, "a+")  # noqa: SIM115  (stays open on purpose)
    stream.seek(0)
    signed = stream.read().split()
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        who = f" (process {signed[1]} on {signed[0]})" if len(signed) == 2 else ""
        raise UserError(
            f"another run is working in this folder{who}, for {path} is locked: wait for it or stop it"
        ) from None
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:
            raise
        print(f"warning: the file system of {path} has no locks: start no second run in this folder", file=sys.stderr)
    _held.append(stream)
    return signed[0] if signed else None


def sign_tree():
    """Write into the lock who holds it."""
    _held[-1].truncate(0)
    print(socket.gethostname(), os.getpid(), file=_held[-1], flush=True)
