"""What is said before a run starts: results of another config, files from the future. Nothing is lost."""

import os
import time

import pytest
from test_bad_input import message
from workflow_run import SMOKE, clone, snakemake

ADAPTER = "results/sft/parallel/seed0/adapter_model.safetensors"


@pytest.fixture
def tree(smoke_tree, tmp_path):
    return clone(smoke_tree, tmp_path / "tree")


def test_models_of_another_config_are_kept(tree):
    (tree / "other.yaml").write_text("sft: {steps: 9}")
    before = (tree / ADAPTER).read_bytes(), (tree / ADAPTER).stat().st_mtime_ns
    done = snakemake(tree, ADAPTER, configs=(SMOKE, "other.yaml"))
    message(
        done, f"results/ is of config.yaml + {SMOKE}", "other.yaml", "a clone of its own", "rm results/.configfiles"
    )
    assert before == ((tree / ADAPTER).read_bytes(), (tree / ADAPTER).stat().st_mtime_ns)


def test_files_from_the_future(tree):
    """Snakemake would run the job and then delete what it made."""
    tomorrow = time.time() + 86400
    os.utime(tree / "languages/lua.yaml", (tomorrow, tomorrow))
    (tree / "results/programs/lua.jsonl.gz").unlink()
    message(snakemake(tree, "results/programs/lua.jsonl.gz"), "languages/lua.yaml by 86", "set the clock", "touch lang")
