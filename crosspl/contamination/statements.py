"""The same problem by its statement: word n-grams.

In: problem rows of training and of eval. Out: (training id, eval id, score). A short statement must be the same words:
"print the sum" and "print the maximum" are two problems of one word's difference. A long one may be reworded in part,
or stand within a longer one. Lines, punctuation and case do not count, so that a re-wrapped copy is found.
"""

import re

from crosspl.contamination.likeness import alike, ngrams

WORDS = 3  # per n-gram. Thresholds: the planted cases of benchmarks/contamination.py, docs/contamination.md
SHORT = 24  # words; a statement of fewer has to be equal
JACCARD = 0.45
CONTAINMENT = 0.7


def same_statements(training, evaluation):
    """Yield (training id, eval id, score) of problems that ask for the same in nearly the same words."""
    asked, held_out = ({row["id"]: words(text_of(row)) for row in rows} for rows in (training, evaluation))
    equal = {}
    for key, found in held_out.items():
        equal.setdefault(" ".join(found), []).append(key)
    for key, found in asked.items():
        for other in equal.get(" ".join(found), ()) if found else ():
            yield key, other, 1.0
    grams = [{key: ngrams(found, WORDS) for key, found in part.items() if len(found) >= SHORT}
             for part in (asked, held_out)]  # fmt: skip
    for key, other, jaccard, containment in alike(*grams):
        if asked[key] != held_out[other] and (jaccard >= JACCARD or containment >= CONTAINMENT):
            yield key, other, round(max(jaccard, containment), 3)


def text_of(problem):
    """Return what a problem asks; where each PL has a prompt of its own, one of them, Python's if there is one."""
    prompts = problem.get("prompts") or {}
    return problem["statement"] or prompts.get("python") or prompts.get(min(prompts, default="")) or ""


def words(text):
    """Return the words and numbers of a text in lower case; its layout and punctuation do not count."""
    return re.findall(r"\w+", text.lower())
