"""The estimate counts the jobs that the workflow really plans, and grows with the work."""

import re

import pytest
from workflow_run import ROOT, command, snakemake

from crosspl.cost_estimate import report_costs, total, transfer_table_costs
from crosspl.workflow import read_config

PRODUCTS = {"results/transfer_table.csv": transfer_table_costs, "results/report.html": report_costs}


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def planned_jobs(folder, target, *configs):
    """Return {rule: number of jobs} of a dry run from nothing."""
    done = snakemake(folder, "--dry-run", target, configs=configs)
    assert done.returncode == 0, done.stdout + done.stderr
    stats = re.search(r"^-+ +-+\n(.*?)^total ", done.stdout + done.stderr, re.MULTILINE | re.DOTALL)[1]
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", stats, re.MULTILINE)}


@pytest.mark.parametrize("target", PRODUCTS)
@pytest.mark.parametrize("configs", [("configs/smoke.yaml",), ("configs/study.yaml",)], ids=["smoke", "study"])
def test_jobs_are_those_of_the_workflow(repository, target, configs):
    config = read_config(["config.yaml", *configs])
    jobs = planned_jobs(repository, target, *configs)
    jobs["align"] = jobs.get("align", 0) + jobs.pop("align_lexical", 0)
    for cost in PRODUCTS[target](config):
        if cost.rule != "build_programs" or target.endswith("html"):  # the table alone needs the training PLs' only
            assert cost.jobs == jobs[cost.rule], cost.rule


def test_costs_grow_with_the_work():
    default, study = (read_config(["config.yaml", *more]) for more in ([], ["configs/study.yaml"]))
    assert total(report_costs(study)) > 3 * total(report_costs(default)) > 3 * total(transfer_table_costs(default))
    default["rl"]["generations"] *= 2
    more = {cost.rule: cost.cpu_s for cost in transfer_table_costs(default)}
    default["rl"]["generations"] //= 2
    before = {cost.rule: cost.cpu_s for cost in transfer_table_costs(default)}
    assert [rule for rule in more if more[rule] > before[rule]] == ["train_rl"]


def test_command_prints_both_products_and_names_a_wrong_file():
    done = command(ROOT, "estimate_cost", "config.yaml", "configs/study.yaml")
    assert done.returncode == 0 and "transfer table from nothing" in done.stdout and "report from" in done.stdout
    wrong = command(ROOT, "estimate_cost", "config.yaml", "configs/nothing.yaml")
    assert wrong.returncode == 2 and wrong.stderr.strip() == "error: configs/nothing.yaml: no such file"


def test_options_of_the_run_are_those_of_the_table():
    done = command(ROOT, "plan_options", "config.yaml")
    assert done.returncode == 0 and "--treatment parallel" in done.stdout and "--mark" not in done.stdout
