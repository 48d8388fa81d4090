"""Several processes train one model together, as on several GPUs; here two on the CPU, which talk by gloo."""

import json
import re
import socket
import subprocess
import sys

import pytest
from test_bad_input import message
from tiny import base_folder, training_rows
from tiny_training import SFT
from workflow_run import ROOT, command, environment

from crosspl.io import read_csv, read_json, write_json, write_rows


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Return a folder with a base model and SFT rows."""
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "base").mkdir()
    base_folder(folder / "base")
    write_json(folder / "base/manifest.json", {})
    write_rows(folder / "data.jsonl.gz", training_rows())
    return folder


def together(processes, folder, *words, path=""):
    """Run a module or script in so many processes; return what they printed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc_per_node",
        str(processes),
        "--master_port",
        str(port),
    ]
    env = environment(PYTHONPATH=f"{ROOT}:{path}", OMP_NUM_THREADS="1", PYTHONWARNINGS="ignore")
    done = subprocess.run(
        [*command, *map(str, words)], cwd=folder, env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def test_sft_of_two_processes_is_that_of_one(inputs, tmp_path):
    """The batch is shared out: losses and gradients agree up to the order of sums; one process writes."""
    settings = json.dumps({**SFT, "batch": 8} | {"save_steps": 0})
    curves = []
    for processes in (1, 2):
        (tmp_path / str(processes)).mkdir()
        together(
            processes, tmp_path / str(processes), "-m", "scripts.train_sft", "--base", inputs / "base",
            "--data", inputs / "data.jsonl.gz", "--lora", '{"r": 4, "lora_alpha": 8}', "--settings", settings,
            "--seed", 0, "--save-every", 2, "--output", "out",
        )  # fmt: skip
        manifest = read_json(tmp_path / f"{processes}/out/manifest.json")
        assert manifest["adapter_before"] != manifest["adapter_after"]
        curves.append(read_csv(tmp_path / f"{processes}/out/history.csv"))
    assert len(curves[0]) == len(curves[1]) == SFT["steps"]
    for one, two in zip(*curves):
        for name in ("loss", "grad_norm", "learning_rate"):
            assert float(two[name]) == pytest.approx(float(one[name]), rel=1e-3), (name, one["step"])


@pytest.mark.parametrize("per_step", [2, 1])
def test_rl_of_two_processes_ends_with_one_adapter(inputs, tmp_path, per_step):
    """Each judges its own answers; rewards, groups and weights are those of all. A step may have one group for both."""
    program = ROOT / "tests/several_processes.py"
    said = together(2, tmp_path, program, inputs / "base", "state", per_step, path=ROOT / "tests")
    rows = [line.split() for line in said.splitlines() if re.match(r"[01] [0-9a-f]{64} ", line)]
    assert sorted(rank for rank, *_ in rows) == ["0", "1"]
    (_, hash0, rewards0, asked0), (_, hash1, rewards1, asked1) = rows
    assert hash0 == hash1 and rewards0 == rewards1 and len(rewards0.split(",")) == 3
    assert asked0 != asked1 and len(asked0.split(",")) == len(asked1.split(",")) == 3 * 8


def test_the_command_starts_itself_again_per_gpu(inputs, tmp_path):
    """Through accelerate, as in a job with two GPUs, in a rehearsal without them. One record, of the first process."""
    how = tmp_path / "cpu.yaml"  # accelerate starts several processes without GPUs only where it is told of this kind
    how.write_text("{distributed_type: FSDP, fsdp_config: {fsdp_version: 2}, num_machines: 1, use_cpu: true}")
    settings = json.dumps({**SFT, "batch": 8} | {"save_steps": 0})
    env = environment(PYTHONPATH=str(ROOT), CROSSPL_REHEARSAL="1", CROSSPL_RECORDS="results/provenance")
    options = ["--base", inputs / "base", "--data", inputs / "data.jsonl.gz", "--lora", '{"r": 4, "lora_alpha": 8}',
               "--settings", settings, "--seed", 0, "--save-every", 2, "--output", "results/out"]  # fmt: skip
    for gpus in (1, 2):
        (tmp_path / str(gpus)).mkdir()
        done = command(tmp_path / str(gpus), "train_sft", *options, "--gpus", gpus, "--launch", how, env=env)
        assert done.returncode == 0, done.stderr[-3000:]
        assert done.stderr.count("step 0 of") == gpus
        records = list((tmp_path / f"{gpus}/results/provenance").rglob("*.json"))
        assert [path.name for path in records] == ["adapter_model.safetensors.json"]
        assert [one["status"] for one in read_json(records[0])["attempts"]] == ["done"]
    one, two = (read_csv(tmp_path / f"{gpus}/results/out/history.csv") for gpus in (1, 2))
    assert [float(row["loss"]) for row in two] == pytest.approx([float(row["loss"]) for row in one], rel=1e-3)


def test_more_gpus_than_there_are(inputs, tmp_path):
    done = command(tmp_path, "train_sft", "--base", inputs / "base", "--data", inputs / "data.jsonl.gz", "--lora", "{}",
                   "--settings", "{}", "--seed", 0, "--save-every", 2, "--output", "out", "--gpus", 64,
                   env=environment(PYTHONPATH=str(ROOT)))  # fmt: skip
    message(done, "this job asks for 64 GPUs (resources) and sees ")
