"""The parts a section of the page is made of, and how rows become tables.

In: rows of a table, columns. Out: Sections of Text, Table, Picture and Missing, which the template prints.
"""

from typing import NamedTuple

from crosspl.plots.numbers import MISSING


class Text(NamedTuple):
    """A paragraph; `kind` is its class in the page."""

    text: str
    kind: str = ""


class Table(NamedTuple):
    """A table. align: one of l and r per column. folded: shown on demand."""

    title: str
    header: list
    align: str
    rows: list
    source: str
    folded: bool


class Picture(NamedTuple):
    """A figure with the paragraphs of its caption."""

    drawing: object
    caption: list
    folded: bool = False


class Verdict(NamedTuple):
    """A list of criteria with their states."""

    criteria: list


class Listing(NamedTuple):
    """A long text as it is: the config, a manifest."""

    title: str
    text: str


class Section(NamedTuple):
    """A section of the page: anchor, heading, what it is about, blocks."""

    anchor: str
    title: str
    lead: str
    blocks: list


def table(title, source, rows, columns, folded=False):
    """Return a Table of `rows`; columns: (header, alignment l or r, function of a row to text)."""
    cells = [[function(row) or MISSING for _, _, function in columns] for row in rows]
    header, align = [name for name, _, _ in columns], "".join(align for _, align, _ in columns)
    return Table(title, header, align, cells, source, folded)


def raw(source, rows, title=None):
    """Return a folded Table of all columns as they are in the file: fractions, not percent."""
    title = title or f"All columns of {source}, as they are in the file"
    names = list(rows[0])
    align = "".join("r" if is_numeric(name, rows) else "l" for name in names)
    return Table(title, names, align, [[row[name] or MISSING for name in names] for row in rows], source, True)


def is_numeric(name, rows):
    """Return whether all filled cells of a column are numbers."""
    cells = [row[name] for row in rows if row[name] not in ("", None)]
    return bool(cells) and all(cell.lstrip("+-").replace(".", "", 1).replace("e-", "", 1).isdigit() for cell in cells)


def missing(*files):
    """Return the line that says which target builds what a section needs."""
    targets = " ".join(f"results/{file}" for file in files)
    return Text(f"Not measured yet. This builds it: snakemake {targets}", "missing")


def column(header, name, form=str, align="r"):
    """Return a column that shows one cell of the row in the given form."""
    return header, align, lambda row: form(row.get(name) or "")


def word(header, name):
    """Return a column of words."""
    return column(header, name, str, "l")
