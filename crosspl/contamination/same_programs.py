"""The same problem by its programs: a program for the one is a program for the other under other names.

In: {problem: [program rows]} of training and of eval, comment marks per PL. Out: (training id, eval id, PL, score).
Compared are 5-grams of the normal form, within a PL; those that every sixth eval program has (reading input, templates)
say nothing. Programs that behave differently are different, however alike: `differs` is asked first, and what can be
run is run by the caller.
"""

from collections import Counter

from crosspl.contamination.likeness import alike, ngrams
from crosspl.contamination.normal_form import normal_form

SIZE = 5  # tokens
COMMON = 1 / 6  # of the eval problems
FEW = 30  # eval problems; of fewer, nothing is common
LEAST = 12  # n-grams that are left: programs of less are too alike by nature
JACCARD = 0.6  # thresholds: benchmarks/contamination.py, docs/contamination.md


def same_programs(training, evaluation, comments, differs=lambda one, other: False):
    """Yield (training id, eval id, PL, score) of problems that share a program, by the best pair of each PL."""
    languages = sorted({row["language"] for rows in evaluation.values() for row in rows})
    for language in languages:
        held_out = sets_of(evaluation, language, comments)
        common = common_grams(held_out)
        taught = {key: found - common for key, found in sets_of(training, language, comments).items()}
        held_out = {key: found - common for key, found in held_out.items()}
        best = {}
        for key, other, jaccard, _ in alike(large(taught), large(held_out)):
            pair = key[0], other[0]
            if jaccard >= max(JACCARD, best.get(pair, 0)) and not differs(*pair):
                best[pair] = jaccard
        yield from ((*pair, language, round(score, 3)) for pair, score in best.items())


def sets_of(programs, language, comments):
    """Return {(problem, number): n-grams} of the right programs in one PL."""
    return {
        (problem, number): ngrams(normal_form(row["code"], comments[language]), SIZE)
        for problem, rows in programs.items()
        for number, row in enumerate(rows)
        if row["language"] == language
    }


def common_grams(held_out):
    """Return the n-grams that programs for many eval problems have."""
    by_problem = {}
    for (problem, _), found in held_out.items():
        by_problem.setdefault(problem, set()).update(found)
    if len(by_problem) < FEW:
        return set()
    counts = Counter(gram for found in by_problem.values() for gram in found)
    return {gram for gram, count in counts.items() if count > COMMON * len(by_problem)}


def large(sets):
    return {key: found for key, found in sets.items() if len(found) >= LEAST}
