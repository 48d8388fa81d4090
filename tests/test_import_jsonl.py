"""Our own format: document and schemas agree, what is written can be read again, errors name file, line and field."""

import gzip
import json
import re
from collections import Counter

import pytest
import test_import_apps
import test_import_taco
import test_import_xcodeeval
from workflow_run import ROOT

from crosspl import io
from crosspl.errors import UserError
from crosspl.importers import jsonl
from crosspl.importers.rows import Drop, problem_row, program_row
from crosspl.importers.writing import import_rows
from crosspl.judge.client import Judge
from crosspl.judge.comparison import MODES
from crosspl.judge.rows import LIMITS
from crosspl.problems import SPLITS, check_problems, judge_row
from scripts.import_problems import main

DOCUMENT = (ROOT / "docs" / "data_format.md").read_text()
ORIGIN = {"source": "mine", "license": "MIT", "revision": "r1"}
PYTHON, PERL = "print(int(input()) + 1)\r\n", "print <STDIN> + 1"


def example(name):
    """Return the rows of one example in the document."""
    return [json.loads(line) for line in re.search(rf"```jsonl {name}\n(.*?)```", DOCUMENT, re.S)[1].splitlines()]


def schema(name):
    return json.loads((ROOT / "schemas" / f"imported_{name}.schema.json").read_text())


def problem(number, **more):
    tests = [{"stdin": f"{number}\r\n", "stdout": f"{number + 1}", "public": True}]
    row = problem_row("", number, f"Add one to {number} ∑\u2028\r\n", tests, **ORIGIN)
    return row | more


def program(number, of, **more):
    return program_row("", f"p{number}", of, "Python 3", PYTHON, "accepted", **ORIGIN) | more


FULL = {"family": "all", "split": "eval", "difficulty": 3.5, "comparison": "float", "title": "T", "date": "2024-02-29",
        "limits": {"cpu_s": 0.5, "memory_mib": 64, "wall_s": 5, "output_kib": 9}, "checker": "print(1)", "tags": [],
        "prompts": {"lua": "--"}, "stop": {"lua": ["\n--"]}, "url": "https://example.org",
        "rating": {"of": [1, None]}}  # fmt: skip
PROBLEMS = [problem(number) for number in range(50)] + [
    problem(50, **FULL),
    problem(51, tests=[], harness={"python": "assert f() == 1", "lua": "assert(f() == 1)"}),
    problem(52, tests=[{"stdin": "1" * 3_000_000, "stdout": ["2", "3\r\n"]}]),
    problem(53, license=None),
]
PROGRAMS = [program(number, number % 50) for number in range(60)] + [
    program(60, 0, language="perl", code=PERL),
    program(61, 0, claimed="rejected", code="print(0)", verdict="WRONG_ANSWER", note={"a": 1}),
]


def publish(folder, problems=PROBLEMS, programs=PROGRAMS, end=".jsonl"):
    folder.mkdir(exist_ok=True)
    io.write_rows(folder / f"problems{end}", problems)
    io.write_rows(folder / f"programs{end}", programs)
    return folder


@pytest.mark.parametrize("end", [".jsonl", ".jsonl.gz"])
def test_what_is_written_is_read_again_byte_for_byte(tmp_path, end):
    summary = import_rows(jsonl, publish(tmp_path / "data", end=end), "local", tmp_path / "once")
    assert summary == ["problems: 54 read, 54 kept", "programs: 62 read, 62 kept"]
    import_rows(jsonl, tmp_path / "once", "other", tmp_path / "again")
    assert io.read_rows(tmp_path / "once" / "problems.jsonl.gz") == PROBLEMS
    for name in ("problems.jsonl.gz", "programs/python.jsonl.gz", "programs/perl.jsonl.gz", "import.csv"):
        assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    rows = [row for name in ("python", "perl") for row in io.read_rows(tmp_path / f"once/programs/{name}.jsonl.gz")]
    assert sorted(rows, key=str) == sorted(PROGRAMS, key=str)


PUBLISHED = {
    "apps": lambda folder: test_import_apps.publish_lines(folder),
    "taco": lambda folder: test_import_taco.publish(folder, "parquet"),
    "xcodeeval": lambda folder: test_import_xcodeeval.published(folder.parent),
}


