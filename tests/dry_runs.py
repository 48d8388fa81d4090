"""Many dry runs in little time, by dry_run_server, and what the tests of the rerun matrix share.

In: a folder, options. Out: what the command prints, or the jobs it plans.
"""

import json
import re
import subprocess
import sys
from contextlib import contextmanager

from workflow_run import ROOT, SMOKE, clone, environment, planned_jobs, run_workflow, workflow_command

TARGETS = ("results/report.html", "results/figures", "all")
AGAIN = 20  # every so many rows are planned by the command `snakemake` too


@contextmanager
def dry_runner():
    """Yield a function (folder, *options, configs=…) that returns exit status and output of a dry run."""
    server = subprocess.Popen(
        [sys.executable, "-P", ROOT / "tests" / "dry_run_server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, env=environment(),
    )  # fmt: skip

    def dry_run(folder, *options, **configs):
        argv = workflow_command("--dry-run", *map(str, options), **configs)[1:]
        server.stdin.write(json.dumps([str(folder), argv]) + "\n")
        server.stdin.flush()
        return tuple(json.loads(server.stdout.readline()))

    try:
        yield dry_run
    finally:
        server.stdin.close()
        server.wait()


def plan(dry_run, folder, *options, **configs):
    """Return the jobs that a dry run plans, as `workflow_run.planned` does."""
    status, text = dry_run(folder, *options, **configs)
    assert status == 0, text
    return planned_jobs(text)


def finished_run(smoke_tree, target):
    """Copy the finished smoke run to `target`, with figures and without work/, which no plan looks at; return it."""
    tree = clone(smoke_tree, target)
    if not (tree / "results/figures").exists():
        run_workflow(tree, "figures", "results/figures")
    subprocess.run(["rm", "-rf", "work", ".git"], cwd=tree, check=True)
    return tree


def overlay(tree, keys):
    """Write settings given by dotted names as a config that lies over the smoke run's; return all configs."""
    nested = {}
    for name, value in keys.items():
        *outer, last = name.split(".")
        block = nested
        for part in outer:
            block = block.setdefault(part, {})
        block[last] = value
    (tree / "overlay.yaml").write_text(json.dumps(nested))
    return (SMOKE, "overlay.yaml")


def check(jobs, expected, only):
    """Assert that planned jobs are of the expected rules, and `only` those that a row says."""
    found = {rule for rule, _ in jobs}
    assert found == expected, f"more: {found - expected}, less: {expected - found}"
    for names, pattern in only.items():
        chosen = [wildcards for rule, wildcards in jobs if rule in names.split()]
        assert chosen and all(re.search(pattern, wildcards) for wildcards in chosen), (names, pattern, chosen)
