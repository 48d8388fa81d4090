"""Our rows in the forms of the paper's tables 2 to 4 (arXiv 2505.12723).

In: a Plan, Rows, Measures (crosspl.oorl_rows). Out: rows of generation.csv (table 2: row x PL), translation_matrix.csv
(table 3: PL translated from x row x PL asked for, empty where both are one) and ablation.csv (table 4: on-policy,
off-policy, mean of generation, means of translation).

Numbers are percent with one decimal, as the paper's are percent; 95 % intervals are in the columns `{column}_low` and
`{column}_high` behind them. Averages are means of the row's cells, each on all problems of its PL, as the paper's are.
"""

from crosspl.oorl_rows import ALL, OORL, SFT
from crosspl.oorl_steps import level

ENDS = ("", "_low", "_high")
OFF_POLICY = {"rl_dpo": "DPO", "rl_gepo": "GEPO", "rl_gepo_programs": "GEPO on programs"}
ON_POLICY = "RL on translation"
LABELS = ["source", "row", "init"]


def columns_of(first, names):
    """Return the columns of a form: labels, numbers, then the limits of all numbers."""
    return [*first, *names, *(f"{name}{end}" for name in names for end in ENDS[1:])]


def generation_form(plan, rows, measures):
    """Return (columns, rows) of generation.csv. measures: those of generation."""
    single = [measure for measure in measures if measure.full is None]
    cells = {measure.item.language: (measure.item, measure.level_noise) for measure in single}
    [mean] = [measure for measure in measures if measure.full and not measure.role]
    cells["avg"] = mean.full, mean.level_noise
    found = [labels | _numbers(plan, cells, row, source) for row, source, labels in _labelled(plan, rows)]
    return columns_of(LABELS, list(cells)), found


def matrix_form(plan, rows, measures, means, languages):
    """Return (columns, rows) of translation_matrix.csv.

    measures: {PL translated from: Measures of single PLs}. means: Measures of their means. languages: all PLs that are
    asked for, in the order of the columns.
    """
    found, by_origin = [], {measure.origin: measure for measure in means}
    for origin, own in measures.items():
        cells = {measure.item.language: (measure.item, measure.level_noise) for measure in own}
        cells["avg"] = by_origin[origin].full, by_origin[origin].level_noise
        for row, source, labels in _labelled(plan, rows):
            found.append({"from": origin} | labels | _numbers(plan, cells, row, source))
    return columns_of(["from", *LABELS], [*languages, "avg"]), found


def ablation_form(plan, rows, measures):
    """Return (columns, rows) of ablation.csv. measures: those of generation and of translation."""
    cells = {}
    for measure in measures:
        if measure.full and not measure.role:
            name = "generation" if measure.task == "generation" else f"from_{measure.origin}"
            cells[name] = measure.full, measure.level_noise
    cells["from_avg"] = cells.pop(f"from_{ALL}")
    found = [
        labels | policies(row) | _numbers(plan, cells, row, source) for row, source, labels in _labelled(plan, rows)
    ]
    return columns_of([*LABELS, "start", "on_policy", "off_policy"], list(cells)), found


def policies(row):
    """Return what the columns start, on_policy and off_policy of table 4 say of a row; empty: not used."""
    mixture = row.name.removesuffix(OORL if row.trained else SFT)
    start = "base" if mixture == row.name else f"SFT on {mixture}"
    off = OFF_POLICY.get(row.name, "GEPO" if row.name.endswith(OORL) else "")
    return {"start": start, "on_policy": ON_POLICY if row.trained else "", "off_policy": off}


def _labelled(plan, rows):
    """Yield (row, source PL, label cells): a row without RL once, the others for every source PL of RL."""
    for source in plan.sources:
        for row in rows:
            if row.trained or source == plan.sources[0]:
                own = (source, row.name, row.init) if row.trained else ("", row.name, "")
                yield row, source, dict(zip(LABELS, own))


def _numbers(plan, cells, row, source):
    """Return the numbers of a row: percent with limits, by column. cells: {column: (Target, noise between seeds)}."""
    found = {}
    for name, (item, noise) in cells.items():
        result = level(plan, item, row, source, noise)
        found |= dict(zip((f"{name}{end}" for end in ENDS), map(percent, result[:3])))
    return found


def percent(value):
    """Return a fraction as percent with one decimal, without a negative zero."""
    return f"{round(100 * value, 1) + 0.0:.1f}"
