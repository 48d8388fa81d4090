"""LiveCodeBench, code generation (lite): problems of programming contests with their dates, evaluation only.

In: test.jsonl, test2.jsonl, … as published, one problem a line. Out: problem rows of the split `eval`. Problems on
standard input get their tests, for any PL. Functional ones (LeetCode) have arguments and results as JSON and a
signature in Python, so they get a harness in Python and no other; its prompt is imports, statement and signature.
Source: Jain et al. 2024, arXiv 2403.07974; its evaluation (lcb_runner/evaluation/testing_util.py, MIT) says how tests
are compared: lines without blanks at their ends, or the same decimal numbers. Here: tokens, numbers with a point within
1e-6, as most contests have it. Licence of the data: `cc`, without saying which; the statements are the contests'.
"""

import json
from datetime import date

from crosspl.errors import UserError
from crosspl.importers.lcb_tests import KINDS, hidden_cases, public_cases, stdin_tests
from crosspl.importers.reading import files, rows, text_of
from crosspl.importers.rows import Drop, problem_row
from crosspl.judge.rows import CODE_BYTES, LIMITS

HUB = "livecodebench/code_generation_lite"
FILES = ("test*.jsonl",)
LICENSE = "cc (of the card, version not given)"
SOURCE = "livecodebench"
SECONDS = 6  # per test, as in the source's evaluation

# What the source's evaluation puts before an answer: signatures use List, answers inf, Counter, heappush, …
MODULES = (
    "string", "re", "datetime", "collections", "heapq", "bisect", "copy", "math", "random", "statistics", "itertools",
    "functools", "operator", "io", "sys", "json",
)  # fmt: skip
IMPORTS = (
    "".join(f"from {name} import *\n" for name in (*MODULES, "builtins", "typing"))
    + "".join(f"import {name}\n" for name in MODULES)
    + "sys.setrecursionlimit(50000)\n"
)

# One object for all tests, tuples as lists only at the top: as in the source's evaluation. It has a namespace of its
# own, so that an answer's names (`list`, `json`) change nothing here. Time is CPU time here, not the clock's.
HARNESS = """
exec({source!r}, {{"program": globals()}})
"""
CHECKS = """
import json, signal, sys
def late(*_):
    raise TimeoutError("over the time limit of one test")
signal.signal(signal.SIGPROF, late)
sys.setrecursionlimit(50000)
owner = program["Solution"]() if "Solution" in program else None
method = getattr(owner, {name!r}) if owner else program[{name!r}]
for arguments, expected in json.loads({cases!r}):
    signal.setitimer(signal.ITIMER_PROF, {seconds})
    result = method(*arguments)
    signal.setitimer(signal.ITIMER_PROF, 0)
    result = list(result) if isinstance(result, tuple) else result
    if result != expected:
        sys.exit("wrong answer")
"""

# Known mistakes, from the source's ERRATA.md; the problems are kept, as in published results, and say so in `tags`.
ERRATA = {
    "errata: several answers are right": [
        "abc311_c", "abc326_d", "abc327_b", "abc333_e", "abc343_a", "abc343_e", "abc362_c", "arc185_c",
        "find-words-containing-character", "find-the-peaks", "generate-binary-strings-without-adjacent-zeros",
    ],
    "errata: interactive": ["abc337_e", "abc355_e"],
    "errata: wrong test": ["abc350_c", "apply-operations-to-make-string-empty", "most-frequent-ids", "arc189_a"],
}  # fmt: skip


def read(folder, revision):
    """Yield a problem row or a Drop for each row of the files, one row in memory."""
    for path in files(folder, *FILES):
        for where, row in rows(path):
            yield problem(where, row, revision)


def problem(where, row, revision):
    """Return the problem row of one published row, or a Drop."""
    key = text_of(where, row, "question_id")
    public = public_cases(where, text_of(where, row, "public_test_cases"))
    hidden = hidden_cases(where, text_of(where, row, "private_test_cases"))
    if hidden is None:
        return Drop("problem", where, "hidden tests over 1 GiB")
    if not hidden:
        return Drop("problem", where, "no hidden tests")
    kinds = {case["testtype"] for case in public + hidden}
    name = function_name(where, row)
    if kinds - KINDS or len(kinds) > 1 or (name is None) != (kinds == {"stdin"}):
        return Drop("problem", where, "kind of tests not known")
    statement = text_of(where, row, "question_content")
    shared = {
        "source": SOURCE, "license": LICENSE, "revision": revision, "split": "eval", "tags": tags(row),
        "difficulty": row.get("difficulty"), "title": row.get("question_title"), "date": contest_day(where, row),
    }  # fmt: skip
    if name is None:
        tests = stdin_tests(public, True) + stdin_tests(hidden, False)
        return problem_row(where, key, statement, tests, comparison="float", limits={"cpu_s": SECONDS}, **shared)
    cases = public + hidden
    source = harness(where, name, cases)
    if len(source) > CODE_BYTES:
        return Drop("problem", where, "functional, its tests are too large for a harness")
    opening = IMPORTS + "".join(f"# {line}".rstrip() + "\n" for line in statement.splitlines())
    return problem_row(
        where, key, statement, [], harness={"python": source}, limits=harness_limits(cases),
        prompts={"python": opening + text_of(where, row, "starter_code")}, **shared,
    )  # fmt: skip


def harness(where, name, cases):
    """Return the Python source that ends with status 0 when function or method `name` is right on all cases."""
    try:
        values = [
            [[json.loads(line) for line in case["input"].split("\n")], json.loads(case["output"])] for case in cases
        ]
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: a functional test is not JSON ({error}): get the file again") from None
    return HARNESS.format(source=CHECKS.format(name=name, cases=json.dumps(values), seconds=SECONDS))


def harness_limits(cases):
    """Return the limits of a run that has all tests in it; each also has a limit of its own in the harness."""
    return {"cpu_s": min(LIMITS["cpu_s"], SECONDS * (len(cases) + 1))}


def function_name(where, row):
    """Return the name of the function that a functional problem asks for, or None."""
    try:
        metadata = json.loads(text_of(where, row, "metadata"))
    except ValueError as error:
        raise UserError(f"{where}: field metadata: not JSON ({error}): get the file again") from None
    return metadata.get("func_name") if isinstance(metadata, dict) else None


def contest_day(where, row):
    """Return the date of the contest, YYYY-MM-DD, or None where the row has none."""
    text = row.get("contest_date") or ""
    try:
        return str(date.fromisoformat(text[:10])) if text else None
    except ValueError:
        raise UserError(f"{where}: field contest_date: {text!r} is no date: get the file again") from None


def tags(row):
    """Return the platform and what is known to be wrong with a problem."""
    names = {row["question_id"], row.get("question_title")}
    known = [error for error, problems in ERRATA.items() if names.intersection(problems)]
    return [name for name in (row.get("platform"), *known) if name] or None
