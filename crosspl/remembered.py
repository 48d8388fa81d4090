"""What a finished job is compared with, beside what Snakemake compares: one more param of every rule.

In: the workflow's rules. Out: each has a param `remembered`, a JSON object. Snakemake alone misses two kinds of change:
- It compares the values of a job's params as a set. Two that swap their values, or one that takes the value of another,
  look unchanged. Here every value has its name.
- It looks into an input only if that is newer than the outputs. A file of the repository that was edited while the job
  ran, or came with its old time by rsync or tar, looks unchanged. Here is the hash of the bytes of all of them.
"""

import hashlib
from functools import cache
from pathlib import Path

from crosspl.provenance import digest
from crosspl.workflow import as_json

EDITED = ("crosspl/", "scripts/", "languages/", "report/")  # folders of inputs that no rule makes
LONGEST = 40  # characters of a value that is shown as it is


def remember(rules):
    """Add the param `remembered` to all rules that make something."""
    for rule in rules:
        if rule.output:
            inputs, params = list(rule.input), list(rule.params.items())
            rule.set_params(remembered=_function(inputs, params))


def _function(inputs, params):
    """Return Snakemake's function of the wildcards for one rule."""

    def remembered(wildcards):
        values = {name: short(_value(item, wildcards)) for name, item in params}
        return as_json(values | {"files": _bytes(edited_files(inputs, wildcards))})

    return remembered


def edited_files(inputs, wildcards):
    """Return the paths among a rule's `input:` items that are files of the repository."""
    paths = []
    for item in inputs:
        found = _value(item, wildcards)
        paths += [found] if isinstance(found, str) else found
    return sorted({str(path).format(**dict(wildcards.items())) for path in paths if str(path).startswith(EDITED)})


def _value(item, wildcards):
    """Return an item of a rule; the rules' functions are of the wildcards alone, and may wear a flag of Snakemake."""
    function = getattr(item, "callable", None) or item
    return function(wildcards) if callable(function) else item


def short(value):
    """Return a value as it is, or a hash of it where it is long."""
    text = value if isinstance(value, str) else as_json(value)
    return value if len(text) <= LONGEST else f"#{digest(text)}"


def _bytes(paths):
    """Return the hash of the files' names and contents."""
    return digest({path: _hash(path) for path in paths})


@cache
def _hash(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
