"""Parts of the cards (README.md) of exported data sets and models.

In: counts by source and licence, files. Out: Markdown. YAML at the head is written as JSON values, which YAML reads.
"""

import json

from crosspl.licenses import terms_of
from crosspl.provenance import file_hash

HUB = {  # SPDX: the hub's name of it
    "Apache-2.0": "apache-2.0", "BSD-2-Clause": "bsd-2-clause", "BSD-3-Clause": "bsd-3-clause",
    "CC-BY-3.0": "cc-by-3.0", "CC-BY-4.0": "cc-by-4.0", "CC0-1.0": "cc0-1.0", "ISC": "isc", "MIT": "mit",
    "Unlicense": "unlicense",
}  # fmt: skip


def head(values):
    """Return the YAML block of a card."""
    return "\n".join(
        ["---", *(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()), "---"]
    )


def hub_license(licenses):
    """Return the hub's name of the one licence of all rows, else "other": each row has its own."""
    return HUB.get(next(iter(licenses)), "other") if len(licenses) == 1 else "other"


def table(columns, rows):
    """Return a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def license_table(counts):
    """Return the table of {(source, license): {what: rows}}."""
    kinds = sorted({kind for found in counts.values() for kind in found})
    rows = []
    for source, license in sorted(counts, key=str):
        terms = terms_of(source, license)
        numbers = [counts[source, license].get(kind, 0) for kind in kinds]
        rows.append([source, license or "not known", *numbers, terms.train, terms.redistribute, terms.attribution])
    return table(["source", "licence", *kinds, "may be trained on", "may be redistributed", "attribution"], rows)


def provenance(paths):
    """Return the table of the files that an export was made of."""
    return table(["made of", "sha256"], [[f"`{path}`", f"`{file_hash(path)}`"] for path in paths])
