"""Inside a job of a cluster: hand SIGTERM on from Snakemake to the command that it runs.

In: the Snakemake that a scheduler started. Out: every process below it gets the signal as well. Slurm with cgroups
signals that Snakemake alone, which would only wait for its command until both are killed.
"""

import contextlib
import signal

import psutil
from snakemake.scheduling.job_scheduler import JobScheduler


def pass_on_sigterm(workflow):
    """Make Snakemake pass SIGTERM on, when it is not the one that a user started."""
    if workflow.is_main_process:
        return
    stop = JobScheduler.exit_gracefully

    def stop_and_pass_on(self, *args):
        stop(self, *args)
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if process.name() != "srun":  # which would kill what it has started
                    process.send_signal(signal.SIGTERM)

    JobScheduler.exit_gracefully = stop_and_pass_on
