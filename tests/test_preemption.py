"""SIGTERM, as schedulers send it to every process of a job: what is done is kept, the status says "run it again", the
result is what it would have been. Random kills over a whole run: test_random_kills.py.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from test_sampling import PROMPTS
from workflow_run import clone, environment

from crosspl import models
from crosspl.errors import Interrupted
from crosspl.io import read_json
from crosspl.judge.client import Judge
from crosspl.sampling import sample

RUN_IT_AGAIN = 75
SLEEPER = "import time\nt = time.monotonic()\nwhile time.monotonic() < t + 1.5: time.sleep(0.1)\nprint({})"


class TerminatedAt:
    """A model that gets SIGTERM from outside while it generates for the `turn`-th time."""

    def __init__(self, model, turn):
        self.model, self.turn, self.turns = model, turn, 0

    def __getattr__(self, name):
        return getattr(self.model, name)

    def generate(self, **arguments):
        self.turns += 1
        if self.turns == self.turn:
            os.kill(os.getpid(), signal.SIGTERM)
        return self.model.generate(**arguments)


@pytest.fixture(scope="module")
def model(base):
    return models.load_base(base)


@pytest.mark.parametrize("turn", [1, 3])
def test_sampling_goes_on_as_if_nothing_had_been(model, tokenizer, tmp_path, turn):
    arguments = (tokenizer, PROMPTS, 3, 1.0, 12, 3, 7)  # four batches of one prompt
    whole = sample(model, *arguments)
    keep = tmp_path / "lua.sampled.unfinished"
    with pytest.raises(Interrupted, match=rf"after {turn} of 4 prompts"):
        sample(TerminatedAt(model, turn), *arguments, keep=keep)
    torch.rand(5)  # a new process has drawn other numbers
    rest = TerminatedAt(model, None)
    assert sample(rest, *arguments, keep=keep) == whole
    assert rest.turns == 4 - turn and not keep.exists()


def test_damaged_unfinished_answers_are_sampled_anew(model, tokenizer, tmp_path, capsys):
    keep = tmp_path / "lua.sampled.unfinished"
    keep.write_bytes(b"PK\x03\x04 cut off")
    whole = sample(model, tokenizer, PROMPTS, 3, 1.0, 12, 3, 7)
    assert sample(model, tokenizer, PROMPTS, 3, 1.0, 12, 3, 7, keep=keep) == whole
    assert "is damaged" in capsys.readouterr().err


def in_box(mark):
    """Return the pids of programs whose command line or source holds `mark`: python processes below a box."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            root = os.readlink(folder / "root")
            text = (folder / "root/box/main.py").read_text() if b"main.py" in words[-2] else ""
        except (OSError, IndexError):
            continue
        if mark in text and root is not None:
            found.append(int(folder.name))
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_program_that_a_scheduler_killed_is_run_again(tmp_path, number):
    """Otherwise a preempted job would leave a right answer as RE in the verdict cache."""
    mark, killed = f"mark_{os.getpid()}_{number}", []

    def kill():
        while not killed and not done.wait(0.02):
            for pid in in_box(mark):
                os.kill(pid, number)
                killed.append(pid)

    done = threading.Event()
    rows = [{"id": "0", "language": "python", "code": f"# {mark}\n{SLEEPER.format(3)}",
             "tests": [{"stdin": "", "stdout": "3"}]}]  # fmt: skip
    with Judge(["python"], jobs=1, cache=tmp_path / "verdicts.sqlite", work=tmp_path) as judge:
        killer = threading.Thread(target=kill)
        killer.start()
        try:
            [verdict] = judge.judge(rows)
        finally:
            done.set()
            killer.join()
    assert killed, "the program was not found"
    assert verdict["verdict"] == "OK", verdict


def test_the_launcher_outlives_what_a_scheduler_sends(tmp_path):
    with Judge(["python"], jobs=1, work=tmp_path) as judge:
        os.kill(judge.connection.process.pid, signal.SIGTERM)
        rows = [{"id": "0", "language": "python", "code": "print(1)", "tests": [{"stdin": "", "stdout": "1"}]}]
        assert judge.judge(rows)[0]["verdict"] == "OK"


@pytest.fixture(scope="module")
def tree(smoke_tree, tmp_path_factory):
    return clone(smoke_tree, tmp_path_factory.mktemp("preempted") / "tree")


