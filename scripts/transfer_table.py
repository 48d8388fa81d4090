"""The transfer table: pass@1 before and after RL in each source PL, on each target PL, for each init.

In: DIR/{checkpoint}.jsonl.gz with the verdicts of `base`, `sft/{init}/seed{n}` and `rl/{init}/{source}/seed{n}`.
Out: transfer_table.csv; on request contrasts.csv (treatment minus every other init) and mcnemar.csv (greedy, by seed).
Numbers are fractions of 1 with 95 % intervals; an empty cell was not computed. Print it with scripts.show_table.
"""

import argparse
import sys

from crosspl.errors import run_command
from crosspl.io import write_csv
from crosspl.passk import READINGS
from crosspl.transfer_table import (
    COLUMNS,
    CONTRAST_COLUMNS,
    MCNEMAR_COLUMNS,
    Plan,
    check_plan,
    contrast_rows,
    left_out,
    mcnemar_rows,
    read_checkpoints,
    table_rows,
    target,
)


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verdicts", required=True, metavar="DIR", help="folder of the verdict files")
    parser.add_argument("--inits", nargs="+", required=True, help="base and mixtures, in the order of the table")
    parser.add_argument("--sources", nargs="+", required=True, help="PLs in which RL was done from every init")
    parser.add_argument("--oracles", nargs="*", default=[], help="PLs in which RL was done from base only")
    parser.add_argument("--seeds", nargs="+", type=int, required=True, help="training seeds, the same for every init")
    parser.add_argument("--languages", nargs="+", required=True, help="evaluated PLs, in the order of the table")
    parser.add_argument("--sft-languages", nargs="*", default=[], help="PLs in the SFT mixtures; others are unseen")
    parser.add_argument("--method", required=True, help="name of the RL method, e.g. grpo")
    parser.add_argument("--reading", choices=READINGS, default="sampled", help="completions that pass@1 is taken from")
    parser.add_argument("--treatment", default="parallel", help="init that --contrasts compares with the others")
    parser.add_argument("--draws", type=int, required=True, help="bootstrap draws")
    parser.add_argument("--bootstrap-seed", type=int, required=True)
    parser.add_argument("--mark", default="", help='put after the method in every row, e.g. "plumbing only"')
    parser.add_argument("--output", required=True, metavar="CSV")
    parser.add_argument("--contrasts", metavar="CSV", help="write gain of the treatment minus gain of each other init")
    parser.add_argument("--mcnemar", metavar="CSV", help="write exact paired tests of the greedy completions")
    return parser.parse_args(argv)


def main(argv=None):
    args = parse(argv)
    plan = Plan(**{name: getattr(args, name) for name in Plan._fields})
    check_plan(plan)
    cells = read_checkpoints(plan, args.verdicts)
    targets = [target(plan, cells, language, args.reading) for language in plan.languages]
    for language, count in left_out(cells, targets, args.reading).items():
        print(f"warning: {language}: {count} problems without a verdict (JE) are in no row", file=sys.stderr)
    tables = [(args.output, COLUMNS, table_rows(plan, targets))]
    if args.contrasts:
        tables.append((args.contrasts, CONTRAST_COLUMNS, contrast_rows(plan, targets)))
    if args.mcnemar:
        greedy = [target(plan, cells, language, "greedy") for language in plan.languages]
        tables.append((args.mcnemar, MCNEMAR_COLUMNS, mcnemar_rows(plan, greedy)))
    for path, columns, rows in tables:
        write_csv(path, columns, rows)


if __name__ == "__main__":
    run_command(main)