@pytest.mark.parametrize("source", PUBLISHED)
def test_what_the_command_writes_from_other_formats_is_read_again(tmp_path, source, capsys):
    folder = PUBLISHED[source](tmp_path / "data")
    main(["--source", source, "--from", str(folder), "--output", str(tmp_path / "once")])
    main(["--source", "jsonl", "--from", str(tmp_path / "once"), "--output", str(tmp_path / "again")])
    assert "dropped" not in "".join(capsys.readouterr().err.splitlines()[-2:])
    names = sorted(path.relative_to(tmp_path / "once") for path in (tmp_path / "once").rglob("*.gz"))
    assert len(names) >= 2
    for name in names:
        assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_defaults(tmp_path):
    small = {"id": "mine/a", "statement": "Add.", "tests": [{"stdin": "", "stdout": "1"}], "source": "mine",
             "license": None, "url": None, "difficulty": float("nan")}  # fmt: skip
    code = {"id": "mine/a/1", "problem": "mine/a", "language": "GNU C++17", "code": "int main(){}",
            "claimed": "rejected", "source": "mine", "license": None, "verdict": None}  # fmt: skip
    found = list(jsonl.read(publish(tmp_path / "data", [small], [code]), "r9"))
    assert found == [
        {"id": "mine/a", "family": "mine/a", "split": "sft", "statement": "Add.", "difficulty": None,
         "comparison": "tokens", "tests": [{"stdin": "", "stdout": "1"}], "harness": None, "source": "mine",
         "license": None, "revision": "r9"},
        {"id": "mine/a/1", "problem": "mine/a", "language": "cpp", "code": "int main(){}", "claimed": "rejected",
         "source": "mine", "license": None, "revision": "r9"},
    ]  # fmt: skip


