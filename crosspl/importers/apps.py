"""APPS: 10,000 problems with tests and Python solutions.

In: the published folder, {train,test}/0000/ with question.txt, input_output.json, solutions.json, metadata.json and
starter_code.py, or the same rows as train.jsonl and test.jsonl (codeparrot/apps). Out: problems on standard input with
hidden tests, and their solutions as accepted programs; the published test set is in the split eval. Both forms give the
same ids, like apps/train/0.
Format: https://github.com/hendrycks/apps, Hendrycks et al. 2021, arXiv 2105.09938, MIT.
"""

from pathlib import Path

from crosspl import record
from crosspl.errors import UserError
from crosspl.importers import reading
from crosspl.importers.in_out import from_json, rows_of

HUB = "codeparrot/apps"
FILES = ["train.jsonl", "test.jsonl"]
LICENSE = "MIT"
SOURCE = "apps"

SPLITS = {"train": "sft", "test": "eval"}


def read(folder, revision):
    """Yield problems and programs, a problem before its programs."""
    origin, seen = {"source": SOURCE, "license": LICENSE, "revision": revision}, set()
    for where, split, number, row in published(folder):
        more = {"difficulty": row.get("difficulty") or None, "url": row.get("url") or None}
        yield from rows_of(where, f"{split}/{number}", row, origin, seen, **more, split=SPLITS[split])


def published(folder):
    """Yield (where, split, number, row) from the problem folders or, if there are none, from the JSON Lines files."""
    folders = problem_folders(Path(folder))
    for path in folders:
        yield str(path), split_of(path.parent), int(path.name), folder_row(path)
    for path in [] if folders else reading.files(folder, *FILES, *(f"{name}.gz" for name in FILES)):
        for where, row in reading.rows(path):
            number = row.get("problem_id", row.get("id"))
            if not isinstance(number, int):
                raise UserError(f"{where}: field problem_id is missing or not an integer: is this the published file?")
            yield where, split_of(path), number, row


def problem_folders(folder):
    """Return the folders of the problems below {train,test}/, or below `folder` if it is one of these two."""
    found = [*folder.glob("train/*"), *folder.glob("test/*"), *(folder.glob("*") if folder.name in SPLITS else ())]
    return sorted(path for path in found if path.name.isdigit() and path.is_dir())


def split_of(path):
    """Return the published split that a file or folder is."""
    return "test" if path.name.startswith("test") else "train"


def folder_row(path):
    """Return the row of a problem's folder, like one of the JSON Lines files; what is not there is None."""
    metadata = from_json(str(path / "metadata.json"), "difficulty", text_of(path / "metadata.json")) or {}
    if not isinstance(metadata, dict):
        raise UserError(f"{path / 'metadata.json'}: not a JSON object: get the file again")
    row = {
        "question": text_of(path / "question.txt"),
        "solutions": from_json(str(path / "solutions.json"), "solutions", text_of(path / "solutions.json")),
        "input_output": from_json(str(path / "input_output.json"), "inputs", text_of(path / "input_output.json")),
        "starter_code": text_of(path / "starter_code.py"),
    }
    return row | {name: metadata.get(name) for name in ("difficulty", "url")}


def text_of(path):
    """Return the text of a file with the line ends it has, or None when it is not there."""
    try:
        record.read(path)
        return path.read_bytes().decode(errors="surrogateescape")
    except FileNotFoundError:
        return None
