"""Programs of open-r1/codeforces-submissions: verdicts, PLs, aliases of problems, and which are left out and why."""

import csv

import pyarrow as pa
import pytest
import test_import_codeforces as codeforces
from test_import_codeforces import write

from crosspl.errors import UserError
from crosspl.importers import load_importer
from crosspl.importers.writing import import_rows
from crosspl.io import read_rows
from crosspl.judge.client import Judge
from crosspl.problems import judge_row

SCHEMA = pa.schema(
    [("submission_id", pa.string()), ("source", pa.string()), ("contestId", pa.string()),
     ("problem_index", pa.string()), ("programmingLanguage", pa.string()), ("verdict", pa.string()),
     ("testset", pa.string()), ("passedTestCount", pa.float64()), ("timeConsumedMillis", pa.float64()),
     ("memoryConsumedBytes", pa.float64()), ("creationTimeSeconds", pa.float64()), ("problem_id", pa.string())]
)  # fmt: skip
SELECTED = SCHEMA.append(pa.field("og_source", pa.string()))  # of selected_accepted
PYTHON = "print(sum(map(int, input().split())))\r\n"
CPP = "#include <iostream>\nint main() { int a, b; std::cin >> a >> b; std::cout << a + b; }\n"
LABELS = {
    "Python 3": "python", "PyPy 3": "python", "PyPy 3-64": "python", "GNU C++": "cpp", "GNU C++11": "cpp",
    "GNU C++17": "cpp", "GNU C++17 (64)": "cpp", "GNU C++20 (64)": "cpp", "C++20 (GCC 13-64)": "cpp",
    "C++17 (GCC 7-32)": "cpp", "C++23 (GCC 14-64, msys2)": "cpp", "GNU C++0x": "cpp", "MS C++ 2017": "cpp",
    "Clang++17 Diagnostics": "cpp", "GNU C++17 Diagnostics": "cpp", "GNU C": "c", "GNU C11": "c", "Java 8": "java",
    "Java 21": "java", "Kotlin 1.7": "kotlin", "Go": "go", "Rust 2021": "rust", "JavaScript": "javascript",
    "Node.js": "javascript", "Node.js 15 (64bit)": "javascript", "FPC": "pascal", "Mono C#": "csharp",
    "C# 10": "csharp", ".NET Core C#": "csharp", "D": "d", "Haskell": "haskell", "Ocaml": "ocaml", "Perl": "perl",
    "PHP": "php", "Ruby 3": "ruby", "Scala": "scala",
}  # fmt: skip


def row(number, label="Python 3", verdict="OK", code=PYTHON, problem="20/A", **fields):
    contest, _, index = (problem or "20/A").partition("/")
    return {
        "submission_id": str(number), "source": code, "contestId": contest, "problem_index": index,
        "programmingLanguage": label, "verdict": verdict, "testset": "TESTS", "passedTestCount": 4.0,
        "timeConsumedMillis": 30.0, "memoryConsumedBytes": 0.0, "creationTimeSeconds": 1_623_000_000.0,
        "problem_id": problem,
    } | fields  # fmt: skip


