"""Slurm jobs that a killed run left behind: they would write beside the jobs of the next run.

In: `squeue`, the folder of the results tree, the machine that the last run was on. Out: the jobs are cancelled and
gone, or a UserError says how to cancel them. What they had done continues from their state under work/.
"""

import re
import socket
import subprocess
import time
from pathlib import Path

from crosspl.errors import UserError

NAME = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # the plugin calls all jobs of a run {prefix}_{uuid}
PATIENCE_S = 300  # for cancelled jobs to end; Slurm gives them KillWait, 30 s by default


def cancel_leftovers(prefix, last_host, folder=None):
    """Cancel the jobs that earlier runs in `folder` left in Slurm's queue, and wait until they have ended.

    The caller holds the lock of the tree. A lock may not reach other machines, so when the last run was on another one
    it may be alive: then nothing is cancelled, and a UserError says what to do.
    """
    folder = Path(folder or ".").resolve()
    jobs = left_over(prefix, folder)
    if not jobs:
        return []
    if last_host != socket.gethostname():
        raise UserError(
            f"{len(jobs)} Slurm jobs of a run on {last_host or 'another machine'} are working in this folder. If that "
            f"run is dead, type: scancel {' '.join(jobs)}"
        )
    print(f"cancelling {len(jobs)} Slurm jobs that a killed run left behind: {' '.join(jobs)}", flush=True)
    subprocess.run(["scancel", *jobs], check=True)
    deadline = time.monotonic() + PATIENCE_S
    while left := left_over(prefix, folder):
        if time.monotonic() > deadline:
            raise UserError(f"Slurm jobs {' '.join(left)} are cancelled but have not ended: run again when they have")
        time.sleep(1)
    return jobs


def left_over(prefix, folder):
    """Return the ids of this user's jobs that have not ended and were submitted from `folder` by a run."""
    done = subprocess.run(
        ["squeue", "--me", "--noheader", "--format=%i|%j|%Z"], capture_output=True, text=True, check=True
    )
    rows = [line.split("|", 2) for line in done.stdout.splitlines()]
    return [
        job for job, name, place in rows if re.fullmatch(f"{prefix}_{NAME}", name) and Path(place).resolve() == folder
    ]
