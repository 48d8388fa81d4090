"""Imported data as a problem source: what rule import_problems has written, split by family and date.

In: settings {"seed", "shares", "eval_from", "fewest_tests", "most_tests"}, maybe "fewest_killed" and
"train_on_evaluation_data", the folder FOLDER. Out: problem rows, Drops, candidate programs. A problem that its importer
has put into `eval` stays there, and one of a source that is for evaluation only goes there. Others go, with their whole
family, to `eval` when they are as new as `eval_from`, else by a hash of the family to the splits in the given shares. A
problem whose tests kill a smaller share of wrong programs than `fewest_killed` (strength.csv, of rule test_strength) is
left out; one that could not be measured is kept.
"""

import hashlib
from itertools import accumulate
from pathlib import Path

from crosspl.claims import Drop
from crosspl.errors import UserError
from crosspl.io import read_csv, stream_rows
from crosspl.licenses import is_for_evaluation

FOLDER = Path("results/imported")


def build_problems(settings):
    """Yield the problem rows, and a Drop for each that is left out."""
    path, weak = FOLDER / "problems.jsonl.gz", weak_problems(settings.get("fewest_killed"))
    splits = splits_of_families(stream_rows(path), settings)
    for row in stream_rows(path):
        tests = row["tests"] or []
        if not row["harness"] and len(tests) < settings["fewest_tests"]:
            yield Drop("problem", row["id"], f"fewer than {settings['fewest_tests']} tests")
        elif row["id"] in weak:
            yield Drop(
                "problem", row["id"], f"its tests kill fewer than {settings['fewest_killed']:g} of wrong programs"
            )
        else:
            yield row | {"tests": tests[: settings["most_tests"]], "split": splits[row["family"]]}


def weak_problems(fewest):
    """Return the ids of the problems whose kill rate is known and below `fewest`; without a number none."""
    if fewest is None:
        return set()
    rows = read_csv(FOLDER / "strength.csv")
    return {row["problem"] for row in rows if row["kill_rate"] and float(row["kill_rate"]) < fewest}


def candidate_programs(problems, language, settings):
    """Yield the imported programs of one PL, for whatever problem they are; without the blanks at the end, which no
    answer of a model has (crosspl.protocol), so that what is judged is what is asked for and learned."""
    path = FOLDER / "programs" / f"{language}.jsonl.gz"
    for row in stream_rows(path) if path.exists() else ():
        yield {"style": "", **row, "code": row["code"].rstrip()}


def splits_of_families(rows, settings):
    """Return {family: split}; one problem of a family in `eval` takes the others along."""
    held_out, families = set(), {}
    for row in rows:
        families[row["family"]] = None
        kept_apart = is_for_evaluation(row["source"]) and not settings.get("train_on_evaluation_data")
        if (
            row["split"] == "eval"
            or kept_apart
            or (settings["eval_from"] and (row.get("date") or "") >= settings["eval_from"])
        ):
            held_out.add(row["family"])
    return {family: "eval" if family in held_out else drawn(family, settings) for family in families}


def drawn(family, settings):
    """Return the split that a hash of the family falls on."""
    place = int.from_bytes(hashlib.sha256(f"{settings['seed']} {family}".encode()).digest()[:8], "big") / 2**64
    names, shares = zip(*sorted(settings["shares"].items()))  # whatever order they are written in
    if not any(shares):
        raise UserError(f"problems.imported.shares are all 0: the family {family} can go nowhere; give one above 0")
    bounds = [bound / sum(shares) for bound in accumulate(shares)]
    return next(name for name, bound in zip(names, bounds) if place < bound)
