"""Check the judge's input rows.

In: rows and the languages that are known. Out: nothing, or a UserError that names the row (from 1) and the field.
"""

from crosspl.errors import UserError
from crosspl.judge.comparison import MODES

FIELDS = {"id", "language", "code", "tests", "harness", "limits", "comparison"}
LIMITS = {"cpu_s", "memory_mib", "wall_s", "output_kib"}


def check_rows(rows, languages, origin="row"):
    """Raise a UserError for the first row that is not {"id", "language", "code", "tests" or "harness", …}."""
    for number, row in enumerate(rows, 1):
        problem = problem_of(row, languages)
        if problem:
            raise UserError(f"{origin} {number}: {problem}")


def problem_of(row, languages):
    """Return what is wrong with one row, or None. Fields beyond the contract are left alone."""
    if not isinstance(row, dict):
        return "must be an object"
    if not isinstance(row.get("language"), str) or row["language"] not in languages:
        return f"language: must be one of {', '.join(languages)}, is {row.get('language')!r}"
    for name in ("id", "code", "harness", "comparison"):
        if not isinstance(row.get(name), str | None):
            return f"{name}: must be a string"
    if row.get("comparison") is not None and row["comparison"] not in MODES:
        return f"comparison: must be one of {', '.join(MODES)}"
    return problem_of_tests(row) or problem_of_limits(row.get("limits"))


def problem_of_tests(row):
    """Return what is wrong with tests and harness: exactly one of them must be there."""
    tests = row.get("tests")
    if tests is not None and not isinstance(tests, list):
        return "tests: must be a list"
    if row.get("harness") is not None:
        return "harness: cannot be given together with tests" if tests else None
    if not tests:
        return "tests: must have at least one test when there is no harness"
    for place, test in enumerate(tests):
        for name in ("stdin", "stdout"):
            if not isinstance(test, dict) or not isinstance(test.get(name), str):
                return f"tests[{place}].{name}: must be a string"
    return None


def problem_of_limits(limits):
    """Return what is wrong with the limits, or None."""
    if limits is None:
        return None
    if not isinstance(limits, dict):
        return "limits: must be an object"
    for name, value in limits.items():
        if name not in LIMITS:
            return f"limits.{name}: unknown; known are {', '.join(sorted(LIMITS))}"
        whole = name in ("memory_mib", "output_kib")
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or value <= 0:
            return f"limits.{name}: must be a positive {'integer' if whole else 'number'}"
    return None
