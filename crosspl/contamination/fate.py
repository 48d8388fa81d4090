"""What becomes of training problems that are eval problems: they and their families are excluded, and it is published.

In: rows of same_problems.csv, problem rows. Out: rows of excluded.csv; the ids that are left out of SFT and RL; what of
a training set should have been excluded and was not.
"""

from crosspl.io import read_csv

SAME_COLUMNS = ("problem", "split", "eval_problem", "signal", "score", "languages")
EXCLUDED_COLUMNS = ("problem", "split", "family", "reason", "eval_problem")
TRAINING = ("sft", "rl", "validation")


def same_rows(pairs, problems):
    """Return sorted rows of same_problems.csv for (training id, eval id, signal, score, languages)."""
    rows = [dict(zip(SAME_COLUMNS, (one, problems[one]["split"], other, signal, score, languages)))
            for one, other, signal, score, languages in pairs]  # fmt: skip
    return sorted(rows, key=lambda row: tuple(str(row[name]) for name in SAME_COLUMNS))


def excluded_rows(same, problems):
    """Return one row per excluded problem: by its own signals, or as a variant of one that has signals."""
    reasons, families = {}, {}
    for row in same:
        own = reasons.setdefault(row["problem"], {})
        own.setdefault(row["eval_problem"], []).append(row["signal"])
        families.setdefault(problems[row["problem"]]["family"], row)
    rows = []
    for key, problem in problems.items():
        if problem["split"] not in TRAINING or problem["family"] not in families:
            continue
        found = families[problem["family"]]
        other, signals = next(iter(reasons[key].items())) if key in reasons else (found["eval_problem"], ())
        reason = " ".join(dict.fromkeys(signals)) or f"family of {found['problem']}"
        rows.append(dict(zip(EXCLUDED_COLUMNS, (key, problem["split"], problem["family"], reason, other))))
    return rows


def excluded_ids(path):
    """Return the ids of the problems in excluded.csv; none without a file."""
    return {row["problem"] for row in read_csv(path)} if path else set()


def without(problems, path):
    """Return `problems` without those in excluded.csv."""
    excluded = excluded_ids(path)
    return [problem for problem in problems if problem["id"] not in excluded]


def left_over(examples, same, excluded):
    """Return the sorted ids of problems in a training set that are on a list, or the same as an eval problem."""
    listed = excluded | {row["problem"] for row in same}
    return sorted({row["problem"] for row in examples if row.get("problem") in listed})
