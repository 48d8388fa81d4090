"""The McEval importer on files of the published layout, and verdicts on its canonical and on wrong programs."""

import json
from pathlib import Path

import pytest
import yaml

from crosspl import io
from crosspl.errors import UserError
from crosspl.importers import mceval
from crosspl.importers.rows import language_of
from crosspl.importers.writing import import_rows
from crosspl.judge.client import Judge
from crosspl.judge.tiers import lacking_commands
from crosspl.languages import load_language
from crosspl.problems import check_problems, judge_row

PLS = yaml.safe_load((Path(__file__).parent / "data" / "mceval.yaml").read_text())  # per PL
QUICK = ("Python", "JavaScript", "Java", "C#", "Scheme", "Lua", "Erlang", "Go")  # the others need 3 to 10 s each
TESTIFY = Path("/usr/share/gocode/src/github.com/stretchr/testify")


def row(label, number=1, **changes):
    """Return a row as in the published files."""
    layout = PLS[label]
    values = {
        "task_id": f"{label}/{number}", "prompt": layout["prompt"], "canonical_solution": layout["right"],
        "test": layout["test"], "entry_point": "add", "signature": "add(a, b)", "docstring": "Add.",
        "instruction": f"Write a {label} function to solve the following problem:\nAdd.", "level": "easy",
    } | changes  # fmt: skip
    return {name: value for name, value in values.items() if value is not None}


def write(folder, tables):
    (folder / "generation").mkdir(parents=True)
    for label, rows in tables.items():
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / "generation" / f"{label}.jsonl").write_bytes(text.encode(errors="surrogateescape"))
    return folder


def imported(folder):
    lines = import_rows(mceval, folder, "abc", folder / "out")
    problems = check_problems(io.read_rows(folder / "out" / "problems.jsonl.gz"), "problems")
    programs = [row for path in sorted(folder.glob("out/programs/*")) for row in io.read_rows(path)]
    return lines, problems, programs


def counts(folder, kind):
    rows = io.read_csv(folder / "out" / "import.csv")
    return {row["reason"]: int(row["rows"]) for row in rows if row["kind"] == kind and not row["language"]}


def test_what_is_kept_and_dropped(tmp_path):
    odd = [
        row("Python", 1),  # twice
        row("Python", 51, test=None),
        row("Python", 52, test=""),
        row("Python", 53, canonical_solution="\n"),
        row("Python", 54, test="check = print(add(2, 3) == 5)"),
        row("Python", 55, prompt=PLS["Python"]["prompt"].replace("\n", "\r\n")),
        row("Python", 56, instruction="caf\udce9"),
        row("Python", "57-0-light-span"),
        row("Lua", 58, test=PLS["Lua"]["test"].removesuffix("testAdd()")),
    ]
    swift = [row("Python", task_id=f"Swift/{n}") for n in range(50)]
    awk = [row("Python", test=None, entry_point=None, task_id=f"AWK/{n}") for n in range(50)]
    fortran = [row("Python", task_id="Fortran/1")]
    tables = {"Python": [row("Python", n) for n in range(1, 51)] + odd, "Swift": swift, "AWK": awk, "Fortran": fortran}
    folder = write(tmp_path / "mceval", tables | {"Lua": [row("Lua", n) for n in range(1, 51)]})
    (folder / "generation" / "JSON").mkdir()
    (folder / "generation" / "JSON" / "1.json").write_text('{"a document": "that a test is about"}')
    (folder / "completion").mkdir()
    io.write_rows(folder / "completion" / "Python.jsonl", [row("Python", "1-0-light-span")])
    lines, problems, programs = imported(folder)
    dropped = {
        "PL not known: Swift": 50, "no test": 52, "Fortran: the test comes before the program": 1,
        "Lua: the test cannot fail": 1, "Python: the test cannot fail": 1, "a task of completion": 1,
    }  # fmt: skip
    more = {"id occurs twice": 1, "not UTF-8": 1, "kept": 102}
    assert counts(folder, "problem") == dropped | more
    assert counts(folder, "program") == dropped | {"empty program": 1}
    assert lines[0].startswith("problems: 210 read, 102 kept, ") and lines[1].startswith("programs: 210 read, 102 kept")
    [crlf] = [problem for problem in problems if problem["id"] == "mceval/Python/55"]
    assert crlf == {
        "id": "mceval/Python/55", "family": "mceval/Python/55", "split": "eval", "difficulty": "easy",
        "statement": "Write a Python function to solve the following problem:\nAdd.", "comparison": "tokens",
        "tests": [], "harness": {"python": PLS["Python"]["test"]}, "source": "mceval",
        "license": "CC-BY-SA-4.0", "revision": "abc",
        "prompts": {"python": PLS["Python"]["prompt"].replace("\n", "\r\n")},
    }  # fmt: skip
    [program] = [program for program in programs if program["id"] == "mceval/Lua/7/canonical"]
    assert program == {
        "id": "mceval/Lua/7/canonical", "problem": "mceval/Lua/7", "language": "lua", "claimed": "accepted",
        "code": PLS["Lua"]["prompt"] + "\n\n" + PLS["Lua"]["right"], "source": "mceval", "license": "CC-BY-SA-4.0",
        "revision": "abc", "style": "canonical",
    }  # fmt: skip


def test_arrays_and_corrupt_files(tmp_path):
    path = tmp_path / "Python.json"
    path.write_text(json.dumps([row("Python", n) for n in range(50)]))
    assert imported(tmp_path)[0] == ["problems: 50 read, 50 kept", "programs: 50 read, 50 kept"]
    path.write_text(json.dumps([row("Python", n, prompt=None) if n == 49 else row("Python", n) for n in range(50)]))
    with pytest.raises(UserError, match=r"Python\.json, row 50: field prompt is missing"):
        imported(tmp_path)
    for text, message in [(path.read_text()[:-9], "not JSON"), ('{"a": 1}', "not an array"), ("[1]", "not an array")]:
        path.write_text(text)
        with pytest.raises(UserError, match=f"Python.json: {message}"):
            imported(tmp_path)
    path.rename(tmp_path / "Python.jsonl")
    (tmp_path / "Python.jsonl").write_text(json.dumps(row("Python")) + "\n" + json.dumps(row("Python", 2))[:-9])
    with pytest.raises(UserError, match=r"Python\.jsonl, line 2: not JSON"):
        imported(tmp_path)


@pytest.mark.parametrize(
    "label", [name if name in QUICK else pytest.param(name, marks=pytest.mark.full) for name in PLS]
)
def test_verdicts(tmp_path, label):
    _, [problem], [program] = imported(write(tmp_path / "mceval", {label: [row(label)]}))
    key = program["language"]
    assert key == language_of("Racket" if label == "Scheme" else label)
    entry = load_language(key)
    if lacking_commands(entry) or (key == "go" and not TESTIFY.is_dir()):
        pytest.skip(f"no {entry['name']}, or not what its tests import")
    wrong = f"{problem['prompts'][key]}\n\n{PLS[label]['wrong']}"
    rows = [judge_row(problem, key, code, "x") | {"limits": {"cpu_s": 10}} for code in (program["code"], wrong)]
    with Judge([key], jobs=1, work=tmp_path / "judge") as judge:
        assert [row["verdict"] for row in judge.judge(rows)] == ["OK", "RE"]
