"""Read published files as streams of rows: JSON Lines (plain, gzip), Parquet, Arrow.

In: a file or folder. Out: (where, row) pairs, one at a time, so that memory does not grow with the file; `where` names
file and row for messages. A missing, truncated or malformed file is a UserError that names it.
"""

import contextlib
import gzip
import json
import zlib
from pathlib import Path

from crosspl import record
from crosspl.errors import UserError

BATCH = 64  # rows of Parquet in memory; some hold megabytes of tests
BUFFER = 1 << 20  # bytes of a column: without it a whole column chunk is read at once
END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"  # of Arrow's stream format


def files(folder, *patterns):
    """Return the sorted files below `folder` (or the one file it is) like one of `patterns`; none is a UserError."""
    folder = Path(folder)
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise UserError(f"{folder}: no such file or folder")
    found = sorted({path for pattern in patterns for path in folder.rglob(pattern)})
    if not found:
        raise UserError(f"{folder}: no files like {' or '.join(patterns)}")
    return found


def rows(path, columns=None, batch=BATCH):
    """Yield (where, dict) for each row of a .jsonl, .jsonl.gz, .parquet or .arrow file; `batch` as for Parquet."""
    if str(path).endswith(".arrow"):
        yield from arrow_rows(path)
    else:
        yield from parquet_rows(path, columns, batch) if str(path).endswith(".parquet") else json_lines(path)


def json_lines(path):
    """Yield (where, dict) for each line that is not blank."""
    record.read(path)
    try:
        with gzip.open(path) if str(path).endswith(".gz") else open(path, "rb") as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield f"{path}, line {number}", parsed(path, number, line)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path}: truncated or corrupt gzip ({error}): get the file again") from None


def parsed(path, number, line):
    """Return the object in one line (bytes); bytes that are not UTF-8 become what is_text finds, NaN becomes None."""
    try:
        row = json.loads(line.decode("utf-8", errors="surrogateescape"), parse_constant=lambda constant: None)
    except ValueError as error:
        raise UserError(f"{path}, line {number}: not JSON ({error}): mend the line, or get the file again") from None
    if not isinstance(row, dict):
        raise UserError(f"{path}, line {number}: not a JSON object: mend the line, or get the file again")
    return row


def parquet_rows(path, columns=None, batch=BATCH):
    """Yield (where, dict) for each row; `columns` limits what is read, `batch` how many rows are in memory."""
    done = [0]
    with _parquet(path, done) as file:
        for chunk in file.iter_batches(batch_size=batch, columns=columns, use_threads=False):
            for row in chunk.to_pylist():
                done[0] += 1
                yield f"{path}, row {done[0]}", row


def parquet_matches(path, column, value, columns, batch=BATCH):
    """Yield the rows (dicts of `columns`) in which `column` is `value`; row groups without any are not read."""
    import pyarrow.compute as pc

    done = [0]
    with _parquet(path, done) as file:
        if not {column, *columns} <= set(file.schema_arrow.names):
            raise UserError(f"{path}: must have the columns {', '.join([column, *columns])}: get the file again")
        for group in range(file.num_row_groups):
            found = pc.equal(file.read_row_group(group, [column], use_threads=False)[column], value)
            if pc.any(found).as_py():
                for chunk in file.iter_batches(batch, [group], [column, *columns], use_threads=False):
                    yield from chunk.filter(pc.equal(chunk[column], value)).select(columns).to_pylist()
            done[0] += file.metadata.row_group(group).num_rows


def parquet_columns(path):
    """Return the names of the columns of a Parquet file."""
    with _parquet(path, [0]) as file:
        return set(file.schema_arrow.names)


@contextlib.contextmanager
def _parquet(path, done):
    """Open a Parquet file; say, when it is damaged, after how many rows (done[0])."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    record.read(path)
    try:
        with pq.ParquetFile(path, buffer_size=BUFFER) as file:
            yield file
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (pa.ArrowInvalid, pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: truncated or corrupt Parquet after row {done[0]} ({error}): get the file again"
        ) from None


def arrow_rows(path):
    """Yield (where, dict) for each row of an Arrow stream, as datasets.save_to_disk writes it."""
    import pyarrow as pa

    record.read(path)
    number = 0
    try:
        with pa.memory_map(str(path)) as source:
            source.seek(max(0, source.size() - len(END_OF_STREAM)))
            if source.read() != END_OF_STREAM:  # a stream that ends between two batches looks complete
                raise pa.ArrowInvalid("its end is missing")
            source.seek(0)
            for batch in pa.ipc.open_stream(source):
                for start in range(0, batch.num_rows, BATCH):
                    for row in batch.slice(start, BATCH).to_pylist():
                        number += 1
                        yield f"{path}, row {number}", row
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (pa.ArrowInvalid, pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: truncated or corrupt Arrow after row {number} ({error}): get the file again"
        ) from None


def text_of(where, row, name):
    """Return a field that must be a text; a UserError names row and field when it is not there or another thing."""
    if not isinstance(row.get(name), str):
        raise UserError(f"{where}: field {name} is missing or no text: get the file again")
    return row[name]


def is_text(value):
    """Return whether `value` is a text that can be written as UTF-8: no bytes that were none when it was read."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
