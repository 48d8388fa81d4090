"""Many dry runs in little time, by dry_run_server.

In: a folder, options. Out: what the command prints, or the jobs it plans.
"""

import json
import subprocess
import sys
from contextlib import contextmanager

from workflow_run import ROOT, environment, planned_jobs, workflow_command


@contextmanager
def dry_runner():
    """Yield a function (folder, *options, configs=…) that returns exit status and output of a dry run."""
    server = subprocess.Popen(
        [sys.executable, "-P", ROOT / "tests" / "dry_run_server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, env=environment(),
    )  # fmt: skip

    def dry_run(folder, *options, **configs):
        argv = workflow_command("--dry-run", *map(str, options), **configs)[1:]
        server.stdin.write(json.dumps([str(folder), argv]) + "\n")
        server.stdin.flush()
        return tuple(json.loads(server.stdout.readline()))

    try:
        yield dry_run
    finally:
        server.stdin.close()
        server.wait()


def plan(dry_run, folder, *options, **configs):
    """Return the jobs that a dry run plans, as `workflow_run.planned` does."""
    status, text = dry_run(folder, *options, **configs)
    assert status == 0, text
    return planned_jobs(text)
