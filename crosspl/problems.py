"""The problem-source interface: where problems, tests and candidate programs come from.

A source is a module with two functions (and a third where it can also feed the embedded base model):
  build_problems(settings) -> problem rows            (schema: schemas/problem.schema.json)
  candidate_programs(problems, language, settings) -> program rows, not yet judged
  pretraining_corpus(problems, settings) -> documents (microworld only)
Files that a source reads lie in settings["folder"].
In: the source's name in the config. Out: its module; checked problem rows; judge rows.
"""

import importlib
from pathlib import Path

from crosspl.errors import UserError

SOURCES = {"microworld": "crosspl.microworld.world", "humaneval_x": "crosspl.importers.humaneval_x"}
FIELDS = ("id", "family", "split", "statement", "difficulty", "comparison", "tests", "harness", "source", "license")
SPLITS = ("sft", "rl", "validation", "eval")


def load_source(name):
    """Return the module of a problem source; loaded by name, so that one source's code does not depend on another's."""
    return importlib.import_module(SOURCES[name])


def source_file(name):
    """Return the path of a source's module, for the workflow's inputs."""
    return SOURCES[name].replace(".", "/") + ".py"


def source_data(settings):
    """Return the paths of the files that a source reads, for the workflow's inputs; the microworld reads none."""
    paths = Path(settings["folder"]).glob("*") if "folder" in settings else []
    return sorted(str(path) for path in paths if path.is_file())


def check_problems(problems, where):
    """Return `problems`; raise UserError for a missing field, a repeated id or a family in two splits."""
    splits, ids = {}, set()
    for number, row in enumerate(problems, 1):
        missing = [field for field in FIELDS if field not in row]
        if missing:
            raise UserError(f"{where}, row {number}: field {missing[0]} is missing")
        if row["split"] not in SPLITS:
            raise UserError(
                f"{where}, row {number}: field split is {row['split']!r}; it must be one of {', '.join(SPLITS)}"
            )
        if row["id"] in ids:
            raise UserError(f"{where}, row {number}: the id {row['id']!r} occurs twice")
        ids.add(row["id"])
        other = splits.setdefault(row["family"], row["split"])
        if other != row["split"]:
            raise UserError(
                f"{where}, row {number}: family {row['family']} is in the splits {other} and {row['split']}; "
                "all problems of a family must be in one split"
            )
    return problems


def of_split(problems, split):
    """Return the problems of one split, in order."""
    return [problem for problem in problems if problem["split"] == split]


def judge_row(problem, language, code, key, tests=None):
    """Return the judge's row for `code`; `tests` limits the number of tests."""
    return {
        "id": key,
        "language": language,
        "code": code,
        "tests": problem["tests"][:tests],
        "harness": problem["harness"][language] if problem["harness"] else None,
        "limits": problem.get("limits"),
        "comparison": problem["comparison"],
    }
