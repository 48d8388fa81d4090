"""The HumanEval-X importer on the published files, and the judge's verdicts against a native run of the same programs.

The native run (tests/data/humaneval_x_native.csv) and the reason for each of its failures: docs/humaneval_x.md. From
the imported rows to SFT data: test_humaneval_x_mixtures.py.
"""

import gzip
import json
import os
import shutil
from pathlib import Path

import pytest

from crosspl import io
from crosspl.errors import UserError
from crosspl.importers import humaneval_x, jsonl
from crosspl.importers.rows import ACCEPTED, Drop
from crosspl.importers.writing import import_rows
from crosspl.judge.client import Judge
from crosspl.problems import check_problems, judge_row

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("CROSSPL_DATA") or ROOT.parent / "shared" / "data")
FOLDER = DATA / "humaneval_x"
LANGUAGES = ["python", "javascript", "cpp", "java", "go", "rust"]
PACKAGES = humaneval_x.TEST_PACKAGES
HERE = [language for language in LANGUAGES if language not in PACKAGES or Path(PACKAGES[language][0]).is_dir()]
NATIVE_PASSES = {"python": 164, "javascript": 161, "cpp": 161, "java": 164, "go": 163, "rust": 163}
SAMPLE = (0, 20, 22, 32, 38, 50, 112, 137, 142, 155, 162, 163)  # all failures, helpers in prompts, and ordinary ones
STUBS = {  # wrong bodies, that compile after the prompt
    "python": "    return None\n",
    "javascript": "  return undefined\n}\n",
    "cpp": "    return {};\n}\n",
    "java": "        return false;\n    }\n}",
    "go": "    return false\n}\n",
    "rust": "    return false;\n}\n",
}
published = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"no HumanEval-X files in {FOLDER} (set CROSSPL_DATA to the folder above)"
)
each_language = pytest.mark.parametrize(
    "language",
    [
        pytest.param(name, marks=pytest.mark.skipif(name not in HERE, reason=f"no {PACKAGES.get(name)}"))
        for name in LANGUAGES
    ],
)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Return (problems, {PL: programs}) of the published files, of PLs whose tests can be run here."""
    return split(humaneval_x.read(published_files(tmp_path_factory.mktemp("published")), "local"))


def published_files(folder):
    """Link the published files of PLs whose tests can be run here into `folder`; return it."""
    for language in HERE:
        name = f"humaneval_{humaneval_x.NAMES[language]}.jsonl.gz"
        (folder / name).symlink_to(FOLDER / name)
    return folder


def split(rows):
    """Return (problems, {PL: programs}) of what an importer yields."""
    problems, programs = [], {}
    for row in rows:
        if not isinstance(row, Drop):
            (programs.setdefault(row["language"], []) if "code" in row else problems).append(row)
    return check_problems(problems, "problems"), programs


def native():
    """Return {(problem, language): "pass", "fail" or "varies"} of the native run."""
    rows = io.read_csv(ROOT / "tests" / "data" / "humaneval_x_native.csv")
    return {(row["problem"], language): row[language] for row in rows for language in LANGUAGES}


def task(number, prefix="Python", **changes):
    """Return a row as in the published files."""
    row = {
        "task_id": f"{prefix}/{number}",
        "prompt": "import math\ndef f(x):\n",
        "canonical_solution": "    return x\n",
        "test": "assert f(1) == 1\n",
    }
    return {name: value for name, value in {**row, **changes}.items() if value is not None}


def write_tables(folder, tables):
    """Write {name in the file name: rows}; return the folder."""
    for name, rows in tables.items():
        io.write_rows(folder / f"humaneval_{name}.jsonl.gz", rows)
    return folder


def judged(problems, programs, language, folder, change=None):
    """Return {problem: verdict} of the programs of `problems`, or of what `change` makes of their code."""
    code = {row["problem"]: row["code"] for row in programs}
    rows = [judge_row(one, language, change(one) if change else code[one["id"]], one["id"]) for one in problems]
    with Judge([language], jobs=2, work=str(folder)) as judge:
        return {row["id"]: row["verdict"] for row in judge.judge(rows)}


def expect_native(problems, programs, language, folder):
    """Assert that a program is OK in the judge exactly when it passes natively, leaving out what varies there."""
    truth = native()
    verdicts = judged(problems, programs, language, folder)
    differences = {
        problem: (verdict, truth[problem, language])
        for problem, verdict in verdicts.items()
        if truth[problem, language] != "varies" and (verdict == "OK") != (truth[problem, language] == "pass")
    }
    assert not differences
    assert len(verdicts) == len(problems)


def message(folder):
    """Return what importing says to the user."""
    with pytest.raises(UserError) as caught:
        list(humaneval_x.read(folder, "local"))
    return str(caught.value)


@published
def test_all_problems_of_all_languages(rows):
    problems, programs = rows
    ids = [f"humaneval_x/{number}" for number in range(164)]
    assert [row["id"] for row in problems] == ids and list(programs) == [
        name for name in humaneval_x.NAMES if name in HERE
    ]
    for row in problems:
        assert (row["family"], row["split"], row["statement"], row["tests"]) == (row["id"], "eval", None, [])
        assert (row["source"], row["license"], row["revision"]) == ("humaneval_x", "Apache-2.0", "local")
        assert set(row["prompts"]) == set(row["harness"]) == set(row["stop"]) == set(HERE)
    for language, found in programs.items():
        assert [row["problem"] for row in found] == ids
        assert found[7]["id"] == f"humaneval_x/7/{language}/canonical"
        assert all(row["claimed"] == ACCEPTED and row["style"] == "canonical" for row in found)
        assert all(row["code"].startswith(one["prompts"][language]) for row, one in zip(found, problems))


@published
def test_an_answer_ends_where_no_canonical_solution_goes_on(rows):
    problems, programs = rows
    for language, found in programs.items():
        for one, row in zip(problems, found):
            solution = "\n" + row["code"].removeprefix(one["prompts"][language]).rstrip()
            assert not [text for text in one["stop"][language] if text in solution], row["id"]


@published
def test_import_counts_and_comes_back_through_our_own_format(tmp_path):
    (tmp_path / "files").mkdir()
    lines = import_rows(humaneval_x, published_files(tmp_path / "files"), "2838420", tmp_path / "out")
    count = 164 * len(HERE)
    assert lines[:2] == ["problems: 164 read, 164 kept", f"programs: {count} read, {count} kept"]
    assert {row["reason"] for row in io.read_csv(tmp_path / "out/import.csv") if row["kind"] != "prompt"} == {"kept"}
    import_rows(jsonl, tmp_path / "out", "another", tmp_path / "again")
    for path in (tmp_path / "out").rglob("*.jsonl.gz"):
        assert (tmp_path / "again" / path.relative_to(tmp_path / "out")).read_bytes() == path.read_bytes()


@published
def test_files_are_found_where_the_benchmark_has_them(tmp_path):
    """Also in a checkout, humaneval-x/java/data/humaneval_java.jsonl.gz; but each once. One file is one PL."""
    for name in ("java", "python"):
        (tmp_path / f"humaneval-x/{name}/data").mkdir(parents=True)
        shutil.copy(FOLDER / f"humaneval_{name}.jsonl.gz", tmp_path / f"humaneval-x/{name}/data")
    found = list(humaneval_x.read(tmp_path, "local"))
    problems, programs = split(found)
    assert set(problems[0]["harness"]) == set(programs) == {"python", "java"}
    drops = [row for row in found if isinstance(row, Drop)]
    assert {(row.kind, row.reason) for row in drops} == {
        ("prompt", f"no humaneval_{name}.jsonl.gz") for name in ("js", "cpp", "go", "rust")
    }
    assert len(drops) == 4 * 164
    _, programs = split(humaneval_x.read(FOLDER / "humaneval_java.jsonl.gz", "local"))
    assert set(programs) == {"java"} and len(programs["java"]) == 164
    shutil.copy(FOLDER / "humaneval_java.jsonl.gz", tmp_path)
    assert "humaneval_java.jsonl.gz is there twice" in message(tmp_path)


def test_the_native_run_has_the_known_counts():
    truth = native()
    assert len(truth) == 6 * 164
    for language, count in NATIVE_PASSES.items():
        assert sum(truth[problem, key] == "pass" for problem, key in truth if key == language) == count


@published
@each_language
def test_judge_agrees_with_the_native_run(rows, language, tmp_path):
    problems, programs = rows
    expect_native([problems[number] for number in SAMPLE], programs[language], language, tmp_path)


@published
@pytest.mark.full
@each_language
def test_judge_agrees_with_the_native_run_on_all_programs(rows, language, tmp_path):
    problems, programs = rows
    expect_native(problems, programs[language], language, tmp_path)


@published
@each_language
def test_a_wrong_program_is_not_ok(rows, language, tmp_path):
    """The harness of has_close_elements and its like must notice a body that returns nothing or false."""
    problems = [rows[0][number] for number in (0, 3, 48)]
    wrong = judged(problems, [], language, tmp_path, lambda one: one["prompts"][language] + STUBS[language])
    assert set(wrong.values()) <= {"RE", "WA"}


@published
def test_an_answer_need_not_repeat_the_imports_of_the_prompt(rows, tmp_path):
    """Its harness uses vector and assert: a C++ answer that says std:: and imports its own headers is still right."""
    code = "#include <vector>\n#include <cmath>\nbool has_close_elements(std::vector<float> x, float t) {\n" + (
        "    for (size_t i = 0; i < x.size(); i++)\n        for (size_t j = i + 1; j < x.size(); j++)\n"
        "            if (std::fabs(x[i] - x[j]) < t) return true;\n    return false;\n}\n"
    )
    assert judged(rows[0][:1], [], "cpp", tmp_path, lambda _: code) == {"humaneval_x/0": "OK"}


@published
def test_javascript_asserts_stay_fatal_when_the_answer_froze_console(rows, tmp_path):
    code = "Object.freeze(console)\nconst hasCloseElements = () => false\n"
    assert judged(rows[0][:1], [], "javascript", tmp_path, lambda _: code) == {"humaneval_x/0": "RE"}


def test_harness_repeats_the_imports_of_the_prompt(tmp_path):
    problems, _ = split(humaneval_x.read(write_tables(tmp_path, {"python": [task(0)]}), "local"))
    assert problems[0]["harness"]["python"] == "import math\nassert f(1) == 1\n"


def test_go_imports_come_first_and_once_and_all_are_used():
    row = task(
        0,
        "Go",
        prompt='import (\n    "math"\n)\n\n// Doc.\nfunc F() int {\n',
        **{"import": 'import (\n    "math"\n)\n'},
    )
    row |= {"test_setup": 'package main\n\nimport (\n    "testing"\n    "math"\n)\n'}
    row |= {"canonical_solution": "    return len(strings.Fields(a))\n}\n", "test": "func TestF(t *testing.T) {\n}\n"}
    head = 'package main\n\nimport (\n    "math"\n    "strings"\n    "testing"\n)\n\n'
    assert humaneval_x.opening("go", row) == head + "// Doc.\nfunc F() int {\n"
    harness = humaneval_x.harness("go", row)
    assert harness.startswith("var _ = math.Pi\nvar _ = strings.Split\nfunc TestF") and '{"TestF", TestF}' in harness


def test_rust_calls_the_test_and_nothing_where_the_test_is_a_comment():
    row = task(0, "Rust", prompt="/* Doc. */\n", declaration="use md5;\nfn f() {\n")
    row["test"] = "#[cfg(test)]\nmod tests {\n    #[test]\n    // why\n    fn test_f() {\n    }\n}\n"
    assert humaneval_x.opening("rust", row) == "/* Doc. */\nuse md5;\nfn f() {\n"
    harness = humaneval_x.harness("rust", row)
    assert "#[" not in harness and "pub\n    // why\n    fn test_f() {" in harness and "tests::test_f();" in harness
    assert humaneval_x.harness("rust", row | {"test": f"\n/*\n{row['test']}*/\n"}) == "fn main() {}\n"
    with pytest.raises(UserError, match="Rust/0: field test must have one test function, not 0"):
        humaneval_x.harness("rust", row | {"test": "mod tests {}"})


def test_packages_of_the_tests_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.setitem(PACKAGES, "python", (str(tmp_path / "gone"), "python3-gone"))
    text = message(write_tables(tmp_path, {"python": [task(0)]}))
    assert "HumanEval-X in python" in text and "apt-get install python3-gone" in text
    assert "humaneval_python.jsonl.gz elsewhere" in text  # without it the other PLs can be imported


def test_missing_folder_and_no_files(tmp_path):
    for folder in (tmp_path / "nowhere", tmp_path):
        text = message(folder)
        assert (
            str(folder) in text
            and "git clone --depth 1 https://github.com/THUDM/CodeGeeX" in text
            and "FOLDER=" in text
        )
    (tmp_path / "other.jsonl.gz").write_bytes(b"")
    assert "other.jsonl.gz: not one of the files humaneval_python.jsonl.gz" in message(tmp_path / "other.jsonl.gz")


@pytest.mark.parametrize("damage", ["truncated", "not gzip", "not JSON", "no object"])
def test_damaged_file_is_named_with_the_remedy(tmp_path, damage):
    path = write_tables(tmp_path, {"python": [task(n) for n in range(50)]}) / "humaneval_python.jsonl.gz"
    whole = path.read_bytes()
    broken = {"truncated": whole[: len(whole) // 2], "not gzip": b"<html>", "not JSON": gzip.compress(b'{"a": 1}\n{"a'),
              "no object": gzip.compress(b"[1]")}  # fmt: skip
    path.write_bytes(broken[damage])
    text = message(tmp_path)
    assert str(path) in text and "get the file again from https://github.com/THUDM/CodeGeeX" in text


@pytest.mark.parametrize("field", humaneval_x.FIELDS)
def test_missing_field_names_file_row_and_field(tmp_path, field):
    text = message(write_tables(tmp_path, {"python": [task(0), task(1, **{field: None})]}))
    assert f"humaneval_python.jsonl.gz, line 2: field {field} is missing" in text


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (task(1, test="  \n"), "line 2: field test is empty"),  # an empty test would pass everything
        (task(1, prompt=7), "line 2: field prompt is missing or no text"),
        (task("one"), "line 2: field task_id must look like"),
        (task(0), "line 2: field task_id: 'Python/0' occurs twice"),
        (["a", "list"], "line 2: not a JSON object"),
    ],
)
def test_wrong_rows_are_named(tmp_path, row, said):
    path = tmp_path / "humaneval_python.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in (task(0), row)).encode()))
    assert said in message(tmp_path)


def test_empty_file_and_unequal_problems(tmp_path):
    assert "humaneval_python.jsonl.gz: no rows" in message(write_tables(tmp_path, {"python": []}))
    tables = {"python": [task(0), task(1)], "cpp": [task(0, "CPP")]}
    assert "humaneval_cpp.jsonl.gz: no problem 1, which other PLs have" in message(write_tables(tmp_path, tables))
