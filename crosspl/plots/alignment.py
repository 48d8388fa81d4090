"""Figures of the latent-space analysis (parallel_sft.md §2, §4): alignment by layer, projections, dose, ablation.

In: rows of alignment_summary.csv, alignment/{checkpoint}.projection.csv, alignment_transfer_points.csv, ablation.csv.
Out: matplotlib figures.
"""

import numpy as np

from crosspl.plots.numbers import number, spread
from crosspl.plots.style import (
    Look,
    box,
    canvas,
    cycle_looks,
    dots_only,
    groups,
    init_looks,
    interval_dot,
    point_axis,
    reach,
    series_key,
)
from crosspl.plots.transfer import in_points, targets_by_role, unique

METRICS = {
    "retrieval": "retrieval of the equivalent program, %",
    "cosine": "cosine, matched minus unmatched",
    "cka": "CKA",
    "silhouette": "silhouette of problems",
}
CONTROL_LOOKS = {
    "untrained": Look("#5f6368", "", (0, (1, 1.5))),
    "tokens": Look("#8C6D1F", "", (0, (6, 2, 1, 2))),
    "tfidf": Look("#7A4FA3", "", (0, (6, 2, 1, 2, 1, 2))),
}
COLOURED_PROBLEMS = 12
FILLS = {"language": "full", "random": "none", "language - random": "left"}


