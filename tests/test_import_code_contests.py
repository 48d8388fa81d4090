"""CodeContests: problems of several sites with three kinds of tests, and their right and wrong programs."""

import csv

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crosspl.errors import UserError
from crosspl.importers import load_importer
from crosspl.importers.writing import import_rows
from crosspl.io import read_rows
from crosspl.judge.client import Judge
from crosspl.problems import check_problems, judge_row

TEXTS = pa.list_(pa.string())
TESTS = pa.struct([("input", TEXTS), ("output", TEXTS)])
PROGRAMS = pa.struct([("language", pa.list_(pa.int64())), ("solution", TEXTS)])
SCHEMA = pa.schema(
    [("name", pa.string()), ("description", pa.string()), ("public_tests", TESTS), ("private_tests", TESTS),
     ("generated_tests", TESTS), ("source", pa.int64()), ("difficulty", pa.int64()), ("solutions", PROGRAMS),
     ("incorrect_solutions", PROGRAMS), ("cf_contest_id", pa.int64()), ("cf_index", pa.string()),
     ("cf_points", pa.float32()), ("cf_rating", pa.int32()), ("cf_tags", TEXTS),
     ("is_description_translated", pa.bool_()), ("untranslated_description", pa.string()),
     ("time_limit", pa.struct([("seconds", pa.int64()), ("nanos", pa.int64())])),
     ("memory_limit_bytes", pa.int64()), ("input_file", pa.string()), ("output_file", pa.string())]
)  # fmt: skip
PYTHON = "a, b = map(int, input().split())\r\nprint(a + b)\r\n"
JAVA = (
    "import java.util.*;\npublic class Main { public static void main(String[] x) {\n"
    "  Scanner in = new Scanner(System.in);\n  System.out.println(in.nextInt() + in.nextInt()); } }\n"
)
CPP = "#include <iostream>\nint main() { int a, b; std::cin >> a >> b; std::cout << %s; }\n"
NOTHING = {"input": [], "output": []}
LARGE = "7" * (5 << 20)


def row(name, **fields):
    return {
        "name": name, "description": "Add two numbers.\r\n", "public_tests": {"input": ["1 2\n"], "output": ["3\n"]},
        "private_tests": {"input": ["5 5\r\n"], "output": ["10\r\n"]},
        "generated_tests": {"input": ["8 8\n", "7 1\n"], "output": ["16\n", "8\n"]}, "source": 2, "difficulty": 7,
        "solutions": {"language": [2, 3, 4], "solution": [CPP % "a + b", PYTHON, JAVA]},
        "incorrect_solutions": {"language": [2, 3], "solution": [CPP % "a - b", "print(3)"]},
        "cf_contest_id": 76, "cf_index": "B", "cf_points": 0.0, "cf_rating": 2100, "cf_tags": ["math"],
        "is_description_translated": False, "untranslated_description": "",
        "time_limit": {"seconds": 1, "nanos": 500_000_000}, "memory_limit_bytes": 256_000_000, "input_file": "",
        "output_file": "",
    } | fields  # fmt: skip


AIZU = {"source": 6, "cf_contest_id": 0, "cf_index": "", "cf_rating": 0, "cf_tags": [""], "time_limit": None,
        "memory_limit_bytes": 0}  # fmt: skip


