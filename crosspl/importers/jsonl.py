"""Our own format: problems.jsonl and programs.jsonl, also what scripts.import_problems writes (docs/data_format.md).

In: a folder with problems.jsonl[.gz], and programs.jsonl[.gz] or programs/*.jsonl[.gz]. Out: the same rows, with
defaults for fields that are not given; fields beyond the format are kept. A row that does not fit the schema
(schemas/imported_problem.schema.json, imported_program.schema.json) is a UserError that names file, line and field.
"""

import json
from pathlib import Path

from crosspl import record
from crosspl.errors import UserError
from crosspl.importers.fields import date_of, tests_are_text
from crosspl.importers.reading import is_text, json_lines
from crosspl.importers.rows import Drop, problem_row, program_row
from crosspl.languages import known_languages

HUB = None
FILES = ["problems.jsonl", "problems.jsonl.gz", "programs.jsonl", "programs.jsonl.gz", "programs/*.jsonl",
         "programs/*.jsonl.gz"]  # fmt: skip
LICENSE = None  # each row says its own
PROGRAMS_LAST = True

SCHEMAS = Path(__file__).parent.parent.parent / "schemas"


def read(folder, revision):
    """Yield the problems and then the programs."""
    folder = Path(folder)
    kept, left_out = set(), set()
    check = checker("imported_problem")
    for where, row in json_lines(problems_file(folder)):
        check(where, row)
        problem = problem_of(where, row, kept, revision)
        (left_out if isinstance(problem, Drop) else kept).add(row["id"])
        yield problem
    check = checker("imported_program")
    for path in [path for pattern in FILES[2:] for path in sorted(folder.glob(pattern))]:
        for where, row in json_lines(path):
            check(where, row)
            yield program_of(where, row, kept, left_out, revision)


def problems_file(folder):
    """Return the path of the one file with problems."""
    if not folder.is_dir():
        what = "a file: give its folder" if folder.exists() else "no such folder"
        raise UserError(f"{folder}: {what}; it should hold problems.jsonl and programs.jsonl")
    found = [folder / name for name in FILES[:2] if (folder / name).exists()]
    if len(found) != 1:
        what = "both problems.jsonl and problems.jsonl.gz" if found else "no problems.jsonl or problems.jsonl.gz"
        raise UserError(f"{folder}: {what}: one of them should be there")
    return found[0]


def checker(name):
    """Return a function (where, row) that raises a UserError naming the first field that does not fit a schema."""
    import jsonschema

    path = SCHEMAS / f"{name}.schema.json"
    record.read(path)
    validator = jsonschema.Draft202012Validator(json.loads(path.read_text()))

    def check(where, row):
        for error in validator.iter_errors(row):
            raise UserError(f"{where}: field {field_of(error)}: {error.message[:200]}; see docs/data_format.md")
        if not row["id"].startswith(row["source"] + "/"):
            raise UserError(f"{where}: field id: {row['id']!r} must begin with the source, {row['source'] + '/'!r}")

    return check


def field_of(error):
    """Return the path of the field that a schema error is about, like tests[3].stdin."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path]
    if error.validator == "required":
        parts += [f".{name}" for name in error.validator_value if name not in error.instance][:1]
    return "".join(parts).removeprefix(".") or "(the row)"


def problem_of(where, row, kept, revision):
    """Return one checked problem, or its Drop."""
    if row["id"] in kept:
        return Drop("problem", where, "id occurs twice")
    check_harness(where, row)
    if row.get("date") and date_of(row["date"]) != row["date"]:
        raise UserError(f"{where}: field date: {row['date']!r} is no day")
    if not is_text(row.get("statement") or "") or not tests_are_text(row.get("tests") or []):
        return Drop("problem", where, "not UTF-8")
    named = {name: row[name] for name in ("split", "family", "difficulty", "harness", "comparison", "prompts")
             if name in row}  # fmt: skip
    made = problem_row(where, key_of(row), row.get("statement"), row.get("tests", []), **named, **origin(row, revision))
    if isinstance(made, Drop):
        return made
    made.pop("prompts", None)  # it comes back in the order of the row
    return made | {name: value for name, value in row.items() if name not in made and value is not None}


def check_harness(where, row):
    """Raise a UserError for a harness beside tests; a harness, prompt or stop in a PL that is not known."""
    if row.get("harness") and row.get("tests"):
        raise UserError(f"{where}: field harness: cannot be given together with tests")
    known = known_languages()
    for field in ("harness", "prompts", "stop"):
        unknown = sorted(set(row.get(field) or {}) - set(known))
        if unknown:
            raise UserError(f"{where}: field {field}.{unknown[0]}: no such PL; known are {', '.join(known)}")


def program_of(where, row, kept, left_out, revision):
    """Return one checked program, or its Drop."""
    if row["problem"] not in kept:
        there = row["problem"] in left_out
        return Drop("program", where, "its problem was left out" if there else "its problem is not in the file")
    if not is_text(row["code"]):
        return Drop("program", where, "not UTF-8")
    made = program_row(where, key_of(row), "", row["language"], row["code"], row["claimed"], **origin(row, revision))
    if isinstance(made, Drop):
        return made
    made["problem"] = row["problem"]  # may be of another source: programs for published problems
    return made | {name: value for name, value in row.items() if name not in made and value is not None}


def key_of(row):
    """Return an id without the source that it begins with."""
    return row["id"].removeprefix(row["source"] + "/")


def origin(row, revision):
    """Return where a row comes from."""
    return {name: row[name] for name in ("source", "license")} | {"revision": row.get("revision") or revision}
