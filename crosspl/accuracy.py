"""How right a checkpoint's answers to questions of code verification are: accuracy on each label, and balanced.

In: verdict rows with the label of their item and the answer. Out: rows of verification_accuracy.csv, one per PL and
reading: fractions, 95 % intervals over families. A model that always gives the same answer has a balanced accuracy of
0.5, whatever the shares of the labels (Brodersen et al. 2010). No answer is a wrong one, and counted beside.
"""

import numpy as np

from crosspl.errors import UserError
from crosspl.passk import fixed
from crosspl.statistics import bootstrap_weights, estimate
from crosspl.verification import CORRECT, LABELS

COLUMNS = ("checkpoint", "language", "reading", "items", "correct_items", "samples", "accuracy", "balanced_accuracy",
           "low", "high", "on_correct", "on_incorrect", "said_correct", "no_answer_rate", "mark")  # fmt: skip


def accuracy_rows(rows, where, checkpoint, draws, seed, mark):
    """Return the rows of one checkpoint, from its verdict rows (read from the file `where`)."""
    groups = {}
    for row in rows:
        if row.get("label") not in LABELS:
            raise UserError(f"{where}: these are no answers to questions of code verification; set task: verification")
        groups.setdefault((row["language"], row["reading"]), []).append(row)
    named = {"checkpoint": checkpoint, "mark": mark}
    return [{**named, "language": language, "reading": reading} | measures(found, f"{where}, {language}", draws, seed)
            for (language, reading), found in sorted(groups.items())]  # fmt: skip


def measures(rows, where, draws, seed):
    """Return the numbers of the answers in one PL and reading."""
    items = {}
    for row in rows:
        items.setdefault((row["family"], row["problem"], row["label"]), []).append(row["verdict"] == "OK")
    families, labels = np.array([key[0] for key in items]), np.array([key[2] for key in items])
    scores = np.array([np.mean(found) for found in items.values()])
    right = {label: scores[labels == label] for label in LABELS}
    for label, found in right.items():
        if not len(found):
            raise UserError(f"{where}: no item is {label}; balanced accuracy needs both labels")
    shares = np.array([len(scores) / (2 * len(right[label])) for label in labels])
    result = estimate((scores * shares)[None], families, bootstrap_weights(families, 1, draws, seed), (0, 1))
    answers = [row["answer"] for row in rows]
    return {
        "items": len(items), "correct_items": len(right[CORRECT]), "samples": len(rows) // len(items),
        "accuracy": fixed(float(scores.mean())), "balanced_accuracy": fixed(result.value),
        "low": fixed(result.low), "high": fixed(result.high),
        "on_correct": fixed(float(right[CORRECT].mean())), "on_incorrect": fixed(float(right[LABELS[1]].mean())),
        "said_correct": fixed(answers.count(CORRECT) / len(answers)),
        "no_answer_rate": fixed(answers.count(None) / len(answers)),
    }  # fmt: skip