def published():
    """Rows of the split train, 55 plain ones among them."""
    plain = [row(f"{n}_A. Sum of\t{n}", cf_contest_id=n, cf_index="A") for n in range(100, 155)]
    return plain + [
        row("p00001 Sum", **AIZU, is_description_translated=True, untranslated_description="和を求めよ。"),
        row("p00001 Sum", source=5),  # the same name on another site
        row("100_A. Sum of 100", cf_contest_id=100, cf_index="A"),  # again
        row("200_E2. Hard", cf_contest_id=200, cf_index="E2", time_limit={"seconds": 0, "nanos": 0}),
        row("201_A. Files", input_file="input.txt"),
        row("202_A. Files", output_file="output.txt"),
        row("203_A. Untested", public_tests=NOTHING, private_tests=None, generated_tests=NOTHING),
        row("204_A. Torn", private_tests={"input": ["1 1\n"], "output": []}),
        row("205_A. Torn", private_tests={"input": ["1 1\n"], "output": [None]}),
        row("206_A. Nowhere", source=7),
        row("207_A. Blank", description=""),
        row(" "),
        row("208_A. Yes", private_tests={"input": [f"{LARGE}\n"], "output": ["YES 0.5\n"]}, public_tests=NOTHING,
            generated_tests=NOTHING, solutions={"language": [1, 0, 9, None, 3, 3, 2],
            "solution": ["print 1", "?", "?", "?", "print('Yes 0.50000001')", "", None]},
            incorrect_solutions={"language": [], "solution": []}),
        row("209_A. Nobody's", solutions=None, incorrect_solutions=None),
    ]  # fmt: skip


def write(path, rows, schema=SCHEMA, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema), path, **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("code_contests")
    write(folder / "data/train-00000-of-00002-e991a271dbfa9925.parquet", published()[:40])
    write(folder / "data/train-00001-of-00002-b58d6ae1d1d0c1ff.parquet", published()[40:])
    write(folder / "data/valid-00000-of-00001-5e672c5751f060d3.parquet", [row("1548_A. Web", cf_contest_id=1548)])
    write(folder / "data/test-00000-of-00001-9c49eeff30aacaa8.parquet", [row("1575_A. Sort", cf_contest_id=1575)])
    return folder


