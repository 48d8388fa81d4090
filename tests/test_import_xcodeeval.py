"""The xCodeEval importer on files in the layout that github.com/ntunlp/xCodeEval documents (program_synthesis.md).

What is kept and dropped, the join of problems, tests and programs, broken files, and verdicts of the real judge.
"""

import json
from collections import Counter

import pytest

from crosspl import io
from crosspl.errors import UserError
from crosspl.importers import xcodeeval
from crosspl.importers.rows import Drop
from crosspl.importers.writing import import_rows
from crosspl.judge.client import Judge
from crosspl.problems import check_problems, judge_row

PYTHON = "a, b = map(int, input().split())\nprint(a + b)\n"
CPP = "#include <iostream>\r\nint main() { int a, b; std::cin >> a >> b; std::cout << a + b; }\r\n"


def uid(number):
    return f"{number:032x}"


def description(number, **changes):
    """Return a line of problem_descriptions.jsonl: sum of two numbers."""
    row = {
        "description": f"Problem {number}: print the sum.",
        "input_from": "standard input",
        "output_to": "standard output",
        "time_limit": "2 seconds",
        "memory_limit": "256 megabytes",
        "input_spec": "Two integers $$$a$$$, $$$b$$$.",
        "output_spec": "Their sum.",
        "notes": "NoteEasy.",
        "sample_inputs": ["1 2"],
        "sample_outputs": ["3"],
        "tags": ["math"],
        "src_uid": uid(number),
        "difficulty": 800,
        "created_at": 1550586900,
    }
    return {**row, **changes}


def hidden(*more):
    """Return the value of a problem in unittest_db.json; line ends as published."""
    return [{"input": "1 2\r\n", "output": ["3\r\n"]}, {"input": "20 22\r\n", "output": ["42\r\n"]}, *more]


def program(number, problem, **changes):
    """Return a line of program_synthesis/train/*.jsonl."""
    row = {
        "lang": "Python 3",
        "source_code": PYTHON,
        "tags": ["math"],
        "lang_cluster": "Python",
        "src_uid": uid(problem),
        "code_uid": f"code{number}",
        "difficulty": 800,
        "exec_outcome": "PASSED",
    }
    return {**row, **changes}


