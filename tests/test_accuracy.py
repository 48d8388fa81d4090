"""Code verification in numbers: balanced accuracy of known models, and what gives a label away."""

import numpy as np
import pytest
from tiny import WORLD

from crosspl.accuracy import accuracy_rows
from crosspl.errors import UserError
from crosspl.giveaway import auc, by_length, by_words
from crosspl.microworld import world
from crosspl.microworld.near_misses import near_misses


def test_areas_under_the_curve():
    assert auc([1, 2, 3, 4], [False, False, True, True]) == 1 and auc([2, 2], [True, False]) == 0.5
    assert auc([1, 2], [True, True]) is None
    made = [{"code": "a" * (3 if right else 5), "label": "correct" if right else "incorrect"} for right in (1, 0, 1, 0)]
    assert by_length(made) == 0 and by_words(made, made) == 1 and by_words(made, []) is None


def test_neither_length_nor_words_tell_the_label():
    """On a world of the default's depths: a giveaway would show long before it is 0.6."""
    settings = WORLD | {"sizes": {"sft": 240, "rl": 0, "validation": 0, "eval": 120}, "depth_shares": [0, 0.6, 0.4]}
    rows = world.build_problems(settings)
    misses, _ = near_misses(rows, world.fair_family, world.outputs_of)
    made = {"sft": [], "eval": []}
    for row in rows:
        for label, ast in (("correct", world.tree(row["ast"])), ("incorrect", misses.get(row["id"]))):
            code = world.PRINTERS["python"].render(ast, "loop") if row["id"] in misses else None
            made[row["split"]] += [{"label": label, "code": code}] if code else []
    assert len(made["eval"]) > 220
    assert 0.4 < by_length(made["eval"] + made["sft"]) < 0.6 and 0.4 < by_words(made["eval"], made["sft"]) < 0.6


def verdict_rows(say, families=20, correct=1, incorrect=1):
    """Verdict rows of a model that answers say(label, number)."""
    rows = []
    for family in range(families):
        for label, count in (("correct", correct), ("incorrect", incorrect)):
            for number in range(count):
                answer = say(label, family + number)
                rows.append({"problem": f"{family}/{label}/{number}", "family": str(family), "language": "lua",
                             "reading": "greedy", "sample": 0, "label": label, "answer": answer,
                             "verdict": "NC" if answer is None else "OK" if answer == label else "WA"})  # fmt: skip
    return rows


def measured(rows):
    [row] = accuracy_rows(rows, "v.jsonl.gz", "base", 200, 0, "verification")
    return row


@pytest.mark.parametrize("correct, incorrect", [(1, 1), (3, 1), (1, 4)])
def test_always_correct_has_a_balanced_accuracy_of_one_half(correct, incorrect):
    row = measured(verdict_rows(lambda label, number: "correct", correct=correct, incorrect=incorrect))
    assert (row["balanced_accuracy"], row["low"], row["high"]) == ("0.5000", "0.5000", "0.5000")
    assert (row["said_correct"], row["on_correct"], row["on_incorrect"]) == ("1.0000", "1.0000", "0.0000")
    assert float(row["accuracy"]) == pytest.approx(correct / (correct + incorrect), abs=1e-4)


def test_perfect_silent_and_mixed_models():
    assert measured(verdict_rows(lambda label, number: label))["balanced_accuracy"] == "1.0000"
    silent = measured(verdict_rows(lambda label, number: None))
    assert (silent["balanced_accuracy"], silent["no_answer_rate"], silent["said_correct"]) == (
        "0.0000",
        "1.0000",
        "0.0000",
    )
    mixed = measured(verdict_rows(lambda label, number: label if number % 4 else "correct"))
    assert float(mixed["balanced_accuracy"]) == pytest.approx(0.875) == float(mixed["accuracy"])
    assert float(mixed["low"]) < 0.875 < float(mixed["high"])


def test_interval_is_over_families():
    """Copies of items in one family add no certainty."""
    rng = np.random.default_rng(0)
    said = rng.random(40) < 0.7
    rows = verdict_rows(lambda label, number: label if said[number % 40] else "correct", families=40)
    again = [row | {"problem": row["problem"] + "'"} for row in rows]
    assert measured(rows)["low"] == measured(rows + again)["low"]


def test_verdicts_of_generation_are_an_error():
    rows = [{key: value for key, value in row.items() if key != "label"} for row in verdict_rows(lambda *_: "correct")]
    with pytest.raises(UserError, match="set task: verification"):
        measured(rows)
    with pytest.raises(UserError, match="no item is incorrect"):
        measured(verdict_rows(lambda *_: "correct", incorrect=0))
