"""The rerun matrix, settings: what Snakemake plans after a change of a key is what its row in reruns.yaml says.

One dry run per key, in a copy of the finished smoke run (see test_rerun_matrix). Every key of the schema has a row.
"""

import json
import os

import pytest
from dry_runs import AGAIN, TARGETS, check, dry_runner, finished_run, overlay, plan
from rerun_rows import PAGE, of_a_run, rules, section
from test_building import LUA, PYTHON, problem, program
from workflow_run import MATRIX, ROOT, clone, copy_repository, planned, run_workflow

VARIANT = section("variant")
IMPORTED = {  # the run that the section `imported` is about
    "problems.source": "imported", "problems.imported.format": "jsonl", "problems.imported.from": "own",
    "problems.imported.revision": None, "problems.imported.seed": 1, "problems.imported.shares.sft": 6,
    "problems.imported.shares.rl": 2, "problems.imported.shares.validation": 1, "problems.imported.shares.eval": 1,
    "problems.imported.eval_from": None, "problems.imported.fewest_tests": 2, "problems.imported.most_tests": 9,
}  # fmt: skip
UP_TO_THE_MATRIX = {"import_problems", "build_problems", "build_programs", "parallel_matrix"}
KEYS = [
    pytest.param(row, keys, number % AGAIN == 0, id=" ".join(keys))
    for number, (row, keys) in enumerate(
        (row, keys)
        for row in section("settings")
        for keys in ([row["keys"]] if row.get("together") else [{key: row["keys"][key]} for key in row["keys"]])
    )
]


@pytest.fixture(scope="module")
def dry_run():
    with dry_runner() as function:
        yield function


@pytest.fixture(scope="module")
def tree(smoke_tree, tmp_path_factory):
    """A finished run; tests leave it as it was."""
    return finished_run(smoke_tree, tmp_path_factory.mktemp("rerun") / "tree")


@pytest.mark.parametrize("row, keys, by_command", KEYS)
def test_changed_setting(tree, dry_run, row, keys, by_command):
    configs = overlay(tree, keys)
    jobs = plan(dry_run, tree, *TARGETS, configs=configs)
    expected = rules(row["runs"]) if "report.sweeps" in keys else of_a_run(row["runs"])
    check(jobs, expected | (PAGE if row.get("page", True) else set()), row.get("only", {}))
    if by_command:
        assert planned(tree, *TARGETS, configs=configs) == jobs


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
    sections = section("settings") + section("imported")
    rows = {key: value for row in sections for key, value in row.get("keys", {}).items()}
    inner = {f"{key}.{name}" for key, value in rows.items() if isinstance(value, dict) for name in value}
    covered = {*rows, *inner, *section("one_value"), *(f"mixtures.variants.*.{key}" for key in VARIANT["keys"])}
    covered |= {f"external.*.{key}" for entry in rows["external"].values() for key in entry}
    schema = json.loads((ROOT / "schemas/config.schema.json").read_text())
    own = [name.removeprefix("rl.") for name in leaves(schema) if name.startswith("rl.")]
    covered |= {"rl_variants.*.inits", *(f"rl_variants.*.settings.{key}" for key in own)}
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


@pytest.fixture(scope="module")
def imported_run(tmp_path_factory):
    """A run of imported data up to the matrix."""
    copy = copy_repository(tmp_path_factory.mktemp("imported") / "tree")
    texts = {"python": PYTHON[0], "lua": LUA[0]}
    rows = {"problems": [problem(n) for n in range(4)], "programs": [
        program(0, text.replace("{k}", str(n % 7 + 2)), problem=n, language=key)
        for n in range(4) for key, text in texts.items()
    ]}  # fmt: skip
    (copy / "own").mkdir()
    for name, found in rows.items():
        (copy / f"own/{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in found))
    run_workflow(copy, "imported data", MATRIX, configs=overlay(copy, IMPORTED))
    return copy


def test_changed_setting_or_file_of_imported_data(imported_run, dry_run):
    def expect(row, keys, which):
        configs = overlay(imported_run, IMPORTED | keys)
        found = {rule for rule, _ in plan(dry_run, imported_run, MATRIX, configs=configs)}
        assert found == rules(row["runs"]) & UP_TO_THE_MATRIX, which

    for row in section("imported"):
        for key, value in row.get("keys", {}).items():
            expect(row, {key: value}, key)
        for name in row.get("files", "").split():
            path = imported_run / name
            before, status = path.read_bytes(), path.stat()
            path.write_bytes(before + b"\n")
            expect(row, {}, name)
            path.write_bytes(before)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