def lines(rows):
    return b"".join(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n" for row in rows)


def publish(folder, described, tested, train=(), validation=(), test=()):
    """Write the published layout; `train` in two shards."""
    folder.mkdir(exist_ok=True)
    (folder / "problem_descriptions.jsonl").write_bytes(lines(described))
    (folder / "unittest_db.json").write_text(json.dumps(tested))
    half = len(train) // 2
    shards = {"train/train_000": train[:half], "train/train_001": train[half:]}
    for name, rows in (shards | {"validation/prog_syn_val": validation, "test/prog_syn_test": test}).items():
        path = folder / "program_synthesis" / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(lines(rows))
    return folder


ODD = [  # descriptions 100 …, each with what becomes of it
    (description(100, input_from="input.txt"), hidden(), "not standard input and output"),
    (description(101, output_to="output.txt"), hidden(), "not standard input and output"),
    (description(102, input_from=None), hidden(), "not standard input and output"),
    (description(103, tags=["interactive", "math"]), hidden(), "interactive"),
    (description(104, sample_inputs=[], sample_outputs=[]), [], "no tests"),
    (description(105, description=""), hidden(), "no statement"),
    (description(106, sample_outputs=[]), hidden(), "tests not understood"),
    (description(107), hidden({"input": "1 1", "output": []}), "tests not understood"),
    (description(108), hidden({"input": None, "output": ["2"]}), "tests not understood"),
    (description(109), hidden("1 2"), "tests not understood"),
    (description(110), "1 2", "tests not understood"),
    (description(111), hidden({"input": "1 \ud800", "output": ["2"]}), "not UTF-8"),
    (description(112, description="half \udc80"), hidden(), "not UTF-8"),
]
GOOD = [description(number) for number in range(60)]
GOOD[1] |= {"created_at": "1550586900", "difficulty": -1, "time_limit": "1.5 seconds", "memory_limit": "64 MB"}
GOOD[2] |= {
    "created_at": None,
    "difficulty": None,
    "time_limit": "soon",
    "memory_limit": None,
    "tags": [],
    "notes": None,
}
GOOD[3] |= {"sample_inputs": ["1 2", "9 9"], "sample_outputs": ["3", "18"], "description": "Строка\u2028 ∑"}
SPECIAL = {  # tests of the good ones
    4: hidden({"input": "7 7", "output": ["14", "fourteen\r\n", "14"]}),
    5: hidden({"input": "1 1\n" + "0" * 3_000_000, "output": ["2"]}),
}
TESTED = {uid(n): SPECIAL.get(n, hidden()) for n in range(58)} | {row["src_uid"]: value for row, value, _ in ODD}
TESTED |= {uid(200): hidden()}  # it has no description
DESCRIBED = [*GOOD, b"\n", *(row for row, _, _ in ODD), description(7, description="again")]
TRAIN = [program(number, number) for number in range(50)] + [
    program(50, 0, lang="GNU C++17", lang_cluster="C++", source_code=CPP),
    program(51, 0, lang="MS C++ 2017", lang_cluster="C++", source_code=CPP, exec_outcome="WRONG_ANSWER"),
    program(52, 0, lang="Python 3 + libs", exec_outcome="TIME_LIMIT_EXCEEDED"),
    program(53, 0, lang="Python 2"),
    program(54, 0, lang="PyPy 2"),
    program(55, 0, lang="Befunge", lang_cluster="Befunge"),
    program(56, 0, source_code=" \n"),
    program(57, 0, exec_outcome=None),
    program(58, 0, exec_outcome="SKIPPED"),
    program(59, 0, source_code="print('\udc80')"),
    program(60, 100),
    program(61, 999),
    program(62, 1, source_code="print(3)", exec_outcome="WRONG_ANSWER"),
    program(63, 1, source_code="print(3", exec_outcome="COMPILATION_ERROR"),
    program(64, 1, source_code="raise ValueError", exec_outcome="RUNTIME_ERROR"),
    json.dumps(program(65, 1, source_code="# XX\nprint(1)")).encode().replace(b"XX", b"\xff") + b"\n",
]
OWN = {name: value for name, value in GOOD[58].items() if name != "created_at"}
VALIDATION = [OWN, {**OWN, "src_uid": uid(59)}]
TEST = [{**OWN, "src_uid": uid(59)}, program(66, 57)]


def published(tmp_path):
    return publish(tmp_path / "data", DESCRIBED, TESTED, TRAIN, VALIDATION, TEST)


def test_the_summary_says_how_many_and_why(tmp_path):
    summary = import_rows(xcodeeval, published(tmp_path), "local", tmp_path / "out")
    reasons = Counter(reason for _, _, reason in ODD) | Counter()
    reasons["no statement"] += 1  # tests without a description
    reasons["id occurs twice"] = 1 + len(VALIDATION) + 1  # rows of validation and test repeat the description
    dropped = "".join(f", {n} dropped: {reason}" for reason, n in reasons.items())
    for part in dropped.split(", ")[1:]:
        assert part in summary[0]
    assert summary[0].startswith(f"problems: {60 + sum(reasons.values())} read, 60 kept, ")
    assert summary[1].startswith("programs: 67 read, 57 kept, ")
    for part in ("2 dropped: its problem was left out", "2 dropped: no verdict", "2 dropped: not UTF-8",
                 "1 dropped: PL not known: Python 2", "1 dropped: PL not known: PyPy 2", "1 dropped: empty program",
                 "1 dropped: PL not known: Befunge"):  # fmt: skip
        assert part in summary[1]
    counted = {(row["kind"], row["language"]): int(row["rows"]) for row in io.read_csv(tmp_path / "out/import.csv")
               if row["reason"] == "kept"}  # fmt: skip
    assert counted == {("problem", ""): 60, ("program", "python"): 55, ("program", "cpp"): 2}


def problems_of(tmp_path):
    import_rows(xcodeeval, published(tmp_path), "local", tmp_path / "out")
    rows = check_problems(io.read_rows(tmp_path / "out" / "problems.jsonl.gz"), "out")
    return {int(row["id"].rpartition("/")[2], 16): row for row in rows}


def test_a_problem_has_what_was_published(tmp_path):
    problems = problems_of(tmp_path)
    assert problems[0] == {
        "id": f"xcodeeval/{uid(0)}",
        "family": f"xcodeeval/{uid(0)}",
        "split": "sft",
        "statement": "Problem 0: print the sum.\n\nInput\nTwo integers $$$a$$$, $$$b$$$.\n\nOutput\nTheir sum."
        "\n\nNoteEasy.",
        "difficulty": 800,
        "comparison": "float",
        "tests": [
            {"stdin": "1 2\n", "stdout": "3\n", "public": True},
            {"stdin": "20 22\n", "stdout": "42\n", "public": False},
        ],
        "harness": None,
        "source": "xcodeeval",
        "license": "CC-BY-NC-4.0",
        "revision": "local",
        "date": "2019-02-19",
        "limits": {"cpu_s": 2.0, "memory_mib": 256},
        "tags": ["math"],
    }
    assert (problems[1]["date"], problems[1]["difficulty"]) == ("2019-02-19", None)
    assert problems[1]["limits"] == {"cpu_s": 1.5, "memory_mib": 64}
    assert not {"date", "limits", "tags"} & set(problems[2]) and problems[2]["statement"].endswith("Their sum.")
    assert problems[3]["statement"].startswith("Строка\u2028 ∑")


def test_samples_are_public_and_not_repeated(tmp_path):
    problems = problems_of(tmp_path)
    assert [(test["stdin"], test["public"]) for test in problems[3]["tests"]] == [
        ("9 9", True), ("1 2\n", True), ("20 22\n", False)]  # fmt: skip
    assert problems[4]["tests"][-1]["stdout"] == ["14", "fourteen\n"]
    assert len(problems[5]["tests"][-1]["stdin"]) == 3_000_004
    assert problems[58]["tests"] == [{"stdin": "1 2", "stdout": "3", "public": True}]  # samples are all it has


def test_validation_and_test_problems_are_not_for_training(tmp_path):
    splits = {number: row["split"] for number, row in problems_of(tmp_path).items() if row["split"] != "sft"}
    assert splits == {57: "eval", 58: "validation", 59: "eval"}


def test_a_program_has_what_was_published(tmp_path):
    import_rows(xcodeeval, published(tmp_path), "local", tmp_path / "out")
    accepted, rejected = io.read_rows(tmp_path / "out" / "programs" / "cpp.jsonl.gz")
    assert accepted == {
        "id": "xcodeeval/code50",
        "problem": f"xcodeeval/{uid(0)}",
        "language": "cpp",
        "code": CPP,
        "claimed": "accepted",
        "source": "xcodeeval",
        "license": "CC-BY-NC-4.0",
        "revision": "local",
        "verdict": "PASSED",
    }
    assert (rejected["claimed"], rejected["verdict"]) == ("rejected", "WRONG_ANSWER")


def test_rows_that_carry_their_problem(tmp_path):
    """As the loading script joins them: prob_desc_*, samples and hidden tests as JSON; older ones as Python."""
    path = tmp_path / "data" / "program_synthesis" / "train" / "train_000.jsonl"
    path.parent.mkdir(parents=True)
    named = {f"prob_desc_{name}": value for name, value in description(1).items() if name != "src_uid"}
    named |= {"prob_desc_sample_inputs": '["1 2"]', "prob_desc_sample_outputs": '["3"]'}
    rows = [program(n, 1, **named, hidden_unit_tests=json.dumps(hidden())) for n in range(50)]
    rows += [program(50, 2, **named, hidden_unit_tests=str(hidden())), program(51, 3, **named, hidden_unit_tests="x y")]
    path.write_bytes(lines(rows))
    read = list(xcodeeval.read(tmp_path / "data", "local"))
    problems = [row for row in read if not isinstance(row, Drop) and "tests" in row]
    assert [len(row["tests"]) for row in problems] == [2, 2]
    assert Counter(row.reason for row in read if isinstance(row, Drop)) == {
        "tests not understood": 1, "its problem was left out": 1}  # fmt: skip
    assert len(read) == 2 + 51 + 2 and problems[0]["tags"] == ["math"] and problems[0]["difficulty"] == 800


BROKEN = [  # file, what is done to its bytes, what the message says
    ("problem_descriptions.jsonl", lambda data: data[:-20], "problem_descriptions.jsonl, line 75: not JSON"),
    ("problem_descriptions.jsonl", lambda data: b"[]\n" + data, "problem_descriptions.jsonl, line 1: not a JSON ob"),
    ("unittest_db.json", lambda data: data[:-3], "unittest_db.json, entry 72: truncated"),
    ("unittest_db.json", lambda data: data[: len(data) // 2], "unittest_db.json, entry 6: truncated"),
    ("unittest_db.json", lambda data: b"", "unittest_db.json, entry 0: truncated"),
    ("unittest_db.json", lambda data: b"[1]", "unittest_db.json, entry 0: not JSON: { expected, '[' found"),
    ("unittest_db.json", lambda data: data.replace(b'": [', b'" [', 1), "entry 1: not JSON: : expected"),
    ("unittest_db.json", lambda data: data.replace(b'"20 22', b"20 22", 1), "entry 1: not JSON: Expecting"),
    ("unittest_db.json", lambda data: data + b"{}", "entry 72: there is more after its end"),
    ("program_synthesis/train/train_001.jsonl", lambda data: data[:-9], "train_001.jsonl, line 33: not JSON"),
    ("program_synthesis/train/train_000.jsonl", lambda data: data.replace(b"exec_outcome", b"x", 1),
     "train_000.jsonl, line 1: field exec_outcome is missing"),
    ("program_synthesis/train/train_000.jsonl", lambda data: data.replace(b"source_code", b"x", 1),
     "line 1: neither field source_code nor field description"),
]  # fmt: skip


@pytest.mark.parametrize("name, change, message", BROKEN, ids=[str(number) for number in range(len(BROKEN))])
def test_a_broken_file_is_named_and_nothing_is_kept(tmp_path, name, change, message):
    folder = published(tmp_path)
    (folder / name).write_bytes(change((folder / name).read_bytes()))
    with pytest.raises(UserError) as caught:
        import_rows(xcodeeval, folder, "local", tmp_path / "out")
    assert message in str(caught.value)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", ["problem_descriptions.jsonl", "unittest_db.json"])
def test_a_missing_file_is_named(tmp_path, name):
    folder = published(tmp_path)
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"{name}: no such file"):
        list(xcodeeval.read(folder, "local"))
    with pytest.raises(UserError, match="program_synthesis"):
        list(xcodeeval.read(tmp_path, "local"))
    with pytest.raises(UserError, match="no such folder"):
        list(xcodeeval.read(folder / name, "local"))


def test_the_judge_agrees_with_the_outcomes(tmp_path):
    problems = problems_of(tmp_path)
    programs = [row for name in ("python", "cpp") for row in io.read_rows(tmp_path / f"out/programs/{name}.jsonl.gz")]
    wanted = [row for row in programs if row["id"].rpartition("code")[2] in ("1", "4", "50", "62", "63", "64")]
    rows = [judge_row(problems[int(row["problem"].rpartition("/")[2], 16)], row["language"], row["code"], row["id"])
            for row in wanted]  # fmt: skip
    with Judge(["python", "cpp"], jobs=1, work=tmp_path / "judge") as judge:
        verdicts = {row["id"].rpartition("/")[2]: row["verdict"] for row in judge.judge(rows)}
    assert verdicts == {"code1": "OK", "code4": "OK", "code50": "OK", "code62": "WA", "code63": "RE", "code64": "RE"}
