"""The answer in words: the headline sentence and what else the tables say, nothing that is not in a row.

In: rows of headline.csv, transfer_table.csv, contrasts.csv. Out: sentences.
"""

from crosspl.plots.numbers import MISSING, count, decimal, number, points, with_interval
from crosspl.statistics import LEVEL

POOLED = "mean of unseen"
CONTROL = "same_problems"
ALPHA = 1 - LEVEL


def headline_rows(rows, treatment, control=CONTROL):
    """Return the rows the headline is about, one per source PL: treatment against control on the mean of unseen PLs."""
    wanted = (treatment, control, POOLED)
    return [row for row in rows if (row["treatment"], row["control"], row["target"]) == wanted]


def sentence(row):
    """Return the headline: conclusion, difference with interval, seeds, problems and margin, what it means."""
    word, meaning = verdict(row)
    return (
        f"{word}: after RL in {row['source']}, the mean gain in the unseen PLs from {row['treatment']} minus the gain "
        f"from {row['control']} is {with_interval(row, 'contrast', 'low', 'high')} points "
        f"({numbered(row['seeds'], 'seed')}, {numbered(row['problems'], 'problem')}, margin ±{size(row['margin'])}), "
        f"{meaning}."
    )


def verdict(row):
    """Return the conclusion of a headline row in a word or two, and what it means for the hypothesis."""
    treatment, control = row["treatment"], row["control"]
    if conclusion(row) == "equivalent":
        seen = "" if number(row["low"]) < 0 < number(row["high"]) else (
            "; that the interval leaves out 0 does not hold after Holm's correction"
        )  # fmt: skip
        return (
            "Equivalent",
            f"so a difference between {treatment} and {control} as large as the margin is ruled out{seen}",
        )
    if conclusion(row) == "difference":
        if number(row["contrast"]) < 0:
            return (
                "A difference against the hypothesis",
                f"so RL transfers worse after {treatment} than after {control}",
            )
        small = ", though by less than the margin" if is_equivalent(row) else ""
        return "A difference", f"so RL transfers better after {treatment} than after {control}{small}"
    return "Undecided", "which can neither be told from 0 nor be shown to be smaller than the margin"


def conclusion(row):
    """Return difference, equivalent or undecided."""
    word = row["conclusion"].split()[0].strip(".,:;()").lower() if row["conclusion"].strip() else "undecided"
    return word if word in ("difference", "equivalent") else "undecided"


def is_equivalent(row):
    """Return whether the equivalence test holds."""
    return number(row["p_equivalence"]) < ALPHA


def caveats(row):
    """Return what a reader of the headline must know beside it: power, and what few seeds hide."""
    notes = []
    if conclusion(row) == "undecided":
        notes.append(f"This run would have found a difference of {size(row['mde'])} points (power 80 %).{remedy(row)}")
    if count(row["seeds"]) == "1":
        notes.append("One seed: the interval leaves out the noise between training runs, so it speaks of these trained "
                     "models only.")  # fmt: skip
    elif count(row["seeds"]) == "2":
        notes.append("Two seeds: the noise between training runs is judged from very few runs; take more before "
                     "believing a difference.")  # fmt: skip
    return notes


def remedy(row):
    """Return what would decide it, as far as the table says."""
    needs = [f"{count(row[name])} {words}" for name, words in (
        ("problems_needed", "problems at this number of seeds"), ("seeds_needed", "seeds on these problems"),
    ) if count(row[name]) != MISSING]  # fmt: skip
    return f" To find one as large as the margin takes {' or '.join(needs)}." if needs else ""


def findings(tables):
    """Return short statements about the whole transfer table, each a count of rows."""
    notes = []
    rows = tables["transfer_table"]
    for role, where in (("source", "the source PL itself"), ("unseen", "unseen PLs")):
        chosen = [row for row in rows if row["role"] == role]
        notes += [f"Gains of RL in {where}: {held(chosen, 'gain', 'init')}"] if chosen else []
    chosen = [row for row in tables["contrasts"] if row["role"] == "unseen" and row["control"] != "base"]
    if chosen:
        notes.append(f"Gain of {chosen[0]['treatment']} minus gain of a trained control, in single unseen PLs: "
                     f"{held(chosen, 'contrast', 'control')}")  # fmt: skip
    return notes


def held(rows, value, name):
    """Return how many of the rows' numbers differ from 0 after Holm's correction, and which."""
    kept = [row for row in rows if number(row["p_holm"]) < ALPHA]
    low, high = ("gain_low", "gain_high") if value == "gain" else ("low", "high")
    named = [f"{row[name]} → {row['target']} {with_interval(row, value, low, high, points)}" for row in kept]
    total = f"{len(kept)} of {len(rows)} differ from 0 after Holm’s correction"
    return f"{total}: {'; '.join(named)}." if kept else f"{total}."


def numbered(text, word):
    """Return "1 seed", "3 seeds"."""
    return f"{count(text)} {word}{'' if count(text) == '1' else 's'}"


def size(text):
    """Return an unsigned difference in points."""
    return decimal(100 * number(text))
