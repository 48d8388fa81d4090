"""What is said before a run starts: results of another config, files from the future. Nothing is lost."""

import os
import time
from pathlib import Path

import pytest
from test_bad_input import message
from workflow_run import NOTHING, SMOKE, TABLE, clone, command, snakemake

from crosspl.errors import UserError
from crosspl.preflight import check_configs

ADAPTER = "results/sft/parallel/seed0/adapter_model.safetensors"


@pytest.fixture
def tree(smoke_tree, tmp_path):
    return clone(smoke_tree, tmp_path / "tree")


def test_models_of_another_config_are_kept(tree):
    """Also when runs of the other config that train nothing went before."""
    (tree / "other.yaml").write_text("sft: {steps: 9}\ncalibration: {repetitions: 50}")
    assert snakemake(tree, "results/calibration.csv", configs=(SMOKE, "other.yaml")).returncode == 0
    before = (tree / ADAPTER).read_bytes(), (tree / ADAPTER).stat().st_mtime_ns
    done = snakemake(tree, ADAPTER, configs=(SMOKE, "other.yaml"))
    whose = f"results/ holds models of config.yaml + {SMOKE}"
    message(done, whose, "other.yaml", "a clone of its own", "rm results/.configfiles")
    assert before == ((tree / ADAPTER).read_bytes(), (tree / ADAPTER).stat().st_mtime_ns)


def test_problems_that_models_were_trained_on_are_kept(tmp_path, monkeypatch):
    """An evaluation of something else would replace them; one with the same problems builds none."""
    monkeypatch.chdir(tmp_path)
    files = ["configs/evaluate.yaml", "config.yaml"]
    check_configs(files, set(), problems=True)  # nothing was trained here
    check_configs(["config.yaml"], {"results/base/model.safetensors"}, problems=True)
    check_configs(files, set(), problems=True)  # there are none
    Path("results/problems.jsonl.gz").touch()
    check_configs(files, set(), problems=False)
    check_configs(["config.yaml"], set(), problems=True)
    with pytest.raises(UserError, match=r"models of config.yaml, .* would replace results/problems.jsonl.gz") as raised:
        check_configs(files, set(), problems=True)
    assert "rm results/.configfiles" in str(raised.value) and "\n" not in str(raised.value)


def test_files_from_the_future(tree):
    """Snakemake would run the job and then delete what it made."""
    tomorrow = time.time() + 86400
    os.utime(tree / "languages/lua.yaml", (tomorrow, tomorrow))
    (tree / "results/programs/lua.jsonl.gz").unlink()
    message(snakemake(tree, "results/programs/lua.jsonl.gz"), "languages/lua.yaml by 86", "set the clock", "touch lang")


def test_results_may_be_a_link(tree, tmp_path):
    """To a larger disk; only what is in storage must not be mixed with what is not."""
    (tree / "results").rename(tmp_path / "scratch")
    (tree / "results").symlink_to(tmp_path / "scratch")
    assert NOTHING in snakemake(tree, "--dry-run", TABLE).stdout
    (tree / TABLE).unlink()
    done = snakemake(tree, TABLE)
    assert done.returncode == 0, done.stderr
    verified = command(tree, "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    (tmp_path / "scratch").rename(tmp_path / "gone")
    message(snakemake(tree, "--dry-run", TABLE), "results is a link to", "which is not there")
