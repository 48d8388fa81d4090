"""The TACO importer on files in the published layout: Parquet, Arrow and JSON Lines with the 17 text columns.

What is kept and dropped, what becomes of the odd rows, broken files, and verdicts of the real judge.
"""

import json
import shutil
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crosspl import io
from crosspl.errors import UserError
from crosspl.importers import taco
from crosspl.importers.reading import arrow_rows
from crosspl.importers.writing import import_rows
from crosspl.judge.client import Judge
from crosspl.problems import check_problems, judge_row

COLUMNS = ["question", "solutions", "starter_code", "input_output", "difficulty", "raw_tags", "name", "source", "tags",
           "skill_types", "url", "Expected Auxiliary Space", "time_limit", "date", "picture_num", "memory_limit",
           "Expected Time Complexity"]  # fmt: skip
PYTHON = "a, b = map(int, input().split())\r\nprint(a / b)\r\n"
IN_OUT = {"inputs": ["1 2\r\n", "1 3"], "outputs": ["0.5\r\n", "0.333333"]}


def row(number, in_out=IN_OUT, solutions=(PYTHON,), **changes):
    """Return a published row: all columns are texts or null."""
    known = {
        "question": f"Problem {number}: divide.",
        "solutions": json.dumps(list(solutions)),
        "starter_code": "",
        "input_output": json.dumps(in_out),
        "difficulty": "EASY",
        "raw_tags": "['math']",
        "name": None,
        "source": "codeforces",
        "tags": "['Mathematics']",
        "skill_types": "[]",
        "url": f"https://codeforces.com/problemset/problem/{number}/A",
        "time_limit": "2.0 seconds",
        "date": "2020-10-04",
        "picture_num": "0",
        "memory_limit": "256.0 megabytes",
    }
    return dict.fromkeys(COLUMNS) | known | changes


HUGE = "9" * 2_000_000
ODD = [  # row, what becomes of it and of its one program
    (row(100, {**IN_OUT, "fn_name": "divide"}), "function call, not standard input"),
    (row(101, {"fn_name": "f", "inputs": [[1]], "outputs": [2]}), "function call, not standard input"),
    (row(102, starter_code="class Solution:\n    def f(self):"), "starter code to be completed"),
    (row(103, {"inputs": [], "outputs": []}), "no tests"),
    (row(104, {}), "no tests"),
    (row(105, input_output=None), "no tests"),
    (row(106, input_output=""), "no tests"),
    (row(107, {"inputs": ["1 2"], "outputs": []}), "inputs and outputs do not pair"),
    (row(108, {"inputs": [[1, 2]], "outputs": ["0.5"]}), "tests are not text"),
    (row(109, {"inputs": [3], "outputs": ["0.5"]}), "tests are not text"),
    (row(110, question=" "), "no statement"),
    (row(111, question=None), "no statement"),
    (row(112, input_output='{"inputs": ["\\ud800"], "outputs": ["1"]}'), "not UTF-8"),
    (row(113, input_output='{"fn_name": "f", "inputs": [[%s]], "outputs": [1]}' % ("7" * 9000)),
     "function call, not standard input"),
]  # fmt: skip
GOOD = [row(number) for number in range(50)]
GOOD[1] |= {"difficulty": "UNKNOWN_DIFFICULTY", "name": "None", "tags": "[]", "time_limit": None, "date": "soon",
            "memory_limit": "None", "url": "null", "source": "hackerrank"}  # fmt: skip
GOOD[2] |= {"name": "Divide", "time_limit": "500 ms", "memory_limit": "65536 kilobytes", "date": "2021-06-20T00:00:00"}
GOOD[3] = row(3, {"inputs": [["1 2", "3 4"], "5 6"], "outputs": [["0.5", "0.75"], ["0.83"]]}, solutions=[])
GOOD[4] = row(4, {"inputs": [HUGE], "outputs": [""]}, solutions=["", "  \n", "print('\ud800')", None, 7, PYTHON])
GOOD[5] |= {"solutions": None}
GOOD[6] |= {"solutions": ""}
TRAIN = [*GOOD, *(odd for odd, _ in ODD)]
TEST = [row(0, solutions=[PYTHON, "print(0)"]), row(1)]


