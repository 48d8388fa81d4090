"""Pairs of a correct and an incorrect program for one problem in one PL: the items of code verification.

In: judged programs of a problem, wrong ones of whatever origin. Out: items in pairs, so that labels are balanced in
every problem and PL. A label is what the judge says: a program that is called wrong and passes is in no item, one that
its source calls right and that fails is an incorrect one. What does not run at all (CE) is in none: it is no matter of
syntax.
"""

import hashlib

from crosspl.audits import words
from crosspl.claims import REJECTED
from crosspl.near_duplicates import likeness, signatures
from crosspl.verification import CORRECT, INCORRECT

NOT_RUN = ("CE", "CTLE", "NC")
NEAR_MISS, MUTANT, SUBMISSION, VERIFIED = "near miss", "mutant", "submission", "verified program"
ORDER = ("eval", "validation", "rl", "sft")  # of splits: a text that occurs in two is an item of the first


class Texts:
    """Which split a program belongs to, layout and case aside: none may be in two."""

    def __init__(self):
        self.splits = {}

    def free(self, code, split):
        """Return whether no other split has the program; it is this split's from now on."""
        key = hashlib.sha256(words(code).encode(errors="surrogatepass")).digest()[:12]
        return self.splits.setdefault(key, split) == split


def correct_programs(programs):
    """Return the programs that the judge found right, each text once, but those that their source calls wrong."""
    right = [row for row in programs if row["verdict"] == "OK" and row.get("claimed") != REJECTED]
    return list({row["code"].strip(): row for row in reversed(right)}.values())[::-1]


def wrong_programs(programs):
    """Return the programs that ran and that the judge found wrong, each text once."""
    wrong = [row | {"how": row.get("how", SUBMISSION)} for row in programs if row["verdict"] not in ("OK", *NOT_RUN)]
    return list({row["code"].strip(): row for row in reversed(wrong)}.values())[::-1]


def partners(correct, wrong, comment):
    """Return [(right program, wrong one)], every program at most once: to each right one the wrong one most like it.

    A wrong program that was made from a right one ("of": its id) is a partner for no other.
    """
    if not correct or not wrong:
        return []
    left, found = list(range(len(wrong))), []
    matrix = signatures([row["code"] for row in wrong], comment)
    for row, signature in zip(correct, signatures([row["code"] for row in correct], comment)):
        mine = [place for place in left if wrong[place].get("of", row["id"]) == row["id"]]
        if mine:
            alike = likeness(signature, matrix[mine])
            place = mine[int(alike.argmax())]
            found.append((row, wrong[place]))
            left.remove(place)
    return found


def without_partner(correct, found):
    """Return the right programs that are in no pair."""
    taken = {row["id"] for row, _ in found}
    return [row for row in correct if row["id"] not in taken]


def items(problem, found, texts):
    """Return the two items of each pair, numbered; a pair with a program of another split is left out."""
    split = problem["split"]
    free = [pair for pair in found if all(texts.free(row["code"], split) for row in pair)]
    return [
        _item(problem, row, label, number)
        for number, pair in enumerate(free)
        for label, row in zip((CORRECT, INCORRECT), pair)
    ]


def _item(problem, row, label, number):
    return {
        "id": f"{problem['id']}/{label}/{number}",
        "problem": problem["id"],
        "family": problem["family"],
        "split": problem["split"],
        "language": row["language"],
        "style": row.get("style", ""),
        "difficulty": problem["difficulty"],
        "code": row["code"],
        "label": label,
        "how": VERIFIED if label == CORRECT else row["how"],
        "verdict": row["verdict"],
    }
