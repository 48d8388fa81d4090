"""The HumanEval-X importer on the published files, and the judge's verdicts against a native run of the same programs.

The native run (tests/data/humaneval_x_native.csv) and the reason for each of its failures: docs/humaneval_x.md.
"""

import gzip
import json
import os
from pathlib import Path

import pytest

from crosspl import io
from crosspl.errors import UserError
from crosspl.importers import humaneval_x

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("CROSSPL_DATA") or ROOT.parent / "shared" / "data")
LANGUAGES = ["python", "javascript", "cpp", "java", "go", "rust"]
PACKAGES = humaneval_x.TEST_PACKAGES
HERE = [language for language in LANGUAGES if language not in PACKAGES or Path(PACKAGES[language][0]).is_dir()]
SETTINGS = {"folder": str(DATA / "humaneval_x"), "languages": HERE}
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
    not (DATA / "humaneval_x").is_dir(), reason=f"no HumanEval-X files in {DATA} (set CROSSPL_DATA to their folder)"
)
each_language = pytest.mark.parametrize(
    "language",
    [
        pytest.param(name, marks=pytest.mark.skipif(name not in HERE, reason=f"no {PACKAGES.get(name)}"))
        for name in LANGUAGES
    ],
)


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
    """Write {name in the file name: rows} and return the settings that read them."""
    for name, rows in tables.items():
        io.write_rows(folder / f"humaneval_{name}.jsonl.gz", rows)
    keys = {"js": "javascript"}
    return {"folder": str(folder), "languages": [keys.get(name, name) for name in tables]}


def judge_rows(problems, language, programs):
    """Return the judge's rows for `programs` of `problems`."""
    harness = {problem["id"]: problem["harness"][language] for problem in problems}
    return [
        {"id": row["id"], "language": language, "code": row["code"], "tests": [], "harness": harness[row["problem"]]}
        | {"limits": None}
        for row in programs
    ]


def judged(problems, language, folder, change=None):
    """Return {problem: verdict} of the canonical programs of `problems`, or of what `change` makes of them."""
    client = pytest.importorskip("crosspl.judge.client")
    programs = humaneval_x.candidate_programs(problems, language, SETTINGS)
    if change:
        programs = [row | {"code": change(problem, row)} for problem, row in zip(problems, programs)]
    with client.Judge([language], jobs=2, work=str(folder)) as judge:
        verdicts = judge.judge(judge_rows(problems, language, programs))
    return {row["problem"]: verdict["verdict"] for row, verdict in zip(programs, verdicts)}


def expect_native(problems, language, folder):
    """Assert that a program is OK in the judge exactly when it passes natively, leaving out what varies there."""
    truth = native()
    verdicts = judged(problems, language, folder)
    differences = {
        problem: (verdict, truth[problem, language])
        for problem, verdict in verdicts.items()
        if truth[problem, language] != "varies" and (verdict == "OK") != (truth[problem, language] == "pass")
    }
    assert not differences
    assert len(verdicts) == len(problems)


def message(settings):
    """Return what building the problems says to the user."""
    with pytest.raises(UserError) as caught:
        humaneval_x.build_problems(settings)
    return str(caught.value)


@published
def test_all_problems_of_all_languages():
    problems = humaneval_x.build_problems(SETTINGS)
    ids = [f"humaneval_x/{number}" for number in range(164)]
    assert [row["id"] for row in problems] == ids
    assert all(row["family"] == row["id"] and row["split"] == "eval" and row["tests"] == [] for row in problems)
    assert all(set(row["statements"]) == set(row["harness"]) == set(HERE) for row in problems)
    for language in HERE:
        programs = humaneval_x.candidate_programs(problems, language, SETTINGS)
        assert [row["problem"] for row in programs] == ids
        assert programs[7]["id"] == f"humaneval_x/7/{language}/canonical"
        assert all(row["code"].startswith(p["statements"][language]) for row, p in zip(programs, problems))


@published
def test_a_subset_of_problems_and_languages():
    problems = humaneval_x.build_problems(SETTINGS | {"languages": ["java"]})
    assert set(problems[0]["harness"]) == {"java"}
    assert len(humaneval_x.candidate_programs(problems[5:8], "java", SETTINGS)) == 3


def test_the_native_run_has_the_known_counts():
    truth = native()
    assert len(truth) == 6 * 164
    for language, count in NATIVE_PASSES.items():
        assert sum(truth[problem, key] == "pass" for problem, key in truth if key == language) == count


@published
@each_language
def test_judge_agrees_with_the_native_run(language, tmp_path):
    problems = humaneval_x.build_problems(SETTINGS)
    expect_native([problems[number] for number in SAMPLE], language, tmp_path)


@published
@pytest.mark.full
@each_language
def test_judge_agrees_with_the_native_run_on_all_programs(language, tmp_path):
    expect_native(humaneval_x.build_problems(SETTINGS), language, tmp_path)


