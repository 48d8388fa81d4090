"""Audits that stop the run: no unseen PL and no eval family may occur in training data.

In: training sets {name: rows with "language", "family", "completion" or "code", "bridge" where they hold a program in
another PL too}, eval problems, eval programs.
Out: rows of audit/exclusion.csv and audit/contamination.csv, and the violations in words.
"""

import re
from collections import Counter

from crosspl.protocol import programs_in

EXCLUSION_COLUMNS = ("training_set", "language", "role", "examples", "ok")
CONTAMINATION_COLUMNS = ("training_set", "examples", "eval_problems", "shared_families", "shared_programs",
                         "shared_statements", "same_problems", "ok")  # fmt: skip


def exclusion_rows(training_sets, allowed, evaluated):
    """Return one row per training set × language; a language outside `allowed[training set]` must have no example."""
    rows = []
    for name, examples in training_sets.items():
        held = Counter(language for row in examples for language in {one for one, _ in programs_in(row)})
        for language in sorted(held.keys() | set(evaluated)):
            count = held[language]
            inside = language in allowed[name]
            rows.append(
                {
                    "training_set": name,
                    "language": language,
                    "role": "trained" if inside else "excluded",
                    "examples": count,
                    "ok": "yes" if inside or not count else "NO",
                }
            )
    return rows


def contamination_rows(training_sets, eval_problems, eval_programs, left=frozenset()):
    """Return one row per training set: what it shares with the eval split (in any PL, layout aside).

    left: ids of problems that are eval problems in disguise (crosspl.contamination).
    """
    families = {row["family"] for row in eval_problems}
    statements = {words(row["statement"]) for row in eval_problems if row["statement"]}
    programs = {words(row["code"]) for row in eval_programs} - {""}
    rows = []
    for name, examples in training_sets.items():
        shared = [
            {row["family"] for row in examples} & families,
            {words(code) for row in examples for _, code in programs_in(row)} & programs,
            {words(row.get("statement") or "") for row in examples} & statements,
            {row.get("problem") for row in examples} & set(left),
        ]
        rows.append(
            {
                "training_set": name,
                "examples": len(examples),
                "eval_problems": len(eval_problems),
                **dict(zip(CONTAMINATION_COLUMNS[3:7], map(len, shared))),
                "ok": "NO" if any(shared) else "yes",
            }
        )
    return rows


def words(text):
    """Return text without layout and case, so that a re-wrapped copy is found."""
    return " ".join(re.findall(r"\w+|[^\w\s]", text.lower()))
