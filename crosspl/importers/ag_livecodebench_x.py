"""Ag-LiveCodeBench-X: the problems of LiveCodeBench (release_v5) on standard input, for any PL, evaluation only.

In: data/test-*.parquet as published (or the same rows as JSON Lines): question_id, question_content and
private_test_cases, packed as in LiveCodeBench, or a list of them as its own script makes it. Out: problem rows of the
split `eval`, in the families of LiveCodeBench, because they are the same problems. Outputs are compared as there.
Source: Boruch-Gruszecki et al. 2025 (Agnostics), nuprl/Ag-LiveCodeBench-X. No licence is stated, neither for the code
nor for the data.
"""

from crosspl.errors import UserError
from crosspl.importers.lcb_tests import hidden_cases, is_case, stdin_tests
from crosspl.importers.reading import files, rows, text_of
from crosspl.importers.rows import Drop, problem_row

HUB = "nuprl/Ag-LiveCodeBench-X"
FILES = ("test-*.parquet", "test*.jsonl")
LICENSE = "not stated"
SOURCE = "ag_livecodebench_x"


def read(folder, revision):
    """Yield a problem row or a Drop for each row of the files, one row in memory."""
    for path in files(folder, *FILES):
        for where, row in rows(path, batch=1):
            yield problem(where, row, revision)


def problem(where, row, revision):
    """Return the problem row of one published row, or a Drop."""
    key = text_of(where, row, "question_id")
    hidden = test_cases(where, row)
    if hidden is None:
        return Drop("problem", where, "hidden tests over 1 GiB")
    if {case["testtype"] for case in hidden} - {"stdin"}:
        return Drop("problem", where, "kind of tests not known")
    return problem_row(
        where, key, text_of(where, row, "question_content"), stdin_tests(hidden, False), comparison="float",
        family=f"livecodebench/{key}", split="eval", source=SOURCE, license=LICENSE, revision=revision,
    )  # fmt: skip


def test_cases(where, row):
    """Return the hidden test cases, packed or not; None when they are too large."""
    cases = row.get("private_test_cases")
    if not isinstance(cases, list):
        return hidden_cases(where, text_of(where, row, "private_test_cases"))
    if not all(is_case(case) for case in cases):
        raise UserError(f"{where}: field private_test_cases: not a list of test cases: get the file again")
    return cases
