"""From imported files to verified parallel programs, through the rules: what is judged, kept, lost, in which split."""

import json
import random

import pytest
import yaml
from test_bad_input import message
from workflow_run import ROOT, SMOKE, command, copy_repository, snakemake

from crosspl.building import Choice, Stages, to_judge, to_keep
from crosspl.errors import UserError
from crosspl.importers import imported
from crosspl.importers.rows import ACCEPTED, REJECTED, Drop
from crosspl.io import read_csv, read_rows, write_rows
from crosspl.languages import load_language
from scripts import parallel_matrix

COMMENT = load_language("python")["comment"]
SETTINGS = {"seed": 3, "shares": {"sft": 6, "rl": 2, "validation": 1, "eval": 1}, "eval_from": "2024-11-01",
            "fewest_tests": 2, "most_tests": 3}  # fmt: skip
PYTHON = ["a, b = map(int, input().split())\nprint({k} * a + b)", "import sys\nx = sys.stdin.read().split()\n"
          "total = 0\nfor _ in range({k}):\n    total += int(x[0])\nprint(total + int(x[1]))"]  # fmt: skip
LUA = ["local a, b = io.read('n', 'n')\nprint({k} * a + b)"]
TARGETS = ["results/parallel_matrix.csv", "results/programs.csv"]


def program(number, code, claimed=ACCEPTED, problem=0, language="python"):
    return {"id": f"own/{problem}/{language}/{number}", "problem": f"own/{problem}", "language": language, "code": code,
            "claimed": claimed, "source": "own", "license": "CC0-1.0", "revision": "1"}  # fmt: skip


def problem(number, tests=4, date="2024-05-05", **changes):
    dice = random.Random(number)
    pairs = [(dice.randint(0, 99), dice.randint(0, 99)) for _ in range(tests)]
    k = number % 7 + 2
    return {
        "id": f"own/{number}", "family": f"own/{number}", "split": "sft", "statement": f"Print {k} a + b. ({number})",
        "difficulty": None, "comparison": "tokens", "harness": None, "source": "own", "license": "CC0-1.0",
        "revision": "1", "date": date, "tests": [{"stdin": f"{a} {b}\n", "stdout": f"{k * a + b}\n"} for a, b in pairs],
        **changes,
    }  # fmt: skip


def ids(rows):
    return [row["id"].rpartition("/")[2] for row in rows]


def test_which_are_judged():
    renamed = PYTHON[0].replace("a", "c")
    rows = [program(n, code) for n, code in enumerate([PYTHON[0], PYTHON[0] + "\n", PYTHON[0] + "  # mine", renamed,
                                                       PYTHON[1]])]  # fmt: skip
    rows += [program(n, code, REJECTED) for n, code in enumerate(["print(1)", "print(1)", "print(input())"], 5)]
    assert ids(to_judge(rows, Choice(), COMMENT, Stages())) == ["0", "2", "3", "4"]
    assert ids(to_judge(rows, Choice(0.9, None, 1), COMMENT, Stages())) == ["0", "3", "4", "5"]
    assert ids(to_judge(rows, Choice(0.9, 2, 9), COMMENT, Stages())) == ["0", "4", "5", "7"]
    stages = Stages()
    to_judge(rows, Choice(0.9, 2, 9), COMMENT, stages)
    assert [stages.programs[name] for name in ("candidates", "not said to be wrong", "different texts",
                                               "no near-duplicates", "judged")] == [8, 5, 4, 3, 2]  # fmt: skip


def test_which_are_kept():
    """A program that its source calls wrong is kept as such, and never counts as right."""
    rows = [program(0, PYTHON[0]) | {"verdict": "OK"}, program(1, PYTHON[0] + " #") | {"verdict": "OK"},
            program(2, PYTHON[1]) | {"verdict": "OK"}, program(3, "x") | {"verdict": "RE"},
            program(4, "y", REJECTED) | {"verdict": "OK"}]  # fmt: skip
    stages = Stages()
    assert ids(to_keep(rows, Choice(per_problem=2), COMMENT, stages)) == ["0", "2", "3", "4"]
    assert [stages.programs[name] for name in ("right", "kept", "of these right")] == [3, 2, 1]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(imported, "FOLDER", tmp_path)
    return tmp_path


def test_splits(folder):
    """By family, whatever else there is; new families and those that the importer put into `eval` are held out."""
    rows = [problem(n) for n in range(400)] + [problem(400, date="2024-11-01"), problem(401, split="eval"),
                                               problem(402, tests=1), problem(403, family="own/400")]  # fmt: skip
    write_rows(folder / "problems.jsonl.gz", rows)
    found = list(imported.build_problems(SETTINGS))
    [drop] = [row for row in found if isinstance(row, Drop)]
    assert drop == ("problem", "own/402", "fewer than 2 tests")
    splits = {row["id"]: row["split"] for row in found if row is not drop}
    assert [splits[f"own/{n}"] for n in (400, 401, 403)] == ["eval"] * 3
    shares = [list(splits.values())[:400].count(name) / 400 for name in SETTINGS["shares"]]
    assert shares == pytest.approx([0.6, 0.2, 0.1, 0.1], abs=0.06)
    assert all(len(row["tests"]) == 3 for row in found if row is not drop)
    write_rows(folder / "problems.jsonl.gz", rows[:400:3])
    assert all(splits[row["id"]] == row["split"] for row in imported.build_problems(SETTINGS) if isinstance(row, dict))


