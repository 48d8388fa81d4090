"""Figures of pass@1, gains, contrasts and transfer (parallel_sft.md §3).

In: rows of headline.csv, transfer_table.csv, contrasts.csv, transfer_matrix.csv and results/sweeps/*.csv (fractions).
Out: matplotlib figures, in percent and percentage points.
"""

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle

from crosspl.plots.numbers import MISSING, number, plain, points, spread
from crosspl.plots.style import (
    WIDTH,
    canvas,
    dots_only,
    groups,
    init_looks,
    interval_dot,
    point_axis,
    reach,
    series_key,
)

HATCH = "#b5b9c0"
ROLES = ("source", "sft", "unseen")
DIVERGING = colormaps["PuOr"].resampled(256)  # purple gains, orange losses: told apart by colour-blind readers


def unique(values):
    """Return the values without repeats, in order."""
    return list(dict.fromkeys(values))


def targets_by_role(rows):
    """Return {target: role}, source first, unseen last; "sft or unseen" for a PL that only some inits have seen."""
    roles = {}
    for row in rows:
        roles.setdefault(row["target"], []).append(row["role"])
    order = {role: index for index, role in enumerate(ROLES)}
    first = {target: min(order.get(role, len(ROLES)) for role in own) for target, own in roles.items()}
    return {target: " or ".join(unique(roles[target])) for target in sorted(roles, key=first.get)}


def in_points(row, value, low, high):
    """Return (value, low, high) of a row in percentage points."""
    return tuple(100 * part for part in spread(row, value, low, high))


def headline(rows):
    """Draw the differences of headline.csv with the margin of equivalence: one line per control and target."""
    spreads = [in_points(row, "contrast", "low", "high") for row in rows]
    margins = [100 * number(row.get("margin")) for row in rows]
    limit = max(reach(spreads), 1.3 * np.nan_to_num(margins).max())
    figure, [[axes]] = canvas(0.8 + 0.24 * len(rows))
    looks = init_looks(unique(row["control"] for row in rows))
    for y, (row, spread_, margin) in enumerate(zip(rows, spreads, margins)):
        if np.isfinite(margin):
            axes.add_patch(Rectangle((-margin, y - 0.5), 2 * margin, 1, color="#dfe7ef", linewidth=0, zorder=0))
        interval_dot(
            axes, y, spread_, looks[row["control"]], limit, fill="full" if row["target"] == "mean of unseen" else "none"
        )
    sources = unique(row["source"] for row in rows)
    labels = [f"{row['target']}, {row['treatment']} − {row['control']}" for row in rows]
    if len(sources) > 1:
        labels = [f"{label} (RL in {row['source']})" for label, row in zip(labels, rows)]
    axes.set_yticks(range(len(rows)), labels)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    point_axis(axes, limit, "difference between gains, points, with 95 % interval")
    return figure


def gains(rows):
    """Draw pass@1 before → after and the gain with its interval, for the rows of one source PL."""
    targets, inits = targets_by_role(rows), unique(row["init"] for row in rows)
    looks, by_cell = init_looks(inits), {(row["target"], row["init"]): row for row in rows}
    size = len(inits) + 1
    figure, [[levels, changes]] = canvas(1.1 + 0.145 * size * len(targets), 1, 2, sharey=True)
    spreads = {cell: in_points(row, "gain", "gain_low", "gain_high") for cell, row in by_cell.items()}
    limit = reach(list(spreads.values()))
    for (target, init), row in by_cell.items():
        y = list(targets).index(target) * size + inits.index(init) + 0.5
        start, end = (100 * number(row[f"pass_at_1_{when}"]) for when in ("before", "after"))
        levels.plot([start, end], [y, y], color=looks[init].color, linewidth=1.3)
        levels.plot(start, y, looks[init].marker, color=looks[init].color, markersize=4.5, markerfacecolor="white")
        levels.plot(end, y, looks[init].marker, color=looks[init].color, markersize=4.5)
        interval_dot(changes, y, spreads[target, init], looks[init], limit)
    groups((levels, changes), [f"{target} ({role})" for target, role in targets.items()], size)
    levels.set_xlim(left=0)
    levels.grid(axis="x")
    levels.tick_params(axis="y", length=0)
    levels.spines["left"].set_visible(False)
    levels.set_xlabel("pass@1, %: before RL (open) → after RL (filled)")
    point_axis(changes, limit, "gain of RL, points, with 95 % interval")
    series_key(figure, dots_only(looks))
    return figure


