"""Results in object storage: on a real local S3 server, and in a folder through node-local scratch."""

import re
import shutil

import pytest
from storage_run import BUCKET, s3_server, snakemake
from workflow_run import copy_repository

TARGET = "results/sft_data/matching.csv"
FILES = [TARGET, "results/sft_data/parallel.jsonl.gz", "results/base/tokenizer.json", "results/programs/perl.jsonl.gz"]


@pytest.fixture(scope="module")
def server():
    with s3_server() as (ask, url):
        yield ask, url


def jobs(done):
    """Return the rules that a run or a dry run says it does."""
    assert done.returncode == 0, done.stdout + done.stderr
    return re.findall(r"^(?:local)?rule (\w+):", done.stdout + done.stderr, re.MULTILINE)


def test_results_in_a_bucket(server, smoke_tree, tmp_path):
    """The same bytes as without storage, nothing to be done after, and a deleted object is all that is made again."""
    ask, url = server
    tree = copy_repository(tmp_path / "tree")
    storage = ["--cores", "2", "--default-storage-provider", "s3", "--default-storage-prefix", f"s3://{BUCKET}/run",
               "--storage-s3-endpoint-url", url]  # fmt: skip
    assert "build_mixture" in jobs(snakemake(tree, TARGET, *storage))
    for name in FILES:
        assert bytes.fromhex(ask("get", f"run/{name}")) == (smoke_tree / name).read_bytes(), name
    assert "run/logs/matching.log" in ask("list", "run/logs/")
    assert "results/sft_data/parallel.jsonl.gz" in (tree / "results/manifest.json").read_text()
    assert jobs(snakemake(tree, "--dry-run", TARGET, *storage)) == []
    deleted = "results/sft_data/same_problems.jsonl.gz"
    ask("delete", f"run/{deleted}")
    assert jobs(snakemake(tree, "--dry-run", TARGET, *storage)) == []  # what it was for is there
    assert jobs(snakemake(tree, deleted, *storage)) == ["build_mixture"]
    assert bytes.fromhex(ask("get", f"run/{deleted}")) == (smoke_tree / deleted).read_bytes()

    done = snakemake(tree, "--dry-run", "--cores", "2", TARGET)
    assert done.returncode == 2 and "error: results/ is in storage: give the same" in done.stderr, done.stderr


def test_results_of_a_run_without_storage_are_kept(server, tmp_path):
    tree = copy_repository(tmp_path / "tree")
    (tree / "results/base").mkdir()
    (tree / "results/base/tokenizer.json").write_text("{}")
    options = ["--default-storage-provider", "s3", "--default-storage-prefix", f"s3://{BUCKET}/other"]
    done = snakemake(tree, "--dry-run", "--cores", "2", TARGET, *options, "--storage-s3-endpoint-url", server[1])
    assert done.returncode == 2, done.stderr
    assert "error: results/ holds 1 files of a run without storage, such as results/base/tokenizer.json" in done.stderr
    assert (tree / "results/base/tokenizer.json").read_text() == "{}"


def test_node_local_scratch(server, smoke_tree, tmp_path):
    """Results in a folder, with the jobs working on copies in another."""
    if not shutil.which("rsync"):
        pytest.skip("snakemake-storage-plugin-fs copies with rsync, which is not installed")
    tree = copy_repository(tmp_path / "tree")
    target, home, scratch = "results/base/tokenizer.json", tmp_path / "home", tmp_path / "scratch"
    storage = ["--cores", "2", "--default-storage-provider", "fs", "--default-storage-prefix", str(home),
               "--local-storage-prefix", str(scratch)]  # fmt: skip
    home.mkdir()
    assert jobs(snakemake(tree, target, *storage)) == ["build_problems", "build_corpus"]
    assert (home / target).read_bytes() == (smoke_tree / target).read_bytes()
    assert (tree / "results").resolve().is_relative_to(scratch)
    assert jobs(snakemake(tree, "--dry-run", target, *storage)) == []
