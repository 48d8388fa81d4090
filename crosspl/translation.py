"""Translation of programs from one PL into another: what OORL does RL on (arXiv 2505.12723, section 3).

In: problems, verified programs per PL. Out: pairs {"id", "problem", "family", "split", "from", "into", "language",
"code"}, `language` being `into` and `code` the program that is shown; each as a problem row that shows the program
instead of the statement, so that RL and sampling treat it like any other, and its answer is judged on the same tests.
"""

from collections import Counter

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
    return bool(problem["tests"]) if not problem["harness"] else language in problem["harness"]


def pair(problem, code, source, target):
    """Return the pair in which `code`, in the PL `source`, is to be translated into `target`."""
    return {
        "id": f"{problem['id']}/{source}/{target}", "problem": problem["id"], "family": problem["family"],
        "split": problem["split"], "from": source, "into": target, "language": target, "code": code,
    }  # fmt: skip


def as_problem(problem, one):
    """Return the question of a pair as a problem row: its id is the pair's, `into` the PL of the answer."""
    shown = {"language": one["from"], "code": one["code"]}
    return problem | {"id": one["id"], "into": one["into"], "shown": shown}


def as_problems(problems, pairs):
    """Return the questions of the pairs whose problem is among `problems`, in the pairs' order."""
    by_id = {problem["id"]: problem for problem in problems}
    return [as_problem(by_id[one["problem"]], one) for one in pairs if one["problem"] in by_id]


def language_of(problem, language):
    """Return the PL of the answer to a question: its own, or `language`, in which all others are asked."""
    return problem.get("into", language)
