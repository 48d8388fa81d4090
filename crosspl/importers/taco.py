"""TACO: 26,443 problems from seven sites with tests and Python solutions.

In: a folder with the published files, Parquet (ALL/*.parquet), Arrow ({train,test}/*.arrow) or JSON Lines; the first
kind that is there. Out: problems on standard input with hidden tests, and their solutions as accepted programs; the
published test set is in the split eval. Rows of a split are numbered through its files, as in the source's evaluation.
Format and licence: https://github.com/FlagOpen/TACO, Li et al. 2023, arXiv 2312.14852: Apache-2.0; it says of material
from HackerRank that its licence is not known, so those rows have none.
"""

from collections import Counter
from pathlib import Path

from crosspl.importers import reading
from crosspl.importers.fields import date_of, limits_of, listed
from crosspl.importers.in_out import rows_of

HUB = "BAAI/TACO"
FILES = ["ALL/*.parquet", "train/*.arrow", "test/*.arrow"]
LICENSE = "Apache-2.0"
SOURCE = "taco"

SPLITS = {"train": "sft", "test": "eval"}

KINDS = (("*.parquet",), ("*.arrow",), ("*.jsonl", "*.jsonl.gz"))  # the same rows in several: read once
COLUMNS = ["question", "solutions", "starter_code", "input_output", "difficulty", "name", "source", "tags", "url",
           "time_limit", "date", "memory_limit"]  # fmt: skip
NOTHING = ("", "none", "null", "unknown_difficulty")  # how it writes that something is not known


def read(folder, revision):
    """Yield problems and programs, a problem before its programs."""
    numbers, seen = Counter(), set()
    for path in published_files(folder):
        split = split_of(path)
        for where, row in reading.rows(path, COLUMNS):
            license = None if known(row.get("source")) == "hackerrank" else LICENSE
            origin = {"source": SOURCE, "license": license, "revision": revision}
            key = f"{split}/{numbers[split]}"
            numbers[split] += 1
            yield from rows_of(where, key, row, origin, seen, **details(row), split=SPLITS[split])


def published_files(folder):
    """Return the files of one kind, each split's in order."""
    for patterns in KINDS[:-1]:
        if any(found for pattern in patterns for found in Path(folder).rglob(pattern)):
            return reading.files(folder, *patterns)
    return reading.files(folder, *KINDS[-1])


def split_of(path):
    """Return the published split that a file belongs to."""
    return "test" if path.name.startswith("test") or path.parent.name == "test" else "train"


def details(row):
    """Return what else is known of a problem."""
    return {
        "title": known(row.get("name")),
        "difficulty": known(row.get("difficulty")),
        "date": date_of(row.get("date")),
        "limits": limits_of(row.get("time_limit"), row.get("memory_limit")),
        "tags": [tag for tag in listed(row.get("tags")) or [] if isinstance(tag, str)] or None,
        "url": known(row.get("url")),
    }


def known(text):
    """Return a text, or None where it says that nothing is known."""
    return text if isinstance(text, str) and text.strip().lower() not in NOTHING else None
