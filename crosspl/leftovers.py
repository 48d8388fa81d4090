"""Slurm jobs that a killed run left behind: they would write beside the jobs of the next run.

In: `squeue`, the folder of the results tree, the machine that the last run was on. Out: the jobs are cancelled and
gone, or a UserError says how to cancel them. What they had done continues from their state under work/.
"""

import re
import socket
import time
from pathlib import Path

from crosspl.errors import UserError
from crosspl.slurm_commands import answer, output

NAME = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # the plugin calls all jobs of a run {prefix}_{uuid}
SQUEUE = ("squeue", "--me", "--noheader", "--format=%i|%j|%Z")
PATIENCE_S = 300  # for cancelled jobs to end; Slurm gives them KillWait, 30 s by default


def cancel_leftovers(prefix, last_host, folder=None):
    """Cancel the jobs that earlier runs in `folder` left in Slurm's queue, and wait until they have ended.

    The caller holds the lock of the tree. A lock may not reach other machines, so when the last run was on another one
    it may be alive: then nothing is cancelled, and a UserError says what to do.
    """
    folder = Path(folder or ".").resolve()
    jobs = left_over(prefix, folder, output(*SQUEUE))
    if not jobs:
        return []
    if last_host != socket.gethostname():
        raise UserError(
            f"{len(jobs)} Slurm jobs of a run on {last_host or 'another machine'} are working in this folder. If that "
            f"run is dead, type: scancel {' '.join(jobs)}"
        )
    print(f"cancelling {len(jobs)} Slurm jobs that a killed run left behind: {' '.join(jobs)}", flush=True)
    end(jobs, prefix, folder)
    return jobs


def end(jobs, prefix, folder):
    """Cancel jobs and wait until they have ended; a UserError when they do not.

    A busy Slurm does not answer every command ("Socket timed out"): it is asked again.
    """
    deadline, cancelled, left = time.monotonic() + PATIENCE_S, None, jobs
    while left:
        if time.monotonic() > deadline:
            raise UserError(
                f"Slurm jobs of a killed run do not end: type scancel {' '.join(left)}, and run again when they have"
            )
        if cancelled is None:
            cancelled = answer("scancel", *left)
        time.sleep(1)
        queue = answer(*SQUEUE)
        left = left if queue is None else left_over(prefix, folder, queue)


def left_over(prefix, folder, queue):
    """Return the ids of the jobs in the output of SQUEUE that were submitted from `folder` by a run."""
    rows = [line.split("|", 2) for line in queue.splitlines()]
    return [
        job for job, name, place in rows if re.fullmatch(f"{prefix}_{NAME}", name) and Path(place).resolve() == folder
    ]
