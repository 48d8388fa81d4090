"""The rows of results/groups/{form}.jsonl.gz, checked before anything is trained on them.

In: rows {"id", "problem", "family", "form", "source", "winners", "losers"}. Out: the same rows, or a UserError that
names file, row and field. `source` is the program to be translated (form ir), or null where the statement is asked.
"""

from crosspl.errors import UserError
from crosspl.io import read_rows

FORMS = IR, PROGRAMS = ("ir", "programs")
LLVM_IR = "llvm_ir"  # the PL of answers of form ir
KINDS = INVALID, DIFFERS = ("invalid", "differs")  # does not get through verifier or compiler; fails a test
FEWEST = 2  # different winners: GEPO is about their equivalence
ANSWER = ("language", "code", "how")


def group_row(problem, key, form, source, winners, losers):
    """Return a row. source: a program row or None; winners, losers: dicts with at least the fields of an answer."""
    shown = source and {"language": source["language"], "code": source["code"]}
    row = {"id": key, "problem": problem["id"], "family": problem["family"], "form": form, "source": shown}
    return row | {
        "winners": [{name: one[name] for name in ANSWER} for one in winners],
        "losers": [{name: one[name] for name in (*ANSWER, "kind")} for one in losers],
    }


def bare(code):
    """Return a text whose blanks do not count: two answers with the same one are the same."""
    return " ".join(code.split())


def different(answers, others=()):
    """Return the answers whose text is neither in `others` nor that of an earlier one."""
    seen, kept = {bare(one["code"]) for one in others}, []
    for one in answers:
        if bare(one["code"]) not in seen:
            seen.add(bare(one["code"]))
            kept.append(one)
    return kept


def read_groups(path):
    """Return the checked rows of a file; a file without any is a UserError, too."""
    rows = check_groups(read_rows(path), path)
    if not rows:
        raise UserError(f"{path}: no groups to train on; the table beside it says why they were dropped")
    return rows


def check_groups(rows, where):
    """Return `rows` when each is a group as this module describes; UserError naming `where`, row and field."""
    ids = set()
    for number, row in enumerate(rows, 1):
        wrong = problem_of(row) or ("id: occurs twice" if row["id"] in ids else None)
        if wrong:
            raise UserError(f"{where}, row {number}: field {wrong}")
        ids.add(row["id"])
    return rows


def problem_of(row):
    """Return what is wrong with one row, beginning with the field; None for a group."""
    if not isinstance(row, dict):
        return "(all): the row must be an object"
    for name in ("id", "problem", "family"):
        if not is_text(row.get(name)):
            return f"{name}: must be a text"
    if row.get("form") not in FORMS:
        return f"form: must be one of {', '.join(FORMS)}"
    if "source" not in row:
        return "source: is missing; null where the statement is asked"
    if row["source"] is not None and lacking(row["source"], ("language", "code")):
        return "source: must be null or have texts language and code"
    if (row["form"] == IR) != (row["source"] is not None):
        return f"source: is {'missing' if row['form'] == IR else 'there'}, but the form is {row['form']}"
    return problem_of_answers(row)


def problem_of_answers(row):
    """Return what is wrong with winners or losers, or None."""
    for name, fields in (("winners", ANSWER), ("losers", (*ANSWER, "kind"))):
        if not isinstance(row.get(name), list):
            return f"{name}: must be a list"
        for place, answer in enumerate(row[name]):
            if missing := lacking(answer, fields):
                return f"{name}[{place}].{missing[0]}: must be a text"
    for place, answer in enumerate(row["losers"]):
        if answer["kind"] not in KINDS:
            return f"losers[{place}].kind: {answer['kind']!r} is unknown; known are {', '.join(KINDS)}"
    found = len(different(row["winners"]))
    if found < max(FEWEST, len(row["winners"])):
        return f"winners: {found} different ones of {len(row['winners'])}; at least {FEWEST} and no text twice"
    if not row["losers"]:
        return "losers: there is none"
    if len(different(row["losers"], row["winners"])) < len(row["losers"]):
        return "losers: one says the same as a winner or another loser"
    return None


def lacking(answer, fields):
    """Return the fields of an answer that hold no text."""
    return [name for name in fields if not isinstance(answer, dict) or not is_text(answer.get(name))]


def is_text(value):
    return isinstance(value, str) and bool(value.strip())