def publish(folder, kind):
    """Write TRAIN in two files and TEST in one, in one of the three published forms."""
    names = {
        "parquet": ("ALL/train-00000-of-00002", "ALL/train-00001-of-00002", "ALL/test-00000-of-00001"),
        "arrow": ("train/data-00000-of-00002", "train/data-00001-of-00002", "test/data-00000-of-00001"),
        "jsonl": ("train_0", "train_1", "test"),
    }[kind]
    for name, rows in zip(names, (TRAIN[:30], TRAIN[30:], TEST)):
        path = folder / f"{name}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "jsonl":
            io.write_rows(path, rows)
            continue
        table = pa.Table.from_pylist(rows, schema=pa.schema([(column, pa.string()) for column in COLUMNS]))
        if kind == "parquet":
            pq.write_table(table, path, row_group_size=7)
        else:
            with pa.OSFile(str(path), "wb") as stream, pa.ipc.new_stream(stream, table.schema) as writer:
                writer.write_table(table, max_chunksize=20)
    return folder


@pytest.fixture(scope="module", params=["parquet", "arrow", "jsonl"])
def imported(request, tmp_path_factory):
    """Return (summary, problems by id, programs by id) of one published form."""
    folder = tmp_path_factory.mktemp("taco")
    summary = import_rows(taco, publish(folder / "data", request.param), "local", folder / "out")
    problems, programs = (
        io.read_rows(folder / "out" / name) for name in ("problems.jsonl.gz", "programs/python.jsonl.gz")
    )
    return summary, {p["id"]: p for p in check_problems(problems, "out")}, {p["id"]: p for p in programs}


def test_the_summary_says_how_many_and_why(imported):
    summary, problems, programs = imported
    reasons = Counter(reason for _, reason in ODD)
    assert summary[0].startswith(f"problems: {len(TRAIN) + 2} read, 52 kept, ")
    for reason, number in reasons.items():
        assert f", {number} dropped: {reason}" in summary[0]
    assert summary[1] == ("programs: 69 read, 50 kept, 14 dropped: its problem was left out, 4 dropped: empty program, "
                          "1 dropped: not UTF-8")  # fmt: skip
    assert (len(problems), len(programs)) == (52, 50)


def test_a_problem_has_what_was_published(imported):
    _, problems, _ = imported
    assert problems["taco/train/0"] == {
        "id": "taco/train/0",
        "family": "taco/train/0",
        "split": "sft",
        "statement": "Problem 0: divide.",
        "difficulty": "EASY",
        "comparison": "float",
        "tests": [
            {"stdin": "1 2\r\n", "stdout": "0.5\r\n", "public": False},
            {"stdin": "1 3", "stdout": "0.333333", "public": False},
        ],
        "harness": None,
        "source": "taco",
        "license": "Apache-2.0",
        "revision": "local",
        "date": "2020-10-04",
        "limits": {"cpu_s": 2.0, "memory_mib": 256},
        "tags": ["Mathematics"],
        "url": "https://codeforces.com/problemset/problem/0/A",
    }
    assert problems["taco/test/1"]["split"] == "eval"
    unknown = problems["taco/train/1"]
    assert not {"title", "tags", "limits", "date", "url"} & set(unknown)
    assert (unknown["difficulty"], unknown["license"]) == (None, None)
    known = problems["taco/train/2"]
    assert (known["title"], known["limits"], known["date"]) == (
        "Divide", {"cpu_s": 0.5, "memory_mib": 64}, "2021-06-20")  # fmt: skip
    assert problems["taco/train/3"]["tests"] == [
        {"stdin": "1 2\n3 4", "stdout": "0.5\n0.75", "public": False},
        {"stdin": "5 6", "stdout": "0.83", "public": False},
    ]
    assert problems["taco/train/4"]["tests"][0]["stdin"] == HUGE


