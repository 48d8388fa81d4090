"""pass@1 table of one checkpoint: one row per language and reading, with intervals and the verdict breakdown.

In: verdicts/{checkpoint}.jsonl.gz. Out: pass_at_1/{checkpoint}.csv (fractions, 95 % intervals over families).
"""

import argparse
import sys

from crosspl.errors import run_command
from crosspl.io import write_csv
from crosspl.passk import SCORE_COLUMNS, read_cells, score_rows


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verdicts", required=True, metavar="FILE", help="verdict rows of one checkpoint")
    parser.add_argument("--checkpoint", metavar="NAME", help="name in the table; default: the path below verdicts/")
    parser.add_argument("--output", required=True, metavar="CSV")
    parser.add_argument("--draws", type=int, required=True, help="bootstrap draws")
    parser.add_argument("--seed", type=int, required=True, help="seed of the bootstrap")
    parser.add_argument("--mark", default="", help='text of the mark column, e.g. "plumbing only"')
    args = parser.parse_args(argv)
    checkpoint = args.checkpoint or checkpoint_name(args.verdicts)
    rows = score_rows(read_cells(args.verdicts), checkpoint, args.draws, args.seed, args.mark)
    write_csv(args.output, SCORE_COLUMNS, rows)
    warn(checkpoint, rows)


def checkpoint_name(path):
    """Return `rl/base/python/seed1` for `results/verdicts/rl/base/python/seed1.jsonl.gz`."""
    return path.rsplit("verdicts/", 1)[-1].removesuffix(".gz").removesuffix(".jsonl")


def warn(checkpoint, rows):
    """Say on stderr what a table of numbers hides: judge errors, and a checkpoint that solves nothing at all."""
    errors = sum(row["JE"] for row in rows)
    if errors:
        print(f"warning: {checkpoint}: {errors} completions without a verdict (JE) are left out", file=sys.stderr)
    if not any(row["OK"] for row in rows):
        print(
            f"warning: {checkpoint}: no completion is correct in any language; look at the verdict columns, then at "
            "the prompts and the extraction",
            file=sys.stderr,
        )


if __name__ == "__main__":
    run_command(main)
