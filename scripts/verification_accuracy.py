"""Accuracy of the answers to questions of code verification, of every checkpoint: one row per PL and reading.

In: verdicts/{checkpoint}.jsonl.gz. Out: verification_accuracy.csv (fractions, 95 % intervals over families).
"""

import argparse

from crosspl.accuracy import COLUMNS, accuracy_rows
from crosspl.errors import run_command
from crosspl.io import read_rows, write_csv
from scripts.score import checkpoint_name


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--verdicts", required=True, nargs="+", metavar="FILE", help="verdict rows, a file per checkpoint"
    )
    parser.add_argument("--draws", type=int, required=True, help="bootstrap draws")
    parser.add_argument("--seed", type=int, required=True, help="seed of the bootstrap")
    parser.add_argument("--mark", default="", help='text of the mark column, e.g. "plumbing only"')
    parser.add_argument("--output", required=True, metavar="CSV")
    args = parser.parse_args(argv)
    rows = [
        row
        for path in args.verdicts
        for row in accuracy_rows(read_rows(path), path, checkpoint_name(path), args.draws, args.seed, args.mark)
    ]
    write_csv(args.output, COLUMNS, rows)


if __name__ == "__main__":
    run_command(main)