def contrasts(rows):
    """Draw gain of the treatment minus gain of every control, per target, for the rows of one source PL."""
    targets, controls = targets_by_role(rows), unique(row["control"] for row in rows)
    looks, size = init_looks(controls), len(controls) + 1
    spreads = [in_points(row, "contrast", "low", "high") for row in rows]
    limit = reach(spreads)
    figure, [[axes]] = canvas(1.1 + 0.145 * size * len(targets))
    for row, spread_ in zip(rows, spreads):
        y = list(targets).index(row["target"]) * size + controls.index(row["control"]) + 0.5
        interval_dot(axes, y, spread_, looks[row["control"]], limit)
    groups([axes], [f"{target} ({role})" for target, role in targets.items()], size)
    point_axis(axes, limit, f"gain of {rows[0]['treatment']} minus gain of the control, points, with 95 % interval")
    series_key(figure, dots_only(looks))
    return figure


def heat_maps(rows):
    """Draw source × target gains, one panel per init, and beside each the share of the oracle's gain.

    The form of arXiv 2310.16937: sources down, targets across. A cell whose interval excludes 0 is bold and framed.
    """
    inits, sources = unique(row["init"] for row in rows), unique(row["source"] for row in rows)
    targets = list(targets_by_role(rows))
    seen = seen_targets(rows)
    by_cell = {(row["init"], row["source"], row["target"]): row for row in rows}
    cell = min(0.72, (WIDTH - 2.6) / (2 * len(targets)))
    figure, axes = canvas(0.9 + len(inits) * (0.55 + 0.34 * len(sources)), len(inits), 2)
    normalized = [abs(number(row.get("normalized"))) for row in rows]
    readings = (
        ("gain, points", ("gain", "gain_low", "gain_high"), points, reach([spread(r, "gain", "", "") for r in rows])),
        ("share of the oracle's gain", ("normalized", "normalized_low", "normalized_high"), plain,
         min(max([1.0, *(value for value in normalized if np.isfinite(value))]), 2.0)),
    )  # fmt: skip
    for column, (title, names, form, limit) in enumerate(readings):
        for line, init in enumerate(inits):
            cells = {key[1:]: row for key, row in by_cell.items() if key[0] == init}
            panel = axes[line, column]
            _heat_map(panel, cells, sources, targets, names, form, limit)
            panel.set_title(f"{init}: {title}")
            panel.axvline(len([name for name in targets if name in seen]), color="#333333", linewidth=1)
        scale = 100 if column == 0 else 1
        mappable = ScalarMappable(Normalize(-limit * scale, limit * scale), DIVERGING.resampled(15))
        figure.colorbar(mappable, ax=list(axes[:, column]), location="bottom", aspect=40, shrink=0.7,
                        pad=0.02, fraction=0.05).outline.set_visible(False)  # fmt: skip
    for panel in axes.flat:
        panel.set_box_aspect(0.34 * len(sources) / (cell * len(targets)))
    return figure


def seen_targets(rows):
    """Return the PLs in SFT or in RL from a mixture; an oracle's PL, in RL from base alone, is unseen to the others."""
    return {
        row["target"] for row in rows if row["role"] == "sft" or (row["role"] == "source" and row["init"] != "base")
    }


