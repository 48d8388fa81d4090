"""The LiveCodeBench importer on files of the published layout: what is kept and dropped, packed tests, verdicts."""

import base64
import json
import os
import pickle
import tracemalloc
import zlib

import pytest

from crosspl import io
from crosspl.errors import UserError
from crosspl.importers import lcb_tests, livecodebench
from crosspl.importers.writing import import_rows
from crosspl.judge.client import Judge
from crosspl.problems import check_problems, judge_row

ADD = [{"input": "1 2\n", "output": "3\n", "testtype": "stdin"}, {"input": "4 -5", "output": "-1", "testtype": "stdin"}]
STARTER = "class Solution:\n    def pairs(self, nums: List[int], k: int) -> List[int]:\n        "
PAIRS = [{"input": "[3, 4]\n2", "output": "[6, 8]", "testtype": "functional"}]


class Harmful:
    def __reduce__(self):
        return os.system, ("touch harmed",)


def packed(cases, protocol=4):
    """Return test cases as the data set packs them."""
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(cases), protocol))).decode()


def row(number, **changes):
    """Return a row as in the published files."""
    return {
        "question_title": f"A. Add {number}", "question_content": f"Add the numbers.\r\nProblem {number}.",
        "platform": "atcoder", "question_id": f"abc{number}_a", "contest_id": f"abc{number}",
        "contest_date": "2023-08-21T00:00:00", "starter_code": "", "difficulty": "easy",
        "public_test_cases": json.dumps(ADD[:1]), "private_test_cases": packed(ADD), "metadata": "{}",
    } | changes  # fmt: skip


def functional(number, **changes):
    return row(number, platform="leetcode", question_title="pairs", starter_code=STARTER,
               public_test_cases=json.dumps(PAIRS), private_test_cases=packed(PAIRS * 3),
               metadata='{"func_name": "pairs"}') | changes  # fmt: skip