def training(tree, script, folder, output):
    """Return the argv that trains what `folder` holds once more, without saving on the way."""
    manifest = read_json(tree / folder / "manifest.json")
    options = {"base": "results/base", "seed": manifest["seed"], "lora": json.dumps(manifest["lora"]),
               "settings": json.dumps(manifest["settings"]), "save-every": 1000, "output": output}  # fmt: skip
    if script == "train_rl":
        options |= {"adapter": manifest["init"], "problems": "results/problems.jsonl.gz"}
        options |= {"language": manifest["source"], "languages": "perl"}
    else:
        options["data"] = next(path for path in manifest["inputs"] if path.startswith("results/sft_data/"))
    flags = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return [sys.executable, "-u", "-W", "ignore", "-m", f"scripts.{script}", *flags]


@pytest.mark.parametrize(
    "script, folder",
    [("train_sft", "results/sft/parallel/seed0"), ("train_rl", "results/rl/parallel/python/seed0")],
)
def test_training_saves_and_goes_on(tree, tmp_path, script, folder):
    """Nothing is saved on the way but for the signal, and the weights are those of the uninterrupted run."""
    argv = training(tree, script, folder, tmp_path / "again")
    shutil.rmtree(tree / "work" / script.removeprefix("train_"), ignore_errors=True)  # nothing to go on from
    errors = tmp_path / "stderr"
    with open(errors, "w") as stream:
        process = subprocess.Popen(argv, cwd=tree, env=environment(), stdout=subprocess.DEVNULL, stderr=stream)
    while process.poll() is None and ": step 0 of " not in errors.read_text():
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == RUN_IT_AGAIN, errors.read_text()
    step = re.search(r"^error: told to stop \(SIGTERM\); saved after step (\d+)", errors.read_text(), re.MULTILINE)[1]
    assert "Traceback" not in errors.read_text() and not (tmp_path / "again").exists()
    again = subprocess.run(argv, cwd=tree, env=environment(), capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert f"checkpoint-{step}\n" in again.stdout
    for name in ("adapter_model.safetensors", "history.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (tree / folder / name).read_bytes(), name


def test_a_job_hears_of_sigterm_through_its_snakemake(smoke_tree, tmp_path):
    """Slurm with cgroups signals only the Snakemake that it has started, which is run here as in a job."""
    tree, log = clone(smoke_tree, tmp_path / "tree"), tmp_path / "log"
    shutil.rmtree(tree / "work/sft")
    shutil.rmtree(tree / "results/sft/parallel")
    options = ["--target-jobs", "train_sft:mixture=parallel,seed=0", "--allowed-rules", "train_sft", "--force"]
    options += ["--mode", "remote", "--cores", "1", "--nolock", "--configfile", "configs/smoke.yaml"]
    argv = [sys.executable, "-m", "snakemake", "--snakefile", "Snakefile", *options]
    with open(log, "w") as stream:
        process = subprocess.Popen(argv, cwd=tree, env=environment(), stdout=stream, stderr=subprocess.STDOUT)
    while process.poll() is None and ": step 0 of " not in log.read_text():
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 1
    assert re.search(r"^error: told to stop \(SIGTERM\); saved after step \d", log.read_text(), re.MULTILINE), (
        log.read_text()
    )
    assert f"non-zero exit status {RUN_IT_AGAIN}" in log.read_text()


def other_language(tree):
    with open(tree / "languages/python.yaml", "a") as stream:
        stream.write("# another wall clock\n")


def other_version(tree):
    folder = tree / "trl-99.0.dist-info"  # found first, for commands run in the tree
    folder.mkdir()
    (folder / "METADATA").write_text("Name: trl\nVersion: 99.0\n")


@pytest.mark.parametrize(
    "made, state, change",
    [
        ("base/model.safetensors", "base", other_version),
        ("sft/parallel/seed0/adapter_model.safetensors", "sft", other_version),
        ("rl/parallel/python/seed0/adapter_model.safetensors", "rl", other_version),
        ("rl/parallel/python/seed0/adapter_model.safetensors", "rl", other_language),
        ("completions/sft/parallel/seed0.jsonl.gz", "completions", other_version),
    ],
)
def test_state_of_another_stack_is_not_taken_up(smoke_tree, tmp_path, made, state, change):
    tree = clone(smoke_tree, tmp_path / "tree")
    record = read_json(tree / f"results/provenance/{made}.json")
    before = set((tree / "work" / state).iterdir())
    change(tree)
    argv = [sys.executable, "-W", "ignore", "-m", record["script"][:-3].replace("/", "."), *record["argv"]]
    with subprocess.Popen(argv, cwd=tree, env=environment(), stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and set((tree / "work" / state).iterdir()) == before:
            time.sleep(0.01)
        process.kill()
    assert len(set((tree / "work" / state).iterdir()) - before) == 1
