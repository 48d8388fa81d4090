"""The key `task`: generation's plan has nothing of code verification; verification's has its items and tables too."""

import pytest
from test_experiment import merged
from workflow_run import SMOKE, TABLE, copy_repository, planned, snakemake

from crosspl import experiment as ex
from crosspl import task
from crosspl.workflow import audit_options, audited_files, check_config

VERIFICATION = "configs/verification.yaml"
PLS = ["python", "perl", "ruby", "lua", "php"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return copy_repository(tmp_path_factory.mktemp("task") / "tree")


def test_both_plans(tree):
    generation = planned(tree, TABLE)
    verification = planned(tree, TABLE, configs=(SMOKE, VERIFICATION))
    assert not any("verification" in rule for rule, _ in generation)
    assert generation <= verification
    added = {("build_verification", f"language={language}") for language in PLS}
    added |= {("verification_table", ""), ("verification_accuracy", "")}
    assert verification - generation == added


def test_an_unknown_task_is_one_line(tree):
    done = snakemake(tree, "--dry-run", TABLE, "--config", "task=translation")
    assert done.returncode and "'translation' is not one of" in done.stdout + done.stderr


def test_what_the_task_changes():
    generation, verification = merged(SMOKE), merged(SMOKE, VERIFICATION)
    for config in (generation, verification):
        check_config(config, [SMOKE])
    assert (ex.mark(generation), ex.mark(verification)) == ("plumbing only", "verification; plumbing only")
    assert ex.mark(merged()) == "" and ex.mark(merged(VERIFICATION)) == "verification"
    assert task.items(generation, PLS) == [] and task.items_option(generation, PLS) == ""
    assert task.items_option(verification, ["lua"]) == "--items results/verification/lua.jsonl.gz"
    assert (task.asked_share(generation), task.asked_share(verification)) == (0, 0.5)
    assert (task.most_lost(generation), task.most_lost(verification)) == (0, 1)
    assert task.tables(generation) == [] and len(task.tables(verification)) == 2
    assert "results/programs/perl.jsonl.gz" in task.mixture_data(generation, "parallel")
    assert "results/verification/perl.jsonl.gz" in task.mixture_data(verification, "parallel")


def test_what_rl_is_audited_on():
    assert audited_files(merged(), "results", "rl/python") == []
    items = "results/verification/python.jsonl.gz"
    assert audited_files(merged(VERIFICATION), "results", "rl/python") == [items]
    assert audit_options(merged(VERIFICATION), "results", "rl/python") == f"--data {items} --languages python"
    assert "--data" not in audit_options(merged(), "results", "rl/python")
