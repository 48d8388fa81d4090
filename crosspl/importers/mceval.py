"""McEval: about 50 problems in each of 40 PLs, not the same ones, each with a program; evaluation only.

In: the folder generation as published, one file per PL (Python.jsonl, … or arrays in .json). Out: one problem row per
published row, with a prompt and a harness in its one PL, and the canonical program. A program is prompt, two newlines,
answer, as in the benchmark's own evaluation; the test comes after it. Left out: PLs that we have not, rows without a
test (AWK, HTML, JSON and Markdown are compared with files that are not in the rows), tests that cannot fail, Fortran
(its tests come first), and the tasks of completion (ids like C/1-0-light-span).
Source: Chai et al. 2024, arXiv 2406.07436; data CC-BY-SA-4.0.
"""

import json
import re
from pathlib import Path

from crosspl import record
from crosspl.errors import UserError
from crosspl.importers.exit_status import harness_of
from crosspl.importers.reading import files, rows, text_of
from crosspl.importers.rows import ACCEPTED, Drop, language_of, problem_row, program_row

HUB = "Multilingual-Multimodal-NLP/McEval"
FILES = ("generation/*.jsonl", "generation/*.json")
LICENSE = "CC-BY-SA-4.0"
SOURCE = "mceval"
RUN_BY = {"Scheme": "racket"}  # the benchmark runs its Scheme rows, all `#lang racket`, with Racket


def read(folder, revision):
    """Yield a problem and its canonical program, or Drops, for each row of the files."""
    for path in tables(Path(folder)):
        for where, row in array_rows(path) if path.suffix == ".json" else rows(path):
            yield from problem_and_program(where, row, revision)


def tables(folder):
    """Return the files with rows: beside them, in folders, are documents that tests are about, some of them JSON."""
    inner = folder / "generation" if (folder / "generation").is_dir() else folder
    found = [path for path in files(inner, "*.jsonl", "*.json") if inner in (path, path.parent)]
    if not found:
        raise UserError(f"{inner}: no files like *.jsonl or *.json")
    return found


def array_rows(path):
    """Yield (where, dict) for each row of a file that is a JSON array; such files have 50 rows."""
    record.read(path)
    try:
        values = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON ({error}): get the file again") from None
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise UserError(f"{path}: not an array of JSON objects: get the file again")
    for number, row in enumerate(values, 1):
        yield f"{path}, row {number}", row


def problem_and_program(where, row, revision):
    """Yield the problem row and the program row of one published row; a Drop where there is none."""
    key = text_of(where, row, "task_id")
    label = key.partition("/")[0]
    language = language_of(RUN_BY.get(label, label))
    reason, opening, harness = None, None, None
    if not re.fullmatch(r"[^/]+/\d+", key):
        reason = "a task of completion"
    elif language is None:
        reason = f"PL not known: {label}"
    elif not (row.get("test") or "").strip():
        reason = "no test"
    elif language == "fortran":
        reason = "Fortran: the test comes before the program"
    else:
        opening = opening_of(language, text_of(where, row, "prompt"))
        harness = harness_of(language, opening, text_of(where, row, "test"))
        reason = None if harness else f"{label}: the test cannot fail"
    if reason:
        yield Drop("problem", where, reason)
        yield Drop("program", where, reason)
        return
    shared = {"source": SOURCE, "license": LICENSE, "revision": revision}
    yield problem_row(
        where, key, text_of(where, row, "instruction"), [], harness={language: harness}, prompts={language: opening},
        difficulty=row.get("level"), split="eval", **shared,
    )  # fmt: skip
    solution = text_of(where, row, "canonical_solution")
    code = f"{opening}\n\n{solution}" if solution.strip() else ""
    yield program_row(where, f"{key}/canonical", key, language, code, ACCEPTED, style="canonical", **shared)


def opening_of(language, prompt):
    """Return what programs begin with: the prompt, changed only where the harness needs it.

    Java: one file, Main.java, may hold no other public class. Erlang: the judge calls main/0.
    """
    if language == "java":
        return re.sub(r"^public ((?:final )?class )", r"\1", prompt, flags=re.M)
    if language == "erlang":
        return re.sub(r"\btest/0\b", "test/0, main/0", prompt, count=1)
    return prompt
