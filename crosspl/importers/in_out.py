"""What APPS and TACO share: `question`, `solutions`, `starter_code`, `input_output` {inputs, outputs, fn_name}.

In: one published row. Out: its problem and its Python programs, or Drops. Only problems on standard input are kept: a
test of a function needs the wrapper of the source's judge, which says nothing about other PLs.
"""

import json

from crosspl.errors import UserError
from crosspl.importers.fields import need, tests_are_text
from crosspl.importers.reading import is_text
from crosspl.importers.rows import ACCEPTED, Drop, problem_row, program_row

FIELDS = ("question", "solutions", "input_output")


def rows_of(where, key, row, origin, seen, **more):
    """Yield the problem of one row and the programs for it; `origin` has source, license and revision."""
    need(where, row, *FIELDS)
    problem = Drop("problem", where, "id occurs twice") if key in seen else problem_of(where, key, row, origin, more)
    if not isinstance(problem, Drop):
        seen.add(key)
    yield problem
    for number, code in enumerate(solutions_of(where, row["solutions"])):
        place = f"{where}, solution {number}"
        if isinstance(problem, Drop):
            yield Drop("program", place, "its problem was left out")
        elif isinstance(code, str) and not is_text(code):
            yield Drop("program", place, "not UTF-8")
        else:
            code = code if isinstance(code, str) else None
            yield program_row(place, f"{key}/python/{number}", key, "python", code, ACCEPTED, **origin)


def problem_of(where, key, row, origin, more):
    """Return the problem of one row, or a Drop."""
    tests = tests_of(where, row["input_output"], row.get("starter_code"))
    if isinstance(tests, Drop):
        return tests
    if not tests_are_text(tests) or not is_text(row["question"] or ""):
        return Drop("problem", where, "not UTF-8")
    # The source's judges compare lines, and then numbers up to a tolerance (allclose).
    return problem_row(where, key, row["question"], tests, comparison="float", **origin, **more)


def tests_of(where, published, starter):
    """Return the tests in a row's `input_output`, or a Drop."""
    value = from_json(where, "input_output", published) or {}
    if not isinstance(value, dict):
        raise UserError(f"{where}: field input_output: not an object: get the file again")
    if value.get("fn_name"):
        return Drop("problem", where, "function call, not standard input")
    if (starter or "").strip():
        return Drop("problem", where, "starter code to be completed")
    inputs, outputs = value.get("inputs") or [], value.get("outputs") or []
    if not isinstance(inputs, list) or not isinstance(outputs, list) or len(inputs) != len(outputs):
        return Drop("problem", where, "inputs and outputs do not pair")
    pairs = [(text_of(stdin), text_of(stdout)) for stdin, stdout in zip(inputs, outputs)]
    if any(text is None for pair in pairs for text in pair):
        return Drop("problem", where, "tests are not text")
    return [{"stdin": stdin, "stdout": stdout, "public": False} for stdin, stdout in pairs]


def text_of(value):
    """Return an input or output as one text: a list is its lines, as in the source's judges; None for other things."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    return value if isinstance(value, str) else None


def solutions_of(where, published):
    """Return the list of a row's solutions; nothing is an empty list."""
    value = from_json(where, "solutions", published) or []
    if not isinstance(value, list):
        raise UserError(f"{where}: field solutions: not a list: get the file again")
    return value


def from_json(where, name, value):
    """Return what a text with JSON says; a value that is none as it is, an empty text as None."""
    if not isinstance(value, str) or not value.strip():
        return value if value and not isinstance(value, str) else None
    try:
        return json.loads(value, parse_int=whole)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: field {name}: not JSON ({error}): get the file again") from None


def whole(digits):
    """Return an integer; arguments of some functions are longer than Python converts, and stay texts."""
    return int(digits) if len(digits) < 4000 else digits
