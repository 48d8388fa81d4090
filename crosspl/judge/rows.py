"""Check the judge's input rows.

In: rows and the languages that are known. Out: nothing, or a UserError that names the row (from 1) and the field.
"""

from crosspl.errors import UserError
from crosspl.judge.comparison import MODES

LIMITS = {"cpu_s": 3600, "memory_mib": 1 << 17, "wall_s": 36000, "output_kib": 1 << 20}  # and the most of each
CODE_BYTES = 16 << 20  # of a program, a harness or a checker


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
    if not isinstance(row.get("code"), str):
        return "code: must be a string"
    for name in ("id", "harness", "comparison", "checker"):
        if not isinstance(row.get(name), str | None):
            return f"{name}: must be a string"
    for name in ("code", "harness", "checker"):
        if len(row.get(name) or "") > CODE_BYTES:
            return f"{name}: {len(row[name]) >> 20} MiB; at most {CODE_BYTES >> 20} MiB"
    if row.get("comparison") is not None and row["comparison"] not in MODES:
        return f"comparison: must be one of {', '.join(MODES)}"
    if row.get("checker") is not None and "python" not in languages:
        return "checker: is a Python program; add python to the judge's languages"
    return problem_of_tests(row) or problem_of_limits(row.get("limits"))


def problem_of_tests(row):
    """Return what is wrong with tests and harness: exactly one of them must be there."""
    tests = row.get("tests")
    if tests is not None and not isinstance(tests, list):
        return "tests: must be a list"
    if row.get("harness") is not None:
        if row.get("checker") is not None:
            return "checker: needs tests; a harness checks itself"
        return "harness: cannot be given together with tests" if tests else None
    if not tests:
        return "tests: must have at least one test when there is no harness"
    for place, test in enumerate(tests):
        if not isinstance(test, dict) or not isinstance(test.get("stdin"), str):
            return f"tests[{place}].stdin: must be a string"
        if not is_expected(test.get("stdout")):
            return f"tests[{place}].stdout: must be a string, or a list of accepted outputs"
    return None


def is_expected(value):
    """Return whether `value` is an expected output: a string, or several of them of which any will do."""
    several = isinstance(value, list) and value and all(isinstance(one, str) for one in value)
    return isinstance(value, str) or bool(several)


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
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or not value > 0:
            return f"limits.{name}: must be a positive {'integer' if whole else 'number'}"
        if value > LIMITS[name]:
            return f"limits.{name}: at most {LIMITS[name]}, is {value}"
    return None