def layers(rows):
    """Draw every metric against the layer: base and one line per SFT init, controls grey, null band shaded.

    rows: those of one pooling and one centring, and the lexical ones, which know neither.
    """
    metrics = [metric for metric in METRICS if any(row["metric"] == metric for row in rows)]
    models = [row for row in rows if row["stage"] in ("base", "sft")]
    names = unique(row["init"] if row["stage"] == "sft" else "base" for row in models)
    looks, controls = init_looks(names), {}
    columns = min(2, len(metrics))
    lines = -(-len(metrics) // columns)
    figure, axes = canvas(0.8 + 2.3 * lines, lines, columns)
    for panel, metric in zip(axes.flat, metrics):
        scale = 100 if metric == "retrieval" else 1
        chosen = [row for row in rows if row["metric"] == metric]
        bounded = metric in ("retrieval", "cka")  # never below 0
        _null_band(panel, [row for row in chosen if row["stage"] in ("base", "sft")], scale, bounded)
        for name, look in looks.items():
            own = [row for row in chosen if (row["stage"], row["init"]) == ("sft", name)]
            _layer_line(panel, own if name != "base" else [r for r in chosen if r["stage"] == "base"], look, scale)
        controls |= _controls(panel, chosen, scale)
        panel.set_title(METRICS[metric])
        panel.set_xlabel("layer")
        panel.grid(axis="y")
        panel.xaxis.get_major_locator().set_params(integer=True)
    for panel in list(axes.flat)[len(metrics) :]:
        panel.set_visible(False)
    series_key(figure, looks | controls, 5, [(box("#e3e5e8"), "chance (permutation, 97.5 %)")])
    return figure


def _layer_line(axes, rows, look, scale):
    """Draw value against layer with its interval as a band, seeds pooled by the table."""
    rows = sorted((row for row in rows if row["layer"] != ""), key=lambda row: number(row["layer"]))
    if rows:
        places = [number(row["layer"]) for row in rows]
        values = scale * np.array([spread(row, "value", "low", "high") for row in rows])
        axes.fill_between(places, values[:, 1], values[:, 2], color=look.color, alpha=0.13, linewidth=0)
        axes.plot(places, values[:, 0], color=look.color, marker=look.marker or None, linestyle=look.line, markersize=4)


def _null_band(axes, rows, scale, bounded):
    """Shade what chance gives: up to the largest limit of the permutation null of each layer, and as far below."""
    by_layer = {}
    for row in rows:
        if np.isfinite(number(row["layer"])) and np.isfinite(number(row["null_high"])):
            by_layer.setdefault(number(row["layer"]), []).append((number(row["null_mean"]), number(row["null_high"])))
    places = sorted(by_layer)
    if places:
        low = [scale * min(2 * mean - high for mean, high in by_layer[layer]) for layer in places]
        low = np.maximum(low, 0) if bounded else low
        high = [scale * max(high for _, high in by_layer[layer]) for layer in places]
        axes.fill_between(places, low, high, color="#e3e5e8", linewidth=0, zorder=0)


def _controls(axes, rows, scale):
    """Draw the untrained model by layer and the lexical baselines as level lines; return the looks used."""
    used = {}
    untrained = [row for row in rows if row["stage"] == "untrained"]
    if untrained:
        used["untrained model"] = CONTROL_LOOKS["untrained"]
        _layer_line(axes, untrained, CONTROL_LOOKS["untrained"], scale)
    for features in ("tokens", "tfidf"):
        values = [number(row["value"]) for row in rows if (row["stage"], row["features"]) == ("lexical", features)]
        if values:
            look = used[f"words alone ({features})"] = CONTROL_LOOKS[features]
            axes.axhline(scale * max(values), color=look.color, linestyle=look.line, linewidth=1.2)
    return used


def projection(by_checkpoint):
    """Draw the programs of some checkpoints in two dimensions, coloured by PL (left) and by problem (right).

    by_checkpoint: {checkpoint: rows of one layer}. The same twelve problems are in colour everywhere.
    """
    first = next(iter(by_checkpoint.values()))
    languages = cycle_looks(unique(row["language"] for row in first))
    problems = cycle_looks(unique(row["problem"] for row in first)[:COLOURED_PROBLEMS])
    figure, axes = canvas(0.8 + 2.9 * len(by_checkpoint), len(by_checkpoint), 2)
    for line, (checkpoint, rows) in zip(axes, by_checkpoint.items()):
        _dots(line[0], rows, "language", languages, 9)
        _dots(line[1], rows, "problem", problems, 26)
        for panel, what in zip(line, ("coloured by PL", f"coloured by problem ({len(problems)} of them)")):
            panel.set_title(f"{checkpoint}: {what}")
            panel.set_xlabel(f"first component, {100 * number(rows[0]['explained_x']):.0f} % of the variance")
            panel.set_ylabel(f"second, {100 * number(rows[0]['explained_y']):.0f} %")
            panel.set_xticks([])
            panel.set_yticks([])
            panel.set_aspect("equal", adjustable="datalim")
    series_key(figure, {name: look._replace(line="none") for name, look in languages.items()}, 8)
    return figure


def _dots(axes, rows, column, looks, size):
    """Scatter the programs; those whose `column` has no look stay small and grey, behind the others."""
    others = [row for row in rows if row[column] not in looks]
    axes.scatter([number(r["x"]) for r in others], [number(r["y"]) for r in others], s=4, color="#d5d8dc", linewidth=0)
    for name, look in looks.items():
        own = [row for row in rows if row[column] == name]
        axes.scatter([number(row["x"]) for row in own], [number(row["y"]) for row in own], s=size, color=look.color,
                     marker=look.marker, alpha=0.85, linewidth=0, zorder=2)  # fmt: skip


def dose_and_transfer(rows):
    """Draw one dot per checkpoint: dose → alignment, alignment → transfer gain, source gain → transfer gain."""
    looks = init_looks(unique(row["init"] for row in rows))
    pairs = (
        ("dose", "alignment", "share of parallel problems, %", "alignment"),
        ("alignment", "transfer_gain", "alignment", "gain in unseen PLs, points"),
        ("source_gain", "transfer_gain", "gain in the source PL, points", "gain in unseen PLs, points"),
    )
    figure, [axes] = canvas(3.3, 1, 3)
    for panel, (x, y, x_label, y_label) in zip(axes, pairs):
        for row in rows:
            panel.plot(_scaled(row, x), _scaled(row, y), looks[row["init"]].marker, color=looks[row["init"]].color,
                       markersize=5)  # fmt: skip
        panel.set_xlabel(x_label)
        panel.set_ylabel(y_label)
        panel.locator_params(axis="x", nbins=4)
        panel.grid()
    series_key(figure, {name: look._replace(line="none") for name, look in looks.items()})
    return figure


def _scaled(row, column):
    """Return a coordinate: gains in points, shares in percent, alignment as it is."""
    return (1 if column == "alignment" else 100) * number(row[column])


def ablation(rows):
    """Draw how pass@1 changes without a direction: the PL direction filled, a random one open, beyond it half."""
    targets, inits = targets_by_role(rows), unique(row["init"] for row in rows)
    directions = unique(row["direction"] for row in rows)
    looks, size = init_looks(inits), len(inits) * len(directions) + 1
    spreads = [in_points(row, "change", "low", "high") for row in rows]
    limit = reach(spreads)
    figure, [[axes]] = canvas(1.1 + 0.15 * size * len(targets))
    for row, spread_ in zip(rows, spreads):
        within = inits.index(row["init"]) * len(directions) + directions.index(row["direction"])
        y = list(targets).index(row["target"]) * size + within + 0.5
        interval_dot(axes, y, spread_, looks[row["init"]], limit, FILLS.get(row["direction"], "full"))
    groups([axes], [f"{target} ({role})" for target, role in targets.items()], size)
    point_axis(
        axes,
        limit,
        "change of pass@1, points: without the PL direction (filled), a random one (open), difference (half)",
    )
    series_key(figure, dots_only(looks))
    return figure
