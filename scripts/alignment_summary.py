"""One table of the latent-space analysis over training seeds: the means over all PL pairs, per group of checkpoints.

In: DIR/{checkpoint}.csv and DIR/{checkpoint}.problems.csv of scripts.align. Out: one row per group, space and metric
with a 95 % interval over seeds and problems. Checkpoints that differ only in their last part, `/seed{n}`, are a group.
The null is the mean over seeds of each seed's own; its 97.5 % limit is therefore rather too high than too low.
"""

import argparse
import re

from crosspl.alignment import ALL, SUMMARY_COLUMNS, SUMMARY_KEY, difference_rows, summary_rows
from crosspl.errors import UserError, run_command
from crosspl.io import read_csv, write_csv
from crosspl.passk import fixed


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alignment", required=True, metavar="DIR", help="folder of the tables of scripts.align")
    parser.add_argument("--checkpoints", required=True, nargs="+", metavar="NAME")
    parser.add_argument("--treatment", default="parallel", help="mixture whose difference to the others is shown too")
    parser.add_argument("--draws", type=int, required=True, help="bootstrap draws")
    parser.add_argument("--seed", type=int, required=True, help="seed of the bootstrap")
    parser.add_argument("--mark", default="", help="text of the mark column")
    parser.add_argument("--output", required=True, metavar="CSV")
    args = parser.parse_args(argv)
    rows, tables_of = [], {}
    for group, names in groups(args.checkpoints).items():
        label = {**described(group), "seeds": len(names), "mark": args.mark}
        tables = tables_of[group] = [read_csv(f"{args.alignment}/{name}.problems.csv") for name in names]
        nulls = [null_means(f"{args.alignment}/{name}.csv") for name in names]
        rows += [label | row | mean_null(row, nulls) for row in summary_rows(tables, args.draws, args.seed)]
    treated = tables_of.get(f"sft/{args.treatment}", [])
    for group, tables in tables_of.items():
        if group.startswith("sft/") and group != f"sft/{args.treatment}" and len(tables) == len(treated):
            label = {"stage": "difference", "init": f"{args.treatment} - {described(group)['init']}", "source": "",
                     "seeds": len(tables), "mark": args.mark}  # fmt: skip
            rows += [label | row for row in difference_rows(treated, tables, args.draws, args.seed)]
    write_csv(args.output, SUMMARY_COLUMNS, rows)


def groups(checkpoints):
    """Return {name without its seed: checkpoints}, in the given order."""
    found = {}
    for name in dict.fromkeys(checkpoints):
        found.setdefault(re.sub(r"/seed\d+$", "", name), []).append(name)
    return found


def described(group):
    """Return stage, init and source of a group's name; UserError for a name that no checkpoint has."""
    parts = group.split("/")
    if group in ("base", "untrained", "lexical"):
        return {"stage": group, "init": "base" if group == "base" else "", "source": ""}
    if len(parts) == {"sft": 2, "rl": 3}.get(parts[0]):
        return {"stage": parts[0], "init": parts[1], "source": "/".join(parts[2:])}
    raise UserError(
        f"checkpoint {group!r}: expected base, untrained, lexical, sft/MIXTURE/seedN or rl/INIT/SOURCE/seedN"
    )


def null_means(path):
    """Return {space and metric: (null_mean, null_high)} of the rows over all PL pairs of one checkpoint's table."""
    return {
        tuple(row[field] for field in SUMMARY_KEY): (row["null_mean"], row["null_high"])
        for row in read_csv(path)
        if row["language_a"] == ALL
    }


def mean_null(row, nulls):
    """Return null_mean and null_high of a summary row: means over seeds, empty where a seed has none."""
    cells = [null[tuple(row[field] for field in SUMMARY_KEY)] for null in nulls]
    columns = [[float(cell) for cell in column if cell] for column in zip(*cells)]
    means = [fixed(sum(column) / len(column)) if len(column) == len(cells) else None for column in columns]
    return dict(zip(("null_mean", "null_high"), means))


if __name__ == "__main__":
    run_command(main)
