"""The APPS importer on both published forms: a folder per problem, and JSON Lines.

What is kept and dropped, broken files, equal rows from both forms, and verdicts of the real judge.
"""

import gzip
import json
from collections import Counter

import pytest

from crosspl import io
from crosspl.errors import UserError
from crosspl.importers import apps
from crosspl.importers.writing import import_rows
from crosspl.judge.client import Judge
from crosspl.problems import check_problems, judge_row

PYTHON = "a = int(input())\r\nprint(2 * a)\r\n"
IN_OUT = {"inputs": ["1\r\n", "2"], "outputs": ["2\r\n", "4\n"]}


def row(number, in_out=IN_OUT, solutions=(PYTHON,), **changes):
    """Return a published row (codeparrot/apps)."""
    known = {
        "problem_id": number,
        "question": f"Problem {number}: twice.\r\n",
        "solutions": json.dumps(list(solutions)),
        "input_output": json.dumps(in_out),
        "difficulty": "interview",
        "url": f"https://codeforces.com/problemset/problem/{number}/A",
        "starter_code": "",
    }
    return known | changes


ODD = [  # row, what becomes of it
    (row(100, {**IN_OUT, "fn_name": "twice"}), "function call, not standard input"),
    (row(101, {"fn_name": "f", "inputs": [[int("7" * 4000)]], "outputs": [[1]]}), "function call, not standard input"),
    (row(102, starter_code="class Solution:\n"), "starter code to be completed"),
    (row(103, input_output=""), "no tests"),
    (row(104, {"inputs": [], "outputs": []}), "no tests"),
    (row(105, {"inputs": ["1"], "outputs": ["2", "3"]}), "inputs and outputs do not pair"),
    (row(106, {"inputs": [1], "outputs": [2]}), "tests are not text"),
    (row(107, question=""), "no statement"),
]
GOOD = [row(number) for number in range(55)]
GOOD[1] = row(1, {"inputs": [["1", "9"]], "outputs": [["2"]]}, ["", PYTHON, PYTHON])
GOOD[2] = row(2, solutions="")
TRAIN = [*GOOD, *(odd for odd, _ in ODD)]
TEST = [row(0, solutions=[PYTHON, "print(2)"]), row(4999, solutions="", difficulty="", url="")]
KEPT = "problems: 65 read, 57 kept, "
PROGRAMS = "programs: 66 read, 57 kept, 8 dropped: its problem was left out, 1 dropped: empty program"


def publish_folders(folder):
    """Write the layout of APPS.tar.gz: files that say nothing are not there."""
    for split, rows in (("train", TRAIN), ("test", TEST)):
        for one in rows:
            path = folder / split / f"{one['problem_id']:04}"
            path.mkdir(parents=True)
            metadata = {name: one[name] for name in ("difficulty", "url")}
            texts = {"question.txt": one["question"], "solutions.json": one["solutions"],
                     "input_output.json": one["input_output"], "starter_code.py": one["starter_code"],
                     "metadata.json": json.dumps(metadata)}  # fmt: skip
            for name, text in texts.items():
                if text:
                    (path / name).write_bytes(text.encode())
    (folder / "train" / "README").write_text("not a problem")
    return folder


def publish_lines(folder, name="problem_id"):
    folder.mkdir()
    for split, rows in (("train", TRAIN), ("test", TEST)):
        named = [{name: one["problem_id"]} | {k: v for k, v in one.items() if k != "problem_id"} for one in rows]
        io.write_rows(folder / f"{split}.jsonl", named)
    return folder


