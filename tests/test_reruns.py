"""Changes that are not only planned but run, each in a copy of the finished smoke run."""

import subprocess
import time

import pytest
from workflow_run import (
    MATRIX,
    SMOKE,
    TABLE,
    clone,
    environment,
    files_below,
    planned,
    planned_jobs,
    run_workflow,
    start_workflow,
    workflow_command,
)

from crosspl.io import read_csv, read_rows

PATIENCE_S = 600  # for an event; a loaded machine is slow
CONDA = """#!/bin/sh
case "$*" in
    "info --json") echo '{"conda_prefix": "'$(dirname $(dirname $0))'", "platform": "linux-64"}' ;;
    "--version") echo conda 24.7.1 ;;
    *) echo '{"get": {"channel_priority": "strict"}}' ;;
esac
"""


@pytest.fixture
def tree(smoke_tree, tmp_path):
    """A copy of the finished run."""
    return clone(smoke_tree, tmp_path / "tree")


def comment(path):
    """Append a comment to a Python file."""
    with open(path, "a") as stream:
        stream.write("# a comment\n")


def test_added_language_is_all_that_is_computed(tree):
    """The shards of the other languages are the same files as before."""
    (tree / "overlay.yaml").write_text("languages: {unseen: [lua, php, javascript]}")
    configs = (SMOKE, "overlay.yaml")
    jobs = planned(tree, configs=configs)
    before, completions = files_below(tree / "work/completions"), read_rows(tree / "results/completions/base.jsonl.gz")
    run_workflow(tree, "javascript is added", configs=configs)
    after = files_below(tree / "work/completions")
    assert {path: after.get(path) for path in before} == before
    added = set(after) - set(before)
    assert {path.name for path in added} == {"javascript.greedy.jsonl.gz", "javascript.sampled.jsonl.gz"}
    assert len(added) == 2 * sum(rule == "sample" for rule, _ in jobs)
    now = read_rows(tree / "results/completions/base.jsonl.gz")
    assert [row for row in now if row["language"] != "javascript"] == completions
    assert {row["role"] for row in read_csv(tree / TABLE) if row["target"] == "javascript"} == {"unseen"}


def test_the_other_reading_becomes_the_primary_one(smoke_tree, tree):
    """The table alone is asked for; nothing is sampled or judged, and the readings have changed places."""
    (tree / "overlay.yaml").write_text("statistics: {reading: greedy}")
    text = run_workflow(tree, "greedy", TABLE, configs=(SMOKE, "overlay.yaml"))
    assert planned_jobs(text) == {("transfer_table", "")}
    assert (tree / TABLE).read_bytes() == (smoke_tree / "results/transfer_table_greedy.csv").read_bytes()


def test_a_comment_goes_no_further_than_a_run_until_there(tree):
    """All that follows is planned. After a run --until the edited rule, whose outputs are the same, nothing is."""
    comment(tree / "crosspl/audits.py")
    rules = {rule for rule, _ in planned(tree, TABLE)}
    assert {"audit", "train_sft", "train_rl", "sample", "transfer_table"} <= rules and "train_base" not in rules
    run_workflow(tree, "audits", TABLE, "--until", "audit")
    assert planned(tree, TABLE, MATRIX) == set()


def test_an_edit_made_while_its_job_runs_is_noticed(tree):
    """Whichever text the job has read, the file is older than its outputs and not what Snakemake began with."""
    module = tree / "crosspl/transfer_table.py"
    comment(module)
    process = start_workflow(tree, tree / "run.log", TABLE)
    deadline = time.monotonic() + PATIENCE_S
    while "rule transfer_table:" not in (text := (tree / "run.log").read_text()):
        assert process.poll() is None and time.monotonic() < deadline, text
        time.sleep(0.02)
    comment(module)
    assert process.wait() == 0, (tree / "run.log").read_text()
    assert module.stat().st_mtime < (tree / TABLE).stat().st_mtime, "the edit came too late to test anything"
    assert planned(tree, TABLE) == {("transfer_table", "")}


def test_switching_conda_on_runs_everything(tree, tmp_path):
    """What Snakemake plans, with a stand-in that answers its questions about conda; no environment is made."""
    conda = tmp_path / "base/bin/conda"
    conda.parent.mkdir(parents=True)
    conda.write_text(CONDA)
    conda.chmod(0o755)
    (conda.parent / "activate").write_text("")
    env = environment()
    done = subprocess.run(
        [*workflow_command("--dry-run", TABLE, MATRIX), "--sdm", "conda"], cwd=tree, capture_output=True, text=True,
        env=env | {"PATH": f"{conda.parent}:{env['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert planned_jobs(done.stdout) == planned(tree, TABLE, MATRIX, "--forceall")
    assert "Software environment definition has changed" in done.stdout
