"""Does alignment explain transfer? Dose, alignment before RL, gain after RL, over all inits (pitfalls.md S8).

In: one point per RL run (init, source, seed). Out: rows of alignment_transfer.csv: correlations with 95 % intervals.
Runs from one model (several source PLs, every run from base) share its alignment, so n counts models before RL, each
with the mean gains of its runs.

A correlation over models is no cause: inits differ in more than alignment. Two guards: the partial correlation holds
the source gain fixed (an init that learns more everywhere would otherwise look aligned), and the dose is set by design.
Models of one mixture share its data and are not independent, so intervals are, if anything, too narrow.
"""

import numpy as np
from scipy import stats

from crosspl.checkpoints import before_name
from crosspl.passk import fixed
from crosspl.statistics import LEVEL

POINT_COLUMNS = ["checkpoint", "init", "source", "seed", "dose", "metric", "layer", "alignment", "transfer_gain",
                 "source_gain"]  # fmt: skip
RELATION_COLUMNS = ["relation", "metric", "layer", "n", "statistic", "low", "high", "p_value", "mark"]
RELATIONS = {  # name: x, y, what is held fixed
    "dose → alignment": ("dose", "alignment", []),
    "dose → transfer gain": ("dose", "transfer_gain", []),
    "alignment → transfer gain": ("alignment", "transfer_gain", []),
    "alignment → transfer gain, source gain held fixed": ("alignment", "transfer_gain", ["source_gain"]),
}


def partial_correlation(x, y, fixed_values):
    """Return (r, low, high, p) of x and y with `fixed_values` (lists) held fixed; all None where it is not defined.

    Pearson's r of the residuals; Fisher's z with n - 3 - k and Student's t with n - 2 - k degrees of freedom, k the
    number of variables held fixed (Fisher 1924). Undefined with fewer than k + 4 points or without variation.
    """
    design = np.column_stack([np.ones(len(x)), *fixed_values])
    degrees = len(x) - 2 - len(fixed_values)
    if degrees < 2:
        return None, None, None, None
    residuals = [values - design @ np.linalg.lstsq(design, values, rcond=None)[0] for values in map(np.asarray, (x, y))]
    if min(np.linalg.norm(values) for values in residuals) < 1e-9:
        return None, None, None, None
    r = float(np.clip(np.dot(*residuals) / np.prod([np.linalg.norm(values) for values in residuals]), -1, 1))
    margin = stats.norm.ppf((1 + LEVEL) / 2) / np.sqrt(degrees - 1)
    centre = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12))
    p_value = 2 * stats.t.sf(abs(r) * np.sqrt(degrees / max(1 - r * r, 1e-15)), degrees)
    return r, float(np.tanh(centre - margin)), float(np.tanh(centre + margin)), float(p_value)


def relation_rows(points, mark):
    """Return one row per metric, layer and relation; a relation uses the models that have all its numbers."""
    rows = []
    for metric, layer in dict.fromkeys((point["metric"], point["layer"]) for point in points):
        of_layer = _models([point for point in points if (point["metric"], point["layer"]) == (metric, layer)])
        for name, (x, y, held) in RELATIONS.items():
            columns = _complete(of_layer, [x, y, *held])
            r, low, high, p_value = partial_correlation(columns[0], columns[1], columns[2:])
            rows.append({
                "relation": name, "metric": metric, "layer": layer, "n": len(columns[0]), "statistic": fixed(r),
                "low": fixed(low), "high": fixed(high), "p_value": None if r is None else fixed(max(p_value, 1e-4)),
                "mark": mark,
            })  # fmt: skip
    return rows


def _models(points):
    """Return one point per model before RL, with the mean gains of its RL runs."""
    groups = {}
    for point in points:
        groups.setdefault(before_name(point["init"], point["seed"]), []).append(point)
    return [runs[0] | {name: _mean([run[name] for run in runs]) for name in ("transfer_gain", "source_gain")}
            for runs in groups.values()]  # fmt: skip


def _mean(values):
    """Return the mean of the values that are not None, None where all are."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _complete(points, names):
    """Return the columns `names` of the points that have a number in each."""
    kept = [point for point in points if all(point[name] is not None for name in names)]
    return [[point[name] for point in kept] for name in names]
