"""Code verification, the second task (parallel_sft.md section 2): is a program for a problem correct or incorrect?

In: items {"id", "problem", "family", "split", "language", "style", "difficulty", "code", "label", "how", "verdict"} of
rule build_verification, whose labels are what the judge says. Out: each as a problem whose statement shows the program
and asks, so that SFT, RL and sampling treat it like any other; what a model's answer says.
"""

import re

CORRECT, INCORRECT = LABELS = ("correct", "incorrect")
QUESTION = "Is this program correct or incorrect?"
SHOWN = ("id", "family", "split", "label", "code", "language")


def question(statement, code):
    """Return the statement of a question: the problem's, the program in a fence that it cannot end, the question."""
    marks = max((len(run) for run in re.findall("`+", code)), default=0)
    fence = "`" * max(3, marks + 1)
    asked = f"{fence}\n{code.rstrip()}\n{fence}\n# {QUESTION}"
    return f"{statement}\n{asked}" if statement else asked


def as_problem(problem, item):
    """Return the question about one program as a problem row; its id is the item's."""
    asked = {"statement": question(problem["statement"], item["code"]), "harness": None, "prompts": None, "stop": None}
    return problem | {name: item[name] for name in SHOWN} | asked


def as_problems(problems, items):
    """Return the questions of the items whose problem is among `problems`, in the items' order."""
    by_id = {problem["id"]: problem for problem in problems}
    return [as_problem(by_id[item["problem"]], item) for item in items_of(problems, items)]


def items_of(problems, items):
    """Return the items whose problem is among `problems`."""
    wanted = {problem["id"] for problem in problems}
    return [item for item in items if item["problem"] in wanted]


def answer_of(text):
    """Return what an answer says, by its first word in whatever case; None where it is neither label."""
    found = re.match(r"\W*(\w+)", text)
    return found[1].lower() if found and found[1].lower() in LABELS else None


def verdict_of(text, label):
    """Return OK, WA, or NC where there is no answer."""
    answer = answer_of(text)
    return "NC" if answer is None else "OK" if answer == label else "WA"


def pairs(items):
    """Return {problem: {language: [(correct item, incorrect item), …]}}, in the items' order."""
    table = {}
    for item in items:
        found = table.setdefault(item["problem"], {}).setdefault(item["language"], {label: [] for label in LABELS})
        found[item["label"]].append(item)
    return {
        problem: {language: list(zip(*found.values())) for language, found in by_language.items()}
        for problem, by_language in table.items()
    }
