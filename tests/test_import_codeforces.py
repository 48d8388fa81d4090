"""Problems of open-r1/codeforces: which are kept, and why not all; generated tests are joined; checkers judge."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crosspl.errors import UserError
from crosspl.importers import load_importer
from crosspl.importers.writing import import_rows
from crosspl.io import read_rows
from crosspl.judge.client import Judge
from crosspl.problems import check_problems, judge_row

CASE = pa.list_(pa.struct([("input", pa.string()), ("output", pa.string())]))
SCHEMA = pa.schema(
    [("id", pa.string()), ("aliases", pa.list_(pa.string())), ("contest_id", pa.string()),
     ("contest_name", pa.string()), ("contest_type", pa.string()), ("contest_start", pa.int64()),
     ("contest_start_year", pa.int64()), ("index", pa.string()), ("time_limit", pa.float64()),
     ("memory_limit", pa.float64()), ("title", pa.string()), ("description", pa.string()),
     ("input_format", pa.string()), ("output_format", pa.string()), ("interaction_format", pa.string()),
     ("note", pa.string()), ("examples", CASE), ("editorial", pa.string()), ("rating", pa.int64()),
     ("tags", pa.list_(pa.string())), ("testset_size", pa.int64()), ("official_tests", CASE),
     ("official_tests_complete", pa.bool_()), ("input_mode", pa.string()), ("generated_checker", pa.string()),
     ("executable", pa.bool_()), ("generated_tests", pa.int64())]
)  # fmt: skip
GENERATED = pa.schema(
    [("problem_id", pa.string()), ("input", pa.string()), ("output", pa.string()), ("test_i", pa.int64())]
)

# As published ones: called with files, prints 1 or 0, breaks on what is no number.
ANY_DIVISOR = """import sys
def main():
    number = int(open(sys.argv[1]).read())
    reference = int(open(sys.argv[2]).read())
    found = int(open(sys.argv[3]).read())
    assert 1 < reference
    print(100 if 1 < found <= number and number % found == 0 else 0)
if __name__ == "__main__":
    main()
"""
BROKEN = "import sys\nsys.exit('no such module')\n"
SUM = [{"input": f"{n} {n}\r\n", "output": f"{2 * n}\r\n"} for n in range(1, 5)]


def row(key, **fields):
    contest, _, index = key.partition("/")
    return {
        "id": key, "aliases": [], "contest_id": contest, "contest_name": "Round", "contest_type": "CF",
        "contest_start": 1_400_000_000, "contest_start_year": 2014, "index": index, "time_limit": 2.0,
        "memory_limit": 256.0, "title": "Sum", "description": "Add two numbers.\r\n", "input_format": "Two numbers.",
        "output_format": "Their sum.", "interaction_format": None, "note": None, "examples": SUM[:1], "editorial": None,
        "rating": 800, "tags": ["math"], "testset_size": 4, "official_tests": SUM, "official_tests_complete": True,
        "input_mode": "stdio", "generated_checker": None, "executable": True, "generated_tests": 0,
    } | fields  # fmt: skip


ODD = [
    row("7/A", interaction_format="Ask with ?"),
    row("7/B", input_mode="file"),
    row("7/C", executable=False, input_mode=None),
    row("7/D", input_mode=None),
    row("7/E", official_tests=[], official_tests_complete=False),
    row("7/F", official_tests=None, official_tests_complete=False, generated_tests=9),
    row("7/G", official_tests=[{"input": "1 1\n", "output": None}]),
    row("7/H", description=" \n"),
    row("7/I", official_tests=[None]),
    row("", title="no id"),
    row("20/A"),  # its id occurs before
]
DIVISOR = {
    "title": "Divisor", "examples": [{"input": "9\r\n", "output": "3\r\n"}],
    "official_tests": [{"input": f"{n}\r\n", "output": f"{n}\r\n"} for n in (9, 12, 35)],
}  # fmt: skip
LARGE = "1" * (6 << 20)


def problems():
    plain = [row(f"{n}/A") for n in range(20, 70)]
    special = [
        row(
            "8/A", aliases=["9/C"], time_limit=None, memory_limit=float("nan"), contest_start=None, rating=None, tags=[]
        ),
        row("8/B1", generated_checker=ANY_DIVISOR, **DIVISOR),
        row("8/B2", generated_checker=BROKEN, **DIVISOR),
        row("8/C", official_tests=SUM[1:3], official_tests_complete=False, generated_tests=3),
        row("8/D", official_tests=SUM[1:3], official_tests_complete=False, generated_tests=0, note="Easy.", tags=None),
        row("8/E", official_tests=[{"input": "q\n", "output": "YES\n"}]),
    ]
    return plain + special + ODD


def write(path, rows, schema=SCHEMA, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema), path, **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The layout of the hub: two shards of one config, one with the split test, and one contest's generated tests."""
    folder = tmp_path_factory.mktemp("codeforces")
    write(folder / "verifiable/train-00000-of-00001.parquet", problems())
    write(folder / "verifiable/test-00000-of-00001.parquet", [row("2070/A", contest_start=1_735_700_000)])
    write(folder / "data/train-00000-of-00001.parquet", problems())  # default: the same problems, read once
    write(folder / "verifiable-prompts/train-00000-of-00001.parquet", problems())
    others = [{"problem_id": "8/X", "input": "x", "output": "y", "test_i": n} for n in range(60)]
    own = [{"problem_id": "8/C", "input": f"{n} 0\r\n", "output": f"{n}\n", "test_i": n} for n in range(2)]
    own += [{"problem_id": "8/C", "input": f"{LARGE} 0\n", "output": f"{LARGE}\n", "test_i": 2}]
    write(folder / "generated_tests/test_cases_0008.parquet", others + own, GENERATED, row_group_size=20)
    return folder


