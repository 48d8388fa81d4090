"""pass@k of one checkpoint from its verdicts (Chen et al. 2021, "Evaluating Large Language Models Trained on Code").

In: `verdicts/{checkpoint}.jsonl.gz`, one row per completion. Out: one Cell per (language, reading) with the pass@1 of
every problem, and the rows of `pass_at_1/{checkpoint}.csv`. A JE (judge error) says nothing about the program: it is
taken out of n and c, and a problem left with n < k has no score (NaN), which is counted and never read as 0.
"""

from collections import Counter
from math import comb
from typing import NamedTuple

import numpy as np

from crosspl.errors import UserError
from crosspl.io import read_rows
from crosspl.statistics import bootstrap_weights, estimate

VERDICTS = ("OK", "WA", "RE", "TLE", "ILE", "MLE", "OLE", "CE", "CTLE", "NC", "JE")
READINGS = ("sampled", "greedy")
FIELDS = {"problem": str, "family": str, "language": str, "reading": str, "sample": int, "verdict": str,
          "wrong_language": bool, "extracted": bool, "truncated": bool, "tokens": int}  # fmt: skip
RATES = ("wrong_language_rate", "extraction_failure_rate", "truncated_rate", "mean_tokens")  # of all completions
SCORE_COLUMNS = [
    "checkpoint", "language", "reading", "problems", "samples", "pass_at_1", "low", "high",
    *RATES, *VERDICTS,
    "problems_common", "pass_at_1_common", "mark",
]  # fmt: skip


class Cell(NamedTuple):
    """One checkpoint's completions in one language and reading; the lists are sorted by problem.

    scores: pass@1 of each problem, NaN where every completion was JE. samples: completions per problem, JE included.
    Rates and mean tokens are over all completions.
    """

    problems: list
    families: list
    scores: np.ndarray
    samples: int
    verdicts: Counter
    wrong_language_rate: float
    extraction_failure_rate: float
    truncated_rate: float
    mean_tokens: float


def pass_at_k(n, c, k):
    """Return the unbiased estimate of pass@k from c correct of n completions; UserError when n < k."""
    if not 0 <= c <= n or k < 1:
        raise UserError(f"pass@{k} of {c} correct in {n} completions makes no sense: need 0 <= c <= n and k >= 1")
    if n < k:
        raise UserError(f"pass@{k} needs at least {k} completions per problem, found {n}: sample more or lower k")
    return 1 - comb(n - c, k) / comb(n, k)


def problem_score(verdicts, k=1):
    """Return pass@k of one problem's verdicts, or None when fewer than k are left without JE; n < k is a UserError."""
    if len(verdicts) < k:
        raise UserError(f"pass@{k} needs at least {k} completions per problem, found {len(verdicts)}")
    n = sum(verdict != "JE" for verdict in verdicts)
    return pass_at_k(n, sum(verdict == "OK" for verdict in verdicts), k) if n >= k else None


def read_cells(path):
    """Return {(language, reading): Cell} of a verdicts file; a malformed or repeated row is a UserError."""
    groups, seen = {}, set()
    for number, row in enumerate(read_rows(path), 1):
        _check_row(row, f"{path}, row {number}")
        key = (row["language"], row["reading"], row["problem"], row["sample"])
        if key in seen:
            raise UserError(f"{path}, row {number}: {_words(*key)} occurs twice. Judge the checkpoint again.")
        seen.add(key)
        groups.setdefault(key[:2], []).append(row)
    if not groups:
        raise UserError(f"{path}: no verdicts. Sample and judge the checkpoint again.")
    return {key: _cell(rows, f"{path}, {key[0]}, {key[1]}") for key, rows in sorted(groups.items())}


def _words(language, reading, problem, sample):
    return f"{language}, {reading}, problem {problem}, sample {sample}"


def _check_row(row, where):
    """Raise a UserError that names the first field that is absent or of the wrong kind."""
    for field, kind in FIELDS.items():
        if type(row.get(field)) is not kind:
            raise UserError(f"{where}: field '{field}' is {row.get(field)!r}, expected {kind.__name__}")
    for field, allowed in (("verdict", VERDICTS), ("reading", READINGS)):
        if row[field] not in allowed:
            raise UserError(f"{where}: field '{field}' is {row[field]!r}, expected one of {', '.join(allowed)}")


def _cell(rows, where):
    """Return the Cell of the rows of one language and reading."""
    verdicts, families = {}, {}
    for row in rows:
        verdicts.setdefault(row["problem"], []).append(row["verdict"])
        if families.setdefault(row["problem"], row["family"]) != row["family"]:
            raise UserError(f"{where}: problem {row['problem']} is in two families; a problem belongs to one")
    problems = sorted(verdicts)
    samples = Counter(len(verdicts[problem]) for problem in problems).most_common(1)[0][0]
    for problem in problems:
        if len(verdicts[problem]) != samples:
            raise UserError(
                f"{where}: problem {problem} has {len(verdicts[problem])} completions, others {samples}. "
                "Sample the checkpoint again."
            )
    scores = [problem_score(verdicts[problem]) for problem in problems]
    return Cell(
        problems, [families[problem] for problem in problems],
        np.array([np.nan if score is None else score for score in scores]),
        samples, Counter(row["verdict"] for row in rows),
        *(sum(values) / len(rows) for values in zip(*map(_counted, rows))),
    )  # fmt: skip


def _counted(row):
    """Return what the RATES of a Cell are means of."""
    return row["wrong_language"], not row["extracted"], row["truncated"], row["tokens"]


def score_rows(cells, checkpoint, draws, seed, mark):
    """Return the rows of the pass@1 table: one per language and reading, fractions, 95 % intervals over families."""
    rows = []
    for (language, reading), cell in cells.items():
        common = _common_problems(cells, reading)
        rows.append({
            "checkpoint": checkpoint, "language": language, "reading": reading,
            "problems": int((~np.isnan(cell.scores)).sum()), "samples": cell.samples,
            **_level(cell, draws, seed),
            **{name: fixed(getattr(cell, name)) for name in RATES},
            **{verdict: cell.verdicts[verdict] for verdict in VERDICTS},
            "problems_common": len(common), "pass_at_1_common": _mean_over(cell, common), "mark": mark,
        })  # fmt: skip
    return rows


def _level(cell, draws, seed):
    """Return pass_at_1, low, high of a cell; all empty when no problem has a score."""
    scored = ~np.isnan(cell.scores)
    if not scored.any():
        return {"pass_at_1": None, "low": None, "high": None}
    families = np.array(cell.families)[scored]
    result = estimate(cell.scores[None, scored], families, bootstrap_weights(families, 1, draws, seed), (0, 1))
    return {"pass_at_1": fixed(result.value), "low": fixed(result.low), "high": fixed(result.high)}


def _common_problems(cells, reading):
    """Return the problems that have a score in every language of this reading."""
    scored = [{problem for problem, score in zip(cell.problems, cell.scores) if not np.isnan(score)}
              for (_, other), cell in cells.items() if other == reading]  # fmt: skip
    return set.intersection(*scored)


def _mean_over(cell, problems):
    """Return the mean score over `problems`, or None when there is none."""
    scores = [score for problem, score in zip(cell.problems, cell.scores) if problem in problems]
    return fixed(float(np.mean(scores))) if scores else None


def fixed(value):
    """Return a number as text with four decimals, without a negative zero; None stays None (an empty cell)."""
    return None if value is None else f"{round(value, 4) + 0.0:.4f}"
