"""The rerun matrix, modules and all else: what Snakemake plans after an edit is what its row in reruns.yaml says.

One dry run per row, in a copy of the finished smoke run. A row of modules is planned for one of its files, and for the
others follows from the inputs of all jobs, which Snakemake lists with --forceall: what a file is an input of runs again
when its bytes change, and what follows runs too (proved by the rows that are planned). dry_run_server says how the dry
runs are made fast; some are made by the command `snakemake` itself as well, and must agree. test_rerun_settings has the
settings.
"""

import json
import os
import re
import subprocess
from collections import defaultdict

import pytest
import yaml
from dry_runs import AGAIN, TARGETS, check, dry_runner, finished_run, overlay, plan
from rerun_docs import PAGE as DOCS
from rerun_docs import page
from rerun_rows import OF_OTHER_RUNS, PAGE, READERS, STAGES, of_a_run, rules, section
from workflow_run import ROOT, SMOKE, clone, environment, planned

SOURCES = "crosspl scripts languages rules report schemas configs profiles envs config.yaml Snakefile requirements.lock"
RUN = f"snakemake {' '.join(TARGETS)} --cores 1 --configfile {SMOKE}"
MODULES, EDITS = section("modules"), section("edits")
WATCHED = ("crosspl/**/*.py", "crosspl/**/*.c", "crosspl/**/*.bpf", "scripts/*.py", "report/*")


@pytest.fixture(scope="module")
def dry_run():
    with dry_runner() as function:
        yield function


@pytest.fixture(scope="module")
def tree(smoke_tree, tmp_path_factory):
    """A finished run; tests leave it as it was."""
    return finished_run(smoke_tree, tmp_path_factory.mktemp("rerun") / "tree")


@pytest.fixture(scope="module")
def graph(tree, dry_run):
    """Return (rule, inputs, outputs) of all jobs, with one sweep."""
    configs = overlay(tree, {"sweeps": {"size": {"all": "parallel"}}, "report.sweeps": ["size"]})
    status, text = dry_run(tree, *TARGETS, "--forceall", configs=configs)
    assert status == 0, text
    blocks = [block for block in text.split("\n[") if "\n    jobid: " in block]
    found = [
        (re.search(r"rule (\w+):", block)[1], *(files(block, what) for what in ("input", "output"))) for block in blocks
    ]
    return [job for job in found if job[0] != "all"]


def files(block, what):
    """Return the files that a job of a dry run lists as `what`."""
    listed = re.search(rf"^    {what}: (.+)$", block, re.MULTILINE)
    return set(listed[1].split(", ")) if listed else set()


@pytest.mark.parametrize("row", EDITS, ids=[row["what"] for row in EDITS])
def test_edit(tree, tmp_path, dry_run, row):
    copy = clone(tree, tmp_path / "tree")
    subprocess.run(
        ["bash", "-ec", row["command"]], cwd=copy, env=environment(SOURCES=SOURCES, RUN=RUN), check=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    folder, options = (copy / row.get("folder", ".")).resolve(), [str(option) for option in row.get("options", [])]
    if re.search(r"sed -i|>>|rm results", row["command"]):
        assert subprocess.run(["diff", "-rq", tree, folder], capture_output=True).returncode, (
            "the command edits nothing"
        )
    jobs = plan(dry_run, folder, *TARGETS, *options, configs=row.get("configs", [SMOKE]))
    changes_config = "config.yaml" in row["command"] and jobs
    check(jobs, of_a_run(row["runs"]) | (PAGE if changes_config else set()), row.get("only", {}))
    if EDITS.index(row) % AGAIN == 0:
        assert planned(folder, *TARGETS, *options, configs=row.get("configs", [SMOKE])) == jobs


def matched(patterns):
    """Return the files of the repository that a row of modules names, in its order."""
    paths = [path for pattern in patterns.split() for path in sorted(ROOT.glob(pattern))]
    return list(dict.fromkeys(str(path.relative_to(ROOT)) for path in paths if path.is_file()))


@pytest.mark.parametrize("row", MODULES, ids=[row["what"] for row in MODULES])
def test_comment_in_a_module(tree, dry_run, row):
    path = tree / matched(row["files"])[0]
    before, status = path.read_bytes(), path.stat()
    path.write_bytes(before + (b"\n// a comment\n" if path.suffix == ".c" else b"\n# a comment\n"))
    try:
        jobs = plan(dry_run, tree, *TARGETS)
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    check(jobs, of_a_run(row["runs"]), {})


def reached(graph, path):
    """Return the rules of the jobs that read `path`, and of all jobs after them."""
    readers = defaultdict(list)
    for job in graph:
        for name in job[1]:
            readers[name].append(job)
    found, todo = set(), [path]
    for name in todo:
        for rule, _, outputs in readers[name]:
            if not outputs <= set(todo):
                todo += outputs
            found.add(rule)
    return found


def test_every_file_of_the_library_is_in_the_row_of_its_effect(graph):
    """A new module fails here until it is in the row that the message names (or, with a new effect, in a new row)."""
    rows = {path: row["what"] for row in MODULES for path in matched(row["files"])}
    named = [path for row in MODULES for path in matched(row["files"])]
    assert len(named) == len(set(named)), "a file is in two rows"
    assert all(matched(pattern) for row in MODULES for pattern in row["files"].split()), "a pattern matches no file"
    effects = {row["what"]: rules(row["runs"]) for row in MODULES}
    wrong = []
    for path in matched(" ".join(WATCHED)):
        effect = reached(graph, path)
        fitting = [what for what in effects if effects[what] == effect]
        if rows.get(path) not in fitting:
            wrong.append(f"{path} is in {rows.get(path)!r} and runs {sorted(effect)}: a row for it is {fitting}")
    assert not wrong, "tests/reruns.yaml, modules:\n" + "\n".join(wrong)


def test_the_graph_of_the_rules_is_snakemakes(graph):
    made = {output: rule for rule, _, outputs in graph for output in outputs}
    readers = {rule: set() for rule in made.values()}
    for rule, inputs, _ in graph:
        for path in inputs & set(made):
            readers[made[path]].add(rule)
    assert readers == {rule: set(names.split()) for rule, names in READERS.items() if rule not in OF_OTHER_RUNS}
    assert sorted(" ".join(STAGES.values()).split()) == sorted(READERS)


def test_the_documentation_is_the_matrix():
    text = DOCS.read_text()
    assert page(text) == text, "python tests/rerun_docs.py writes it anew"


def test_profiles_of_one_results_tree_agree():
    """What decides reruns is the same in all of them, or a run on a cluster would do again what this machine did."""
    profiles = {path: yaml.safe_load(path.read_text()) for path in ROOT.glob("profiles/*/config.yaml")}
    for key in ("max-checksum-file-size", "rerun-triggers", "software-deployment-method"):
        assert len({json.dumps(profile.get(key)) for profile in profiles.values()}) == 1, (key, list(profiles))
