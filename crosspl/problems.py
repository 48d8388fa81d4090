"""The problem-source interface: where problems, tests and candidate programs come from.

A source is a module with two functions, and more where it can also feed the embedded base model or make near misses:
  build_problems(settings) -> problem rows, and Drops for those left out
  candidate_programs(problems, language, settings) -> program rows, not yet judged, in any order
  pretraining_corpus(problems, settings, asked, translated) -> documents, some of which ask about code (microworld only)
  wrong_programs(problems, language) -> wrong programs for code verification, not yet judged (microworld only)
Published data sets are one source, `imported`: rule import_problems makes the files that it reads (crosspl.importers).
In: the source's name in the config. Out: its module; checked problem rows; judge rows.
"""

import importlib
from pathlib import Path

from crosspl.errors import UserError

SOURCES = {
    "microworld": "crosspl.microworld.world",
    "imported": "crosspl.importers.imported",
}
FIELDS = ("id", "family", "split", "statement", "difficulty", "comparison", "tests", "harness", "source", "license")
SPLITS = ("sft", "rl", "validation", "eval")


def load_source(name):
    """Return the module of a problem source; loaded by name, so that one source's code does not depend on another's."""
    return importlib.import_module(SOURCES[name])


def source_file(name):
    """Return the path of a source's module, for the workflow's inputs."""
    return SOURCES[name].replace(".", "/") + ".py"


def source_data(settings):
    """Return the paths of the files in settings["folder"] (or of the one file), for inputs; none without a folder."""
    folder = Path(settings["folder"]) if "folder" in settings else None
    paths = [folder] if folder and folder.is_file() else folder.rglob("*") if folder else []
    return sorted(str(path) for path in paths if path.is_file())


def check_problems(problems, where):
    """Return `problems` as a list; raise UserError for a missing field, a repeated id or a family in two splits."""
    return list(checked(problems, where))


def checked(problems, where):
    """Yield what check_problems returns, one at a time."""
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
        yield row


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
        "checker": problem.get("checker"),
    }
