"""The figure of the steps of the OORL ladder (arXiv 2505.12723, table 4, with intervals).

In: rows of oorl/steps.csv of one source PL of RL (fractions). Out: a matplotlib figure, in percentage points.
"""

import numpy as np
from matplotlib.patches import Rectangle

from crosspl.plots.numbers import number
from crosspl.plots.style import canvas, cycle_looks, dots_only, groups, interval_dot, point_axis, reach, series_key
from crosspl.plots.transfer import in_points, unique

TASKS = {"generation": "programs written from statements", "translation": "programs translated"}
WORDS = {"none": "no RL", "rl": "RL", "rl_dpo": "RL + DPO", "rl_gepo": "RL + GEPO",
         "rl_gepo_programs": "RL + GEPO on programs"}  # fmt: skip


def named(row):
    """Return a row's name in words: of the ladder, or of SFT on a mixture and RL with GEPO after it."""
    mixture, _, kind = row.rpartition("_")
    return WORDS.get(row) or (f"SFT {mixture} + RL + GEPO" if kind == "oorl" else f"SFT {mixture}")


def shown(rows):
    """Return the rows of the figure: differences of means over PLs."""
    return [row for row in rows if row["against"] and row["target"].startswith("mean")]


def series(row):
    """Return the name of what a row is a mean over."""
    return f"from {row['from']}" if row["from"] not in ("", "all") else row["role"] or "all PLs"


def steps(rows):
    """Draw every step with its interval, writing and translating programs side by side, and the margin."""
    rows = shown(rows)
    compared, names = unique((row["row"], row["against"]) for row in rows), unique(map(series, rows))
    names.sort(key=lambda name: name != "all PLs")
    own = {
        task: [name for name in names if name in {series(row) for row in rows if row["task"] == task}] for task in TASKS
    }
    looks, size = dots_only(cycle_looks(names)), max(map(len, own.values())) + 1
    spreads = [in_points(row, "difference", "difference_low", "difference_high") for row in rows]
    margin = 100 * np.nan_to_num(number(rows[0]["margin"]))
    limit = max(reach(spreads), 1.3 * margin)
    figure, [panels] = canvas(1.1 + 0.13 * size * len(compared), 1, 2, sharey=True)
    for axes, (task, title) in zip(panels, TASKS.items()):
        for row, spread in zip(rows, spreads):
            if row["task"] == task:
                y = compared.index((row["row"], row["against"])) * size + own[task].index(series(row)) + 0.5
                fill = "full" if series(row) == "all PLs" else "none"
                interval_dot(axes, y, spread, looks[series(row)], limit, fill=fill)
        axes.add_patch(
            Rectangle((-margin, -0.5), 2 * margin, size * len(compared), color="#dfe7ef", linewidth=0, zorder=0)
        )
        axes.set_title(title)
    groups(panels, [f"{named(row)}\n− {named(against)}" for row, against in compared], size)
    for axes in panels:
        point_axis(axes, limit, "difference of pass@1, points, with 95 % interval")
    series_key(figure, looks)
    return figure
