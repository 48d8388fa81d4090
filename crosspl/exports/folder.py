"""A folder of results that is complete or absent.

In: its path. Out: a temporary folder beside it to write into, which takes its name when everything went well.
"""

import contextlib
import os
import shutil
from pathlib import Path

from crosspl import record
from crosspl.errors import UserError


@contextlib.contextmanager
def whole_folder(path):
    """Yield a new folder; on success it becomes `path`, on any failure it is removed. `path` is absent or empty."""
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"{path}: is there and not empty; remove it, or name another folder")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        os.replace(temporary, path)
        for file in sorted(path.rglob("*")):
            if file.is_file():
                record.wrote(file)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
