"""The parent's end of the launcher: find the sandbox, start the launcher, exchange tasks and outcomes.

In: language entries, the number of boxes at a time, the judge's work folder, whether the user does without a sandbox.
Out: an open connection with its `tier`, or a SandboxError saying why no sandbox can be had and what to do.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from crosspl.errors import SandboxError, UserError
from crosspl.judge.build import supervisor_path
from crosspl.judge.launcher import receive, send
from crosspl.judge.seccomp import blob_path
from crosspl.judge.tiers import SETTING, allowed_tiers

ROOT = Path(__file__).parent.parent.parent
NO_SANDBOX = (
    "no sandbox can be made here{reasons}. apt-get install bubblewrap (or conda install bubblewrap) and allow user "
    "namespaces (sysctl user.max_user_namespaces=15000; on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0), or "
    "run on a machine with Linux 6.7 or later and Landlock"
)


class Connection:
    """A running launcher; `tier` is its sandbox, `reasons` say of better ones why not."""

    def __init__(self, languages, jobs, work, unsandboxed=False):
        self.sent = 0
        tiers = allowed_tiers(unsandboxed)
        setup = find_setup(work)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "crosspl.judge.launcher"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=environment, cwd="/", start_new_session=True,
        )  # fmt: skip
        try:
            send(self.process.stdin, {"setup": setup, "languages": languages, "jobs": jobs, "tiers": tiers})
            answer = receive(self.process.stdout)
        except (EOFError, OSError):
            answer = {"tier": None, "reasons": {"judge": f"the launcher ended with status {self.process.wait()}"}}
        self.tier, self.reasons = answer["tier"], explain(answer["reasons"])
        if self.tier is None:
            self.close()
            raise SandboxError(NO_SANDBOX.format(reasons=self.reasons or f": {SETTING} leaves none to try"))

    def exchange(self, tasks):
        """Send all tasks, then yield (number, outcome) as they come, where number is the task's place."""
        first, self.sent = self.sent, self.sent + len(tasks)
        try:
            for number, task in enumerate(tasks, first):
                send(self.process.stdin, (number, task))
            missing = len(tasks)
            while missing:
                number, outcome = receive(self.process.stdout)
                if number >= first:  # else of an earlier call that its user broke off
                    missing -= 1
                    yield number - first, outcome
        except (EOFError, OSError):
            raise SandboxError("the judge's launcher died; run again") from None

    def close(self):
        """End the launcher and every box."""
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def explain(reasons):
    """Return {tier: reason} as " (…)", each reason once; "" when there is none."""
    said = {}
    for tier, reason in reasons.items():
        said.setdefault(reason.removeprefix("bwrap: "), tier)
    return f" ({'; '.join(f'{tier}: {reason}' for reason, tier in said.items())})" if said else ""


def find_setup(work):
    """Return the fields of box.Setup as a dict."""
    return {
        "bwrap": shutil.which("bwrap"),
        "supervisor": str(supervisor_path(work)),
        "seccomp": blob_path().read_bytes(),
        "prefix": conda_prefix(),
    }


def conda_prefix():
    """Return the folder of the active conda environment, or None."""
    prefix = os.environ.get("CONDA_PREFIX")
    if prefix and Path("/tmp") in Path(prefix).resolve().parents:
        raise UserError(
            f"the conda environment {prefix} is below /tmp, which the boxes do not show, so programs would run with "
            "other runtimes than its own. Put the repository elsewhere, or give snakemake --conda-prefix DIR"
        )
    return prefix
