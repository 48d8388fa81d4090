"""The Ag-LiveCodeBench-X importer on Parquet and JSON Lines of the published layout."""

import base64
import json
import pickle
import zlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crosspl import io
from crosspl.errors import UserError
from crosspl.importers import ag_livecodebench_x
from crosspl.importers.writing import import_rows
from crosspl.judge.client import Judge
from crosspl.problems import check_problems, judge_row

TESTS = [{"input": f"{n}\n", "output": f"{2 * n}\n", "testtype": "stdin"} for n in range(3)]
TEXTS = pa.schema([(name, pa.string()) for name in ("question_id", "question_content", "private_test_cases")])


def packed(cases):
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(cases)))).decode()


def row(number, **changes):
    """Return a row as in the published files."""
    return {
        "question_id": f"{number}", "question_content": f"Double the number.\r\nProblem {number}.",
        "private_test_cases": packed(TESTS),
    } | changes  # fmt: skip


def write(folder, rows, shards=2, schema=TEXTS):
    (folder / "data").mkdir(parents=True)
    for shard in range(shards):
        table = pa.Table.from_pylist(rows[shard::shards], schema)
        pq.write_table(table, folder / "data" / f"test-{shard:05}-of-{shards:05}.parquet", row_group_size=20)
    return folder


def imported(folder):
    lines = import_rows(ag_livecodebench_x, folder, "abc", folder / "out")
    return lines, check_problems(io.read_rows(folder / "out" / "problems.jsonl.gz"), "problems")


ODD = [
    row(60, private_test_cases=packed([])),
    row(61, question_content=""),
    row(62, private_test_cases=packed([TESTS[0] | {"testtype": "functional"}])),
    row(5),
    row("abc301_a"),
]
SUMMARY = [
    "problems: 65 read, 61 kept, 1 dropped: no tests, 1 dropped: no statement, 1 dropped: kind of tests not known, "
    "1 dropped: id occurs twice"
]


def same(lines):
    """Return a summary with its reasons in order: shards and files may come in another one."""
    return sorted(lines[0].split(", "))


def test_parquet(tmp_path):
    lines, problems = imported(write(tmp_path / "ag", [row(n) for n in range(60)] + ODD))
    assert same(lines) == same(SUMMARY)
    [problem] = [problem for problem in problems if problem["id"].endswith("/abc301_a")]
    assert problem == {
        "id": "ag_livecodebench_x/abc301_a", "family": "livecodebench/abc301_a", "split": "eval", "difficulty": None,
        "statement": "Double the number.\r\nProblem abc301_a.", "comparison": "float", "harness": None,
        "source": "ag_livecodebench_x", "license": "not stated", "revision": "abc",
        "tests": [{"stdin": f"{n}\n", "stdout": f"{2 * n}\n", "public": False} for n in range(3)],
    }  # fmt: skip


def test_json_lines_packed_or_not(tmp_path):
    (tmp_path / "ag").mkdir()
    rows = [row(n, private_test_cases=TESTS if n % 2 else packed(TESTS)) for n in range(60)] + ODD
    io.write_rows(tmp_path / "ag" / "test.jsonl", rows)
    lines, problems = imported(tmp_path / "ag")
    assert same(lines) == same(SUMMARY)
    assert len({json.dumps(problem["tests"]) for problem in problems}) == 1


def test_parquet_whose_tests_are_lists(tmp_path):
    case = pa.struct([("input", pa.string()), ("output", pa.string()), ("testtype", pa.string())])
    schema = TEXTS.set(2, pa.field("private_test_cases", pa.list_(case)))
    lines, problems = imported(write(tmp_path / "ag", [row(n, private_test_cases=TESTS) for n in range(50)], 1, schema))
    assert lines == ["problems: 50 read, 50 kept"]
    assert problems[0]["tests"][2] == {"stdin": "2\n", "stdout": "4\n", "public": False}


def test_corrupt_files(tmp_path):
    folder = write(tmp_path / "ag", [row(n) for n in range(60)], shards=3)
    path = folder / "data" / "test-00001-of-00003.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=f"{path}: truncated or corrupt Parquet"):
        imported(folder)
    folder = write(tmp_path / "other", [row(n) for n in range(50)] + [row(50, private_test_cases="AAAA")], shards=1)
    with pytest.raises(UserError, match=r"parquet, row 51: field private_test_cases: cannot be unpacked"):
        imported(folder)
    assert not list(tmp_path.glob("*/out/*"))


def test_verdicts(tmp_path):
    _, problems = imported(write(tmp_path / "ag", [row(n) for n in range(50)]))
    answers = {
        ("python", "print(2 * int(input()))"): "OK",
        ("python", "print(0)"): "WA",
        ("lua", "print(2 * io.read('n'))"): "OK",
        ("lua", "print(2 * io.read('n')"): "RE",
    }
    with Judge(["python", "lua"], jobs=1, work=tmp_path / "judge") as judge:
        found = judge.judge([judge_row(problems[7], language, code, "x") for language, code in answers])
    assert [row["verdict"] for row in found] == list(answers.values())