def test_what_cannot_be_used_is_dropped_with_a_reason(tmp_path):
    problems = [*PROBLEMS, problem(0), problem(60, tests=[]), problem(61, statement=" "), problem(62, tests=None),
                problem(63, statement="\ud800"), problem(64, tests=[{"stdin": "", "stdout": ["1", "\udc80"]}]),
                ]  # fmt: skip
    programs = [*PROGRAMS, program(70, 0, language="Python 2"), program(71, 0, language="Befunge"),
                program(72, 0, code=" \n"), program(73, 60), program(74, 999), program(75, 0, code="'\udc80'"),
                ]  # fmt: skip
    folder = tmp_path / "data"
    folder.mkdir()
    for name, rows in (("problems", problems), ("programs", programs)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n\n" for row in rows))
    found = list(jsonl.read(folder, "local"))
    assert Counter((row.kind, row.reason) for row in found if isinstance(row, Drop)) == {
        ("problem", "id occurs twice"): 1, ("problem", "no tests"): 2, ("problem", "no statement"): 1,
        ("problem", "not UTF-8"): 2, ("program", "PL not known: Python 2"): 1, ("program", "PL not known: Befunge"): 1,
        ("program", "empty program"): 1, ("program", "its problem was left out"): 1,
        ("program", "its problem is not in the file"): 1, ("program", "not UTF-8"): 1,
    }  # fmt: skip
    summary = import_rows(jsonl, folder, "local", tmp_path / "out")
    assert [line.split(", ")[:2] for line in summary] == [
        ["problems: 60 read", "54 kept"], ["programs: 68 read", "62 kept"]]  # fmt: skip
    for row in found:
        assert not isinstance(row, Drop) or f"`{row.reason.split(':')[0]}" in DOCUMENT


WRONG = [  # file, what is changed in its first row, the field that is named
    ("problems", {"id": None}, "field id: None is not of type"),
    ("problems", {"id": ...}, "field id: 'id' is a required property"),
    ("problems", {"id": "other/1"}, "field id: 'other/1' must begin with the source, 'mine/'"),
    ("problems", {"license": ...}, "field license: 'license' is a required"),
    ("problems", {"source": "a b"}, "field source: 'a b' does not match"),
    ("problems", {"split": "train"}, "field split: 'train' is not one of"),
    ("problems", {"comparison": "fuzzy"}, "field comparison: "),
    ("problems", {"statement": 7}, "field statement: 7 is not of type"),
    ("problems", {"tests": {"stdin": ""}}, "field tests: "),
    ("problems", {"tests": [{"stdin": ""}]}, "field tests[0].stdout: 'stdout' is a required"),
    ("problems", {"tests": [{"stdin": "", "stdout": "1"}, {"stdin": 1, "stdout": "1"}]}, "field tests[1].stdin: 1 is"),
    ("problems", {"tests": [{"stdin": "", "stdout": []}]}, "field tests[0].stdout: "),
    ("problems", {"tests": [{"stdin": "", "stdout": ["1", 2]}]}, "field tests[0].stdout[1]: 2 is not"),
    ("problems", {"tests": [{"stdin": "", "stdout": "1", "output": ""}]}, "field tests[0]: Additional properties"),
    ("problems", {"limits": {"cpu_s": 0}}, "field limits.cpu_s: 0 is less than or equal"),
    ("problems", {"limits": {"cpus": 1}}, "field limits: Additional properties"),
    ("problems", {"limits": {"memory_mib": 1.5}}, "field limits.memory_mib: 1.5 is not of type 'integer'"),
    ("problems", {"date": "29.2.2024"}, "field date: '29.2.2024' does not match"),
    ("problems", {"date": "2023-02-29"}, "field date: '2023-02-29' is no day"),
    ("problems", {"harness": {"lua": ""}}, "field harness: cannot be given together with tests"),
    ("problems", {"harness": {"klingon": ""}, "tests": []}, "field harness.klingon: no such PL"),
    ("problems", {"prompts": {"klingon": ""}}, "field prompts.klingon: no such PL"),
    ("problems", {"stop": {"klingon": ["x"]}}, "field stop.klingon: no such PL"),
    ("programs", {"claimed": "passed"}, "field claimed: 'passed' is not one of"),
    ("programs", {"problem": ...}, "field problem: 'problem' is a required"),
    ("programs", {"code": ["x"]}, "field code: ['x'] is not of type"),
    ("programs", {"language": ""}, "field language: "),
]  # fmt: skip


@pytest.mark.parametrize("name, change, message", WRONG, ids=[str(number) for number in range(len(WRONG))])
def test_an_error_names_file_line_and_field(tmp_path, name, change, message):
    folder = publish(tmp_path / "data")
    rows = [PROBLEMS[0], PROBLEMS[1]] if name == "problems" else [PROGRAMS[0], PROGRAMS[1]]
    rows[1] = {key: value for key, value in (rows[1] | change).items() if value is not ...}
    io.write_rows(folder / f"{name}.jsonl", rows)
    with pytest.raises(UserError) as caught:
        import_rows(jsonl, folder, "local", tmp_path / "out")
    assert str(caught.value).startswith(f"{folder / name}.jsonl, line 2: {message}")
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_broken_and_missing_files_are_named(tmp_path):
    folder = publish(tmp_path / "data", end=".jsonl.gz")
    path = folder / "programs.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"programs.jsonl.gz: truncated or corrupt gzip"):
        list(jsonl.read(folder, "local"))
    path.write_bytes(gzip.compress(b'{"id": 1}\n{"id"'))
    with pytest.raises(UserError, match=r"programs.jsonl.gz, line 1: field "):
        list(jsonl.read(folder, "local"))
    path.unlink()
    assert len(list(jsonl.read(folder, "local"))) == len(PROBLEMS)  # programs may be missing
    (folder / "problems.jsonl").write_text("")
    with pytest.raises(UserError, match=r"both problems.jsonl and"):
        list(jsonl.read(folder, "local"))
    with pytest.raises(UserError, match=r"no problems.jsonl or"):
        list(jsonl.read(tmp_path, "local"))
    with pytest.raises(UserError, match="a file: give its folder"):
        list(jsonl.read(folder / "problems.jsonl", "local"))


def test_the_schemas_agree_with_the_judge():
    fields = schema("problem")["properties"]
    assert tuple(fields["comparison"]["enum"]) == MODES and tuple(fields["split"]["enum"]) == SPLITS
    assert {name: limit["maximum"] for name, limit in fields["limits"]["properties"].items()} == LIMITS


def test_the_document_names_all_fields_and_its_example_is_complete():
    for part, name in zip(DOCUMENT.split("\n## A ")[1:], ("problem", "program")):
        documented = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`.*?) \|", part.split("\n## ")[0], re.M))))
        assert documented == set(schema(name)["properties"])
        assert documented == {field for row in example(name + "s") for field in row}


def test_the_example_is_read_and_judged_as_it_claims(tmp_path):
    folder = publish(tmp_path / "data", example("problems"), example("programs"))
    summary = import_rows(jsonl, folder, "local", tmp_path / "out")
    assert summary == ["problems: 2 read, 2 kept", "programs: 3 read, 3 kept"]
    problems = {row["id"]: row for row in check_problems(io.read_rows(tmp_path / "out/problems.jsonl.gz"), "out")}
    assert judged(tmp_path, problems, ["python", "lua"]) == {
        "mine/sum/1": "OK",
        "mine/sum/2": "WA",
        "mine/twice/1": "OK",
    }


def judged(folder, problems, languages):
    """Return {id: verdict} of all imported programs."""
    programs = [row for name in languages for row in io.read_rows(folder / f"out/programs/{name}.jsonl.gz")]
    rows = [judge_row(problems[p["problem"]], p["language"], p["code"], p["id"]) for p in programs]
    with Judge(languages, jobs=1, work=folder / "judge") as judge:
        return {row["id"]: row["verdict"] for row in judge.judge(rows)}


def test_the_judge_confirms_the_programs(tmp_path):
    wanted = [PROGRAMS[3], PROGRAMS[60], PROGRAMS[61]]
    import_rows(jsonl, publish(tmp_path / "data", programs=wanted), "local", tmp_path / "out")
    problems = {row["id"]: row for row in io.read_rows(tmp_path / "out/problems.jsonl.gz")}
    assert judged(tmp_path, problems, ["python", "perl"]) == {"mine/p3": "OK", "mine/p60": "OK", "mine/p61": "WA"}