def test_a_program_has_what_was_published(imported):
    _, _, programs = imported
    assert programs["taco/train/4/python/5"] == {
        "id": "taco/train/4/python/5",
        "problem": "taco/train/4",
        "language": "python",
        "code": PYTHON,
        "claimed": "accepted",
        "source": "taco",
        "license": "Apache-2.0",
        "revision": "local",
    }
    assert programs["taco/train/1/python/0"]["license"] is None


def test_rows_in_two_forms_are_read_once(tmp_path):
    folder = publish(publish(tmp_path / "data", "arrow"), "parquet")
    assert import_rows(taco, folder, "local", tmp_path / "out")[0].startswith(f"problems: {len(TRAIN) + 2} read")


def cut(path):
    path.write_bytes(path.read_bytes()[:-300])


def without(column):
    def change(path):
        pq.write_table(pq.read_table(path).drop_columns([column]), path)

    return change


def with_field(name, value):
    def change(path):
        io.write_rows(path, [row(0), row(1) | {name: value}])

    return change


BROKEN = [
    ("parquet", "ALL/train-00001-of-00002.parquet", cut, "train-00001-of-00002.parquet: truncated or corrupt Parquet"),
    ("parquet", "ALL/train-00000-of-00002.parquet", without("input_output"), "row 1: field input_output is missing"),
    (
        "arrow",
        "train/data-00001-of-00002.arrow",
        cut,
        "data-00001-of-00002.arrow: truncated or corrupt Arrow after row",
    ),
    ("jsonl", "train_1.jsonl", cut, "train_1.jsonl, line 34: not JSON"),
    ("jsonl", "train_0.jsonl", with_field("input_output", '{"inputs": ['), "line 2: field input_output: not JSON"),
    ("jsonl", "train_0.jsonl", with_field("input_output", "[1]"), "line 2: field input_output: not an object"),
    ("jsonl", "train_0.jsonl", with_field("solutions", '{"a": 1}'), "line 2: field solutions: not a list"),
]


@pytest.mark.parametrize("kind, name, change, message", BROKEN, ids=[str(number) for number in range(len(BROKEN))])
def test_a_broken_file_is_named_and_nothing_is_kept(tmp_path, kind, name, change, message):
    folder = publish(tmp_path / "data", kind)
    change(folder / name)
    with pytest.raises(UserError) as caught:
        import_rows(taco, folder, "local", tmp_path / "out")
    assert name in str(caught.value) and message in str(caught.value)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_a_stream_cut_between_two_batches_is_not_taken_for_complete(tmp_path):
    """Arrow's reader takes the end of the file for the end of the stream."""
    path = publish(tmp_path, "arrow") / "train" / "data-00000-of-00002.arrow"
    for keep in (-8, -4, 0):
        shutil.copy(path, tmp_path / "cut.arrow")
        data = path.read_bytes()
        (tmp_path / "cut.arrow").write_bytes(data[:keep] if keep else b"")
        with pytest.raises(UserError, match=r"cut.arrow: truncated"):
            list(arrow_rows(tmp_path / "cut.arrow"))
    assert len(list(arrow_rows(path))) == 30


def test_the_judge_confirms_the_programs(tmp_path):
    import_rows(taco, publish(tmp_path / "data", "parquet"), "local", tmp_path / "out")
    problem = {p["id"]: p for p in io.read_rows(tmp_path / "out/problems.jsonl.gz")}["taco/test/0"]
    programs = [p for p in io.read_rows(tmp_path / "out/programs/python.jsonl.gz") if p["problem"] == problem["id"]]
    rows = [judge_row(problem, "python", program["code"], program["id"]) for program in programs]
    perl = 'my ($a, $b) = split " ", <STDIN>; printf "%.9f\\n", $a / $b;'
    with Judge(["python", "perl"], jobs=1, work=tmp_path / "judge") as judge:
        verdicts = judge.judge([*rows, judge_row(problem, "perl", perl, "perl")])
    assert [row["verdict"] for row in verdicts] == ["OK", "WA", "OK"]
