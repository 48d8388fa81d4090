"""CodeContests (deepmind/code_contests): problems of five sites with tests, and people's right and wrong programs.

In: a folder with its Parquet shards, `data/{train,valid,test}-*.parquet`. Out: problem rows (public, private and
generated tests; the published splits) and program rows, `solutions` as accepted and `incorrect_solutions` as rejected.
Licence: CC-BY-4.0. Source: Li et al. 2022, arXiv 2203.07814, and the data set's card for the numbers of sites: those of
google-deepmind/code_contests, contest_problem.proto, differ. The judge there (execution/tester_sandboxer.cc) ignores
case and takes numbers within 1e-5; here only yes and no may be in any case, because some problems are about case.
"""

import math
import re

from crosspl.errors import UserError
from crosspl.importers.codeforces import family
from crosspl.importers.reading import files, parquet_columns, parquet_rows
from crosspl.importers.rows import ACCEPTED, REJECTED, Drop, problem_row, program_row

SOURCE = "code_contests"
HUB = "deepmind/code_contests"
FILES = ["data/*.parquet"]
LICENSE = "CC-BY-4.0"

SITES = ("unknown", "codechef", "codeforces", "hackerearth", "codejam", "atcoder", "aizu")
LANGUAGES = ("UNKNOWN_LANGUAGE", "PYTHON2", "CPP", "PYTHON3", "JAVA")
SPLITS = {"train": "sft", "valid": "validation", "test": "eval"}
TESTS = {"public_tests": True, "private_tests": False, "generated_tests": False}  # and whether they are public
FIELDS = ["name", "description", *TESTS, "source", "solutions", "incorrect_solutions", "cf_contest_id", "cf_index",
          "cf_rating", "cf_tags", "is_description_translated", "untranslated_description", "time_limit",
          "memory_limit_bytes", "input_file", "output_file"]  # fmt: skip
BATCH = 4  # rows in memory: one has all tests and programs of a problem


def read(folder, revision):
    """Yield for each published row its problem, or why not, and then its programs."""
    seen = set()
    for path in shards(folder):
        split = split_of(path)
        for where, row in parquet_rows(path, FIELDS, BATCH):
            found = unusable(where, row, seen) or problem(where, row, split, revision)
            yield found
            yield from programs(where, row, not isinstance(found, Drop), revision)


def shards(folder):
    """Return the shards, found by columns; raise a UserError for one that lacks some or is of no known split."""
    found = {path: parquet_columns(path) for path in files(folder, "*.parquet")}
    found = {path: columns for path, columns in found.items() if {"incorrect_solutions", "private_tests"} <= columns}
    if not found:
        raise UserError(f"{folder}: no Parquet shards with solutions and tests, as {HUB} has them")
    for path, columns in found.items():
        if missing := sorted(set(FIELDS) - columns):
            raise UserError(f"{path}: no column {', '.join(missing)}: get the file again from {HUB}")
        split_of(path)
    return list(found)


def split_of(path):
    """Return our name for the split of a shard: train-00000-of-00039.parquet, or train/0000.parquet (hub)."""
    for name in (path.name.partition("-")[0], path.parent.name):
        if name in SPLITS:
            return SPLITS[name]
    raise UserError(f"{path}: its name must begin with train-, valid- or test-, as in {HUB}")


def unusable(where, row, seen):
    """Return a Drop for a problem that cannot be named or judged, or None."""
    if not (row["name"] or "").strip():
        return Drop("problem", where, "no name")
    if row["source"] is None or not 0 <= row["source"] < len(SITES):
        return Drop("problem", where, f"site not known: {row['source']}")
    if key_of(row) in seen:  # another's programs must not be judged by its tests
        return Drop("problem", where, "id occurs twice")
    seen.add(key_of(row))
    if row["input_file"] or row["output_file"]:
        return Drop("problem", where, "reads or writes files")
    return None


def key_of(row):
    """Return site/name: names occur on several sites."""
    name = re.sub(r"\s+", "_", row["name"].strip())
    return f"{SITES[row['source']]}/{name}"


def problem(where, row, split, revision):
    """Return the problem row of one published row, or a Drop when its tests are damaged or missing."""
    tests = []
    for field, public in TESTS.items():
        inputs, outputs = ((row[field] or {}).get(name) or [] for name in ("input", "output"))
        if len(inputs) != len(outputs) or None in inputs or None in outputs:
            return Drop("problem", where, "a test without input or output")
        tests += [{"stdin": stdin, "stdout": out, "public": public} for stdin, out in zip(inputs, outputs, strict=True)]
    # The family that the importer codeforces gives it too: no problem may be in training there and in a test here.
    known = row["cf_contest_id"] and row["cf_index"] and SITES[row["source"]] == "codeforces"
    return problem_row(
        where, key_of(row), row["description"], tests, source=SOURCE, license=LICENSE, revision=revision, split=split,
        family=family(f"{row['cf_contest_id']}/{row['cf_index']}") if known else None,
        difficulty=row["cf_rating"] or None, comparison="yes_no", title=row["name"],
        tags=[tag for tag in row["cf_tags"] or [] if tag] or None,
        limits=limits(row), site=SITES[row["source"]], untranslated=row["untranslated_description"] or None,
        translated=row["is_description_translated"] or None,
    )  # fmt: skip


def limits(row):
    """Return the limits that are known, None when none is; 0 is what the data set writes for unknown ones."""
    known, seconds = {}, row["time_limit"]
    if isinstance(seconds, dict):
        seconds = (seconds.get("seconds") or 0) + (seconds.get("nanos") or 0) / 1e9
    if seconds and seconds > 0:
        known["cpu_s"] = seconds
    if row["memory_limit_bytes"] and row["memory_limit_bytes"] > 0:
        known["memory_mib"] = math.ceil(row["memory_limit_bytes"] / (1 << 20))
    return known or None


def programs(where, row, kept, revision):
    """Yield the programs of a row; all are Drops when the problem is one."""
    for field, claimed in (("solutions", ACCEPTED), ("incorrect_solutions", REJECTED)):
        languages, codes = ((row[field] or {}).get(name) or [] for name in ("language", "solution"))
        if len(languages) != len(codes):
            raise UserError(f"{where}: {field} has {len(languages)} PLs and {len(codes)} programs: get the file again")
        for number, (language, code) in enumerate(zip(languages, codes, strict=True)):
            if kept:
                label = LANGUAGES[language] if language in range(len(LANGUAGES)) else str(language)
                key = f"{key_of(row)}/{claimed}/{number}"
                yield program_row(
                    where, key, key_of(row), label, code, claimed, source=SOURCE, license=LICENSE, revision=revision
                )
            else:
                yield Drop("program", where, "its problem is not kept")
