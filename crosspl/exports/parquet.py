"""Parquet files with a fixed schema, written batch by batch: equal rows give equal bytes, few are in memory.

In: a path, a schema, dicts. Out: the file, complete or absent.
"""

from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq

from crosspl.io import atomic

TOGETHER = 1000  # rows in memory, and of a row group


def write_parquet(path, schema, rows):
    """Write the rows; fields that the schema has not are left out. Return how many there were."""
    rows, count = iter(rows), 0
    with atomic(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        while batch := list(islice(rows, TOGETHER)):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            count += len(batch)
    return count
