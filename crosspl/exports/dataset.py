"""A Hugging Face data set folder: problems, judged programs in all PLs and SFT mixtures, with a data card.

In: problems, program rows with verdicts, mixtures. Out: {problems,programs,sft_NAME}/{split}.parquet and README.md,
which `datasets.load_dataset(FOLDER, NAME)` and pandas read. Every row says its source, licence, revision and what may
be done with it. A row that may not be redistributed, or that is in a training split and may not be trained on, refuses
the export (crosspl.licenses).
Format: Hugging Face Hub documentation, dataset cards and `configs`.
"""

import json
from collections import Counter
from functools import partial
from pathlib import Path

import pyarrow as pa

from crosspl.errors import UserError
from crosspl.exports.answers import check_verdict
from crosspl.exports.cards import head, hub_license, license_table, provenance, table
from crosspl.exports.parquet import write_parquet
from crosspl.io import stream_rows, write_text
from crosspl.licenses import check_redistribution, terms_of
from crosspl.problems import SPLITS, checked
from crosspl.protocol import said

TEXT = pa.string()
ORIGIN = {"source": TEXT, "license": TEXT, "revision": TEXT, "may_train": TEXT, "attribution": TEXT}
BY_LANGUAGE = pa.list_(pa.struct({"language": TEXT, "text": TEXT}))
PROBLEM = pa.schema({
    "id": TEXT, "family": TEXT, "split": TEXT, "statement": TEXT, "difficulty": TEXT, "comparison": TEXT,
    "tests": pa.list_(pa.struct({"stdin": TEXT, "stdout": pa.list_(TEXT), "public": pa.bool_()})),
    "harness": BY_LANGUAGE, "prompts": BY_LANGUAGE, "checker": TEXT, "limits": TEXT, "title": TEXT, "date": TEXT,
    "url": TEXT, "tags": pa.list_(TEXT), **ORIGIN,
})  # fmt: skip
PROGRAM = pa.schema({
    "id": TEXT, "problem": TEXT, "family": TEXT, "split": TEXT, "language": TEXT, "style": TEXT, "code": TEXT,
    "verdict": TEXT, "claimed": TEXT, "toolchain": TEXT, "sandbox": TEXT, **ORIGIN,
})  # fmt: skip
EXAMPLE = pa.schema({
    "problem": TEXT, "family": TEXT, "split": TEXT, "language": TEXT, "style": TEXT, "prompt": TEXT, "completion": TEXT,
    **ORIGIN,
})  # fmt: skip


def export(output, *, problems, programs, mixtures=()):
    """Write all parts and the card. The first pass over everything checks and counts; then one per part and split."""
    known, counts = {}, {}
    for row in checked(stream_rows(problems), problems):
        check_redistribution(f"{problems}, problem {row['id']}", row, row["split"])
        known[row["id"]] = {key: row.get(key) for key in ("family", "split", "source", "license", "revision")}
        counts.setdefault((row["source"], row["license"]), Counter())["problems"] += 1
    for row in program_rows(programs, known):
        counts.setdefault((row["source"], row["license"]), Counter())["programs"] += 1
    sizes = {"problems": write_splits(output / "problems", PROBLEM, lambda: map(problem_row, stream_rows(problems)))}
    sizes["programs"] = write_splits(output / "programs", PROGRAM, lambda: program_rows(programs, known))
    for path in mixtures:
        name = f"sft_{Path(path).name.split('.')[0]}"
        sizes[name] = write_splits(output / name, EXAMPLE, partial(mixture_rows, path, known))
    write_text(output / "README.md", card(sizes, counts, [problems, *programs, *mixtures]))


def write_splits(folder, schema, rows):
    """Write {split}.parquet of every split that has some of `rows()`; return {split: rows}."""
    splits = {row["split"] for row in rows()}
    return {
        split: write_parquet(folder / f"{split}.parquet", schema, (row for row in rows() if row["split"] == split))
        for split in SPLITS
        if split in splits
    }


def origin(row):
    """Return the columns that say where a row is from and what may be done with it."""
    terms = terms_of(row["source"], row["license"])
    known = {"source": row["source"], "license": row["license"], "revision": row.get("revision")}
    return known | {"may_train": terms.train, "attribution": terms.attribution}


def problem_row(row):
    """Return a problem as the schema has it: several right outputs are always a list, what is free in form is JSON."""
    tests = [
        {
            "stdin": test["stdin"],
            "stdout": [test["stdout"]] if isinstance(test["stdout"], str) else test["stdout"],
            "public": test.get("public"),
        }
        for test in row["tests"] or []
    ]
    return row | origin(row) | {
        "tests": tests,
        "harness": by_language(row["harness"]),
        "prompts": by_language(row.get("prompts")),
        "difficulty": None if row["difficulty"] is None else str(row["difficulty"]),
        "limits": json.dumps(row["limits"], sort_keys=True) if row.get("limits") else None,
    }  # fmt: skip


def by_language(texts):
    return [{"language": language, "text": text} for language, text in (texts or {}).items()]


def program_rows(paths, known):
    """Yield the programs, with what their problems say; a program of a data set has a licence of its own."""
    for path in paths:
        for number, row in enumerate(stream_rows(path), 1):
            check_verdict(f"{path}, row {number}", row["verdict"])
            yield joined(f"{path}, row {number}", row, known)


def mixture_rows(path, known):
    """Yield the examples of a mixture, with what their problems say; of a chat's turns the texts."""
    for number, row in enumerate(stream_rows(path), 1):
        texts = {name: said(row[name]) for name in ("prompt", "completion")}
        yield joined(f"{path}, row {number}", row | texts, known)


def joined(where, row, known):
    """Return a row with split and origin; UserError where it may not be published."""
    problem = known.get(row["problem"])
    if problem is None:
        raise UserError(f"{where}: problem {row['problem']!r} is not among the problems")
    row = problem | row
    check_redistribution(where, row, problem["split"])
    return row | origin(row)


def card(sizes, counts, files):
    """Return README.md."""
    configs = [
        {"config_name": name, "data_files": [{"split": split, "path": f"{name}/{split}.parquet"} for split in splits]}
        for name, splits in sizes.items()
    ]
    configs[0]["default"] = True
    licenses = {license for _, license in counts}
    splits = [split for split in SPLITS if any(split in found for found in sizes.values())]
    parts = [[f"`{name}`", *(found.get(split, 0) for split in splits)] for name, found in sizes.items()]
    return "\n\n".join([
        head({"license": hub_license(licenses), "pretty_name": "crosspl: parallel programs", "configs": configs,
              "tags": ["code"]}),
        "# Problems and parallel programs",
        "Made by crosspl. A program's `verdict` is of a judge that ran it on all tests of its problem (`OK`: right); "
        "programs with the same `problem` in several `language`s and the verdict `OK` are parallel programs. Problems "
        "with the same `family` are variants of one task and in one split. The split `eval` is for evaluation: do not "
        "train on it.",
        table(["rows", *splits], parts),
        "## Licences\n\nEvery row has `source`, `license`, `revision`, `may_train` and `attribution`; whoever uses a "
        "row keeps to its licence.",
        license_table(counts),
        "## Provenance",
        provenance(files),
        "",
    ]).rstrip() + "\n"  # fmt: skip
