"""Write the rows of an importer as they come, and count what was read, kept and dropped.

In: an importer's stream. Out: problems.jsonl.gz, programs/{language}.jsonl.gz, import.csv in one folder; all of them,
or none after an error. Memory grows with the number of problems only (their ids). A program is kept when its problem
is, or when the data set has programs only. Problems of sources that are for evaluation only are refused in training
splits.
"""

import contextlib
import json
import os
from collections import Counter
from gzip import GzipFile
from pathlib import Path

from crosspl.errors import UserError
from crosspl.importers.rows import Drop
from crosspl.io import atomic, write_csv
from crosspl.licenses import TRAINING_SPLITS, is_for_evaluation
from crosspl.progress import Counted

COLUMNS = ("kind", "language", "reason", "rows")
KEPT = "kept"
LIMIT = "over the limit"


class Writers:
    """Gzipped JSON Lines files that are opened when their first row comes; all appear when the stack closes well."""

    def __init__(self, stack):
        self.stack, self.open = stack, {}

    def write(self, path, line):
        """Add one line (bytes) to the file at `path`."""
        if path not in self.open:
            temporary = self.stack.enter_context(atomic(path))
            raw = self.stack.enter_context(open(temporary, "wb"))  # noqa: SIM115
            self.open[path] = self.stack.enter_context(GzipFile("", "wb", 6, raw, mtime=0))
        self.open[path].write(line)


def import_rows(importer, folder, revision, output, languages=None, split=None, limit=None, train_anyway=False):
    """Write what `importer` reads from `folder` into the folder `output`; return lines that sum it up.

    limit: the most problems that are kept; of a data set with programs only, the most programs. train_anyway: problems
    for evaluation may be in training splits.
    """
    output, counts, seen = Path(output), Counter(), set()
    progress, stopped = Counted(f"reading {folder}"), False
    with contextlib.ExitStack() as stack:
        writers = Writers(stack)
        for row in importer.read(folder, revision):
            kind, language, reason, line = outcome(row, seen, counts, languages, split, limit)
            if reason == LIMIT and (kind == "program" or not getattr(importer, "PROGRAMS_LAST", False)):
                stopped = True
                break
            if line and kind == "problem" and not train_anyway:
                check_use(row, split)
            counts[kind, language, reason] += 1
            if reason == KEPT:
                name = f"programs/{language}.jsonl.gz" if kind == "program" else "problems.jsonl.gz"
                writers.write(output / name, line)
            progress.update()
        if not kept(counts, "problem") + kept(counts, "program"):
            raise UserError(f"{folder}: nothing in it could be used; {'; '.join(lines_of(counts)) or 'it has no rows'}")
        (output / "programs").mkdir(parents=True, exist_ok=True)  # also when there are none: a rule waits for it
        remove_stale(output, set(writers.open))
    (output / "programs").mkdir(parents=True, exist_ok=True)  # also of a benchmark without programs: a rule asks for it
    write_csv(output / "import.csv", COLUMNS, [dict(zip(COLUMNS, [*key, n])) for key, n in sorted(counts.items())])
    return lines_of(counts) + ([f"stopped at the limit of {limit}: there is more in {folder}"] if stopped else [])


def outcome(row, seen, counts, languages, split, limit):
    """Return (kind, language, reason or KEPT, the line to write) of one row."""
    if isinstance(row, Drop):
        return row.kind, "", row.reason, None
    kind, language = ("program", row["language"]) if "code" in row else ("problem", "")
    if kind == "problem" and row["id"] in seen:
        return kind, language, "id occurs twice", None
    if kind == "program" and languages and language not in languages:
        return kind, language, "PL not asked for", None
    has_problems = kind == "problem" or any(what == "problem" for what, _, _ in counts)
    if kind == "program" and has_problems and row["problem"] not in seen:
        return kind, language, "its problem was left out", None
    if limit and (kind == "problem" or not has_problems) and kept(counts, kind) >= limit:
        return kind, language, LIMIT, None
    if kind == "problem" and split:
        row = row | {"split": split}
    try:
        line = (json.dumps(row, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:
        return kind, language, "not UTF-8", None
    if kind == "problem":
        seen.add(row["id"])
    return kind, language, KEPT, line


def check_use(row, split):
    """Raise a UserError when a problem for evaluation would be trained on."""
    split = split or row["split"]
    if split in TRAINING_SPLITS and is_for_evaluation(row["source"]):
        raise UserError(
            f"{row['id']} is for evaluation only (crosspl/licenses.py), and would be in the split {split}: leave "
            "--split out, or give --train-on-evaluation-data (problems.imported.train_on_evaluation_data) if you must"
        )


def kept(counts, kind):
    """Return how many rows of one kind were kept."""
    return sum(n for (what, _, reason), n in counts.items() if what == kind and reason == KEPT)


def lines_of(counts):
    """Return one line per kind: how many rows were read and kept, why the others were not; then prompts left out."""
    lines = []
    for kind in ("problem", "program"):
        read = sum(n for (what, _, _), n in counts.items() if what == kind)
        reasons = Counter()
        for (what, _, reason), n in counts.items():
            if what == kind and reason != KEPT:
                reasons[reason] += n
        dropped = "".join(f", {n} dropped: {reason}" for reason, n in reasons.most_common())
        if read:
            lines.append(f"{kind}s: {read} read, {kept(counts, kind)} kept{dropped}")
    lines += [f"{kind}s left out: {n}: {reason}" for (kind, _, reason), n in counts.most_common() if kind == "prompt"]
    return lines


def remove_stale(output, written):
    """Remove what earlier imports into the same folder wrote and this one does not, or had begun when killed."""
    for path in [*output.glob("programs/*.jsonl.gz"), *output.glob("problems.jsonl.gz")]:
        if path not in written:
            path.unlink()
    for path in [*output.glob("programs/.*.tmp"), *output.glob(".*.tmp")]:
        if is_abandoned(path):
            path.unlink(missing_ok=True)


def is_abandoned(path):
    """Return whether a temporary file of crosspl.io.atomic is of a process that has ended."""
    number = path.name.split(".")[-2]
    if not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it lives, and is another user's
        return False
    return False
