"""The workflow on a real Slurm, through profiles/slurm: what is asked for is granted; whatever happens, the table is
that of a local run, and nothing is lost or done twice.

By default the part of the DAG that belongs to one init, with everything happening to it: jobs cancelled, requeued, on a
node that dies, and the run killed. `-m full` runs the whole smoke DAG from nothing, undisturbed.
"""

import os
import re
import shutil
import signal
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from processes import processes
from slurm_run import (
    PATIENCE_S,
    ROOT,
    accounted,
    finish,
    granted,
    queued,
    run_command,
    slurm,
    start,
    wait_for,
)
from workflow_run import NOTHING, SMOKE, TABLE, clone, copy_repository

RESOURCES = ROOT / "tests/slurm_resources.yaml"
ASKED = yaml.safe_load(RESOURCES.read_text())["resources"]
JUDGING = ("build_programs", "round_trip", "find_same_problems", "audit_content")
STAGES = {**{name: name for name in ("train_base", "train_sft", "train_rl")}, **dict.fromkeys(JUDGING, "judge")}
GROUPS = {"samples": ["sample"], "scores": ["judge", "tables"], "mixtures": ["tables"]}  # stages that take turns
REDONE = ["sft/parallel", "rl/parallel", *(f"{kind}/{stage}/parallel" for stage in ("sft", "rl")
                                          for kind in ("completions", "verdicts", "pass_at_1"))]  # fmt: skip


class Run(NamedTuple):
    """A finished run: its tree, its output, and the accounting of its jobs by what they were for."""

    tree: Path
    log: str
    jobs: dict


def finished(cluster, tree, process):
    """Return the Run when `process` has ended well."""
    log, jobs = finish(process, tree), defaultdict(list)
    for row in sorted(accounted(cluster, tree), key=lambda row: row["End"]):
        jobs[row["Comment"].removeprefix("rule_")].append(row)
    return Run(tree, log, dict(jobs))


@pytest.fixture(scope="module")
def disturbed(slurm_cluster, smoke_tree, tmp_path_factory):
    """What belongs to the init `parallel`, from its mixture on, in a copy of the smoke run."""
    tree = clone(smoke_tree, tmp_path_factory.mktemp("slurm_smoke") / "tree")
    for path in [*(tree / "results" / name for name in REDONE), *(tree / "work").glob("[a-ik-z]*")]:
        shutil.rmtree(path)
    (tree / TABLE).unlink()
    mark = f"CROSSPL_TEST_RUN={tree}"
    argv = run_command(TABLE, configs=[SMOKE, RESOURCES])
    process = start(slurm_cluster, tree, argv, CROSSPL_TEST_RUN=tree)
    try:
        cancelled, requeued = stopped_in(tree, mark, "train_sft", process)
        slurm(slurm_cluster, "scancel", cancelled)
        slurm(slurm_cluster, "scontrol", "requeue", requeued)
        on_dead_node, left = stopped_in(tree, mark, "train_rl", process)
        lose_node(slurm_cluster, tree, on_dead_node)
        kill_snakemake(mark, process)
        assert set(queued(slurm_cluster, tree)) == {on_dead_node, left}
        process = start(slurm_cluster, tree, argv, CROSSPL_TEST_RUN=tree)
        return finished(slurm_cluster, tree, process)
    finally:
        process.kill()


def stopped_in(tree, mark, script, process):
    """Stop the two jobs of `script` as soon as each has kept a first checkpoint; return their Slurm ids."""
    jobs = {}

    def both():
        for state in (tree / "work").glob(f"{script.removeprefix('train_')}/*/checkpoint-*/trainer_state.json"):
            folder = state.parent.parent
            if folder not in jobs and (pid := holder(folder, processes(mark))):
                os.kill(pid, signal.SIGSTOP)
                jobs[folder] = environment_of(pid)["SLURM_JOB_ID"]
        return len(jobs) == 2

    wait_for(both, f"two jobs of {script} with a checkpoint", process)
    return sorted(jobs.values(), key=int)


def holder(folder, found):
    """Return the pid in {pid: command line} of the command that holds a folder of resumable state."""
    for pid in (pid for pid, text in found.items() if " -m scripts." in text):
        try:
            files = [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()]
        except OSError:  # gone
            continue
        if str(folder / ".lock") in files:
            return pid
    return None


def environment_of(pid):
    text = Path(f"/proc/{pid}/environ").read_bytes().decode()
    return dict(part.split("=", 1) for part in text.split("\0") if "=" in part)


