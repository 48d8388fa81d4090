"""What the rules need that build problems and programs of any source, imported data above all: files and options.

In: the checked config. Out: lists of paths, strings. A job waits for what it reads and for nothing else: problems wait
neither for programs, nor for the strength of their tests where nobody asked for it.
"""

import shlex
from pathlib import Path

from crosspl.errors import UserError, stop_on_user_error
from crosspl.problems import source_data
from crosspl.storage import own
from crosspl.workflow import source_settings

STRENGTH = "results/imported/strength.csv"


def imported_files(config):
    """Return the files of the data set that the config imports."""
    folder = (config["problems"].get("imported") or {}).get("from")
    with stop_on_user_error():
        if folder and Path("results").resolve().is_relative_to(Path(folder).resolve()):
            raise UserError(f"problems.imported.from: {folder} holds results/ as well: give a folder of the data alone")
    return own(source_data({"folder": folder} if folder else {}))


def problem_files(config):
    """Return the files that build_problems reads."""
    settings = imported(config)
    if settings is None:
        return []
    measured = settings.get("fewest_killed") is not None
    return ["results/imported/problems.jsonl.gz", *([STRENGTH] if measured else [])]


def program_files(config):
    """Return the files that build_programs reads beside the problems."""
    return [] if imported(config) is None else ["results/imported/programs"]


def program_settings(config):
    """Return the source's settings as far as they decide its programs, as JSON; of imported ones none does."""
    return source_settings(config) if imported(config) is None else "{}"


def strength_options(config):
    """Return what scripts.test_strength is told of the tests that are used."""
    settings = imported(config) or {}
    options = {"fewest-tests": settings.get("fewest_tests"), "most-tests": settings.get("most_tests")}
    return " ".join(f"--{name} {shlex.quote(str(value))}" for name, value in options.items() if value is not None)


def imported(config):
    """Return the settings of the imported data, None where the problems come from another source."""
    return config["problems"]["imported"] if config["problems"]["source"] == "imported" else None
