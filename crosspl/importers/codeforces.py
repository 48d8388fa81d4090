"""Problems of Codeforces as published in open-r1/codeforces: statements, official and generated tests, checkers.

In: a folder with the Parquet shards of one config (`verifiable/`, or default in `data/`) and, where they were fetched
too (244 GB), `generated_tests/test_cases_{contest}.parquet`. Out: problem rows; the split `test` is for evaluation.
Official tests are those that the site shows in full: `tests_complete` says whether all are there, or generated ones
stand in for those that are not. Licence: CC-BY-4.0. Source: Penedo et al. 2025, the data set's card, and in
huggingface/open-r1 utils/competitive_programming/cf_scoring.py for how its tests are used.
"""

import math
import re
from datetime import UTC, datetime
from pathlib import Path

from crosspl.errors import UserError
from crosspl.importers.checkers import called_with_files
from crosspl.importers.reading import files, parquet_columns, parquet_matches, parquet_rows
from crosspl.importers.rows import Drop, problem_row

SOURCE = "codeforces"
HUB = "open-r1/codeforces"
FILES = ["verifiable/*.parquet"]
LICENSE = "CC-BY-4.0"

CONFIGS = ("verifiable/*.parquet", "data/*.parquet")  # the first that is there: `data`, default, has its problems too
GENERATED = "generated_tests/test_cases_*.parquet"
FIELDS = ["id", "aliases", "contest_start", "time_limit", "memory_limit", "title", "description", "input_format",
          "output_format", "interaction_format", "note", "examples", "rating", "tags", "official_tests",
          "official_tests_complete", "input_mode", "generated_checker", "executable", "generated_tests"]  # fmt: skip
PARTS = (("Input", "input_format"), ("Output", "output_format"))  # of a statement, after the description
BATCH = 4  # rows in memory: a problem can have hundreds of MB of tests


def read(folder, revision):
    """Yield a problem row or a Drop for each published row."""
    generated = {path.stem: path for path in Path(folder).rglob(GENERATED)}
    for path in shards(folder):
        split = "eval" if path.name.startswith("test") else "sft"
        for where, row in parquet_rows(path, FIELDS, BATCH):
            yield unusable(where, row) or problem(where, row, generated, split, revision)


def shards(folder):
    """Return the shards of problems of one config, by their columns: other data sets may lie in the folder too."""
    found = [sorted(Path(folder).rglob(pattern)) for pattern in CONFIGS] + [files(folder, "*.parquet")]
    for paths in found:
        problems = [path for path in paths if {"id", "official_tests"} <= parquet_columns(path)]
        if problems:
            return check_columns(problems)
    raise UserError(f"{folder}: no Parquet shards with the columns id and official_tests, as {HUB} has them")


def check_columns(paths):
    """Return `paths`; raise a UserError for a shard that lacks a column."""
    for path in paths:
        missing = sorted(set(FIELDS) - parquet_columns(path))
        if missing:
            raise UserError(f"{path}: no column {', '.join(missing)}: get the file again from {HUB}")
    return paths


def unusable(where, row):
    """Return a Drop for a problem that cannot be judged on standard input and output, or None."""
    reasons = {
        "no id": not re.fullmatch(r"\d+/\w+", row["id"] or ""),
        "interactive": bool((row["interaction_format"] or "").strip()),
        "reads and writes files": row["input_mode"] == "file",
        "not executable, says the source": not row["executable"],
        "input mode not known": row["input_mode"] not in ("stdio", "file"),
    }
    return next((Drop("problem", where, reason) for reason, applies in reasons.items() if applies), None)


def problem(where, row, generated, split, revision):
    """Return the problem row of one published row, or a Drop when its tests are damaged or missing."""
    official, examples = cases(row["official_tests"]), cases(row["examples"])
    count = row["generated_tests"] or 0
    path = generated.get(f"test_cases_{int(row['id'].split('/')[0]):04d}") if count else None
    more = cases(list(parquet_matches(path, "problem_id", row["id"], ["input", "output"], BATCH))) if path else []
    if official is None or examples is None or more is None:
        return Drop("problem", where, "a test without input or output")
    if count and not official and not more:
        return Drop("problem", where, "its generated tests are not there")
    checker = called_with_files(row["generated_checker"])
    tests = judged(official, more, examples, row["official_tests_complete"])
    return problem_row(
        where, row["id"], statement(row), tests, source=SOURCE, license=LICENSE, revision=revision, split=split,
        family=family(row["id"]), difficulty=row["rating"], comparison="yes_no", checker=checker, title=row["title"],
        date=day(row["contest_start"]), limits=limits(row["time_limit"], row["memory_limit"]), tags=row["tags"] or None,
        aliases=[f"{SOURCE}/{alias}" for alias in row["aliases"] or []] or None,
        tests_complete=bool(row["official_tests_complete"]) or 0 < count <= len(more),
    )  # fmt: skip


def cases(published):
    """Return [(input, output)], or None when one of them is missing.

    The publisher's judge removes the carriage returns that Codeforces' pages add to inputs and outputs.
    """
    pairs = [(case.get("input"), case.get("output")) if case else (None, None) for case in published or []]
    if any(text is None for pair in pairs for text in pair):
        return None
    return [tuple(text.replace("\r\n", "\n") for text in pair) for pair in pairs]


def judged(official, generated, examples, complete):
    """Return the judge's tests; the statement's examples are public.

    Official tests begin with the examples; where long ones were left out, an example may be among those, and is added.
    """
    shown = {words(*pair): pair for pair in examples}
    tests = [*official, *generated]
    if tests and not complete:
        known = {words(*pair) for pair in official}
        tests = [pair for key, pair in shown.items() if key not in known] + tests
    return [{"stdin": pair[0], "stdout": pair[1], "public": words(*pair) in shown} for pair in tests]


def words(stdin, stdout):
    """Return what two tests are compared by: pages and test files differ in blanks."""
    return " ".join(stdin.split()), " ".join(stdout.split())


def statement(row):
    """Return the statement as one text, its parts in the order of the site; None when there is no description."""
    if not (row["description"] or "").strip():
        return None
    parts = [row["description"]]
    for title, name in PARTS:
        parts += [title, row[name]] if (row[name] or "").strip() else []
    for example in row["examples"] or []:
        parts += ["Example", "Input", example["input"], "Output", example["output"]]
    parts += ["Note", row["note"]] if (row["note"] or "").strip() else []
    return "\n\n".join(part.strip("\r\n") for part in parts)


def family(key):
    """Return the family of a problem: the easy and the hard version of one (1234/E1, 1234/E2) tell the same story."""
    return f"{SOURCE}/" + re.sub(r"(?<=/)([A-Z])\d+$", r"\1", key)


def limits(seconds, mib):
    """Return the limits that are known, None when none is. The site's MB are MiB."""
    known = {"cpu_s": seconds, "memory_mib": mib}
    known = {name: value for name, value in known.items() if value is not None and math.isfinite(value) and value > 0}
    if "memory_mib" in known:
        known["memory_mib"] = math.ceil(known["memory_mib"])
    return known or None


def day(seconds):
    """Return the UTC date of a Unix time, or None."""
    return datetime.fromtimestamp(seconds, UTC).date().isoformat() if seconds else None
