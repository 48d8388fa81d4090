"""What the judge says of answers that may be winners or losers.

In: a judge, (problem, answer)s. Out: verdicts; of answers that should be wrong those that were shown to be, with their
kind. One that agrees on all tests is no loser, and one about which the judge cannot say anything is none either.
"""

from crosspl.groups.rows import DIFFERS, INVALID
from crosspl.problems import judge_row

DROPS = {"OK": "agrees on all tests", "JE": "judge error", "CTLE": "limits of the compiler", "NC": "no code"}


def verdicts(judge, asked):
    """Return the verdict of each (problem, answer)."""
    rows = [
        judge_row(problem, answer["language"], answer["code"], str(place))
        for place, (problem, answer) in enumerate(asked)
    ]
    return [row["verdict"] for row in judge.judge(rows, stop_on_first_failure=True)] if rows else []


def shown_wrong(judge, asked, stages):
    """Return for each (problem, answer) the answer with its "kind", or None where it is not shown to be wrong."""
    found = []
    for (_, answer), verdict in zip(asked, verdicts(judge, asked)):
        if verdict in DROPS:
            stages.drop("losers", DROPS[verdict], losers=1)
            found.append(None)
        else:
            found.append(answer | {"kind": INVALID if verdict == "CE" else DIFFERS})
    return found


def shorter(answers, most, stages, stage, name):
    """Return the answers of at most `most` characters; `name` says what they are counted as."""
    kept = [one for one in answers if len(one["code"]) <= most]
    if len(kept) < len(answers):
        stages.drop(stage, "longer than max_chars", **{name: len(answers) - len(kept)})
    return kept