def lose_node(cluster, tree, job):
    """Let the node of a job die, and come back when Slurm has put the job into the queue again."""
    node = slurm(cluster, "squeue", "--noheader", f"--jobs={job}", "--format=%N").strip()
    slurm(cluster, "scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    wait_for(lambda: queued(cluster, tree)[job][0] == "PENDING", "the job is in the queue again")
    slurm(cluster, "scontrol", "update", f"nodename={node}", "state=resume")


def kill_snakemake(mark, process):
    """SIGKILL the process that submits, and only that."""
    [pid] = [
        pid for pid, text in processes(mark).items() if re.search(r"python\S* \S*snakemake .*--workflow-profile", text)
    ]
    os.kill(pid, signal.SIGKILL)
    assert process.wait(PATIENCE_S)


def asked(what, steps):
    """Return what a job must have asked for at its first attempt: the most of its members, the time of all of them."""
    group = next((name for name in GROUPS if what.startswith(f"{name}_")), None)
    stages = GROUPS[group] if group else [next((s for rule, s in STAGES.items() if what.startswith(rule)), "tables")]
    members = [ASKED[stage] for stage in stages]
    return {
        "cpu": max(one["threads"] for one in members),
        "mem_mb": max(one["mem_mb"] for one in members),
        "gpu": max(one.get("gpu", 0) for one in members),
        "minutes": sum(one["runtime"] for one in members) * (steps // len(members) if group else 1),
        "partition": "gpu" if any(one.get("gpu") for one in members) else "cpu",
    }


def steps(cluster, row):
    """Return how many of our jobs ran in a Slurm job; each is a step of it."""
    text = slurm(cluster, "sacct", "-n", "-P", "-j", row["JobIDRaw"], "-o", "JobID")
    return len(re.findall(r"^\d+\.\d+$", text, re.MULTILINE))


def check_granted(cluster, run, attempts=1):
    """Assert that every finished job got what it asked for; memory and time of one of the first `attempts`."""
    for what, rows in run.jobs.items():
        row, first = rows[-1], asked(what, steps(cluster, rows[-1]))
        more = [{key: first[key] * attempt for key in ("mem_mb", "minutes")} for attempt in range(1, attempts + 1)]
        assert granted(row) in [{**first, **one} for one in more], (what, row)
        assert row["NodeList"].startswith(first["partition"]), row


def test_the_table_is_that_of_a_local_run(disturbed, smoke_tree):
    assert (disturbed.tree / TABLE).read_bytes() == (smoke_tree / TABLE).read_bytes()
    for path in (disturbed.tree / "results").rglob("adapter_model.safetensors"):
        assert path.read_bytes() == (smoke_tree / path.relative_to(disturbed.tree)).read_bytes(), path


def test_every_job_got_what_it_asked_for(disturbed, slurm_cluster):
    assert {what.split("_wildcards")[0] for what in disturbed.jobs} == {
        "train_sft", "train_rl", "samples_sample", "scores_judge_completions_score", "transfer_table"
    }  # fmt: skip
    check_granted(slurm_cluster, disturbed, attempts=2)


def test_interrupted_training_goes_on_from_its_last_checkpoint(disturbed):
    folders = [disturbed.tree / f"logs/{name}" for name in ("train_sft/parallel", "train_rl/parallel/python")]
    logs = [path for folder in folders for path in folder.glob("*.log")]
    assert len(logs) == 4
    for path in logs:
        assert re.search(r"continuing from work/\S+/checkpoint-[1-9]", path.read_text()), path


def test_what_a_killed_run_left_behind_is_cancelled_first(disturbed):
    found = re.findall(r"cancelling 2 Slurm jobs that a killed run left behind: (\d+) (\d+)", disturbed.log)
    assert len(found) == 1
    rl = [row for what, rows in disturbed.jobs.items() if what.startswith("train_rl") for row in rows]
    left = [row for row in rl if row["JobIDRaw"] in found[0]]
    new = [row for row in rl if row["JobIDRaw"] not in found[0]]
    assert len(new) == 2 and max(row["End"] for row in left) <= min(row["Start"] for row in new)


def test_nothing_is_done_twice(disturbed):
    """Each piece of work ended once, and no two jobs for it ever ran at the same time."""
    ends = {what: [row["State"].split()[0] for row in rows] for what, rows in disturbed.jobs.items()}
    print(ends)
    assert all(states[-1] == "COMPLETED" and "COMPLETED" not in states[:-1] for states in ends.values()), ends
    interrupted = sorted(state for states in ends.values() for state in states[:-1])
    assert {"CANCELLED", "REQUEUED", "NODE_FAIL"} <= set(interrupted), ends
    for rows in disturbed.jobs.values():
        for before, after in pairwise(row for row in rows if row["Start"][0].isdigit()):  # others never started
            assert before["End"] <= after["Start"], (before, after)


def test_a_finished_tree_has_nothing_to_do(disturbed, slurm_cluster):
    tree = disturbed.tree
    again = finish(start(slurm_cluster, tree, run_command(TABLE, configs=[SMOKE, RESOURCES])), tree)
    assert NOTHING in again.removeprefix(disturbed.log)


@pytest.mark.full
def test_the_whole_smoke_run_from_nothing(slurm_cluster, smoke_tree, tmp_path):
    tree = copy_repository(tmp_path, source=smoke_tree)
    run = finished(slurm_cluster, tree, start(slurm_cluster, tree, run_command(TABLE, configs=[SMOKE, RESOURCES])))
    assert (tree / TABLE).read_bytes() == (smoke_tree / TABLE).read_bytes()
    assert all([row["State"] for row in rows] == ["COMPLETED"] for rows in by_job(run).values()), run.jobs
    assert {"train_base", "build_problems", "build_corpus", "transfer_table"} <= set(run.jobs)
    check_granted(slurm_cluster, run)


def by_job(run):
    """Return the rows of a run by Slurm job; groups of one kind bear one name."""
    jobs = defaultdict(list)
    for rows in run.jobs.values():
        for row in rows:
            jobs[row["JobIDRaw"]].append(row)
    return jobs