def submissions():
    every = [row(1000 + n, label, code="x") for n, label in enumerate(LABELS)]
    wrong = ["WRONG_ANSWER", "RUNTIME_ERROR", "TIME_LIMIT_EXCEEDED", "MEMORY_LIMIT_EXCEEDED", "IDLENESS_LIMIT_EXCEEDED"]
    every += [row(2000 + n, verdict=verdict, code="print(2)") for n, verdict in enumerate(wrong)]
    dropped = ["COMPILATION_ERROR", "CHALLENGED", "SKIPPED", "PARTIAL", "TESTING", "FAILED", "ODD", None, ""]
    every += [row(3000 + n, verdict=verdict) for n, verdict in enumerate(dropped)]
    every += [row(4000 + n, label) for n, label in enumerate(["Python 2", "Delphi", "PascalABC.NET", None])]
    every += [
        row(1, "GNU C++17", code=CPP),
        row(2, problem="9/C"),  # an alias of 8/A
        row(3, problem=None, contestId="9", problem_index="C", creationTimeSeconds=None),
        row(4, problem="8/C"),  # an alias too, but a problem of its own
        row(5, problem=None, contestId=None),
        row(6, code=" \n"),
        row(7, code=None),
        row(8, testset="PRETESTS"),
        row(9, "GNU C++17", "WRONG_ANSWER", CPP.replace("+ b", "- b"), testset="PRETESTS"),
        row(2, code="print(0)"),
        row(""),
        row("12" * 9),
        row(330_000_000, creationTimeSeconds=float("nan")),
    ]
    return every


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Both data sets below one folder, as the hub has them."""
    folder = tmp_path_factory.mktemp("open-r1")
    half = len(submissions()) // 2
    write(folder / "submissions/data/train-00000-of-00002.parquet", submissions()[:half], SCHEMA)
    write(folder / "submissions/data/train-00001-of-00002.parquet", submissions()[half:], SCHEMA)
    chosen = [row(1, "GNU C++17", code=CPP), row(50)]
    write(folder / "submissions/selected_accepted/train-00000-of-00001.parquet", chosen, SELECTED)
    problems = [codeforces.row("20/A"), codeforces.row("8/A", aliases=["9/C", "8/C"]), codeforces.row("8/C")]
    write(folder / "codeforces/data/train-00000-of-00001.parquet", problems, codeforces.SCHEMA)
    return folder


def programs(output):
    return {
        one["id"].removeprefix("codeforces/submission/"): one
        for path in sorted(output.glob("programs/*.jsonl.gz"))
        for one in read_rows(path)
    }


@pytest.fixture(scope="module")
def imported(folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("imported")
    summary = import_rows(load_importer("codeforces_submissions"), folder, "abc", output)
    return summary, output, programs(output)


def test_counts(imported):
    summary, output, kept = imported
    assert summary == [summary[0]] and summary[0].startswith("programs: 69 read, 48 kept, ")
    with open(output / "import.csv", newline="") as lines:
        dropped = {one["reason"]: int(one["rows"]) for one in csv.DictReader(lines) if one["reason"] != "kept"}
    assert dropped == {
        "did not compile": 1, "failed a test of another contestant": 1, "partly right": 1,
        "never judged to the end": 3, "verdict not known: ODD": 1, "no verdict": 2, "PL not known: Python 2": 1,
        "PL not known: Delphi": 1, "PL not known: PascalABC.NET": 1, "PL not known: ": 1, "no problem": 1,
        "empty program": 2, "passed pretests only": 1, "id occurs twice": 2, "no submission id": 2,
    }  # fmt: skip
    assert len(kept) == 48 and sum(dropped.values()) == 21


def test_labels(imported):
    assert {one["compiler"]: one["language"] for key, one in imported[2].items() if 1000 <= int(key) < 2000} == LABELS


def test_verdicts(imported):
    right, wrong = imported[2]["2"], imported[2]["2001"]
    assert (right["claimed"], "reason" in right, right["date"], right["code"]) == (
        "accepted",
        False,
        "2021-06-06",
        PYTHON,
    )
    assert (wrong["claimed"], wrong["reason"]) == ("rejected", "RUNTIME_ERROR")
    assert (right["source"], right["license"], right["revision"]) == ("codeforces", "CC-BY-4.0", "abc")
    assert "date" not in imported[2]["3"] and "date" not in imported[2]["330000000"]


def test_problems_have_the_ids_of_the_importer_of_problems(folder, imported, tmp_path):
    assert [imported[2][key]["problem"] for key in ("1", "2", "3", "4")] == [
        "codeforces/20/A", "codeforces/8/A", "codeforces/8/A", "codeforces/8/C"]  # fmt: skip
    import_rows(load_importer("codeforces"), folder, "abc", tmp_path)
    known = {one["id"] for one in read_rows(tmp_path / "problems.jsonl.gz")}
    assert {one["problem"] for one in imported[2].values()} == known
    import_rows(load_importer("codeforces_submissions"), folder / "submissions", "abc", tmp_path / "alone")
    assert programs(tmp_path / "alone")["2"]["problem"] == "codeforces/9/C"  # without problems, as published


def test_the_judge_confirms_the_verdicts(folder, imported, tmp_path):
    import_rows(load_importer("codeforces"), folder, "abc", tmp_path)
    by_id = {one["id"]: one for one in read_rows(tmp_path / "problems.jsonl.gz")}
    chosen = [imported[2][key] for key in ("1", "2", "3", "50", "9", "2000")]
    with Judge(["python", "cpp"], jobs=1, work=tmp_path / "judge") as judge:
        rows = [judge_row(by_id[one["problem"]], one["language"], one["code"], one["id"]) for one in chosen]
        verdicts = [one["verdict"] for one in judge.judge(rows)]
    assert verdicts == ["OK", "OK", "OK", "OK", "WA", "WA"]
    assert [one["claimed"] for one in chosen] == 4 * ["accepted"] + 2 * ["rejected"]


def test_damaged_shards(tmp_path):
    read = load_importer("codeforces_submissions").read
    path = tmp_path / "data/train-00000-of-00001.parquet"
    write(path, submissions() * 20, SCHEMA, row_group_size=500, compression="none", use_dictionary=False)
    whole = path.read_bytes()
    place = whole.rindex(b"GNU C++17 (64)")
    path.write_bytes(whole[:place] + b"\xff" + whole[place + 1 :])
    rows = read(tmp_path, "abc")
    with pytest.raises(
        UserError, match=r"train-00000-of-00001.parquet: truncated or corrupt Parquet after row 1\d\d\d"
    ):
        list(rows)
    path.write_bytes(whole[:-20])
    with pytest.raises(UserError, match="truncated or corrupt Parquet after row 0"):
        list(read(tmp_path, "abc"))
    write(path, [row(1)], pa.schema([field for field in SCHEMA if field.name != "testset"]))
    with pytest.raises(UserError, match="no column testset"):
        list(read(tmp_path, "abc"))
    write(path, [{"id": "1"}], pa.schema([("id", pa.string())]))
    with pytest.raises(UserError, match="no Parquet shards with the columns submission_id"):
        list(read(tmp_path, "abc"))
