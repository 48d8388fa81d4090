"""QLoRA: what is said without bitsandbytes, and quantized_checks.py with it, in the environment of `make plugins`.

Where bitsandbytes is installed PEFT imports it at once and it may print a line, so the main environment is without it;
nothing here imports it into this process.
"""

import importlib.util
import re
import subprocess
from pathlib import Path

import pytest
import test_sampling
from storage_run import PYTHON
from workflow_run import ROOT, environment

from crosspl import models
from crosspl.errors import UserError

NF4 = {"weights": "bfloat16", "quantization": "nf4"}
MERGES = re.compile(r"\b(merge_adapter|merge_and_unload|add_weighted_adapter)\b")
sampling = test_sampling.run  # a fixture


def test_without_bitsandbytes_it_is_one_line(sampling, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "bitsandbytes" else find(name))
    with pytest.raises(UserError, match=r"^precision.quantization: nf4 needs the package bitsandbytes \(.*\)$"):
        sampling("lua", precision=NF4)
    assert not Path("out.jsonl.gz").exists() and "bitsandbytes" not in models.versions()


def test_no_adapter_is_ever_merged():
    """Into four bits it would be rounded: peft warns, and raises nothing."""
    for path in [*ROOT.glob("crosspl/**/*.py"), *ROOT.glob("scripts/*.py")]:
        assert not MERGES.search(path.read_text()), path


def test_quantized_training_and_sampling(tmp_path):
    if not PYTHON.exists():
        pytest.skip("needs bitsandbytes: make plugins")
    argv = [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp", tmp_path / "checks"]
    done = subprocess.run(
        [*argv, "tests/quantized_checks.py"], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0 and re.search(r"^\d+ passed", done.stdout, re.MULTILINE), done.stdout + done.stderr
    assert not re.search(r"\d+ skipped", done.stdout), done.stdout
