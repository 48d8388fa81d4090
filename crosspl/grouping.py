"""Bring rows together by problem, on disk: data sets have them in any order, and more than fit in memory.

In: a stream of rows with "problem", the order of the problems. Out: (problem, its rows) in that order, each problem's
rows in the order of the stream; only one shard of problems is in memory at a time.
"""

import json
import tempfile
from pathlib import Path

SHARDS = 400  # at most: they are open at the same time; of Codeforces' submissions one has some 30,000 programs


def by_problem(rows, problems):
    """Yield (problem, [row, …]) for every one of `problems` (ids) that has rows; other problems' rows are left out."""
    number = {problem: place for place, problem in enumerate(problems)}
    width = max(1, -(-len(number) // SHARDS))
    with tempfile.TemporaryDirectory(prefix="crosspl-programs-") as folder:
        paths = [Path(folder) / str(shard) for shard in range(-(-len(number) // width))]
        _deal_out(rows, number, width, paths)
        for path in paths:
            groups = {}
            with open(path, "rb") as stream:
                for line in stream:
                    row = json.loads(line)
                    groups.setdefault(row["problem"], []).append(row)
            yield from sorted(groups.items(), key=lambda item: number[item[0]])
            path.unlink()


def _deal_out(rows, number, width, paths):
    streams = [open(path, "wb") for path in paths]  # noqa: SIM115
    try:
        for row in rows:
            if row["problem"] in number:
                streams[number[row["problem"]] // width].write(json.dumps(row).encode() + b"\n")
    finally:
        for stream in streams:
            stream.close()


def with_problems(groups, problems):
    """Yield (problem row, its rows) for what by_problem yields; `problems` are rows in the same order."""
    for key, rows in groups:
        yield next(problem for problem in problems if problem["id"] == key), rows
