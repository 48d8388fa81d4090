"""The workflow at smoke scale, from nothing to the table; afterwards nothing is left to be done."""

import os
import time

import pytest
import yaml
from workflow_run import NOTHING, SMOKE, TABLE, clone, copy_repository, planned, snakemake

from crosspl.experiment import all_languages, checkpoints, inits
from crosspl.io import read_csv, read_rows

COLUMNS = (
    "init,rl_method,source,target,role,seeds,problems,samples,pass_at_1_base,pass_at_1_before,pass_at_1_after,"
    "before_low,before_high,after_low,after_high,gain,gain_low,gain_high,p_value,p_holm,gain_vs_same_problems,"
    "gain_vs_same_problems_low,gain_vs_same_problems_high,oracle_after,oracle_share,wrong_language_rate,mde"
)
MARK = "plumbing only"


@pytest.fixture(scope="module")
def config(smoke_tree):
    """The experiment of the smoke run."""
    merged = yaml.safe_load((smoke_tree / "config.yaml").read_text())
    merge(merged, yaml.safe_load((smoke_tree / SMOKE).read_text()))
    return merged


def merge(config, overlay):
    for key, value in overlay.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            merge(config[key], value)
        else:
            config[key] = value


@pytest.fixture(scope="module")
def table(smoke_tree):
    return read_csv(smoke_tree / TABLE)


def test_table_has_exactly_the_columns(smoke_tree):
    assert (smoke_tree / TABLE).read_text().splitlines()[0] == COLUMNS


def test_one_row_per_init_source_target(table, config):
    languages = config["languages"]
    expected = [(i, s, t) for i in inits(config) for s in languages["source"] for t in all_languages(config)]
    assert [(row["init"], row["source"], row["target"]) for row in table] == expected
    roles = {row["target"]: row["role"] for row in table}
    assert {role: [t for t in roles if roles[t] == role] for role in ("source", "unseen")} == {
        "source": languages["source"],
        "unseen": languages["unseen"],
    }
    evaluated = config["problems"]["microworld"]["sizes"]["eval"]
    assert {(row["seeds"], row["samples"]) for row in table} == {("2", str(config["sampling"]["samples"]))}
    assert {int(row["problems"]) for row in table} == {evaluated}


def test_every_verdict_names_the_runtime_that_gave_it(smoke_tree):
    """One per PL: a table that mixes runtimes would compare runtimes, not checkpoints."""
    found = {}
    for pattern in ("verdicts/**/*.jsonl.gz", "programs/*.jsonl.gz"):
        for path in (smoke_tree / "results").glob(pattern):
            for row in read_rows(path):
                found.setdefault(row["language"], set()).add(row["toolchain"])
    assert len(found) >= 5 and all(len(names) == 1 and all(names) for names in found.values()), found


def test_smoke_numbers_are_marked(smoke_tree, table, config):
    assert {row["rl_method"] for row in table} == {f"grpo [{MARK}]"}
    for checkpoint in checkpoints(config):
        rows = read_csv(smoke_tree / f"results/pass_at_1/{checkpoint}.csv")
        assert {row["mark"] for row in rows} == {MARK}, checkpoint
    for name in ("contrasts", "mcnemar", "headline", "transfer_matrix", "alignment_summary", "ablation", "calibration"):
        assert {row["mark"] for row in read_csv(smoke_tree / f"results/{name}.csv")} == {MARK}, name


def test_what_was_not_computed_is_empty(table, config):
    """The smoke run has no oracle: RL was done in no target but the source."""
    sources = config["languages"]["source"]
    targets = [row for row in table if row["target"] not in sources]
    assert targets and {(row["oracle_after"], row["oracle_share"]) for row in targets} == {("", "")}
    control = [row for row in table if row["init"] == "same_problems"]
    assert {row["gain_vs_same_problems"] for row in control} == {""}  # itself
    for column in ("pass_at_1_base", "pass_at_1_before", "pass_at_1_after", "gain", "wrong_language_rate", "mde"):
        assert all(-1 <= float(row[column]) <= 1 for row in table), column


def test_something_was_learned(table):
    """Plumbing carries water: the base model solves source problems, and gains are differences of what is shown."""
    source = [row for row in table if row["target"] == row["source"]]
    assert all(float(row["pass_at_1_base"]) > 0 for row in source)
    for row in table:
        gain = float(row["pass_at_1_after"]) - float(row["pass_at_1_before"])
        assert float(row["gain"]) == pytest.approx(gain, abs=2e-6)


def test_every_model_proves_itself(smoke_tree, config):
    """Every adapter's manifest says what it was trained from, and that training changed it."""
    for checkpoint in checkpoints(config)[1:]:
        manifest = yaml.safe_load((smoke_tree / f"results/{checkpoint}/manifest.json").read_text())
        assert manifest["adapter_before"] != manifest["adapter_after"], checkpoint
        assert manifest["trainable_parameters"] > 0 and manifest["inputs"], checkpoint


def test_second_run_has_nothing_to_do(smoke_tree):
    start = time.monotonic()
    done = snakemake(smoke_tree)
    print(f"a second run took {time.monotonic() - start:.1f} s")
    assert done.returncode == 0 and NOTHING in done.stdout + done.stderr


def test_new_times_are_nothing_to_do(smoke_tree, tmp_path):
    """First every file is touched, then the same commit is laid over the results."""
    tree = clone(smoke_tree, tmp_path / "tree")
    inputs = [tree / name for name in ("config.yaml", "languages", "scripts", "crosspl", "rules", "configs")]
    for top in (tree, *inputs):  # the inputs once more, so that they are newer than all results
        for path in (top, *top.rglob("*")):
            os.utime(path, follow_symlinks=False)
    assert planned(tree) == set()
    copy_repository(tree, source=smoke_tree)
    assert planned(tree) == set()
