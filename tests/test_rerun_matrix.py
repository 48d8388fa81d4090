"""The rerun matrix: every row of reruns.yaml is planned by Snakemake, and plans exactly the rules that the row names.

One dry run per row, in a copy of the finished smoke run. A row of modules is planned for one of its files, and for the
others follows from the inputs of all jobs, which Snakemake lists with --forceall: what a file is an input of runs again
when its bytes change, and what follows runs too (proved by the rows that are planned). dry_run_server says how the dry
runs are made fast; some are made by the command `snakemake` itself as well, and must agree.
"""

import json
import os
import re
import subprocess
from collections import defaultdict

import pytest
import yaml
from dry_runs import dry_runner, plan
from rerun_docs import PAGE as DOCS
from rerun_docs import page
from rerun_rows import PAGE, READERS, STAGES, of_a_run, rules, section
from workflow_run import ROOT, SMOKE, clone, environment, planned, run_workflow

TARGETS = ("results/report.html", "results/figures", "all")
SOURCES = "crosspl scripts languages rules report schemas configs profiles envs config.yaml Snakefile"
RUN = f"snakemake {' '.join(TARGETS)} --cores 1 --configfile {SMOKE}"
AGAIN = 20  # every so many rows are planned by the command too
VARIANT = section("variant")
KEYS = [
    pytest.param(row, keys, number % AGAIN == 0, id=" ".join(keys))
    for number, (row, keys) in enumerate(
        (row, keys)
        for row in section("settings")
        for keys in ([row["keys"]] if row.get("together") else [{key: row["keys"][key]} for key in row["keys"]])
    )
]
MODULES, EDITS = section("modules"), section("edits")
WATCHED = ("crosspl/**/*.py", "crosspl/**/*.c", "crosspl/**/*.bpf", "scripts/*.py", "report/*")


@pytest.fixture(scope="module")
def dry_run():
    with dry_runner() as function:
        yield function


@pytest.fixture(scope="module")
def tree(smoke_tree, tmp_path_factory):
    """A copy of the finished run, with figures and without work/, which no plan looks at. Tests leave it as it was."""
    tree = clone(smoke_tree, tmp_path_factory.mktemp("rerun") / "tree")
    if not (tree / "results/figures").exists():
        run_workflow(tree, "figures", "results/figures")
    subprocess.run(["rm", "-rf", "work", ".git"], cwd=tree, check=True)
    return tree


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
    assert {rule for rule, _ in jobs} == expected
    for names, pattern in only.items():
        chosen = [wildcards for rule, wildcards in jobs if rule in names.split()]
        assert chosen and all(re.search(pattern, wildcards) for wildcards in chosen), (names, pattern, chosen)


@pytest.mark.parametrize("row, keys, by_command", KEYS)
def test_changed_setting(tree, dry_run, row, keys, by_command):
    configs = overlay(tree, keys)
    jobs = plan(dry_run, tree, *TARGETS, configs=configs)
    expected = rules(row["runs"]) if "report.sweeps" in keys else of_a_run(row["runs"])
    check(jobs, expected | (PAGE if row.get("page", True) else set()), row.get("only", {}))
    if by_command:
        assert planned(tree, *TARGETS, configs=configs) == jobs


@pytest.mark.parametrize("row", EDITS, ids=[row["what"] for row in EDITS])
def test_edit(tree, tmp_path, dry_run, row):
    copy = clone(tree, tmp_path / "tree")
    subprocess.run(
        ["bash", "-ec", row["command"]], cwd=copy, env=environment(SOURCES=SOURCES, RUN=RUN), check=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    folder, options = (copy / row.get("folder", ".")).resolve(), row.get("options", [])
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
    assert readers == {rule: set(names.split()) for rule, names in READERS.items()}
    assert sorted(" ".join(STAGES.values()).split()) == sorted(READERS)


def leaves(schema, path=()):
    """Yield the dotted names of all settings of a JSON schema; `*` is any name."""
    more = schema.get("additionalProperties")
    if "properties" in schema:
        for name, part in schema["properties"].items():
            yield from leaves(part, (*path, name))
    elif isinstance(more, dict) and "properties" in more:
        yield from leaves(more, (*path, "*"))
    else:
        yield ".".join(path)


def test_every_setting_has_a_row():
    """A new key of the schema fails here until a row of tests/reruns.yaml says what it runs."""
    rows = {key: value for row in section("settings") for key, value in row["keys"].items()}
    inner = {f"{key}.{name}" for key, value in rows.items() if isinstance(value, dict) for name in value}
    covered = {*rows, *inner, *section("one_value"), *(f"mixtures.variants.*.{key}" for key in VARIANT["keys"])}
    schema = json.loads((ROOT / "schemas/config.schema.json").read_text())
    missing = [name for name in leaves(schema) if name not in covered]
    assert not missing, f"no row in tests/reruns.yaml for {missing}"
    properties = schema["properties"]
    for name in section("one_value"):
        section_name, key = name.split(".")
        assert len(properties[section_name]["properties"][key]["enum"]) == 1, f"{name} has several values now"


def test_changed_variant_makes_its_mixture_again(tree, dry_run, tmp_path):
    copy = clone(tree, tmp_path / "tree")
    target, variants = "results/sft_data/own.jsonl.gz", {"mixtures.variants": {"own": VARIANT["start"]}}
    run_workflow(copy, "a mixture of one's own", target, configs=overlay(copy, variants))
    for key, value in VARIANT["keys"].items():
        configs = overlay(copy, {"mixtures.variants": {"own": VARIANT["start"] | {key: value}}})
        assert plan(dry_run, copy, target, configs=configs) == {("build_mixture", "mixture=own")}, key


def test_the_documentation_is_the_matrix():
    text = DOCS.read_text()
    assert page(text) == text, "python tests/rerun_docs.py writes it anew"


def test_profiles_of_one_results_tree_agree():
    """What decides reruns is the same in all of them, or a run on a cluster would do again what this machine did."""
    profiles = {path: yaml.safe_load(path.read_text()) for path in ROOT.glob("profiles/*/config.yaml")}
    for key in ("max-checksum-file-size", "rerun-triggers", "software-deployment-method"):
        assert len({json.dumps(profile.get(key)) for profile in profiles.values()}) == 1, (key, list(profiles))