@published
@each_language
def test_a_wrong_program_is_not_ok(language, tmp_path):
    """The harness of has_close_elements and its like must notice a body that returns nothing or false."""
    problems = [humaneval_x.build_problems(SETTINGS)[number] for number in (0, 3, 48)]
    wrong = judged(problems, language, tmp_path, lambda problem, _: problem["statements"][language] + STUBS[language])
    assert set(wrong.values()) <= {"RE", "WA"}


@published
def test_an_answer_need_not_repeat_the_imports_of_the_prompt(tmp_path):
    """Its harness uses vector and assert: a C++ answer that says std:: and imports its own headers is still right."""
    code = "#include <vector>\n#include <cmath>\nbool has_close_elements(std::vector<float> x, float t) {\n" + (
        "    for (size_t i = 0; i < x.size(); i++)\n        for (size_t j = i + 1; j < x.size(); j++)\n"
        "            if (std::fabs(x[i] - x[j]) < t) return true;\n    return false;\n}\n"
    )
    problems = humaneval_x.build_problems(SETTINGS)[:1]
    assert judged(problems, "cpp", tmp_path, lambda *_: code) == {"humaneval_x/0": "OK"}


@published
def test_javascript_asserts_stay_fatal_when_the_answer_froze_console(tmp_path):
    problems = humaneval_x.build_problems(SETTINGS)[:1]
    code = "Object.freeze(console)\nconst hasCloseElements = () => false\n"
    assert judged(problems, "javascript", tmp_path, lambda *_: code) == {"humaneval_x/0": "RE"}


def test_harness_repeats_the_imports_of_the_prompt(tmp_path):
    problems = humaneval_x.build_problems(write_tables(tmp_path, {"python": [task(0)]}))
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


def test_missing_folder_and_missing_file(tmp_path):
    text = message({"folder": str(tmp_path / "nowhere"), "languages": ["cpp"]})
    assert "nowhere: no such folder" in text and "THUDM/CodeGeeX" in text
    text = message({"folder": str(tmp_path), "languages": ["javascript"]})
    assert "humaneval_js.jsonl.gz: no such file" in text and "Copy" in text


@pytest.mark.parametrize("damage", ["truncated", "not gzip", "not JSON"])
def test_damaged_file_is_named_with_the_remedy(tmp_path, damage):
    settings = write_tables(tmp_path, {"python": [task(n) for n in range(50)]})
    path = tmp_path / "humaneval_python.jsonl.gz"
    whole = path.read_bytes()
    broken = {"truncated": whole[: len(whole) // 2], "not gzip": b"<html>", "not JSON": gzip.compress(b'{"a": 1}\n{"a')}
    path.write_bytes(broken[damage])
    text = message(settings)
    assert str(path) in text and "Copy humaneval_python.jsonl.gz there again" in text
    assert "rebuild" not in text  # the project cannot rebuild what others publish


@pytest.mark.parametrize("field", humaneval_x.FIELDS)
def test_missing_field_names_file_row_and_field(tmp_path, field):
    text = message(write_tables(tmp_path, {"python": [task(0), task(1, **{field: None})]}))
    assert f"humaneval_python.jsonl.gz, row 2: field {field} is missing" in text


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (task(1, test="  \n"), "row 2: field test must be"),  # an empty test would pass everything
        (task(1, prompt=7), "row 2: field prompt must be"),
        (task("one"), "row 2: field task_id must look like"),
        (task(0), "row 2: field task_id: 'Python/0' occurs twice"),
        (["a", "list"], "row 2: field task_id is missing"),
    ],
)
def test_wrong_rows_are_named(tmp_path, row, said):
    path = tmp_path / "humaneval_python.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in (task(0), row)).encode()))
    assert said in message({"folder": str(tmp_path), "languages": ["python"]})


def test_empty_file_and_unequal_problems(tmp_path):
    assert "humaneval_python.jsonl.gz: no rows" in message(write_tables(tmp_path, {"python": []}))
    tables = {"python": [task(0), task(1)], "cpp": [task(0, "CPP")]}
    assert "humaneval_cpp.jsonl.gz: no problem 1, which other PLs have" in message(write_tables(tmp_path, tables))


def test_unknown_language_and_unknown_problem(tmp_path):
    settings = write_tables(tmp_path, {"python": [task(0)]})
    assert "no ruby" in message(settings | {"languages": ["python", "ruby"]})
    assert "no language asked for" in message(settings | {"languages": []})
    stranger = {"id": "humaneval_x/9", "family": "humaneval_x/9"}
    with pytest.raises(UserError, match=r"'humaneval_x/9' is not in .*humaneval_python"):
        humaneval_x.candidate_programs([stranger], "python", settings)
