"""The section of the page about OORL and GEPO (arXiv 2505.12723): our rows, their steps, the paper's tables beside.

In: the tables (crosspl/report/read.py), Drawings, config, docs/reference. Out: Sections, none without translation.
"""

from functools import partial
from pathlib import Path

from crosspl.io import read_csv
from crosspl.plots.numbers import count, decimal, number, p_value, percent, with_interval
from crosspl.plots.oorl import named
from crosspl.report.blocks import Section, Text, column, missing, raw, table, word
from crosspl.report.headline import numbered, size
from crosspl.report.oorl_assumptions import assumptions, rows_of
from crosspl.report.sections import GAINS, interval

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
FORMS = {  # table: title, of the paper's table
    "oorl/generation": ("Programs written from statements, pass@1 in percent", "oorl_table2"),
    "oorl/translation_matrix": ("Programs translated, pass@1 in percent", "oorl_table3"),
    "oorl/ablation": ("On-policy and off-policy, pass@1 in percent", "oorl_table4"),
}
LABELS = ("source", "row", "init", "from", "start", "on_policy", "off_policy", "model")
TASKS = {"generation": "Writing programs", "translation": "Translating programs"}
FEWEST_SEEDS = 3
LEAD = (
    "RL on code translation, and off-policy losses beside it (arXiv 2505.12723): does each step make the model better "
    "at writing and at translating programs? Steps are paired differences. The paper’s tables stand beside ours for "
    "their order and signs alone: they are of another model, other problems and PLs, one run per row, without seeds or "
    "error bars, and some of their cells cannot be right (docs/reference/README.md)."
)


def sections(tables, pictures, config):
    """Return the section in a list; an empty one where neither the config nor a table is about translation."""
    asked = (config.get("translation") or {}).get("evaluate")
    has_rows = bool(tables["oorl/steps"])
    if not (asked or has_rows or tables["translation_table"]):
        return []
    wants_rows = has_rows or bool(asked and rows_of(config))
    blocks = ladder(tables, pictures, config) if wants_rows else []
    rows = tables["translation_table"]
    columns = [word("from", "from"), *GAINS]
    title = "Gains of every init in translation, pass@1 in percent, gains in points"
    blocks += (
        [table(title, "translation_table.csv", rows, columns, True)] if rows else [missing("translation_table.csv")]
    )
    return [Section("oorl", "OORL and GEPO", LEAD, blocks)]


def ladder(tables, pictures, config):
    """Return the blocks about the rows of the ladder."""
    steps = tables["oorl/steps"]
    if not steps:
        return [missing("oorl/steps.csv")]
    blocks = [Text(text, kind) for text, kind in findings(steps, tables["oorl/comparison"])] + pictures("oorl_steps")
    if tables["oorl/comparison"]:
        title = "Order and signs beside the paper’s"
        blocks.append(table(title, "oorl/comparison.csv", tables["oorl/comparison"], COMPARED))
    means = [row for row in steps if row["target"].startswith("mean")]
    blocks.append(table("Steps in means over PLs", "oorl/steps.csv", means, STEPS, folded=True))
    blocks.append(raw("oorl/steps.csv", steps))
    for name, (title, paper) in FORMS.items():
        if tables[name]:
            blocks.append(form(title, f"{name}.csv", tables[name]))
            shown = f"The paper’s table {paper[-1]}, not to be compared by cells: {title[0].lower()}{title[1:]}"
            blocks.append(form(shown, f"docs/reference/{paper}.csv", read_csv(REFERENCE / f"{paper}.csv"), folded=True))
    columns = [(name, "l", lambda row, index=index: row[index]) for index, name in enumerate(
        ("what the paper leaves open", "assumed", "this run", "why"))]  # fmt: skip
    blocks.append(table("Defaults in force: assumed", "the config", assumptions(config), columns))
    return blocks


COMPARED = [
    word("task", "task"), word("RL in", "source"), word("rows", "comparison"), word("the paper", "paper"),
    word("its sign", "paper_sign"), word("ours", "ours"), interval("ours, points", "difference", "low", "high"),
    column("seeds", "seeds", count), word("agrees", "agrees"),
]  # fmt: skip
STEPS = [
    word("task", "task"), word("from", "from"), word("RL in", "source"), word("target", "target"), word("row", "row"),
    word("minus", "against"), interval("pass@1", "pass_at_1", "low", "high", percent),
    interval("step", "difference", "difference_low", "difference_high"), column("p (Holm)", "p_holm", p_value),
    column("p equivalent", "p_equivalence", p_value), word("conclusion", "conclusion"),
    column("detectable", "mde", percent), column("seeds", "seeds", count), column("problems", "problems", count),
]  # fmt: skip


def form(title, source, rows, folded=False):
    """Return a table in a form of the paper: labels, then percent with intervals where there are some."""
    names = [name for name in rows[0] if not name.endswith(("_low", "_high"))]
    columns = [word(name.replace("_", " "), name) for name in names if name in LABELS]
    columns += [(name.replace("_", " "), "r", partial(cell, name=name)) for name in names if name not in LABELS]
    return table(title, source, rows, columns, folded)


def cell(row, name):
    """Return "43.5 [38.9, 48.0]", or the number alone as the file has it."""
    return with_interval(row, name, f"{name}_low", f"{name}_high", decimal) if row.get(f"{name}_low") else row[name]


def findings(steps, comparison):
    """Yield (sentence, kind): what came out in the means over all PLs, and what cannot be told."""
    for row in comparison:
        if row["comparison"] == "order":
            yield (f"{TASKS[row['task']]}, RL in {row['source']}: our order is {row['ours']} (< told apart, ~ "
                   f"equivalent within the margin, ? not told apart); the paper’s is {row['paper']}. "
                   f"{AGREES[row['agrees']]}"), ""  # fmt: skip
    means = [row for row in steps if row["target"] == "mean" and row["from"] in ("", "all") and row["against"]]
    for row in means:
        yield sentence(row), ""
    seeds = {int(row["seeds"]) for row in steps}
    if seeds and min(seeds) < FEWEST_SEEDS:
        yield (f"{numbered(str(min(seeds)), 'training seed')}: the noise between training runs is hardly known; the "
               f"order of the rows is to be judged from {FEWEST_SEEDS} or more."), "caveat"  # fmt: skip
    open_ = [row for row in means if row["conclusion"] == "undecided"]
    if open_:
        yield (f"What cannot be told: {len(open_)} of {len(means)} steps. They are smaller than this run finds with "
               "power 80 %, or happened to be missed; nothing found is not nothing there."), "caveat"  # fmt: skip


AGREES = {"yes": "They agree.", "no": "They disagree.", "undecided": "Whether they agree is undecided."}


def sentence(row):
    """Return one step in words."""
    step = with_interval(row, "difference", "difference_low", "difference_high")
    meaning = {
        "difference": "a difference",
        "difference within the margin": f"a difference, but smaller than the margin of {size(row['margin'])}",
        "equivalent": f"equivalent: a difference of {size(row['margin'])} points is ruled out",
    }.get(row["conclusion"])
    if not meaning:
        meaning = f"undecided: the run would have found {size(row['mde'])} points (power 80 %)"
        if number(row["p_holm"]) > number(row["p_value"]) and number(row["p_value"]) < 0.05:
            meaning += "; that the interval leaves out 0 does not hold after Holm’s correction"
    where = f"{TASKS[row['task']]}, RL in {row['source']}"
    return f"{where}: {named(row['row'])} minus {named(row['against'])} is {step} points, {meaning}."
