"""What happens to jobs on a cluster: too little memory, too little time, cancelled, preempted with and without a grace
time, on a node that dies.

One run of tests/slurm_incidents.smk through profiles/slurm on a real Slurm, in which all of it happens at once. Each is
also a bug of the executor plugin, or of a profile, that must stay out of reach (docs/cluster.md).
"""

import re
import shutil
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import pytest
from slurm_run import (
    PATIENCE_S,
    ROOT,
    accounted,
    finish,
    fresh,
    granted,
    queued,
    run_command,
    slurm,
    start,
    wait_for,
)


class Incidents(NamedTuple):
    """The finished run: its folder, its output, and the accounting of its jobs by name."""

    folder: Path
    log: str
    jobs: dict


@pytest.fixture(scope="module")
def incidents(slurm_cluster, tmp_path_factory):
    cluster = slurm_cluster
    folder = fresh(tmp_path_factory.mktemp("incidents") / "run")
    shutil.copytree(ROOT / "profiles/slurm", folder / "profiles/slurm")
    (folder / "Snakefile").write_text((ROOT / "tests/slurm_incidents.smk").read_text())
    process = start(cluster, folder, run_command())
    try:
        started = {name: first_run(folder, name, process) for name in ("cancelled", "requeued", "preempted", "node")}
        slurm(cluster, "scancel", started["cancelled"])
        slurm(cluster, "scontrol", "requeue", started["requeued"])
        preempt(cluster, started["preempted"])
        node = node_of(cluster, started["node"])
        slurm(cluster, "scontrol", "update", f"nodename={node}", "state=down", "reason=test")
        wait_for(lambda: started["node"] not in queued(cluster, folder, "RUNNING"), "the job has left the dead node")
        slurm(cluster, "scontrol", "update", f"nodename={node}", "state=resume")
        preempt_with_grace(cluster, first_run(folder, "graced", process))
        (folder / "told").touch()
        log = finish(process, folder)
    finally:
        process.kill()
        slurm(cluster, "scontrol", "update", "partitionname=gpu", "gracetime=0")
    jobs = defaultdict(list)
    for row in accounted(cluster, folder):
        jobs[re.sub("^rule_(waiting_wildcards_)?", "", row["Comment"])].append(row)
    return Incidents(folder, log, dict(jobs))


def first_run(folder, name, process):
    """Wait until the job waits in its first run; return its id."""
    path = folder / f"runs.{name}"
    return wait_for(lambda: path.exists() and path.read_text().strip(), f"{name} has started", process)


def node_of(cluster, job):
    return slurm(cluster, "squeue", "--noheader", f"--jobs={job}", "--format=%N").strip()


def preempt(cluster, job):
    """Take the job's node away by a job of higher priority that ends at once."""
    slurm(cluster, "sbatch", "--wait", "-p", "urgent", "-w", node_of(cluster, job), "--gpus=2", "--mem=100",
          "-o", "/dev/null", "--wrap", "true")  # fmt: skip


def preempt_with_grace(cluster, job):
    """Let the job have time to end before its node is taken away, and return when that time has begun."""
    slurm(cluster, "scontrol", "update", "partitionname=gpu", f"gracetime={PATIENCE_S}")
    slurm(cluster, "sbatch", "-p", "urgent", "-w", node_of(cluster, job), "--gpus=2", "--mem=100", "-o", "/dev/null",
          "--wrap", "true")  # fmt: skip
    wait_for(lambda: re.search(r" PreemptTime=\d", slurm(cluster, "scontrol", "show", "job", job)), "the grace time")


def states(incidents, name):
    """Return the states that the jobs of one rule ended in, in the order of their start."""
    return [row["State"].split()[0] for row in sorted(incidents.jobs[name], key=lambda row: row["Start"])]


def test_the_run_ends_well(incidents):
    assert "9 of 9 steps (100%) done" in incidents.log


def test_too_little_memory_is_asked_for_again_with_more(incidents):
    """A rule-level `retries:` would run it again in the same allocation, with the memory of the first attempt."""
    assert states(incidents, "memory")[-1] == "COMPLETED" and states(incidents, "memory")[0] != "COMPLETED"
    asked = [(granted(row)["mem_mb"], granted(row)["minutes"]) for row in incidents.jobs["memory"]]
    assert asked == [(600, 5), (1200, 10)]


def test_too_little_time_is_asked_for_again_with_more(incidents):
    assert states(incidents, "time") == ["TIMEOUT", "COMPLETED"]
    assert [granted(row)["minutes"] for row in incidents.jobs["time"]] == [1, 2]


def test_a_job_of_two_gpus_runs_once(incidents):
    """Plugins before 2.7.1 started it once per GPU, at the same time."""
    [row] = incidents.jobs["gpus"]
    assert granted(row) == {"cpu": 2, "mem_mb": 500, "gpu": 2, "minutes": 5, "partition": "gpu"}
    assert (incidents.folder / "runs.gpus").read_text() == "0,1\n"


def test_a_cancelled_job_is_noticed_and_submitted_again(incidents):
    """With sacct the plugin would wait for it for ever."""
    assert states(incidents, "cancelled") == ["CANCELLED", "COMPLETED"]


@pytest.mark.parametrize("name, state", [("requeued", "REQUEUED"), ("preempted", "PREEMPTED"), ("node", "NODE_FAIL")])
def test_slurm_starts_the_same_job_again(incidents, name, state):
    """Without requeue Snakemake would wait for a preempted job for ever."""
    rows = incidents.jobs[name]
    assert len({row["JobIDRaw"] for row in rows}) == 1, rows
    assert states(incidents, name)[-1] == "COMPLETED" and state in states(incidents, name)
    runs = (incidents.folder / f"runs.{name}").read_text().split()
    assert len(runs) == 2 and len(set(runs)) == 1


def test_a_job_that_ends_in_its_grace_time_is_no_failure(incidents):
    """The Snakemake in it ends with an error, for it was told to stop; that would cost one of the retries."""
    rows = incidents.jobs["graced"]
    assert len({row["JobIDRaw"] for row in rows}) == 1 and {granted(row)["mem_mb"] for row in rows} == {500}, rows
    assert states(incidents, "graced") == ["REQUEUED", "COMPLETED"]
    assert len((incidents.folder / "runs.graced").read_text().split()) == 2


def test_every_job_got_the_partition_and_gpus_that_it_asked_for(incidents):
    for name, rows in incidents.jobs.items():
        gpu = 2 if name in ("gpus", "preempted", "node", "graced") else 0
        for row in rows:
            assert (granted(row)["gpu"], row["Partition"]) == (gpu, "gpu" if gpu else "cpu"), row
            assert row["NodeList"].startswith("gpu" if gpu else "cpu"), row


def test_logs_of_failed_jobs_are_kept_and_found(incidents):
    kept = {path.parent.name for path in (incidents.folder / "logs/slurm").rglob("*.log")}
    assert {"rule_memory", "rule_time"} <= kept and "rule_gpus" not in kept
