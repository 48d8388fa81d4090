"""Write the tables of docs/reruns.md from the rerun matrix: `python tests/rerun_docs.py`.

In: reruns.yaml, docs/reruns.md. Out: the page with a fresh table after each of its marks `<!-- rows: SECTION -->`; what
is written by hand stays. A test compares the committed page with what comes out here.
"""

from collections import defaultdict

from rerun_rows import STAGES, rules, section
from workflow_run import ROOT

PAGE = ROOT / "docs" / "reruns.md"
HEADS = {
    "settings": ("you change", "keys"),
    "imported": ("you change", "keys or files"),
    "modules": ("you edit", "files"),
    "edits": ("you do",),
}


def page(text):
    """Return the page with its tables written anew."""
    for name, head in HEADS.items():
        start, end = f"<!-- rows: {name} -->\n", "<!-- end -->"
        before, rest = text.split(start)
        heads = [*head, "runs again", "stays"]
        lines = [heads, ["---"] * len(heads), *map(cells, section(name))]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        text = f"{before}{start}\n{table}\n\n{end}{rest.partition(end)[2]}"
    return text


def cells(row):
    """Return the cells of a row."""
    named = [in_blocks(row["keys"])] if "keys" in row else []
    named += [", ".join(f"`{pattern}`" for pattern in row["files"].split())] if "files" in row else []
    return [row["what"], *named, said(row["runs"]), staying(rules(row["runs"]))]


def in_blocks(keys):
    """Return settings by the block that they are in."""
    blocks = defaultdict(list)
    for key in keys:
        block, _, name = key.partition(".")
        blocks[block].append(name)
    return "; ".join(f"`{block}` {', '.join(filter(None, names))}".strip() for block, names in blocks.items())


def said(text):
    """Return a `runs:` in words."""
    alone = [f"`{name[1:]}`" for name in text.split() if name.startswith("=")]
    first = [f"`{name}`" for name in text.split() if not name.startswith("=")]
    if text == "nothing":
        return "nothing"
    if rules(text) == rules("build_problems calibrate"):
        return "everything"
    more = rules(text) - set(text.replace("=", "").split())
    return ", ".join([*alone, *first]) + (" and what follows" if more else "")


def staying(ran):
    """Return the stages none of whose rules run."""
    stages = [stage for stage, names in STAGES.items() if not ran & set(names.split())]
    return "everything" if len(stages) == len(STAGES) else ", ".join(stages) or "nothing"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
