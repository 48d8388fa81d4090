"""What tells correct programs from incorrect ones without their problem: there should be nothing.

In: items of code verification. Out: areas under the ROC curve of the label "correct": by the length of a program, and
by its words (naive Bayes with Laplace's correction, learnt from the items of another split). 0.5 is nothing.
"""

import math
from collections import Counter

import numpy as np

from crosspl.near_duplicates import TOKEN
from crosspl.verification import CORRECT, LABELS


def auc(scores, labels):
    """Return P(score of a True > score of a False), ties count half; None without both."""
    scores, labels = np.asarray(scores, float), np.asarray(labels, bool)
    positive = int(labels.sum())
    if positive in (0, len(labels)):
        return None
    _, index, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[index]
    return float((ranks[labels].sum() - positive * (positive + 1) / 2) / (positive * (len(labels) - positive)))


def by_length(items):
    """Return the AUC of "longer means correct"."""
    return auc([len(item["code"]) for item in items], [item["label"] == CORRECT for item in items])


def by_words(items, taught):
    """Return the AUC of a classifier that knows the words of the programs in `taught`; None where these are too few."""
    counts = {label: Counter() for label in LABELS}
    for item in taught:
        counts[item["label"]].update(TOKEN.findall(item["code"]))
    totals = [sum(counts[label].values()) for label in LABELS]
    if not all(totals):
        return None
    known = len(set().union(*counts.values()))
    shift = math.log((totals[1] + known) / (totals[0] + known))
    correct, incorrect = (counts[label] for label in LABELS)
    scores = [
        sum(shift + math.log((correct[word] + 1) / (incorrect[word] + 1)) for word in TOKEN.findall(item["code"]))
        for item in items
    ]
    return auc(scores, [item["label"] == CORRECT for item in items])
