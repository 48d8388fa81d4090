"""pass@k equals brute force, judge errors are never scored, and the pass@1 table says what it left out."""

import csv
import itertools

import numpy as np
import pytest

from crosspl.errors import UserError
from crosspl.io import write_rows
from crosspl.passk import SCORE_COLUMNS, fixed, pass_at_k, problem_score, read_cells
from scripts import score


def row(problem, verdict, sample=0, language="python", reading="sampled", **other):
    return {"problem": problem, "family": problem, "language": language, "reading": reading, "sample": sample,
            "verdict": verdict, "wrong_language": False, "extracted": True, "truncated": False, "tokens": 10,
            **other}  # fmt: skip


def table(tmp_path, rows, mark=""):
    source, output = tmp_path / "verdicts/sft/parallel/seed1.jsonl.gz", tmp_path / "score.csv"
    write_rows(source, rows)
    arguments = ["--verdicts", str(source), "--output", str(output), "--draws", "200", "--seed", "1", "--mark", mark]
    score.main(arguments)
    return output, list(csv.DictReader(output.open()))


@pytest.mark.parametrize("n, k", [(1, 1), (4, 1), (5, 2), (6, 6)])
def test_pass_at_k_equals_brute_force(n, k):
    for c in range(n + 1):
        draws = list(itertools.combinations([True] * c + [False] * (n - c), k))
        assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_too_few_completions_raise():
    with pytest.raises(UserError, match="at least 10"):
        pass_at_k(1, 1, 10)
    with pytest.raises(UserError, match="at least 2"):
        problem_score(["OK"], 2)
    with pytest.raises(UserError, match="makes no sense"):
        pass_at_k(2, 3, 1)


def test_judge_errors_are_neither_right_nor_wrong():
    assert problem_score(["OK", "JE", "WA", "JE"]) == 0.5
    assert problem_score(["JE", "JE"]) is None
    assert problem_score(["OK", "JE"], 2) is None


def test_table_counts_what_has_no_score(tmp_path, capsys):
    rows = [row(p, v, s) for p in "abcd" for s, v in enumerate(["OK", "WA"])]
    rows += [row("e", "JE", s) for s in range(2)]
    rows += [row(p, "OK", 0, "lua", wrong_language=p == "b") for p in "bcdef"]
    output, (lua, python) = table(tmp_path, rows, "plumbing only")
    assert output.read_text().splitlines()[0].split(",") == SCORE_COLUMNS
    assert (python["problems"], python["samples"], python["pass_at_1"], python["JE"]) == ("4", "2", "0.5000", "2")
    assert (python["OK"], python["WA"], python["checkpoint"]) == ("4", "4", "sft/parallel/seed1")
    assert (lua["problems"], lua["wrong_language_rate"], lua["mean_tokens"]) == ("5", "0.2000", "10.0000")
    assert lua["problems_common"] == python["problems_common"] == "3"  # b, c, d: e has no score in python
    assert {lua["mark"], python["mark"]} == {"plumbing only"}
    assert "2 completions without a verdict" in capsys.readouterr().err


def test_common_problems_change_the_average(tmp_path):
    rows = [row("a", "OK"), row("b", "OK"), row("c", "WA")] + [row(p, "OK", language="lua") for p in "bc"]
    _, (_, python) = table(tmp_path, rows)
    assert (python["pass_at_1"], python["pass_at_1_common"]) == ("0.6667", "0.5000")


def test_readings_are_kept_apart_and_a_cell_of_judge_errors_is_empty(tmp_path):
    rows = [row(p, "JE", reading="greedy") for p in "ab"] + [row(p, "OK", s) for p in "ab" for s in range(3)]
    _, (greedy, sampled) = table(tmp_path, rows)
    assert (greedy["reading"], greedy["problems"], greedy["pass_at_1"], greedy["low"]) == ("greedy", "0", "", "")
    assert greedy["pass_at_1_common"] == ""
    assert (sampled["samples"], sampled["pass_at_1"]) == ("3", "1.0000")


def test_a_checkpoint_that_solves_nothing_is_announced(tmp_path, capsys):
    table(tmp_path, [row(p, "NC") for p in "abc"])
    assert "no completion is correct" in capsys.readouterr().err


def test_second_run_gives_equal_bytes(tmp_path):
    rows = [row(str(p), "OK" if p % 3 else "WA", s) for p in range(30) for s in range(2)]
    output, _ = table(tmp_path, rows)
    first = output.read_bytes()
    table(tmp_path, rows)
    assert output.read_bytes() == first


@pytest.mark.parametrize(
    "rows, message",
    [
        ([row("a", "OK"), row("a", "WA")], "row 2: python, sampled, problem a, sample 0 occurs twice"),
        ([row("a", "AC")], "row 1: field 'verdict' is 'AC'"),
        ([row("a", "OK", reading="beam")], "field 'reading'"),
        ([row("a", "OK", tokens=None)], "field 'tokens' is None, expected int"),
        ([row("a", "OK"), row("a", "OK", 1), row("b", "OK")], "problem b has 1 completions, others 2"),
        ([row("a", "OK"), row("a", "OK", 1, family="z")], "problem a is in two families"),
        ([], "no verdicts"),
    ],
)
def test_bad_rows_are_named(tmp_path, rows, message):
    write_rows(tmp_path / "v.jsonl", rows)
    with pytest.raises(UserError, match=message):
        read_cells(tmp_path / "v.jsonl")


def test_numbers_have_four_decimals_and_no_negative_zero():
    assert [fixed(x) for x in (-0.00001, 0.5, None, np.float64(1))] == ["0.0000", "0.5000", None, "1.0000"]
