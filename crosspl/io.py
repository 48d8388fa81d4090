"""Read and write the project's files: JSON Lines (plain or gzip), JSON, CSV.

In: paths and rows. Out: files that are complete or absent (temporary name, then rename) and equal byte for byte when
their content is equal (gzip without name and time). A truncated or malformed file is a UserError that names it.
"""

import contextlib
import csv
import gzip
import io
import json
import os
import zlib
from pathlib import Path

from crosspl import record
from crosspl.errors import UserError


@contextlib.contextmanager
def atomic(path):
    """Yield a temporary path beside `path`; rename it on success, remove it on any failure."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError, FileNotFoundError, PermissionError) as error:
        raise UserError(f"{path.parent}: no such folder can be made ({error.strerror}): give another one") from None
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
        record.wrote(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path, text):
    """Write `text` to `path` (gzip when the name ends in .gz), atomically."""
    data = text.encode()
    with atomic(path) as temporary:
        temporary.write_bytes(gzip.compress(data, 6, mtime=0) if str(path).endswith(".gz") else data)


def write_rows(path, rows):
    """Write dicts as JSON Lines, one at a time as `rows` yields them."""
    pack = zlib.compressobj(6, zlib.DEFLATED, 31) if str(path).endswith(".gz") else None  # 31: gzip, without a time
    with atomic(path) as temporary, open(temporary, "wb") as stream:
        for row in rows:
            line = (json.dumps(row, ensure_ascii=False) + "\n").encode()
            stream.write(pack.compress(line) if pack else line)
        stream.write(pack.flush() if pack else b"")


def read_rows(path):
    """Return the dicts of a JSON Lines file (plain or gzip)."""
    return [_parsed(path, number, line) for number, line in enumerate(read_text(path).split("\n"), 1) if line]


def stream_rows(path):
    """Yield what read_rows returns, one row at a time."""
    record.read(path)
    try:
        with gzip.open(path) if str(path).endswith(".gz") else open(path, "rb") as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield _parsed(path, number, line)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path}: truncated or corrupt gzip ({error}). {_REMEDY}") from None


def _parsed(path, number, line):
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise UserError(f"{path}, line {number}: not JSON ({error.msg}). {_REMEDY}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}, line {number}: not UTF-8 text. {_REMEDY}") from None


_REMEDY = "Delete the file and run again to rebuild it."


def read_text(path):
    """Return the text of a plain or gzip file."""
    try:
        data = Path(path).read_bytes()
        record.read(path, data)
        if str(path).endswith(".gz"):
            if not data:  # gzip.decompress takes this for an empty text
                raise EOFError("the file has no bytes")
            data = gzip.decompress(data)
        return data.decode()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path}: truncated or corrupt gzip ({error}). {_REMEDY}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text. {_REMEDY}") from None


def write_json(path, value):
    """Write one JSON document, keys in the given order."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def read_json(path):
    """Return one JSON document."""
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: not JSON ({error}). {_REMEDY}") from None


def write_csv(path, columns, rows):
    """Write dicts as CSV with exactly `columns`; None becomes an empty cell."""
    with atomic(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_csv(path):
    """Return the rows of a CSV file as dicts of strings."""
    return list(csv.DictReader(io.StringIO(read_text(path), newline="")))
