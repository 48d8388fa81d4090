"""What rows of a data file belong to a cell of a table, in words.

In: a path below results/ as a chain has it, the cell (crosspl.trace) or None, whether ids are wanted. Out: lines: how
many problems, programs, examples or answers, and of what kind; with ids every one of them by name.
"""

from collections import Counter
from pathlib import Path

from crosspl.errors import UserError
from crosspl.io import read_rows


def describe(path, cell, ids):
    """Return lines on the rows of a file; none for files that are no rows, are not there, or are not read here."""
    folders = Path(path).parts
    if not path.endswith(".jsonl.gz") or not Path(path).is_file():
        return []
    try:
        rows = read_rows(path)
    except UserError as error:  # its chain has a gap, which is said elsewhere
        return [str(error)]
    for folder, lines in (("verdicts", _verdicts), ("completions", _completions), ("programs", _programs),
                          ("sft_data", _examples), ("base", _documents), ("groups", _groups),
                          ("translation", _pairs)):  # fmt: skip
        if folder in folders:
            return lines(rows, cell, ids)
    return _problems(rows, cell, ids)


def _of_cell(rows, cell):
    """Return the rows of the cell's target and reading, and how to call them."""
    if cell is None:
        return rows, ""
    target, reading = cell.row["target"], cell.reading
    return [row for row in rows if (row["language"], row["reading"]) == (target, reading)], f" in {target}, {reading}"


def _verdicts(rows, cell, ids):
    chosen, kind = _of_cell(rows, cell)
    counts = ", ".join(f"{count} {name}" for name, count in Counter(row["verdict"] for row in chosen).most_common())
    boxes = ", ".join(sorted({row["sandbox"] for row in chosen}))
    named = [f"{row['problem']}/{row['sample']} {row['verdict']}" for row in chosen]
    return [f"{len(chosen)} of {len(rows)} verdicts{kind}: {counts}; sandbox {boxes}", *_listed(named, ids)]


def _completions(rows, cell, ids):
    chosen, kind = _of_cell(rows, cell)
    tokens = sum(row["tokens"] for row in chosen)
    return [f"{len(chosen)} of {len(rows)} answers{kind}, {tokens} tokens", *_listed(_names(chosen, "sample"), ids)]


def _programs(rows, cell, ids):
    right = sum(row["verdict"] == "OK" for row in rows)
    return [f"{right} of {len(rows)} candidate programs are OK", *_listed([row["id"] for row in rows], ids)]


def _examples(rows, cell, ids):
    problems = len({row["problem"] for row in rows})
    return [f"{len(rows)} examples of {problems} problems: {_by_language(rows)}", *_listed(_names(rows, "style"), ids)]


def _documents(rows, cell, ids):
    return [f"{len(rows)} documents: {_by_language(rows)}"]  # they have no ids, and are in no other file


def _groups(rows, cell, ids):
    sides = " and ".join(f"{sum(len(row[side]) for row in rows)} {side}" for side in ("winners", "losers"))
    problems = len({row["problem"] for row in rows})
    return [f"{len(rows)} groups of {problems} problems: {sides}", *_listed([row["id"] for row in rows], ids)]


def _pairs(rows, cell, ids):
    counts = Counter(f"{row['from']} into {row['into']}" for row in rows)
    kinds = ", ".join(f"{count} {name}" for name, count in counts.items())
    problems = len({row["problem"] for row in rows})
    return [f"{len(rows)} pairs of {problems} problems: {kinds}", *_listed([row["id"] for row in rows], ids)]


def _problems(rows, cell, ids):
    counts = Counter(row["split"] for row in rows)
    return [", ".join(f"{count} problems of split {name}" for name, count in counts.items()),
            *_listed([row["id"] for row in rows], ids)]  # fmt: skip


def _by_language(rows):
    return ", ".join(f"{count} {name}" for name, count in Counter(row["language"] for row in rows).most_common())


def _names(rows, last):
    return [f"{row['problem']}/{row['language']}/{row[last]}" for row in rows]


def _listed(names, ids):
    return [f"  {name}" for name in names] if ids else []
