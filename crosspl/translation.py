"""Questions of translation: what OORL does RL on (arXiv 2505.12723, section 3).

In: problems, verified programs. Out: pairs {"id", "problem", "family", "split", "from", "into", "language", "code"},
`language` being `into` and `code` the program that is shown; each as a problem row that shows the program instead of
the statement, so that RL and sampling treat it like any other, and its answer is judged on the same tests.
"""


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
