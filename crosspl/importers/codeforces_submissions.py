"""Programs that people sent to Codeforces, as published in open-r1/codeforces-submissions; problems are in codeforces.

In: a folder with its Parquet shards (config default in `data/`, `selected_accepted/`, `selected_incorrect/`) and, if it
is there too, open-r1/codeforces, whose aliases lead from a contest's copy of a problem to the one with the tests. Out:
program rows, with Codeforces' verdict and its day; `problem` is the id that the importer codeforces gives. The configs
overlap: a submission is yielded once. Licence: CC-BY-4.0. Source: the data set's card; the verdicts are those of
Codeforces' API (codeforces.com/apiHelp/objects, Submission).
"""

import math
import re

from crosspl.errors import UserError
from crosspl.importers.codeforces import SOURCE, day
from crosspl.importers.reading import files, parquet_columns, parquet_rows
from crosspl.importers.rows import ACCEPTED, REJECTED, Drop, program_row

HUB = "open-r1/codeforces-submissions"
FILES = ["data/*.parquet"]
LICENSE = "CC-BY-4.0"

FIELDS = ["submission_id", "source", "contestId", "problem_index", "programmingLanguage", "verdict", "testset",
          "creationTimeSeconds", "problem_id"]  # fmt: skip
LAST_ID = 1 << 33  # of a submission; today they have nine digits

# A verdict on the program itself; PARTIAL, COMPILATION_ERROR and CHALLENGED are below.
WRONG = {"WRONG_ANSWER", "RUNTIME_ERROR", "TIME_LIMIT_EXCEEDED", "MEMORY_LIMIT_EXCEEDED", "IDLENESS_LIMIT_EXCEEDED",
         "PRESENTATION_ERROR"}  # fmt: skip
DROPPED = {
    "COMPILATION_ERROR": "did not compile",  # by a compiler and version that are not ours
    "CHALLENGED": "failed a test of another contestant",  # which the published tests may not have
    "PARTIAL": "partly right",
    "SKIPPED": "never judged to the end",
    "TESTING": "never judged to the end",
    "SUBMITTED": "never judged to the end",
    "FAILED": "never judged to the end",
    "CRASHED": "never judged to the end",
    "INPUT_PREPARATION_CRASHED": "never judged to the end",
    "REJECTED": "refused for other reasons",
    "SECURITY_VIOLATED": "refused for other reasons",
}


def read(folder, revision):
    """Yield a program row or a Drop for each published row."""
    columns = {path: parquet_columns(path) for path in files(folder, "*.parquet")}
    shards = [path for path, names in columns.items() if {"submission_id", "verdict"} <= names]
    if not shards:
        raise UserError(f"{folder}: no Parquet shards with the columns submission_id and verdict, as {HUB} has them")
    names = aliases(path for path, names in columns.items() if {"id", "aliases"} <= names)
    seen = bytearray()
    for path in shards:
        missing = sorted(set(FIELDS) - columns[path])
        if missing:
            raise UserError(f"{path}: no column {', '.join(missing)}: get the file again from {HUB}")
        for where, row in parquet_rows(path, FIELDS):
            yield unusable(where, row, seen) or program(where, row, names, revision)


def aliases(paths):
    """Return {alias: id} of the problems of open-r1/codeforces; some ten thousand names.

    A name under which a problem has a row of its own leads to that row.
    """
    names, own = {}, set()
    for path in paths:
        for _, row in parquet_rows(path, ["id", "aliases"]):
            names |= dict.fromkeys(row["aliases"] or [], row["id"])
            own.add(row["id"])
    return {alias: problem for alias, problem in names.items() if alias not in own}


def unusable(where, row, seen):
    """Return a Drop for a submission that is nothing to learn or to test with, or None."""
    number, verdict = row["submission_id"] or "", row["verdict"]
    if not re.fullmatch(r"[0-9]{1,10}", number) or int(number) >= LAST_ID:
        return Drop("program", where, "no submission id")
    if not first_time(int(number), seen):
        return Drop("program", where, "id occurs twice")
    if not verdict:
        return Drop("program", where, "no verdict")
    if verdict == "OK" and row["testset"] == "PRETESTS":
        return Drop("program", where, "passed pretests only")
    if verdict != "OK" and verdict not in WRONG:
        return Drop("program", where, DROPPED.get(verdict, f"verdict not known: {verdict}"))
    if not problem_of(row):
        return Drop("program", where, "no problem")
    return None


def first_time(number, seen):
    """Return whether a number was not seen before: one bit each, so that 12.6 M ids take 40 MB and not a gigabyte."""
    place, bit = number >> 3, 1 << (number & 7)
    if place >= len(seen):
        seen.extend(bytes(place + 1 - len(seen)))
    new = not seen[place] & bit
    seen[place] |= bit
    return new


def problem_of(row):
    """Return the problem as contest/index, None when the row does not say."""
    if row["problem_id"]:
        return row["problem_id"]
    return f"{row['contestId']}/{row['problem_index']}" if row["contestId"] and row["problem_index"] else None


def program(where, row, names, revision):
    """Return the program row of a judged submission, or a Drop (PL not known, empty)."""
    problem, right, sent = problem_of(row), row["verdict"] == "OK", row["creationTimeSeconds"]
    return program_row(
        where, f"submission/{row['submission_id']}", names.get(problem, problem), row["programmingLanguage"] or "",
        row["source"], ACCEPTED if right else REJECTED, source=SOURCE, license=LICENSE, revision=revision,
        reason=None if right else row["verdict"], date=day(sent) if sent and math.isfinite(sent) else None,
        compiler=row["programmingLanguage"],
    )  # fmt: skip
