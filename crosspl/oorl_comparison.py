"""Our steps beside the paper's: comparison.csv, the order of the rows and the signs of the steps, never a cell.

In: rows of steps.csv, rows of docs/reference/oorl_table4.csv (arXiv 2505.12723, table 4). Out: rows of comparison.csv:
per task and source PL of RL the order of the rows, then every step whose rows both were trained.

The paper has one run per row, so of its steps only those of at least RELIABLE points are read as a sign; the smaller
one, DPO - RL, is read as its words are: about equal. Ours is a sign where p_holm is below 5 %, equivalent where a
difference as large as the margin is ruled out, else not told apart; neither of these disagrees with a
sign, for the size of the paper's steps says nothing about other models.
"""

from itertools import pairwise

from crosspl.errors import UserError
from crosspl.oorl_rows import ALL, LADDER, MEAN
from crosspl.statistics import LEVEL

RELIABLE = 2.0  # points: below it single runs of the paper say nothing (docs/reference/README.md)
EQUAL, NOT_TOLD = "about equal", "not told apart"
POLICIES = {"none": ("", ""), "rl": ("REINFORCE++", ""), "rl_dpo": ("REINFORCE++", "DPO"),
            "rl_gepo": ("REINFORCE++", "GEPO")}  # fmt: skip
STEPS = (("rl", "none"), ("rl_dpo", "rl"), ("rl_gepo", "rl_dpo"), ("rl_gepo", "rl"))
PAPER = {"generation": "multipl_e", "translation": "from_avg"}  # task: column of table 4
WHY = "cells are not compared: the paper has one run per row, no seeds or error bars; other model, problems and PLs"
COMPARISON_COLUMNS = [
    "task", "source", "comparison", "paper", "paper_sign", "ours", "difference", "low", "high", "p_holm", "margin",
    "mde", "conclusion", "seeds", "problems", "agrees", "not_compared", "mark",
]  # fmt: skip


def comparison_rows(plan, steps, paper):
    """Return the rows of comparison.csv. steps: rows of steps.csv; paper: rows of oorl_table4.csv."""
    found = []
    for task in PAPER:
        values = paper_values(paper, PAPER[task])
        for source in plan.sources:
            lines = {(row["row"], row["against"]): row for row in steps if _is_main(row, task, source)}
            compared = [_compared(lines[pair], values[pair[0]] - values[pair[1]]) for pair in STEPS if pair in lines]
            found += [_order(task, source, lines, compared, plan.mark), *compared]
    return found


def paper_values(paper, column):
    """Return {row of the ladder: percent} of one column of table 4; UserError where the file is another."""
    try:
        by_policy = {(row["on_policy"], row["off_policy"]): float(row[column]) for row in paper}
        return {name: by_policy[policy] for name, policy in POLICIES.items()}
    except (KeyError, ValueError) as error:
        raise UserError(f"--paper: not table 4 of the paper, {error} is missing: see docs/reference/") from None


def _is_main(row, task, source):
    """Return whether a row of steps.csv is of the mean over all PLs."""
    wanted = (task, ALL if task == "translation" else "", source, MEAN)
    return (row["task"], row["from"], row["source"], row["target"]) == wanted


def _compared(row, paper):
    """Return the row of one step. paper: its size there, points."""
    claim = EQUAL if abs(paper) < RELIABLE else _sign(paper)
    ours = sign_of(row)
    return {
        "task": row["task"], "source": row["source"], "comparison": f"{row['row']} - {row['against']}", "paper": claim,
        "paper_sign": _sign(paper), "ours": ours, "difference": row["difference"], "low": row["difference_low"],
        "high": row["difference_high"], "agrees": agreement(claim, ours, row["conclusion"]), "not_compared": WHY,
        **{name: row[name] for name in ("p_holm", "margin", "mde", "conclusion", "seeds", "problems", "mark")},
    }  # fmt: skip


def _sign(number):
    return "+" if number > 0 else "-"


def sign_of(row):
    """Return +, -, equivalent or not told apart, of a row of steps.csv."""
    if float(row["p_holm"]) < 1 - LEVEL:
        return _sign(float(row["difference"]))
    return "equivalent" if row["conclusion"] == "equivalent" else NOT_TOLD


def agreement(claim, ours, conclusion):
    """Return yes, no or undecided. claim: +, - or about equal; ours: `sign_of`; conclusion: of the same row."""
    if claim == EQUAL:
        within = {"equivalent": "yes", "difference within the margin": "yes", "difference": "no"}
        return within.get(conclusion, "undecided")
    return "undecided" if ours not in ("+", "-") else "yes" if ours == claim else "no"


def _order(task, source, lines, compared, mark):
    """Return the row about the order of all rows: ours by the steps from rung to rung."""
    names = [name for name in LADDER if any(name in pair for pair in lines)]
    shown = names[0] if names else ""
    for previous, name in pairwise(names):
        symbol = {"+": "<", "-": ">", "equivalent": "~"}.get(sign_of(lines[name, previous]), "?")
        shown += f" {symbol} {name}"
    verdicts = {row["agrees"] for row in compared}
    complete = len(compared) == len(STEPS)
    agrees = "no" if "no" in verdicts else "yes" if complete and verdicts == {"yes"} else "undecided"
    empty = dict.fromkeys(COMPARISON_COLUMNS)
    return empty | {
        "task": task, "source": source, "comparison": "order", "paper": "none < rl ~ rl_dpo < rl_gepo", "ours": shown,
        "agrees": agrees, "not_compared": WHY, "mark": mark,
        "seeds": next((row["seeds"] for row in lines.values()), None),
    }  # fmt: skip