@pytest.fixture(scope="module")
def imported(folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("imported")
    summary = import_rows(load_importer("codeforces"), folder, "abc", output)
    return summary, {one["id"]: one for one in read_rows(output / "problems.jsonl.gz")}


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    with Judge(["python", "lua"], jobs=1, work=tmp_path_factory.mktemp("judge")) as judge:
        yield judge


def test_counts(imported):
    summary, kept = imported
    assert len(problems()) == 67 and len(kept) == 57
    line = summary[0].replace("problems: 68 read, 57 kept, ", "")
    assert sorted(line.split(", 1 dropped: ")) == sorted(
        ["2 dropped: a test without input or output", "id occurs twice", "interactive", "reads and writes files",
         "not executable, says the source", "input mode not known", "no tests", "no id", "no statement",
         "its generated tests are not there"]
    )  # fmt: skip
    check_problems(list(kept.values()), "imported")


def test_a_problem(imported):
    one = imported[1]["codeforces/20/A"]
    assert one["statement"].startswith("Add two numbers.\n\nInput\n\nTwo numbers.\n\nOutput\n\nTheir sum.\n\nExample")
    assert one["tests"][0] == {"stdin": "1 1\n", "stdout": "2\n", "public": True}
    assert [test["public"] for test in one["tests"]] == [True, False, False, False]
    assert (one["date"], one["difficulty"], one["tags"], one["title"]) == ("2014-05-13", 800, ["math"], "Sum")
    assert (one["limits"], one["comparison"]) == ({"cpu_s": 2.0, "memory_mib": 256}, "yes_no")
    assert (one["split"], one["revision"], one["license"]) == ("sft", "abc", "CC-BY-4.0")
    assert one["tests_complete"] is True and "checker" not in one and "aliases" not in one
    assert imported[1]["codeforces/2070/A"]["split"] == "eval"


def test_what_is_not_known_is_absent(imported):
    one = imported[1]["codeforces/8/A"]
    assert one["aliases"] == ["codeforces/9/C"] and one["difficulty"] is None
    assert not {"limits", "date", "tags"} & set(one)


def test_versions_of_a_problem_are_one_family(imported):
    assert {imported[1][f"codeforces/8/{index}"]["family"] for index in ("B1", "B2")} == {"codeforces/8/B"}
    assert imported[1]["codeforces/8/C"]["family"] == "codeforces/8/C"


def test_generated_tests_are_joined_and_left_out_examples_are_added(imported):
    one, incomplete = imported[1]["codeforces/8/C"], imported[1]["codeforces/8/D"]
    assert [test["stdin"] for test in one["tests"]] == ["1 1\n", "2 2\n", "3 3\n", "0 0\n", "1 0\n", f"{LARGE} 0\n"]
    assert [test["public"] for test in one["tests"]] == [True] + 5 * [False]
    assert one["tests_complete"] is True and incomplete["tests_complete"] is False
    assert incomplete["statement"].endswith("Output\n\n2\n\nNote\n\nEasy.")


def verdicts(judge, problem, language, codes):
    return [one["verdict"] for one in judge.judge([judge_row(problem, language, code, "x") for code in codes])]


def test_programs_are_judged_by_the_tests(imported, judge):
    one = imported[1]["codeforces/20/A"]
    assert verdicts(judge, one, "python", ["print(sum(map(int, input().split())))", "print(2)"]) == ["OK", "WA"]
    assert verdicts(judge, one, "lua", ["print(io.read('n') + io.read('n'))", "print(2)"]) == ["OK", "WA"]
    assert verdicts(judge, imported[1]["codeforces/8/E"], "lua", ["print('Yes')", "print('No')"]) == ["OK", "WA"]


def test_a_published_checker_decides(imported, judge):
    one = imported[1]["codeforces/8/B1"]
    smallest = "n = int(input())\nprint()\nprint(next(d for d in range(2, n + 1) if n % d == 0))"
    wrong = ["print(1)", "print('a number')", "print()", "print(int(input()) + 1)"]
    assert verdicts(judge, one, "python", [smallest, "print(input())", *wrong]) == ["OK", "OK", "WA", "WA", "WA", "WA"]
    assert verdicts(judge, one, "lua", ["print(io.read('n'))", "print(1)"]) == ["OK", "WA"]


def test_a_broken_checker_is_no_fault_of_the_program(imported, judge):
    assert verdicts(judge, imported[1]["codeforces/8/B2"], "python", ["print(input())"]) == ["JE"]


def message(folder, output):
    with pytest.raises(UserError) as error:
        import_rows(load_importer("codeforces"), folder, "abc", output)
    assert not list(output.rglob("*")), "nothing is left of a failed import"
    return str(error.value)


def damaged(folder, tmp_path, name, change):
    """Return a copy of the published folder with one file changed."""
    for path in folder.rglob("*.parquet"):
        copy = tmp_path / "copy" / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(change(path.read_bytes()) if path.name == name else path.read_bytes())
    (tmp_path / "output").mkdir()
    return message(tmp_path / "copy", tmp_path / "output")


def test_a_truncated_shard(folder, tmp_path):
    said = damaged(folder, tmp_path, "train-00000-of-00001.parquet", lambda data: data[: len(data) // 2])
    assert "train-00000-of-00001.parquet: truncated or corrupt Parquet after row 0" in said


def test_a_corrupt_file_of_generated_tests(folder, tmp_path):
    said = damaged(folder, tmp_path, "test_cases_0008.parquet", lambda data: data[:100] + bytes(5000) + data[5100:])
    assert "test_cases_0008.parquet: truncated or corrupt Parquet after row" in said


def test_text_that_is_no_utf_8(folder, tmp_path):
    marked = [row(f"{n}/A", title="é" * 20) for n in range(20, 80)]
    path = tmp_path / "in/verifiable/train-00000-of-00001.parquet"
    write(path, marked, use_dictionary=False, compression="none")
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xff\xff"))
    assert "truncated or corrupt Parquet after row 0" in message(Path(tmp_path / "in"), tmp_path / "output")


def test_other_files(tmp_path):
    (tmp_path / "output").mkdir()
    write(tmp_path / "in/train.parquet", [{"id": "1/A"}], pa.schema([("id", pa.string())]))
    assert "no Parquet shards with the columns" in message(tmp_path / "in", tmp_path / "output")
    short = pa.schema([field for field in SCHEMA if field.name not in ("rating", "input_mode")])
    write(tmp_path / "in/train.parquet", [{"id": "1/A"}], short)
    assert "no column input_mode, rating" in message(tmp_path / "in", tmp_path / "output")
