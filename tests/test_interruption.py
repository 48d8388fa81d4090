"""Killed at the worst moments, the same command completes, gives the same table, and does not repeat finished work.

The whole process group (snakemake and its jobs) gets SIGKILL; the boxes, which are in no group of ours, must end too.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from processes import command_line, processes
from test_bad_input import message
from workflow_run import (
    TABLE,
    clone,
    command,
    copy_repository,
    files_below,
    run_workflow,
    show,
    snakemake,
    start_workflow,
)

from crosspl.io import read_csv

PATIENCE_S = 600  # for an event; a loaded machine is slow
GONE_S = 30  # for the boxes to end
HOLDER = "import sys; from crosspl.lock import *; lock_tree(); sign_tree(); print(1, flush=True); sys.stdin.read()"
PLANTED = 77.25  # a loss that no training gives


def new_file(folder, pattern):
    """Return a function that returns the first file like `pattern` that is not there now, or None."""
    old = set(folder.glob(pattern))

    def find():
        return next((path for path in sorted(folder.glob(pattern)) if path not in old), None)

    return find


def kill_when(tree, title, happens):
    """Start the workflow, SIGKILL its process group as soon as `happens()`, and return what that returned."""
    log, mark = tree / "run.log", f"CROSSPL_TEST_RUN={tree}:{time.monotonic_ns()}"
    process = start_workflow(tree, log, own_group=True, **dict([mark.split("=", 1)]))
    deadline, seen = time.monotonic() + PATIENCE_S, None
    try:
        with open(log) as stream:
            while not (seen := happens()):
                show(title, stream)
                assert process.poll() is None, "the run ended before it could be killed\n" + log.read_text()[-4000:]
                assert time.monotonic() < deadline, f"{title}: nothing after {PATIENCE_S} s"
                time.sleep(0.01)
        os.killpg(process.pid, signal.SIGSTOP)  # nothing moves on while its processes are listed
        running = processes(mark)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert running, "the run's processes were not found"
    print(f"{title}: killed {len(running)} processes at {seen}", flush=True)
    wait_until_gone(mark, running)
    return seen


@pytest.mark.parametrize("host", [None, "login7"])
def test_second_run_in_the_same_tree_is_refused(tmp_path, host):
    """Also from another machine, as far as its name goes; once killed, no lock is left, nor one of Snakemake's kept."""
    tree, target = copy_repository(tmp_path), "results/problems.jsonl.gz"
    holder = [sys.executable, "-c", HOLDER]
    if host:
        unshare = ["unshare", *(["--user", "--map-root-user"] if os.geteuid() else []), "--uts"]
        holder = [*unshare, "sh", "-c", f'echo {host} >/proc/sys/kernel/hostname && exec "$@"', "sh", *holder]
    with subprocess.Popen(holder, cwd=tree, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "1\n"
        message(
            snakemake(tree, target), "another run is working in this folder", f"process {process.pid} on",
            host or socket.gethostname(), "wait for it or stop it",
        )  # fmt: skip
        assert not (tree / target).exists()
        process.kill()
    for name in ("input", "output"):
        (tree / f".snakemake/locks/0.{name}.lock").write_text(f"{target}\n")
    done = snakemake(tree, target)
    assert done.returncode == 0 and (tree / target).exists(), done.stderr


def wait_until_gone(mark, running):
    """Fail when a process of the killed run, by mark or by descent, lives longer than GONE_S."""
    deadline = time.monotonic() + GONE_S
    while left := processes(mark) | {pid: text for pid, text in running.items() if command_line(pid) == text}:
        assert time.monotonic() < deadline, f"still running after the kill: {left}"
        time.sleep(0.1)


def plant(folder):
    """Write a mark into the learning curve of every trainer checkpoint below `folder`: who resumes, shows it."""
    states = list(folder.glob("*/checkpoint-*/trainer_state.json"))
    assert states, f"no checkpoint below {folder}"
    for state in states:
        content = json.loads(state.read_text())
        for entry in content["log_history"]:  # the curve shows means
            entry["loss"] = PLANTED
        state.write_text(json.dumps(content))


def resumed(tree, stage):
    """Return the learning curves below results/{stage} that hold the planted mark."""
    paths = (tree / "results" / stage).rglob("history.csv")
    return [path for path in paths if any(row["loss"] == str(PLANTED) for row in read_csv(path))]


@pytest.mark.full
def test_killed_three_times(smoke_tree, tmp_path):
    """In SFT, in RL and in sampling; what was done before each kill is used."""
    (tmp_path / "tree").mkdir()
    unfinished = copy_repository(tmp_path / "tree", source=smoke_tree)
    work = unfinished / "work"
    kill_when(unfinished, "killed in train_sft", new_file(work, "sft/*/checkpoint-*/trainer_state.json"))
    plant(work / "sft")
    kill_when(unfinished, "killed in train_rl", new_file(work, "rl/*/checkpoint-*/trainer_state.json"))
    plant(work / "rl")
    shard = kill_when(unfinished, "killed in sampling", new_file(work, "completions/*/[a-z]*.jsonl.gz"))
    shards = files_below(work / "completions")
    assert shard.relative_to(work / "completions") in shards
    run_workflow(unfinished, "after three kills")
    assert (unfinished / TABLE).read_bytes() == (smoke_tree / TABLE).read_bytes()
    assert resumed(unfinished, "sft") and resumed(unfinished, "rl")
    after = files_below(work / "completions")
    assert {path: after.get(path) for path in shards} == shards
    whole = files_below(smoke_tree / "work/completions")  # and the report's models, which were not asked for here
    assert after and {path: data for path, (_, data) in after.items()} == {path: whole[path][1] for path in after}


def test_half_written_checkpoint_is_passed_over(smoke_tree, tmp_path):
    """A kill while a checkpoint is written leaves a folder without the trainer's state, which is written last."""
    tree = clone(smoke_tree, tmp_path / "tree")
    folder = sorted((tree / "results/sft").glob("*/seed*"))[0]
    manifest = json.loads((folder / "manifest.json").read_text())
    states = list((tree / "work/sft").glob("*/checkpoint-*/trainer_state.json"))
    assert states, "no trainer checkpoint is kept"
    for state in states:
        state.unlink()
    folders = set((tree / "work/sft").iterdir())
    (data,) = [path for path in manifest["inputs"] if path.startswith("results/sft_data/")]
    options = ["--base", "results/base", "--data", data, "--output", tmp_path / "again", "--seed", manifest["seed"]]
    options += ["--lora", json.dumps(manifest["lora"]), "--settings", json.dumps(manifest["settings"])]
    done = command(tree, "train_sft", *options, "--save-every", "4")
    assert done.returncode == 0, done.stderr
    assert set((tree / "work/sft").iterdir()) == folders, "the command has not looked into the folder of the first run"
    weights = "adapter_model.safetensors"
    assert (tmp_path / "again" / weights).read_bytes() == (folder / weights).read_bytes()


def test_a_killed_command_takes_its_boxes_along(smoke_tree, tmp_path):
    """SIGKILL of one judging command, in the middle of programs that would run for a while."""
    rows = [{"id": str(n), "language": "python", "code": "while True: pass", "limits": {"cpu_s": 60},
             "tests": [{"stdin": "", "stdout": str(n)}]} for n in range(4)]  # fmt: skip
    (tmp_path / "programs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    mark = f"CROSSPL_TEST_RUN={tmp_path}"
    argv = [
        sys.executable,
        "-m",
        "scripts.judge",
        "--programs",
        tmp_path / "programs.jsonl",
        "--cache",
        "",
        "--jobs",
        "2",
    ]
    process = subprocess.Popen(
        [*argv, "--output", tmp_path / "verdicts.jsonl"], cwd=smoke_tree,
        env={**os.environ, **dict([mark.split("=", 1)])},
    )  # fmt: skip
    try:
        deadline, running = time.monotonic() + PATIENCE_S, {}
        while sum(text.endswith("main.py") for text in running.values()) < 2:
            assert process.poll() is None and time.monotonic() < deadline, running
            running = processes(mark)
    finally:
        process.kill()
        process.wait()
    wait_until_gone(mark, running)
    assert not (tmp_path / "verdicts.jsonl").exists()
