"""Which programs are to be translated into which PLs; crosspl.translation is apart because RL and sampling need it.

In: problems, verified programs per PL. Out: pairs as crosspl.translation describes them, and what was left out and why.
"""

from collections import Counter

from crosspl.protocol import answerable
from crosspl.translation import pair

COLUMNS = ("split", "from", "into", "problems", "pairs", "without_program", "without_tests")


def build_pairs(problems, programs, sources, targets):
    """Return (pairs, rows of what was left out) for every problem and every two different PLs of sources × targets.

    programs: {PL: program rows}; of a problem's programs in a PL the first with verdict OK is shown. Dropped, and
    counted: problems without such a program, and problems whose answers in the target PL nothing could judge.
    """
    right = {source: first_right(programs[source]) for source in sources}
    pairs, counts = [], {}
    for problem in problems:
        for source in sources:
            for target in targets:
                if source == target:
                    continue
                count = counts.setdefault((problem["split"], source, target), Counter())
                count["problems"] += 1
                if not is_tested(problem, target):
                    count["without_tests"] += 1
                elif problem["id"] not in right[source]:
                    count["without_program"] += 1
                else:
                    count["pairs"] += 1
                    pairs.append(pair(problem, right[source][problem["id"]], source, target))
    return pairs, [dict(zip(COLUMNS, [*key, *(count[name] for name in COLUMNS[3:])])) for key, count in counts.items()]


def first_right(programs):
    """Return {problem: code} of each problem's first program with verdict OK."""
    found = {}
    for row in programs:
        if row["verdict"] == "OK":
            found.setdefault(row["problem"], row["code"])
    return found


def is_tested(problem, language):
    """Return whether anything can tell if a program for a problem is right in a PL."""
    return bool(problem["tests"] or problem["harness"]) and answerable(problem, language)