def write(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, rows in files.items():
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_bytes(text.encode(errors="surrogateescape"))
    return folder


def imported(folder):
    lines = import_rows(livecodebench, folder, "abc", folder / "out")
    problems = check_problems(io.read_rows(folder / "out" / "problems.jsonl.gz"), "problems")
    return lines, {problem["id"].partition("/")[2]: problem for problem in problems}


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    with Judge(["python", "lua"], jobs=1, work=tmp_path_factory.mktemp("judge")) as judge:
        yield judge


def verdicts(judge, problem, language, codes):
    return [row["verdict"] for row in judge.judge([judge_row(problem, language, code, "x") for code in codes])]


def test_what_is_kept_and_dropped(tmp_path):
    odd = [
        row(60, private_test_cases=packed([])),
        row(61, private_test_cases="[]"),
        row(62, private_test_cases=json.dumps(ADD)),  # older files do not pack
        row(63, private_test_cases=packed([ADD[0] | {"testtype": "interactive"}])),
        row(64, metadata='{"func_name": "add"}'),  # but tests on standard input
        functional(65, metadata="{}"),
        row(66, question_content=" "),
        row(1),  # twice
        row(67, question_id="abc337_e"),
        row(68, private_test_cases=packed(ADD, protocol=0), contest_date=""),
        row(69, question_content="caf\udce9"),
    ]
    files = {"test": [row(n) for n in range(30)], "test2": [row(n) for n in range(30, 60)] + odd}
    lines, problems = imported(write(tmp_path / "lcb", **files, test6=[functional(80), functional(81)]))
    assert lines == [
        "problems: 73 read, 65 kept, 3 dropped: kind of tests not known, 2 dropped: no hidden tests, 1 dropped: no "
        "statement, 1 dropped: id occurs twice, 1 dropped: not UTF-8"
    ]
    assert problems["abc5_a"] == {
        "id": "livecodebench/abc5_a", "family": "livecodebench/abc5_a", "split": "eval", "comparison": "float",
        "statement": "Add the numbers.\r\nProblem 5.", "difficulty": "easy", "harness": None, "source": "livecodebench",
        "license": livecodebench.LICENSE, "revision": "abc", "limits": {"cpu_s": 6}, "tags": ["atcoder"],
        "title": "A. Add 5", "date": "2023-08-21",
        "tests": [
            {"stdin": "1 2\n", "stdout": "3\n", "public": True}, {"stdin": "1 2\n", "stdout": "3\n", "public": False},
            {"stdin": "4 -5", "stdout": "-1", "public": False},
        ],
    }  # fmt: skip
    assert problems["abc62_a"]["tests"] == problems["abc5_a"]["tests"] == problems["abc68_a"]["tests"]
    assert "date" not in problems["abc68_a"]
    assert problems["abc337_e"]["tags"] == ["atcoder", "errata: interactive"]
    assert problems["abc80_a"]["tests"] == [] and list(problems["abc80_a"]["harness"]) == ["python"]
    assert problems["abc80_a"]["prompts"]["python"].endswith("# Add the numbers.\n# Problem 80.\n" + STARTER)
    assert problems["abc80_a"]["limits"] == {"cpu_s": 30}


@pytest.mark.parametrize(
    "field, message",
    [
        ("{'private_test_cases': packed(Harmful())}", "field private_test_cases: cannot be unpacked (the pickle is no"),
        ("{'private_test_cases': packed(ADD)[:-40]}", "field private_test_cases: cannot be unpacked"),
        ("{'private_test_cases': 'no base64!'}", "field private_test_cases: cannot be unpacked"),
        ("{'private_test_cases': packed([['x']])}", "field private_test_cases: not a list of test cases"),
        ("{'private_test_cases': '[' * 200_000}", "field private_test_cases: not JSON"),
        ("{'private_test_cases': None}", "field private_test_cases is missing or no text"),
        ("{'public_test_cases': '[1'}", "field public_test_cases: not JSON"),
        ("{'contest_date': 'in May'}", "field contest_date: 'in May' is no date"),
        ("{'metadata': '{'}", "field metadata: not JSON"),
        ("functional(9, private_test_cases=packed([PAIRS[0] | {'input': 'x'}]))", "a functional test is not JSON"),
    ],
)
def test_a_corrupt_row_is_named_and_nothing_is_kept(tmp_path, monkeypatch, field, message):
    monkeypatch.chdir(tmp_path)
    harmful = base64.b64encode(zlib.compress(pickle.dumps(Harmful()))).decode()
    names = globals() | {"packed": lambda cases: harmful if isinstance(cases, Harmful) else packed(cases)}
    folder = write(tmp_path / "lcb", test=[row(n) for n in range(50)] + [row(50) | eval(field, names)])
    with pytest.raises(UserError) as caught:
        imported(folder)
    assert f"{folder}/test.jsonl, line 51: {message}" in str(caught.value) and "\n" not in str(caught.value)
    assert not list(folder.glob("out/*")) and not (tmp_path / "harmed").exists()


def test_a_truncated_file(tmp_path):
    folder = write(tmp_path / "lcb", test=[row(n) for n in range(50)])
    whole = (folder / "test.jsonl").read_bytes()
    (folder / "test.jsonl").write_bytes(whole[:-200])
    with pytest.raises(UserError, match=r"test.jsonl, line 50: not JSON"):
        imported(folder)


def test_a_decompression_bomb_is_never_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(lcb_tests, "MOST_BYTES", 1 << 20)
    bomb = base64.b64encode(zlib.compress(bytes(200 << 20), 9)).decode()
    tracemalloc.start()
    lines, _ = imported(write(tmp_path / "lcb", test=[row(1), row(2, private_test_cases=bomb)]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert lines == ["problems: 2 read, 1 kept, 1 dropped: hidden tests over 1 GiB"]
    assert peak < 20 << 20


def test_memory_is_that_of_one_row(tmp_path):
    megabyte = [{"input": "7" * (1 << 20), "output": "7", "testtype": "stdin"}]
    folder = write(tmp_path / "lcb", test=[row(n, private_test_cases=json.dumps(megabyte)) for n in range(50)])
    tracemalloc.start()
    imported_lines = import_rows(livecodebench, folder, "abc", tmp_path / "out")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert imported_lines == ["problems: 50 read, 50 kept"] and peak < 12 << 20


def test_functional_tests_too_large_for_a_harness(tmp_path):
    large = [PAIRS[0] | {"input": f"[{'1, ' * (6 << 20)}1]\n2"}]
    folder = write(tmp_path / "lcb", test=[functional(1), functional(2, private_test_cases=packed(large))])
    lines, _ = imported(folder)
    assert lines == ["problems: 2 read, 1 kept, 1 dropped: functional, its tests are too large for a harness"]


def test_verdicts_on_standard_input(tmp_path, judge):
    halves = [{"input": "1\r\n", "output": "0.5\r\n\r\n", "testtype": "stdin"}]  # CRLF: blanks, in the source too
    _, problems = imported(write(tmp_path / "lcb", test=[row(1), row(2, private_test_cases=packed(halves))]))
    right = "print(sum(map(int, open(0).read().split())))"
    assert verdicts(judge, problems["abc1_a"], "python", [right, right + "; print()", "print(3)"]) == ["OK", "OK", "WA"]
    lua = 'print(io.read("n") + io.read("n"))'
    assert verdicts(judge, problems["abc1_a"], "lua", [lua, "print(3)", "error()"]) == ["OK", "WA", "RE"]
    half = problems["abc2_a"] | {"tests": problems["abc2_a"]["tests"][1:]}
    assert verdicts(judge, half, "python", ["print('0.500')", "print(.51)", "print(0.5000000001)"]) == [
        "OK",
        "WA",
        "OK",
    ]


def test_verdicts_on_functional_problems(tmp_path, judge):
    _, problems = imported(write(tmp_path / "lcb", test=[functional(1)]))
    opening, own = problems["abc1_a"]["prompts"]["python"], "list, json = None, 'mine'\n"
    answers = {
        opening + "return [n * k for n in nums]": "OK",
        opening + "return tuple(n * k for n in nums)": "OK",  # a tuple counts as a list, as in the source
        own + "class Solution:\n def pairs(self, nums, k): return [n * k for n in nums]": "OK",
        "def pairs(nums, k): return [n * k for n in nums]": "OK",
        opening + "return nums": "RE",
        opening + "return 1 / 0": "RE",
        "def other(nums, k): return nums": "RE",
        "": "NC",
    }
    assert verdicts(judge, problems["abc1_a"], "python", answers) == list(answers.values())
