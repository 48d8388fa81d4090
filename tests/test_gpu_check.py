"""`make gpu-check`, as far as a machine without a GPU can try it: every part runs in tiny shapes and writes figures."""

import subprocess
import sys

import torch
from test_bad_input import message
from workflow_run import ROOT, environment

from crosspl.io import read_json


def check(*words):
    command = [sys.executable, "-m", "benchmarks.gpu_check", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=500)


def test_every_part_runs_and_says_what_it_found(tmp_path):
    done = check("--tiny", "--output", tmp_path, "--parts", "proofs", "sft", "rl", "sample")
    assert done.returncode == 0, done.stdout + done.stderr
    found = {path.stem.rpartition("-")[2]: read_json(path) for path in tmp_path.iterdir()}
    assert found.keys() == {"proofs", "sft", "rl", "sample"}
    for one in found.values():
        assert (
            one["device"] and one["model"]["parameters"] > 0 and one["versions"]["trl"] and one["precision"]["weights"]
        )
    assert found["sft"]["sft"]["tokens_per_s"] > 0 and found["sft"]["plain_trl"]["tokens_per_s"] > 0
    split = found["rl"]["rl"]["split_s"]
    assert split.keys() == {"generate", "sync", "reward", "train"}
    assert abs(sum(split.values()) - found["rl"]["rl"]["step_s"]) < 0.05
    assert all(curve["sft_loss"][1] < curve["sft_loss"][0] for curve in found["proofs"]["proofs"].values())
    assert "not done or failed: none" in done.stdout


def test_without_a_gpu_it_says_so():
    if not torch.cuda.is_available():
        message(check(), "no GPU is seen here")
