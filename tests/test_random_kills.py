"""Fifty jobs of one run are killed at random moments, as by a scheduler or an operator; nothing of the result changes.

One Snakemake process with retries runs the workflow; jobs get SIGTERM (all their processes, the boxes too) and some
moments later SIGKILL, or SIGKILL at once. Weights, curves, answers, verdicts and tables must equal those of the
uninterrupted run byte for byte.
"""

import contextlib
import random
import re
import signal
import time
from collections import Counter

import psutil
import pytest
from workflow_run import TABLE, copy_repository, show, start_workflow

KILLS = 50
SEED = 20261121
STAGES = ("train_sft", "train_rl", "sample", "judge_completions")  # every one of them must have been hit
KEPT = 3  # kills that are kept for each of them until it has been hit
PER_JOB = 3  # kills of one job
MOST = {"train_base": 3, "train_sft": 12, "train_rl": 14, "sample": 14}  # kills, so that some are left for the others
LIFE = {"judge_completions": 1.2, "build_programs": 1.2}  # CPU seconds within which a command is killed; others: LONG
LONG = 7.0
OUTCOMES = ("history.csv", "adapter_model.safetensors", "completions/*", "verdicts/*", "pass_at_1/*", "*.csv")


def jobs(root):
    """Return [(process, script)] of the commands that run below process `root`."""
    found = []
    for process in psutil.Process(root).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            script = re.search(r" -m scripts\.(\w+) ", " ".join(words))
            if script and "python" in words[0]:
                found.append((process, script[1]))
    return found


def kill(job, dice):
    """End one command with its shell and all its processes; return how."""
    graceful = dice.random() < 0.6
    for number in (signal.SIGTERM, signal.SIGKILL)[0 if graceful else 1 :]:
        with contextlib.suppress(psutil.Error):
            shell = job.parent()
            for process in [shell, *shell.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    process.send_signal(number)
            if number == signal.SIGTERM:
                job.wait(dice.uniform(0, 3))  # what a scheduler leaves it; psutil.TimeoutExpired when it is too little
    return "SIGTERM" if graceful else "SIGKILL"


def used(process):
    """Return the CPU seconds of a process and all its descendants so far."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            total += sum(one.cpu_times()[:4])  # its own, and of children that have ended
    return total


def spare(script, kills):
    """Return whether a kill of `script` leaves KEPT kills for every other stage that must be hit and was not yet."""
    scripts = {one: number for one, number in kills.items() if " " not in one}
    waiting = [stage for stage in STAGES if stage != script and not kills[stage]]
    return sum(scripts.values()) + KEPT * len(waiting) < KILLS and kills[script] < MOST.get(script, KILLS)


def due(running, fates, kills, dice):
    """Return the commands that have used the CPU seconds drawn for them; one process is drawn once, one job PER_JOB."""
    found = []
    for process, script in running:
        with contextlib.suppress(psutil.Error):
            job = " ".join(process.cmdline())
            fate = fates.setdefault(process, dice.uniform(0.2, LIFE.get(script, LONG)))
            if kills[job] < PER_JOB and spare(script, kills) and used(process) >= fate:
                kills.update([job, script])
                found.append((process, script))
    return found


@pytest.mark.full
def test_fifty_random_kills(smoke_tree, tmp_path):
    tree = copy_repository(tmp_path / "tree", source=smoke_tree)
    dice, hit, kills, fates, log = random.Random(SEED), Counter(), Counter(), {}, tree / "run.log"
    process = start_workflow(tree, log, "--retries", "100", TABLE, own_group=True)
    try:
        with open(log) as stream:
            while process.poll() is None:
                show("random kills", stream)
                for job, script in due(jobs(process.pid), fates, kills, dice):
                    hit[script, kill(job, dice)] += 1
                time.sleep(0.1)
    finally:
        process.terminate()
        process.wait()
    print(f"killed: {dict(hit)}", flush=True)
    assert process.returncode == 0, log.read_text()[-6000:]
    assert sum(hit.values()) == KILLS
    assert {script for script, _ in hit} >= set(STAGES), hit
    results = tree / "results"
    made = [path for pattern in OUTCOMES for path in results.rglob(pattern)
            if path.is_file() and "provenance" not in path.parts]  # fmt: skip
    for path in made:
        assert path.read_bytes() == (smoke_tree / path.relative_to(tree)).read_bytes(), path.relative_to(tree)
    assert len(made) > 50
