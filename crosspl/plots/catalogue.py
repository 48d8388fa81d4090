"""All figures that the tables at hand allow; what has no table is left out.

In: the tables of a results folder (crosspl/report/read.py). Out: Drawings: SVG, the file it is drawn from, the name of
its caption in report/*.rst.
"""

from typing import NamedTuple

from matplotlib import rc_context

from crosspl.plots import alignment, oorl, runs, transfer
from crosspl.plots.numbers import one_space
from crosspl.plots.style import RC, svg


class Drawing(NamedTuple):
    """One figure: file name without suffix, name of its caption, source file, text for who cannot see it, SVG."""

    name: str
    caption: str
    source: str
    alt: str
    svg: str


def drawings(tables):
    """Return the Drawings of all figures whose tables exist, in the order of the page."""
    found = []
    with rc_context(RC):
        for part in (transfer_figures, oorl_figures, alignment_figures, run_figures):
            for name, caption, source, alt, figure in part(tables):
                found.append(Drawing(name, caption, source, alt, svg(figure, name, alt)))
    return found


def transfer_figures(tables):
    """Yield the figures of gains, contrasts, the transfer matrix and the sweeps."""
    if tables["headline"]:
        yield ("headline", "headline", "headline.csv", "Differences between gains, with intervals and margin.",
               transfer.headline(tables["headline"]))  # fmt: skip
    for name, draw, alt in (
        ("transfer_table", transfer.gains, "pass@1 before and after RL, and the gain with its interval"),
        ("contrasts", transfer.contrasts, "Gain of the treatment minus gain of every control, with intervals"),
    ):
        for table, rows in _readings(tables, name):
            for source, chosen in by_source(rows).items():
                title = f"{alt}, RL in {source} ({table}.csv)"
                yield f"{table}_{source}", name, f"{table}.csv", title, draw(chosen)
    if tables["transfer_matrix"]:
        yield ("transfer_matrix", "transfer_matrix", "transfer_matrix.csv",
               "Heat maps of the gain of RL, source PLs down, target PLs across, one panel per init.",
               transfer.heat_maps(by_method(tables["transfer_matrix"])))  # fmt: skip
    for name, rows in tables["sweeps"].items():
        if any(row["role"] == "unseen" for row in rows):
            yield (f"sweep_{name}", "sweeps", f"sweeps/{name}.csv", f"Gain on every unseen PL along the sweep {name}.",
                   transfer.sweep(by_method(rows), name))  # fmt: skip


def _readings(tables, name):
    """Return (table, rows) of the primary reading and the other ones, where they have rows."""
    names = [key for key in tables if key == name or key in (f"{name}_greedy", f"{name}_sampled")]
    return [(key, by_method(tables[key])) for key in names if tables[key]]


def by_method(rows):
    """Return the rows with the RL method in the init's name where a table holds several methods."""
    if len({row["rl_method"] for row in rows}) < 2:
        return rows
    name = "init" if "init" in rows[0] else "control"
    return [row | {name: f"{row[name]} · {row['rl_method']}"} for row in rows]


def by_source(rows):
    """Return {source PL: rows}."""
    groups = {}
    for row in rows:
        groups.setdefault(row["source"], []).append(row)
    return groups


def oorl_figures(tables):
    """Yield the figures of the steps of the OORL ladder, where two rows were compared."""
    for source, rows in by_source(tables["oorl/steps"]).items():
        if oorl.shown(rows):
            yield (f"oorl_steps_{source}", "oorl_steps", "oorl/steps.csv",
                   f"Differences between rows of the OORL ladder with intervals and margin, RL in {source}.",
                   oorl.steps(rows))  # fmt: skip