def test_shares_that_are_all_0(folder):
    """No matter where all is for evaluation, as dates or the source say."""
    write_rows(folder / "problems.jsonl.gz", [problem(n) for n in range(3)])
    settings = SETTINGS | {"shares": dict.fromkeys(SETTINGS["shares"], 0)}
    assert {row["split"] for row in imported.build_problems(settings | {"eval_from": "2000-01-01"})} == {"eval"}
    with pytest.raises(UserError, match=r"problems.imported.shares are all 0.* above 0"):
        list(imported.build_problems(settings | {"eval_from": None}))


def test_imported_problems_make_no_base_model(tmp_path):
    words = ["--source", "imported", "--settings", "{}", "--problems", "none", "--vocabulary", "9",
             "--documents-per-kind", "1", "--corpus", tmp_path / "corpus", "--tokenizer", tmp_path]  # fmt: skip
    message(command(ROOT, "build_corpus", *words), "imported has no pretraining corpus", "docs/import.md")


def test_through_the_rules(tmp_path):
    tree, dice = copy_repository(tmp_path / "tree"), random.Random(5)
    problems, programs = [problem(n) for n in range(30)], []
    for n in range(30):
        for language, texts in (("python", PYTHON), ("lua", LUA)):
            codes = [text.replace("{k}", str(n % 7 + 2)) for text in texts]
            found = [(code, ACCEPTED) for code in codes + codes] + [("print(7)", REJECTED)]
            if n == 3:
                found.append(("error(", ACCEPTED))  # its source is wrong about it
            programs += [program(m, code, claimed, n, language) for m, (code, claimed) in enumerate(found)]
    dice.shuffle(programs)
    (tmp_path / "own").mkdir()
    for name, rows in (("problems", problems), ("programs", programs)):
        (tmp_path / f"own/{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    block = {"format": "jsonl", "from": str(tmp_path / "own"), "revision": None, **SETTINGS}
    config = {"languages": {"source": ["python"], "sft": ["python"], "unseen": ["lua"]},
              "problems": {"source": "imported", "imported": block},
              "programs": {"near_duplicates": 0.9, "judged": None, "rejected": 1, "per_problem": 1}}  # fmt: skip
    (tree / "own.yaml").write_text(yaml.safe_dump(config))
    done = snakemake(tree, *TARGETS, configs=(SMOKE, "own.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr
    stages = {(row["language"], row["stage"]): int(row["programs"]) for row in read_csv(tree / "results/programs.csv")}
    assert [stages["python", name] for name in ("candidates", "different texts", "judged", "right", "kept")] == [
        30 * 5 + 1, 61, 61, 60, 30,
    ]  # fmt: skip
    assert [stages["lua", name] for name in ("right", "kept", "said to be wrong, judged", "of these right")] == [
        30, 30, 30, 0,
    ]  # fmt: skip
    matrix = {row["problem"]: row for row in read_csv(tree / "results/parallel_matrix.csv")}
    assert all(row["python"] == row["lua"] == "OK" for row in matrix.values()) and len(matrix) == 30
    rows = read_rows(tree / "results/programs/python.jsonl.gz")
    assert [row["problem"] for row in rows] == sorted((row["problem"] for row in rows), key=lambda key: int(key[4:]))
    path = tmp_path / "own/programs.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    assert snakemake(tree, *TARGETS, configs=(SMOKE, "own.yaml")).returncode == 1
    assert f"error: {path}, line " in (tree / "logs/import_problems.log").read_text()
    assert not any((tree / "results/imported").rglob("*.gz"))


def test_a_problem_without_a_program_is_empty_in_the_matrix(tmp_path):
    write_rows(tmp_path / "problems.jsonl", [problem(0), problem(1)])
    write_rows(tmp_path / "python.jsonl", [program(0, PYTHON[0]) | {"verdict": "OK"}])
    write_rows(tmp_path / "lua.jsonl", [])
    parallel_matrix.main(["--problems", str(tmp_path / "problems.jsonl"), "--programs", str(tmp_path / "python.jsonl"),
                          str(tmp_path / "lua.jsonl"), "--languages", "python", "lua", "--output",
                          str(tmp_path / "matrix.csv")])  # fmt: skip
    rows = read_csv(tmp_path / "matrix.csv")
    assert [(row["python"], row["python_right"], row["lua"], row["lua_right"]) for row in rows] == [
        ("OK", "1 of 1", "", ""), ("", "", "", ""),
    ]  # fmt: skip


def test_unknown_format(tmp_path):
    tree = copy_repository(tmp_path / "tree")
    block = {"format": "codeforce", "from": "x", "revision": None, **SETTINGS}
    (tree / "own.yaml").write_text(yaml.safe_dump({"problems": {"source": "imported", "imported": block}}))
    done = snakemake(tree, "--dry-run", *TARGETS, configs=(SMOKE, "own.yaml"))
    message(done, "problems.imported.format", "codeforce", "codeforces")