@pytest.fixture(scope="module")
def imported(folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("imported")
    summary = import_rows(load_importer("code_contests"), folder, "abc", output)
    programs = [one for path in sorted(output.glob("programs/*.jsonl.gz")) for one in read_rows(path)]
    problems = {one["id"]: one for one in read_rows(output / "problems.jsonl.gz")}
    return summary, output, problems, {one["id"]: one for one in programs}


def test_counts(imported):
    summary, output, problems, programs = imported
    assert summary[0].startswith("problems: 71 read, 62 kept, 2 dropped: ")
    assert summary[1].startswith("programs: 352 read, 301 kept, 45 dropped: its problem is not kept, 2 dropped: empty")
    with open(output / "import.csv", newline="") as lines:
        rows = [one for one in csv.DictReader(lines) if one["reason"] != "kept"]
    assert {(one["kind"], one["reason"]): int(one["rows"]) for one in rows} == {
        ("problem", "id occurs twice"): 1, ("problem", "reads or writes files"): 2, ("problem", "no tests"): 1,
        ("problem", "a test without input or output"): 2, ("problem", "site not known: 7"): 1,
        ("problem", "no statement"): 1, ("problem", "no name"): 1, ("program", "its problem is not kept"): 45,
        ("program", "PL not known: PYTHON2"): 1, ("program", "PL not known: UNKNOWN_LANGUAGE"): 1,
        ("program", "PL not known: 9"): 1, ("program", "PL not known: None"): 1, ("program", "empty program"): 2,
    }  # fmt: skip
    check_problems(list(problems.values()), "imported")
    assert {one["problem"] for one in programs.values()} <= set(problems)


def test_a_problem(imported):
    one = imported[2]["code_contests/codeforces/100_A._Sum_of_100"]
    assert one["tests"][:2] == [
        {"stdin": "1 2\n", "stdout": "3\n", "public": True},
        {"stdin": "5 5\r\n", "stdout": "10\r\n", "public": False},
    ]
    assert [test["public"] for test in one["tests"]] == [True, False, False, False]
    assert (one["limits"], one["comparison"]) == ({"cpu_s": 1.5, "memory_mib": 245}, "yes_no")
    assert (one["difficulty"], one["tags"], one["title"]) == (2100, ["math"], "100_A. Sum of\t100")
    assert (one["statement"], one["family"]) == ("Add two numbers.\r\n", "codeforces/100/A")
    assert (one["split"], one["revision"], one["license"]) == ("sft", "abc", "CC-BY-4.0")
    assert not {"date", "untranslated", "translated"} & set(one)


def test_sites_splits_and_what_is_not_known(imported):
    problems = imported[2]
    one = problems["code_contests/aizu/p00001_Sum"]
    assert (one["translated"], one["untranslated"], one["difficulty"]) == (True, "和を求めよ。", None)
    assert "limits" not in one and one["family"] == one["id"] and "tags" not in one
    assert problems["code_contests/atcoder/p00001_Sum"]["site"] == "atcoder"
    assert problems["code_contests/codeforces/200_E2._Hard"]["family"] == "codeforces/200/E"
    assert problems["code_contests/codeforces/200_E2._Hard"]["limits"] == {"memory_mib": 245}
    assert [problems[f"code_contests/codeforces/{name}"]["split"] for name in ("1548_A._Web", "1575_A._Sort")] == [
        "validation", "eval"]  # fmt: skip
    assert len(problems["code_contests/codeforces/208_A._Yes"]["tests"][0]["stdin"]) == len(LARGE) + 1


def test_time_limits_as_numbers(tmp_path):
    numbers = SCHEMA.set(SCHEMA.get_field_index("time_limit"), pa.field("time_limit", pa.float64()))
    rows = [row(f"{n}_A. Sum", time_limit=limit) for n, limit in enumerate([2.5, None, 0.0])]
    write(tmp_path / "train/0000.parquet", rows, numbers)
    found = [one for one in load_importer("code_contests").read(tmp_path, "abc") if "tests" in one]
    assert [one["limits"].get("cpu_s") for one in found] == [2.5, None, None]


def test_the_judge_confirms_what_the_source_says(imported, tmp_path):
    _, _, problems, programs = imported
    key = "code_contests/codeforces/1575_A._Sort"
    chosen = [one for one in programs.values() if one["problem"] in (key, "code_contests/codeforces/208_A._Yes")]
    with Judge(["python", "cpp", "java"], jobs=1, work=tmp_path / "judge") as judge:
        rows = [judge_row(problems[one["problem"]], one["language"], one["code"], one["id"]) for one in chosen]
        verdicts = {one["id"]: one["verdict"] for one in judge.judge(rows)}
    assert verdicts == {
        f"{key}/accepted/0": "OK", f"{key}/accepted/1": "OK", f"{key}/accepted/2": "OK", f"{key}/rejected/0": "WA",
        f"{key}/rejected/1": "WA", "code_contests/codeforces/208_A._Yes/accepted/4": "OK",
    }  # fmt: skip
    assert programs[f"{key}/accepted/1"]["code"] == PYTHON
    assert all(one["claimed"] == one["id"].split("/")[-2] for one in programs.values())


def refused(tmp_path, rows, schema=SCHEMA, name="train-00000-of-00001.parquet", change=bytes):
    path, output = tmp_path / "in" / name, tmp_path / "output"
    write(path, rows, schema, compression="none", use_dictionary=False)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(UserError) as error:
        import_rows(load_importer("code_contests"), tmp_path / "in", "abc", output)
    assert not list(output.rglob("*.*")), "nothing is left of a failed import"
    path.unlink()
    return str(error.value)


def test_damaged_shards(tmp_path):
    torn = row("1_A. Torn", solutions={"language": [2], "solution": []})
    assert "row 2: solutions has 1 PLs and 0 programs" in refused(tmp_path, [row("0_A. Sum"), torn])
    rows = [row(f"{n}_A. Sum", cf_tags=["é" * 40]) for n in range(60)]
    assert "parquet: truncated or corrupt Parquet after row 0" in refused(tmp_path, rows, change=lambda data: data[:-9])
    no_text = refused(tmp_path, rows, change=lambda data: data.replace("é".encode(), b"\xff\xff"))
    assert "parquet: truncated or corrupt Parquet after row 0" in no_text
    short = pa.schema([field for field in SCHEMA if field.name != "time_limit"])
    assert "no column time_limit" in refused(tmp_path, rows, short)
    assert "its name must begin with train-" in refused(tmp_path, rows, name="0000.parquet")
    assert "no Parquet shards with solutions" in refused(tmp_path, [{"id": "1"}], pa.schema([("id", pa.string())]))
