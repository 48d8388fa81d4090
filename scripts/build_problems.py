"""Build all problems: `python -m scripts.build_problems --source microworld --settings JSON --output FILE`.

In: the settings of a problem source. Out: problems.jsonl.gz, every family in one split; with --left-out a table of the
problems that are left out, and why.
"""

import argparse
import json
import sys
from collections import Counter

from crosspl.claims import Drop
from crosspl.errors import run_command
from crosspl.io import write_csv, write_rows
from crosspl.problems import SOURCES, checked, load_source

COLUMNS = ("problem", "reason")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True, choices=sorted(SOURCES), help="where problems come from")
    parser.add_argument("--settings", required=True, type=json.loads, help="the source's settings, JSON")
    parser.add_argument("--output", required=True, help="problem rows")
    parser.add_argument("--left-out", help="table of the problems that are left out")
    args = parser.parse_args(argv)
    counts, left_out = Counter(), []
    problems = kept(load_source(args.source).build_problems(args.settings), counts, left_out)
    write_rows(args.output, checked(problems, f"the problems of {args.source}"))
    if args.left_out:
        write_csv(args.left_out, COLUMNS, left_out)
    for what, count in sorted(counts.items()):
        print(f"{count} problems {what}", file=sys.stderr)


def kept(rows, counts, left_out):
    """Yield the problem rows; count them by split, and what is left out by its reason; list that too."""
    for row in rows:
        if isinstance(row, Drop):
            counts[f"left out: {row.reason}"] += 1
            left_out.append(dict(zip(COLUMNS, (row.where, row.reason))))
        else:
            counts[f"in the split {row['split']}"] += 1
            yield row


if __name__ == "__main__":
    run_command(main)
