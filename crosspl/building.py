"""From candidates to verified programs of one PL: which are judged, which are kept, and where the others were lost.

In: the candidates of one problem (rows with "code" and, but for our own, "claimed"), a Choice, the PL's comments. Out:
the candidates to judge; of the judged ones those to keep; counts of programs and problems per stage.
"""

from collections import Counter
from typing import NamedTuple

from crosspl.claims import REJECTED, UNVERIFIED
from crosspl.near_duplicates import distinct, diverse, signatures

STAGES = ("candidates", "not said to be wrong", "different texts", "no near-duplicates", "judged", "right", "kept",
          "said to be wrong, judged", "of these right", "by a teacher, judged", "by a teacher, right",
          "by a teacher, kept")  # fmt: skip
COLUMNS = ("language", "stage", "programs", "problems")


class Choice(NamedTuple):
    """Per problem and PL. near_duplicates: programs at least so alike are one. judged, per_problem: the most that are
    judged, and kept when right, the most different ones. rejected: programs said to be wrong that are judged too."""

    near_duplicates: float | None = None
    judged: int | None = None
    rejected: int = 0
    per_problem: int | None = None


class Stages:
    """Counts programs and problems per stage."""

    def __init__(self):
        self.programs, self.problems = Counter(), Counter()

    def count(self, stage, rows):
        """Add the rows of one problem; return them."""
        self.programs[stage] += len(rows)
        self.problems[stage] += bool(rows)
        return rows

    def rows(self, language):
        """Return the rows of the table."""
        return [dict(zip(COLUMNS, (language, stage, self.programs[stage], self.problems[stage]))) for stage in STAGES]


def to_judge(candidates, choice, comment, stages):
    """Return the candidates of one problem that are judged: those not said to be wrong, then some said to be wrong."""
    stages.count("candidates", candidates)
    right = stages.count("not said to be wrong", [row for row in candidates if row.get("claimed") != REJECTED])
    right = stages.count("different texts", different(right))
    if choice.near_duplicates is not None:
        right = at(right, distinct(matrix_of(right, comment), choice.near_duplicates))
    stages.count("no near-duplicates", right)
    right = stages.count("judged", most_different(right, choice.judged, comment))
    stages.count("by a teacher, judged", by_teacher(right))
    wrong = different([row for row in candidates if row.get("claimed") == REJECTED])
    wrong = stages.count("said to be wrong, judged", most_different(wrong, choice.rejected, comment))
    return right + wrong


def to_keep(judged, choice, comment, stages):
    """Return the judged programs of one problem that are kept: of the right ones the most different, all others."""
    right = [row for row in judged if row["verdict"] == "OK" and row.get("claimed") != REJECTED]
    stages.count("right", right)
    stages.count("by a teacher, right", by_teacher(right))
    stages.count("of these right", [row for row in judged if row["verdict"] == "OK" and row.get("claimed") == REJECTED])
    chosen = stages.count("kept", most_different(right, choice.per_problem, comment))
    stages.count("by a teacher, kept", by_teacher(chosen))
    kept = {row["id"] for row in chosen}
    surplus = {row["id"] for row in right} - kept
    return [row for row in judged if row["id"] not in surplus]


def by_teacher(rows):
    return [row for row in rows if row.get("claimed") == UNVERIFIED]


def different(rows):
    """Return the rows without those whose text occurred before."""
    return list({row["code"].strip(): row for row in reversed(rows)}.values())[::-1]


def most_different(rows, count, comment):
    """Return at most `count` rows (None: all) that differ most, in their order."""
    if count is None or len(rows) <= count:
        return rows
    return at(rows, sorted(diverse(matrix_of(rows, comment), count))) if count else []


def matrix_of(rows, comment):
    return signatures([row["code"] for row in rows], comment)


def at(rows, places):
    return [rows[place] for place in places]
