"""Calibration: simulate tables like the experiment's and count how often tests reject and intervals cover.

In: the size of the experiment. Out: calibration.csv, one row per scenario; fractions, with exact binomial limits.
"""

import argparse

from crosspl.calibration import COLUMNS, rows
from crosspl.errors import UserError, run_command
from crosspl.io import write_csv

LEAST = {"seeds": 2, "problems": 10, "samples": 1, "repetitions": 20}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[2], help="training seeds per init, e.g. 2 3 5")
    parser.add_argument("--problems", type=int, default=160)
    parser.add_argument("--samples", type=int, default=2, help="completions per problem")
    parser.add_argument("--repetitions", type=int, default=4000, help="simulated comparisons per scenario")
    parser.add_argument("--seed", type=int, default=0, help="of the simulation")
    parser.add_argument("--mark", default="", help='text of the mark column, e.g. "plumbing only"')
    parser.add_argument("--output", required=True, metavar="CSV")
    args = parser.parse_args(argv)
    check(args)
    found = []
    for seeds in args.seeds:
        found += rows(seeds, args.problems, args.samples, args.repetitions, args.seed, args.mark)
    write_csv(args.output, COLUMNS, found)


def check(args):
    """Raise a UserError for a size that cannot be simulated."""
    for name, least in LEAST.items():
        value = min(args.seeds) if name == "seeds" else getattr(args, name)
        if value < least:
            raise UserError(f"--{name} {value}: the calibration needs at least {least}")
    if args.seed < 0:
        raise UserError(f"--seed {args.seed}: give 0 or more")


if __name__ == "__main__":
    run_command(main)
