"""Dose, alignment before RL and transfer gain of every RL run, and how they go together.

In: the verdicts of every checkpoint, alignment/{checkpoint}.csv of what each run started from, the dose of mixtures.
Out: alignment_transfer.csv (correlations) and alignment_transfer_points.csv (the runs). Gains are fractions.
"""

import argparse

import numpy as np

from crosspl.alignment_transfer import POINT_COLUMNS, RELATION_COLUMNS, relation_rows
from crosspl.checkpoints import after_name, before_name
from crosspl.errors import UserError, run_command
from crosspl.evaluations import gains, pooled, role
from crosspl.io import read_csv, write_csv
from crosspl.passk import fixed
from crosspl.plan_options import add_plan_options, plan_of, read_targets

METRICS = ("retrieval", "cosine")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_plan_options(parser)
    parser.add_argument("--alignment", required=True, metavar="DIR", help="folder of the tables of scripts.align")
    parser.add_argument("--doses", nargs="*", default=[], metavar="INIT=SHARE", help="share of parallel problems")
    parser.add_argument("--output", required=True, metavar="CSV")
    parser.add_argument("--points", required=True, metavar="CSV")
    args = parser.parse_args(argv)
    plan = plan_of(args)
    doses = read_doses(args.doses)
    targets = read_targets(args, plan, [args.reading])[args.reading]
    names = dict.fromkeys(before_name(init, seed) for init in plan.inits for seed in plan.seeds)
    aligned = {name: alignments(f"{args.alignment}/{name}.csv") for name in names}
    points = []
    for init in plan.inits:
        for source in plan.sources:
            transfer, own = run_gains(plan, targets, init, source)
            for seed, gain, source_gain in zip(plan.seeds, transfer, own):
                for (metric, layer), value in aligned[before_name(init, seed)].items():
                    points.append({
                        "checkpoint": after_name(init, source, seed), "init": init, "source": source, "seed": seed,
                        "dose": doses.get(init), "metric": metric, "layer": layer, "alignment": value,
                        "transfer_gain": gain, "source_gain": source_gain,
                    })  # fmt: skip
    write_csv(args.output, RELATION_COLUMNS, relation_rows(points, args.mark))
    write_csv(args.points, POINT_COLUMNS, [
        point | {name: fixed(point[name]) for name in ("dose", "alignment", "transfer_gain", "source_gain")}
        for point in points
    ])  # fmt: skip


def read_doses(texts):
    """Return {init: share} of texts INIT=SHARE."""
    try:
        return {init: float(share) for init, _, share in (text.partition("=") for text in texts)}
    except ValueError:
        raise UserError(f"--doses {' '.join(texts)}: write each as INIT=SHARE, e.g. dose_25=0.25") from None


def alignments(path):
    """Return {(metric, layer): value}, over all pairs of PLs: mean-pooled hidden states, centred per PL.

    None where the metric is not defined (an empty cell).
    """
    wanted = {"features": "hidden", "pooling": "mean", "centred": "yes", "language_a": "all"}
    rows = [row for row in read_csv(path) if all(row.get(name) == value for name, value in wanted.items())]
    found = {(row["metric"], row["layer"]): float(row["value"]) if row["value"] else None
             for row in rows if row["metric"] in METRICS}  # fmt: skip
    if not found:
        raise UserError(f"{path}: no row of mean-pooled, centred hidden states. Delete it and run again.")
    return found


def run_gains(plan, targets, init, source):
    """Return the mean gain over the unseen PLs and the gain in the source PL, each with one number per seed.

    Unseen to every init, so that all points are about the same PLs.
    """
    unseen = [item for item in targets
              if all(role(plan, name, source, item.language) == "unseen" for name in plan.inits)]  # fmt: skip
    own = next(item for item in targets if item.language == source)
    transfer = [None] * len(plan.seeds)
    if unseen:
        transfer = np.mean(gains(plan, pooled(plan, unseen, "mean of unseen"), init, source), axis=1).tolist()
    return transfer, np.mean(gains(plan, own, init, source), axis=1).tolist()


if __name__ == "__main__":
    run_command(main)
