"""Provenance by content: which code a command depends on, and where its resumable state lives.

In: a script's path; settings and input files. Out: the script's local import closure, as paths for a rule's `input:`;
a folder under work/ whose name changes with settings, inputs and code, so stale state is never resumed.
"""

import ast
import hashlib
import json
import os
from functools import cache
from pathlib import Path

from crosspl.exclusive import hold

LOCAL = ("crosspl", "scripts")
DATA_SUFFIXES = (".c", ".bpf", ".json")  # what a package ships beside its modules


@cache
def code(*scripts):
    """Return the sorted paths of `scripts`, all local modules they import (transitively) and those packages' data."""
    found, todo = set(), [Path(script) for script in scripts]
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += imported_files(path)
    data = {other for path in found for other in path.parent.iterdir() if other.suffix in DATA_SUFFIXES}
    return sorted(str(path) for path in found | data)


@cache
def imported_files(path):
    """Return the local files that the module at `path` imports, also inside functions; no relative imports."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{path}, line {node.lineno}: relative imports hide what a module depends on")
            names += [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
    return [file for name in names if name.split(".")[0] in LOCAL for file in _files(name)]


def _files(name):
    """Return the existing files of a dotted name: the module, and the packages above it."""
    parts = name.split(".")
    paths = [Path(*parts).with_suffix(".py")]
    paths += [Path(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    return [path for path in paths if path.is_file()]


def file_hash(path):
    """Return the sha256 of a file's bytes; a file that is as it was is read once per process."""
    status = os.stat(path)
    return _file_hash(str(path), status.st_ino, status.st_size, status.st_mtime_ns)


@cache
def _file_hash(path, *_):
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest(*parts):
    """Return a short hash of JSON-able values; a Path stands for the bytes of its file."""
    named = [file_hash(part) if isinstance(part, Path) else part for part in parts]
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:16]


def state_folder(name, script, inputs, *settings):
    """Return work/{name}/{hash of settings, input files and code}, created and held until this process ends.

    Whatever decides what is in it must be among them, versions of packages too: what is found in it is taken for ours.
    """
    files = [Path(path) for path in [*inputs, *code(script)]]
    return hold(Path("work") / name / digest(*files, *settings))
