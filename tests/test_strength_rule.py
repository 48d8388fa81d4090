"""Weak problems through the rules: measured, left out, listed; and nobody waits for what it does not read."""

import json

import yaml
from test_building import PYTHON, SETTINGS, problem, program
from workflow_run import SMOKE, copy_repository, planned, snakemake

from crosspl.claims import REJECTED
from crosspl.io import read_csv, read_rows

TARGETS = ["results/problems.jsonl.gz", "results/programs/python.jsonl.gz"]


def data(folder):
    """Write five problems: 1 has tests that almost any program passes, 2 nothing to measure with, 3 too few tests."""
    problems = [problem(n, tests=1 if n == 3 else 4) for n in range(5)]
    problems[1]["tests"] = [{"stdin": "0 0\n", "stdout": "0\n"}, {"stdin": "0  0\n", "stdout": "0\n"}]
    programs = []
    for n in (0, 1, 3, 4):
        right = PYTHON[0].replace("{k}", str(n % 7 + 2))
        programs += [program(0, right, problem=n), program(1, right.replace("+ b", "- b"), REJECTED, n),
                     program(2, "print('", REJECTED, n)]  # fmt: skip
    folder.mkdir()
    for name, rows in (("problems", problems), ("programs", programs)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def overlay(tree, folder, **settings):
    block = {"format": "jsonl", "from": str(folder), "revision": None, **SETTINGS, **settings}
    config = {"languages": {"source": ["python"], "sft": ["python"], "unseen": ["lua"]},
              "problems": {"source": "imported", "imported": block}}  # fmt: skip
    (tree / "own.yaml").write_text(yaml.safe_dump(config))
    return (SMOKE, "own.yaml")


def test_weak_problems_are_left_out(tmp_path):
    tree = copy_repository(tmp_path / "tree")
    data(tmp_path / "own")
    configs = overlay(tree, tmp_path / "own")
    assert {rule for rule, _ in planned(tree, *TARGETS, configs=configs)} == {"import_problems", "build_problems",
                                                                             "build_programs"}  # fmt: skip
    configs = overlay(tree, tmp_path / "own", fewest_killed=0.5)
    done = snakemake(tree, *TARGETS, configs=configs)
    assert done.returncode == 0, done.stdout + done.stderr
    strength = {row["problem"]: row for row in read_csv(tree / "results/imported/strength.csv")}
    assert set(strength) == {"own/0", "own/1", "own/2", "own/4"}
    assert (strength["own/0"]["wrong_judged"], strength["own/0"]["wrong_kill_rate"]) == ("2", "1.0")
    assert strength["own/1"]["wrong_killed"] == "1" and float(strength["own/1"]["kill_rate"]) < 0.5
    assert strength["own/2"]["kill_rate"] == ""
    weak = "its tests kill fewer than 0.5 of wrong programs"
    assert read_csv(tree / "results/problems_left_out.csv") == [
        {"problem": "own/1", "reason": weak}, {"problem": "own/3", "reason": "fewer than 2 tests"}]  # fmt: skip
    assert f"1 problems left out: {weak}" in (tree / "logs/build_problems.log").read_text()
    assert [row["id"] for row in read_rows(tree / "results/problems.jsonl.gz")] == ["own/0", "own/2", "own/4"]
    rows = read_rows(tree / "results/programs/python.jsonl.gz")
    assert {row["problem"] for row in rows} == {"own/0", "own/4"}
    # Another threshold that leaves out the same problems: they are built anew, equal, and what follows stays.
    configs = overlay(tree, tmp_path / "own", fewest_killed=0.51)
    jobs = {rule for rule, _ in planned(tree, *TARGETS, configs=configs)}
    assert "build_problems" in jobs and not {"import_problems", "test_strength"} & jobs