def alignment_figures(tables):
    """Yield the figures of the latent-space analysis."""
    for (pooling, centred), rows in alignment_variants(tables["alignment_summary"]).items():
        how = f"{pooling} pooling, {'centred' if centred == 'yes' else 'not centred'}"
        name, source = (
            f"alignment_{pooling}_{'centred' if centred == 'yes' else 'raw'}",
            f"alignment_summary.csv ({how})",
        )
        alt = f"Alignment of equivalent programs against the layer, {how}"
        yield name, "alignment", source, alt, alignment.layers(rows)
    chosen = chosen_projections(tables)
    if chosen:
        yield ("projection", "projection", "alignment/{" + ",".join(chosen) + "}.projection.csv",
               f"Programs of {', '.join(chosen)} in two dimensions, coloured by PL and by problem.",
               alignment.projection(chosen))  # fmt: skip
    points = one_space(tables["alignment_transfer_points"])
    if points:
        yield ("alignment_transfer", "alignment_transfer", "alignment_transfer_points.csv",
               "Dose against alignment, alignment against transfer gain, source gain against transfer gain.",
               alignment.dose_and_transfer(points))  # fmt: skip
    if tables["ablation"]:
        for source, rows in by_source(tables["ablation"]).items():
            yield (f"ablation_{source}", "ablation", "ablation.csv",
                   f"Change of pass@1 when the PL direction or a random one is removed, after RL in {source}.",
                   alignment.ablation(rows))  # fmt: skip


def alignment_variants(rows):
    """Return {(pooling, centred): rows}, mean pooling and centred first; lexical rows know no pooling."""
    lexical = [row for row in rows if row["stage"] == "lexical"]
    models = [row for row in rows if row["stage"] in ("base", "sft", "untrained")]
    keys = sorted(
        {(row["pooling"], row["centred"]) for row in models if row["stage"] != "untrained"},
        key=lambda key: (key[0] != "mean", key[1] != "yes"),
    )
    return {
        (pooling, centred): [row for row in models if (row["pooling"], row["centred"]) == (pooling, centred)]
        + [row for row in lexical if row["centred"] in (centred, "")]
        for pooling, centred in keys
    }


def chosen_projections(tables):
    """Return {checkpoint: rows of one layer} of base, the treatment and its control (first seed of each)."""
    found = tables["projections"]
    chosen = {}
    for start in ("base", f"sft/{tables['treatment']}/", "sft/same_problems/"):
        for checkpoint in sorted(found):
            if checkpoint.startswith(start) and found[checkpoint]:
                chosen.setdefault(checkpoint, middle_layer(found[checkpoint]))
                break
    return chosen


def middle_layer(rows):
    """Return the rows of the middle layer, centred where there are both: a choice that looks at no result."""
    return one_space([row for row in rows if row["centred"] == "yes"] or rows)


def run_figures(tables):
    """Yield the figures of verdicts, learning curves and calibration."""
    if tables["pass_at_1"]:
        order = transfer.targets_by_role(tables["transfer_table"])
        yield ("verdicts", "verdicts", "pass_at_1/**.csv", "Stacked shares of verdicts per PL and model.",
               runs.verdicts(tables["pass_at_1"], tables["reading"], order))  # fmt: skip
    rl = {name: rows for name, rows in tables["histories"].items() if name.startswith("rl/") and rows}
    for source in sorted({name.split("/")[2] for name in rl}):
        chosen = {name: rows for name, rows in rl.items() if name.split("/")[2] == source}
        if runs.logged_curves(chosen):
            yield (f"rl_curves_{source}", "rl_curves", f"rl/*/{source}/seed*/history.csv",
                   f"Learning curves of RL in {source}.", runs.rl_curves(chosen))  # fmt: skip
    others = {name: rows for name, rows in tables["histories"].items() if not name.startswith("rl/") and rows}
    if others:
        yield ("losses", "losses", "base/history.csv and sft/*/seed*/history.csv", "Training loss of base and SFT.",
               runs.losses(others))  # fmt: skip
    if tables["calibration"]:
        alt = "Rejection rate and coverage in simulations, with intervals."
        yield "calibration", "calibration", "calibration.csv", alt, runs.calibration(tables["calibration"])
