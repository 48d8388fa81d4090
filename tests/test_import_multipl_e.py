"""The MultiPL-E importer on files of the published layout, and verdicts on right and wrong answers in each PL."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from crosspl import io
from crosspl.errors import UserError
from crosspl.importers import multipl_e
from crosspl.importers.writing import import_rows
from crosspl.judge.client import Judge
from crosspl.judge.tiers import lacking_commands
from crosspl.languages import load_language
from crosspl.problems import check_problems, judge_row

PLS = yaml.safe_load((Path(__file__).parent / "data" / "multipl_e.yaml").read_text())  # per tag
ADAPTED = ("cs", "d", "go_test.go", "java", "js", "lua", "pl", "rb", "rkt")  # harnesses that are not the test alone
KEYS = {
    "cs": "csharp", "go_test.go": "go", "hs": "haskell", "js": "javascript", "ml": "ocaml", "pl": "perl", "rb": "ruby",
    "rkt": "racket", "rs": "rust", "sh": "bash", "ts": "typescript",
}  # fmt: skip
TEXTS = pa.schema(
    [(name, pa.string()) for name in ("name", "language", "prompt", "doctests", "original", "prompt_terminology")]
    + [("tests", pa.string()), ("stop_tokens", pa.list_(pa.string()))]
)


def row(tag, number=0, source="HumanEval", **changes):
    """Return a row as in the published files."""
    layout = PLS.get(tag, PLS["js"])
    return {
        "name": f"{source}_{number}_add", "language": tag, "prompt": layout["prompt"], "doctests": "transform",
        "original": f"/home/user/originals/{source}_{number}_add.py", "prompt_terminology": "reworded",
        "tests": layout["test"], "stop_tokens": [layout["stop"]],
    } | changes  # fmt: skip


def write(folder, configs):
    for config, rows in configs.items():
        (folder / config).mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows, TEXTS), folder / config / "test-00000-of-00001.parquet")
    return folder


def imported(folder):
    lines = import_rows(multipl_e, folder, "abc", folder / "out")
    return lines, check_problems(io.read_rows(folder / "out" / "problems.jsonl.gz"), "problems")


def counts(folder):
    return [(row["kind"], row["reason"], int(row["rows"])) for row in io.read_csv(folder / "out" / "import.csv")]


def test_rows_of_all_pls_are_one_problem(tmp_path):
    configs = {f"humaneval-{tag.removesuffix('_test.go')}": [row(tag, n) for n in range(60)] for tag in PLS}
    configs["humaneval-go"] = configs["humaneval-go"][:50]
    configs["mbpp-lua"] = [row("lua", n, "mbpp") for n in range(3, 5)]
    lines, problems = imported(write(tmp_path / "mpe", configs))
    assert lines == ["problems: 62 read, 62 kept"]
    keys = {KEYS.get(tag, tag) for tag in PLS}
    assert set(problems[0]["prompts"]) == set(problems[0]["harness"]) == set(problems[0]["stop"]) == keys
    assert sum("go" in problem["prompts"] for problem in problems) == 50
    [last] = [problem for problem in problems if problem["id"] == "multipl_e/mbpp_3_add"]
    assert {name: value for name, value in last.items() if name != "harness"} == {
        "id": "multipl_e/mbpp_3_add", "family": "multipl_e/mbpp_3_add", "split": "eval", "statement": None,
        "difficulty": None, "comparison": "tokens", "tests": [], "source": "multipl_e", "license": multipl_e.LICENSE,
        "revision": "abc", "prompts": {"lua": PLS["lua"]["prompt"]}, "stop": {"lua": ["\nlocal"]},
    }  # fmt: skip


def test_what_is_left_out(tmp_path):
    odd = [
        row("java", 50, prompt=PLS["java"]["prompt"].replace("long a", "Pair<Long, Long> a")),
        row("java", 51, tests=" "),
        row("java", 52, doctests="keep"),
        row("java", 53, prompt_terminology="verbatim"),
        row("java", 0),
        row("java", 54, tests=PLS["java"]["test"].replace("assert", "System.out.println")),
        row("java", 55, tests=None),
        row("java", 56, stop_tokens=None, prompt="// caf\r\n" + PLS["java"]["prompt"]),
    ]
    configs = {
        "humaneval-java": [row("java", n) for n in range(50)] + odd,
        "humaneval-jl": [row("jl", n) for n in range(9)],
    }
    configs["humaneval-d"] = [row("d", 0), row("d", 1, tests=PLS["d"]["test"].replace("unittest", "int f() "))]
    configs["humaneval-elixir"] = [row("elixir", 0, tests=PLS["elixir"]["test"].replace(":add", "add"))]
    _, problems = imported(write(tmp_path / "mpe", configs))
    assert counts(tmp_path / "mpe") == [
        ("problem", "kept", 51),
        ("prompt", "Elixir: the test cannot pass", 1),
        ("prompt", "Java: tuples of org.javatuples", 1),
        ("prompt", "PL not known: jl", 9),
        ("prompt", "PL occurs twice", 1),
        ("prompt", "an ablation of the prompt", 2),
        ("prompt", "d: the test cannot fail", 1),
        ("prompt", "java: the test cannot fail", 1),
        ("prompt", "no test", 2),
    ]
    assert set(problems[0]["prompts"]) == {"d", "java"} and set(problems[1]["prompts"]) == {"java"}
    assert problems[-1]["prompts"]["java"].startswith("// caf\r\nimport java.util.*;\nclass") and problems[-1][
        "stop"
    ] == {"java": []}


def test_the_summary_says_what_was_left_out(tmp_path):
    lines, _ = imported(
        write(tmp_path / "mpe", {"humaneval-lua": [row("lua")], "humaneval-jl": [row("jl"), row("jl", 1)]})
    )
    assert lines == ["problems: 1 read, 1 kept", "prompts left out: 2: PL not known: jl"]


def test_json_lines_and_corrupt_files(tmp_path):
    (tmp_path / "mpe").mkdir()
    path = tmp_path / "mpe" / "humaneval-lua-reworded.jsonl"
    io.write_rows(path, [row("lua", n) for n in range(50)])
    lines, _ = imported(tmp_path / "mpe")
    assert lines == ["problems: 50 read, 50 kept"]
    io.write_rows(path, [row("lua", n) for n in range(50)] + [row("lua", 50, name="add")])
    with pytest.raises(UserError, match="jsonl, line 51: field name: 'add' is not like"):
        imported(tmp_path / "mpe")
    path.write_text(path.read_text()[:-300])
    with pytest.raises(UserError, match="jsonl, line 51: not JSON"):
        imported(tmp_path / "mpe")
    path.write_text(json.dumps({name: value for name, value in row("lua").items() if name != "prompt"}))
    with pytest.raises(UserError, match="line 1: field prompt is missing"):
        imported(tmp_path / "mpe")


def judged(tag, problem, folder, answers):
    """Return the verdicts on prompt + answer, cut before the stop text as the benchmark does."""
    key = KEYS.get(tag, tag)
    entry = load_language(key)
    if lacking_commands(entry):
        pytest.skip(f"no {entry['name']}")
    rows = [
        judge_row(problem, key, problem["prompts"][key] + answer, "x") | {"limits": {"cpu_s": 10}} for answer in answers
    ]
    with Judge([key], jobs=1, work=folder / "judge") as judge:
        return [row["verdict"] for row in judge.judge(rows)]


@pytest.mark.parametrize("tag", [tag if tag in ADAPTED else pytest.param(tag, marks=pytest.mark.full) for tag in PLS])
def test_verdicts(tmp_path, tag):
    config = f"humaneval-{tag.removesuffix('_test.go')}"
    _, [problem] = imported(write(tmp_path / "mpe", {config: [row(tag)]}))
    assert judged(tag, problem, tmp_path, (PLS[tag]["right"], PLS[tag]["wrong"])) == ["OK", "RE"]


def test_ruby_programs_that_end_early_are_tested_too(tmp_path):
    _, [problem] = imported(write(tmp_path / "mpe", {"humaneval-rb": [row("rb")]}))
    late = problem | {"harness": {"ruby": problem["harness"]["ruby"] + "\nexit"}}
    assert judged("rb", late, tmp_path, (PLS["rb"]["right"], PLS["rb"]["wrong"])) == ["OK", "RE"]
