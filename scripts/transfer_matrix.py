"""The transfer matrix: gains of RL in each source PL on each target PL, beside the oracles.

In: the verdicts of every checkpoint. Out: transfer_matrix.csv, fractions with 95 % intervals.
"""

import argparse

from crosspl.errors import run_command
from crosspl.io import write_csv
from crosspl.plan_options import add_plan_options, plan_of, read_targets
from crosspl.transfer_matrix import MATRIX_COLUMNS, matrix_rows


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_plan_options(parser)
    parser.add_argument("--output", required=True, metavar="CSV")
    args = parser.parse_args(argv)
    plan = plan_of(args)
    targets = read_targets(args, plan, [args.reading])[args.reading]
    write_csv(args.output, MATRIX_COLUMNS, matrix_rows(plan, targets))


if __name__ == "__main__":
    run_command(main)
