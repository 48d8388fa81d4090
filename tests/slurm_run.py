"""A Slurm cluster for the tests, and Snakemake on it through profiles/slurm.

In: folders, snakemake options. Out: processes, and what Slurm's accounting says of their jobs. Needs root and Slurm.
"""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from workflow_run import ROOT, environment

from scripts.install_clusters import lacking_packages

SCRIPT = ROOT / "tests/slurm_cluster.sh"
PARTITIONS = ROOT / "tests/slurm_partitions.yaml"
PATIENCE_S = 600  # for an event; a loaded machine is slow
QUICK = [  # what is different on a test cluster: its partitions, a fast file system, a few jobs to look after
    "--slurm-partition-config", PARTITIONS,
    "--slurm-init-seconds-before-status-checks", "1",
    "--latency-wait", "10",
]  # fmt: skip
FIELDS = "JobIDRaw,JobName,State,ReqTRES,AllocTRES,TimelimitRaw,NodeList,Partition,Comment,Start,End,WorkDir"


def lacking():
    """Return why no cluster can be had here; "" when it can."""
    if os.geteuid() != 0:
        return "a test cluster needs root"
    if missing := lacking_packages():
        return f"not installed: {', '.join(missing)} (make test-slurm installs it)"
    done = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "true"], capture_output=True, text=True)
    return f"no namespaces: {done.stderr.strip()}" if done.returncode else ""


@contextlib.contextmanager
def running_cluster():
    """Yield the folder of a running cluster; it ends with this process at the latest.

    The folder has a short name: below it are sockets, whose names may have 108 characters.
    """
    with tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        done = subprocess.run([SCRIPT, "start", folder, str(os.getpid())], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        try:
            yield folder
        finally:
            subprocess.run([SCRIPT, "stop", folder], capture_output=True)


def on(cluster, *argv, **options):
    """Run a command on the cluster to its end and return it."""
    options = {"capture_output": True, "text": True, "env": environment(CROSSPL_REHEARSAL="1"), **options}
    return subprocess.run([SCRIPT, "run", cluster, *map(str, argv)], **options)


def slurm(cluster, *argv):
    """Run a Slurm command, which must succeed, and return its output."""
    done = on(cluster, *argv)
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done.stdout


def run_command(*targets, profile="profiles/slurm", options=(), configs=()):
    """Return the argv of a workflow run on the cluster."""
    argv = ["snakemake", *targets, "--workflow-profile", profile, *QUICK, *options]
    return [*argv, *(["--configfile", *configs] if configs else [])]


def start(cluster, folder, argv, **marks):
    """Start a command on the cluster in `folder`, output to run.log."""
    with open(folder / "run.log", "a") as stream:
        return subprocess.Popen(
            [SCRIPT, "run", cluster, *map(str, argv)], cwd=folder, stdout=stream, stderr=subprocess.STDOUT,
            env=environment(CROSSPL_REHEARSAL="1", **marks),
        )  # fmt: skip


def finish(process, folder):
    """Wait for a run to end well, and return its output."""
    status = process.wait(3 * PATIENCE_S)
    text = (folder / "run.log").read_text()
    assert status == 0, text[-8000:]
    return text


def wait_for(event, what, process=None):
    """Return the first true value of `event()`; an AssertionError when it does not come or `process` has ended."""
    deadline = time.monotonic() + PATIENCE_S
    while not (seen := event()):
        assert process is None or process.poll() is None, f"the run ended before: {what}"
        assert time.monotonic() < deadline, f"not seen within {PATIENCE_S} s: {what}"
        time.sleep(0.05)
    return seen


def queued(cluster, folder, states="PENDING,RUNNING"):
    """Return {job id: (state, comment)} of the jobs submitted from `folder` that are in the queue."""
    text = slurm(cluster, "squeue", "--noheader", f"--states={states}", "--format=%i|%T|%k|%Z")
    rows = [line.split("|") for line in text.splitlines()]
    return {job: (state, comment) for job, state, comment, place in rows if Path(place) == folder}


def accounted(cluster, folder):
    """Return the rows of sacct for jobs submitted from `folder`, requeued ones several times; waits until all ended."""

    def complete():
        text = slurm(cluster, "sacct", "-D", "-X", "-P", "-n", "-S", "now-2hours", "-o", FIELDS)
        rows = [dict(zip(FIELDS.split(","), line.split("|"))) for line in text.splitlines()]
        rows = [row for row in rows if Path(row["WorkDir"]) == folder]
        return rows if rows and all(row["State"] not in ("RUNNING", "PENDING") for row in rows) else None

    return wait_for(complete, "every job in the accounting")


def granted(row):
    """Return what Slurm gave a job: {"cpu", "mem_mb", "gpu", "minutes", "partition"}."""
    tres = dict(part.split("=") for part in row["AllocTRES"].split(","))
    return {
        "cpu": int(tres["cpu"]),
        "mem_mb": int(re.fullmatch(r"(\d+)M", tres["mem"])[1]),
        "gpu": int(tres.get("gres/gpu", 0)),
        "minutes": int(row["TimelimitRaw"]),
        "partition": row["Partition"],
    }


def fresh(folder, *files):
    """Create `folder` with copies of `files`, return it."""
    folder.mkdir(parents=True)
    for file in files:
        shutil.copy(file, folder)
    return folder