def _heat_map(axes, cells, sources, targets, names, form, limit):
    """Draw one panel; a pair without a value is hatched, not 0."""
    for y, source in enumerate(sources):
        for x, target in enumerate(targets):
            value, low, high = spread(cells.get((source, target), {}), *names)
            if not np.isfinite(value):
                axes.add_patch(Rectangle((x, y), 1, 1, facecolor="white", edgecolor=HATCH, hatch="////", linewidth=0))
                axes.text(x + 0.5, y + 0.5, MISSING, ha="center", va="center", color="#333333",
                          bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
                continue
            color = DIVERGING((np.clip(value / limit, -1, 1) + 1) / 2)
            held = low > 0 or high < 0
            axes.add_patch(Rectangle((x, y), 1, 1, facecolor=color, edgecolor="white", linewidth=1.2))
            if held:
                axes.add_patch(Rectangle((x + 0.06, y + 0.08), 0.88, 0.84, fill=False, edgecolor=_ink(color)))
            axes.text(x + 0.5, y + 0.5, form(value), ha="center", va="center", color=_ink(color), fontsize=7.5,
                      fontweight="bold" if held else "normal")  # fmt: skip
    axes.set_xlim(0, len(targets))
    axes.set_ylim(len(sources), 0)
    axes.set_xticks([index + 0.5 for index in range(len(targets))], targets)
    axes.set_yticks([index + 0.5 for index in range(len(sources))], [f"RL in {source}" for source in sources])
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def _ink(color):
    """Return black or white, whichever reads better on `color` (relative luminance of WCAG 2)."""
    channels = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color[:3]]
    return "#111111" if np.dot(channels, (0.2126, 0.7152, 0.0722)) > 0.18 else "#ffffff"


def sweep(rows, name):
    """Draw the gain on every unseen PL against the points of sweep `name`; an init at several points is one line."""
    rows = [row for row in rows if row["role"] == "unseen"]
    targets, all_points = unique(row["target"] for row in rows), unique(row["point"] for row in rows)
    numeric = all(np.isfinite(number(point)) for point in all_points)
    place = {point: number(point) if numeric else index for index, point in enumerate(all_points)}
    series = _sweep_series(rows)
    looks = init_looks(list(series) if len(series) > 1 else ["base"])
    looks = dict(zip(series, looks.values()))
    columns = min(3, len(targets))
    lines = -(-len(targets) // columns)
    figure, axes = canvas(0.7 + 2.1 * lines, lines, columns, sharey=True, sharex=True)
    limit = reach([in_points(row, "gain", "gain_low", "gain_high") for row in rows])
    step = (max(place.values()) - min(place.values())) / 60 if len(place) > 1 else 0.05
    for panel, target in zip(axes.flat, targets):
        for index, (init, members) in enumerate(series.items()):
            chosen = sorted((row for row in members if row["target"] == target), key=lambda row: place[row["point"]])
            shift = (index - (len(series) - 1) / 2) * step
            _line(panel, [place[row["point"]] + shift for row in chosen],
                  [in_points(row, "gain", "gain_low", "gain_high") for row in chosen], looks[init], limit)  # fmt: skip
        panel.axhline(0, color="#8a8f98", linewidth=0.8, zorder=0)
        panel.set_title(f"{target} (unseen)")
        panel.set_xlabel(f"sweep: {name}")
        panel.grid(axis="y")
        panel.set_xticks(list(place.values()), list(place))
    for panel in list(axes.flat)[len(targets) :]:
        panel.set_visible(False)
    axes[0, 0].set_ylim(-limit, limit)
    for line in axes:
        line[0].set_ylabel("gain of RL, points")
    if len(series) > 1:
        series_key(figure, looks)
    return figure


def _sweep_series(rows):
    """Return {name: rows}: one series per init, but inits that name a point (dose_25) make one series together."""
    where, series = {}, {}
    for row in rows:
        where.setdefault(row["init"], set()).add(row["point"])
    several = len(set.union(*where.values())) > 1
    for row in rows:
        alone = several and len(where[row["init"]]) == 1
        series.setdefault("one init per point" if alone else row["init"], []).append(row)
    return series


def _line(axes, places, spreads, look, limit):
    """Draw values with vertical intervals, joined by a line; an arrow where an interval leaves the panel."""
    values = np.array(spreads).reshape(-1, 3)
    axes.plot(places, values[:, 0], color=look.color, marker=look.marker, linestyle=look.line, markersize=4.5)
    for x, (_, low, high) in zip(places, values):
        axes.plot([x, x], [max(low, -limit), min(high, limit)], color=look.color, linewidth=1.1)
        for end, marker, leaves in ((-limit, "v", low < -limit), (limit, "^", high > limit)):
            if leaves:
                axes.plot(x, end, marker, color=look.color, markersize=3.5, clip_on=False)
