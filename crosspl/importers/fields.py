"""Fields that several published formats have, each in its own spelling: limits, dates, lists.

In: values as published. Out: the project's values, or None for what is not given or not understood; nothing is guessed.
"""

import ast
import datetime
import json
import math
import re

from crosspl.errors import UserError
from crosspl.importers.reading import is_text
from crosspl.judge.rows import LIMITS

SECONDS = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|secs?|seconds?)\.?\s*", re.I)
MEBIBYTES = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(bytes?|kb|kib|kilobytes?|mb|mib|megabytes?|gb|gib|gigabytes?)\s*", re.I)
PER_MEBIBYTE = {"b": 1 << 20, "k": 1 << 10, "m": 1, "g": 1 / 1024}


def need(where, row, *names):
    """Return the values of fields that every row has; a UserError names the one that is missing."""
    for name in names:
        if name not in row:
            raise UserError(f"{where}: field {name} is missing: is this the published file?")
    return [row[name] for name in names]


def limits_of(time, memory):
    """Return {"cpu_s", "memory_mib"} of texts like "2 seconds" and "256 megabytes"; None when neither says anything."""
    limits = {}
    found = SECONDS.fullmatch(str(time))
    if found:
        limits["cpu_s"] = float(found[1]) / (1000 if found[2].lower().startswith("m") else 1)
    found = MEBIBYTES.fullmatch(str(memory))
    if found:
        limits["memory_mib"] = math.ceil(float(found[1]) / PER_MEBIBYTE[found[2][0].lower()])
    return {name: value for name, value in limits.items() if 0 < value <= LIMITS[name]} or None


def date_of(text):
    """Return the YYYY-MM-DD that a text begins with, or None."""
    try:
        return datetime.date.fromisoformat(str(text)[:10]).isoformat()
    except ValueError:
        return None


def date_of_seconds(seconds):
    """Return the day (UTC) of a Unix time, or None."""
    try:
        return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).date().isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def listed(value):
    """Return a list that is published as one, as JSON or as Python; None for anything else, [] for nothing."""
    if not isinstance(value, str):
        return value or []
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return None


def unix_lines(text):
    """Return a text with \\n for \\r\\n."""
    return text.replace("\r\n", "\n")


def tests_are_text(tests):
    """Return whether everything in a list of tests can be written as UTF-8."""
    for test in tests:
        stdout = test["stdout"]
        if not all(map(is_text, [test["stdin"], *(stdout if isinstance(stdout, list) else [stdout])])):
            return False
    return True