FORMS = {
    "folders": publish_folders,
    "lines": publish_lines,
    "lines with id": lambda folder: publish_lines(folder, "id"),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_summary_says_how_many_and_why(tmp_path, form):
    summary = import_rows(apps, FORMS[form](tmp_path / "data"), "local", tmp_path / "out")
    assert summary[0].startswith(KEPT)
    for reason, number in Counter(reason for _, reason in ODD).items():
        assert f", {number} dropped: {reason}" in summary[0]
    assert summary[1] == PROGRAMS


def test_all_forms_give_the_same_rows(tmp_path):
    for form, publish in FORMS.items():
        import_rows(apps, publish(tmp_path / form), "local", tmp_path / f"{form} out")
    for name in ("problems.jsonl.gz", "programs/python.jsonl.gz"):
        rows = [sorted(io.read_rows(tmp_path / f"{form} out" / name), key=str) for form in FORMS]
        assert rows[0] == rows[1] == rows[2]


def test_rows_have_what_was_published(tmp_path):
    import_rows(apps, publish_folders(tmp_path / "data"), "local", tmp_path / "out")
    problems = {p["id"]: p for p in check_problems(io.read_rows(tmp_path / "out/problems.jsonl.gz"), "out")}
    assert problems["apps/train/0"] == {
        "id": "apps/train/0",
        "family": "apps/train/0",
        "split": "sft",
        "statement": "Problem 0: twice.\r\n",
        "difficulty": "interview",
        "comparison": "float",
        "tests": [
            {"stdin": "1\r\n", "stdout": "2\r\n", "public": False},
            {"stdin": "2", "stdout": "4\n", "public": False},
        ],
        "harness": None,
        "source": "apps",
        "license": "MIT",
        "revision": "local",
        "url": "https://codeforces.com/problemset/problem/0/A",
    }
    assert problems["apps/train/1"]["tests"] == [{"stdin": "1\n9", "stdout": "2", "public": False}]
    last = problems["apps/test/4999"]
    assert (last["split"], last["difficulty"], "url" in last) == ("eval", None, False)
    programs = {p["id"]: p for p in io.read_rows(tmp_path / "out/programs/python.jsonl.gz")}
    assert programs["apps/train/1/python/2"] == {
        "id": "apps/train/1/python/2",
        "problem": "apps/train/1",
        "language": "python",
        "code": PYTHON,
        "claimed": "accepted",
        "source": "apps",
        "license": "MIT",
        "revision": "local",
    }


def test_one_split_is_read_from_its_folder_or_file(tmp_path):
    folders = publish_folders(tmp_path / "folders")
    assert import_rows(apps, folders / "test", "local", tmp_path / "out")[0] == "problems: 2 read, 2 kept"
    lines = publish_lines(tmp_path / "lines")
    packed = tmp_path / "train.jsonl.gz"
    packed.write_bytes(gzip.compress((lines / "train.jsonl").read_bytes()))
    assert import_rows(apps, packed, "local", tmp_path / "out")[0].startswith("problems: 63 read, 55 kept")


def test_bytes_that_are_not_utf8_and_ids_that_occur_twice_are_dropped(tmp_path):
    folder = publish_folders(tmp_path / "data")
    (folder / "train" / "0003" / "question.txt").write_bytes(b"caf\xe9")
    (folder / "train" / "0004" / "solutions.json").write_bytes(b'["# \xe9", "print(1)"]')
    (folder / "train" / "05").mkdir()  # 5 again
    (folder / "train" / "05" / "solutions.json").write_text('["print(5)"]')
    summary = import_rows(apps, folder, "local", tmp_path / "out")
    assert "1 dropped: not UTF-8" in summary[0] and "1 dropped: id occurs twice" in summary[0]
    assert "10 dropped: its problem was left out" in summary[1] and "1 dropped: not UTF-8" in summary[1]


def append(data):
    return lambda path: path.write_bytes(path.read_bytes() + data)


def cut(path):
    path.write_bytes(path.read_bytes()[:-9])


BROKEN = [
    ("folders", "train/0007/input_output.json", cut, "input_output.json: field inputs: not JSON"),
    ("folders", "train/0007/solutions.json", cut, "solutions.json: field solutions: not JSON"),
    ("folders", "train/0007/metadata.json", lambda path: path.write_text("[1]"), "metadata.json: not a JSON object"),
    ("lines", "train.jsonl", cut, "train.jsonl, line 63: not JSON"),
    ("lines", "test.jsonl", append(b'{"problem_id": 7, "question": ""}\n'), "line 3: field solutions is missing"),
    ("lines", "test.jsonl", append(b'{"question": ""}\n'), "line 3: field problem_id is missing"),
    ("lines", "test.jsonl", append(b"\xff\xfe\n"), "test.jsonl, line 3: not JSON"),
]


@pytest.mark.parametrize("form, name, change, message", BROKEN, ids=[str(number) for number in range(len(BROKEN))])
def test_a_broken_file_is_named_and_nothing_is_kept(tmp_path, form, name, change, message):
    folder = FORMS[form](tmp_path / "data")
    change(folder / name)
    with pytest.raises(UserError) as caught:
        import_rows(apps, folder, "local", tmp_path / "out")
    assert message in str(caught.value)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_a_folder_without_the_files_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no files like train.jsonl"):
        import_rows(apps, tmp_path, "local", tmp_path / "out")
    with pytest.raises(UserError, match="no such file or folder"):
        import_rows(apps, tmp_path / "nothing", "local", tmp_path / "out")


def test_the_judge_confirms_the_programs(tmp_path):
    import_rows(apps, publish_lines(tmp_path / "data"), "local", tmp_path / "out")
    problem = {p["id"]: p for p in io.read_rows(tmp_path / "out/problems.jsonl.gz")}["apps/test/0"]
    programs = [p for p in io.read_rows(tmp_path / "out/programs/python.jsonl.gz") if p["problem"] == problem["id"]]
    rows = [judge_row(problem, "python", program["code"], program["id"]) for program in programs]
    with Judge(["python", "ruby"], jobs=1, work=tmp_path / "judge") as judge:
        verdicts = judge.judge([*rows, judge_row(problem, "ruby", "puts gets.to_i * 2", "ruby")])
    assert [row["verdict"] for row in verdicts] == ["OK", "WA", "OK"]
