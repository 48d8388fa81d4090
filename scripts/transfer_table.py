"""The transfer table: pass@1 before and after RL in each source PL, on each target PL, for each init.

In: DIR/{checkpoint}.jsonl.gz with the verdicts of `base`, `sft/{init}/seed{n}` and `rl/{init}/{source}/seed{n}`.
Out: transfer_table.csv; on request contrasts.csv (treatment minus every other init), headline.csv (the same over all
unseen PLs, with equivalence) and mcnemar.csv (greedy, by seed). With points: the table of a sweep. With --from: of code
translation, in: DIR/translation/{PL}/{checkpoint}.jsonl.gz for every PL translated from, which is the first column.
Numbers are fractions of 1 with 95 % intervals; an empty cell was not computed. Print it with scripts.show_table.
"""

import argparse

from crosspl.errors import UserError, run_command
from crosspl.headline import HEADLINE_COLUMNS, headline_rows
from crosspl.io import write_csv
from crosspl.plan_options import add_plan_options, plan_of, read_targets
from crosspl.transfer_table import (
    COLUMNS,
    CONTRAST_COLUMNS,
    MCNEMAR_COLUMNS,
    contrast_rows,
    mcnemar_rows,
    table_rows,
)


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_plan_options(parser)
    parser.add_argument("--points", nargs="+", help="labels of the inits in a sweep, the first column of its table")
    parser.add_argument(
        "--from", nargs="+", dest="origins", metavar="PL", help="PLs whose programs were translated into the others"
    )
    parser.add_argument("--output", required=True, metavar="CSV")
    parser.add_argument("--contrasts", metavar="CSV", help="write gain of the treatment minus gain of each other init")
    parser.add_argument("--headline", metavar="CSV", help="write the contrasts on unseen PLs, with equivalence")
    parser.add_argument("--mcnemar", metavar="CSV", help="write exact paired tests of the greedy completions")
    return parser.parse_args(argv)


def main(argv=None):
    args = parse(argv)
    plan = plan_of(args)
    if args.points and len(args.points) != len(plan.inits):
        raise UserError(f"{len(args.points)} points for {len(plan.inits)} inits: name one point per init")
    if len(set(args.origins or ())) != len(args.origins or ()):
        raise UserError(f"--from names something twice: {' '.join(args.origins)}")
    made = {}
    for origin in args.origins or [None]:
        for path, columns, rows in tables(args, plan, origin):
            first = {"from": origin} if origin else {}
            names, found = made.setdefault(path, ([*first, *columns], []))
            found += [first | row for row in rows]
    for path, (names, rows) in made.items():
        write_csv(path, names, rows)


def tables(args, plan, origin):
    """Return (path, columns, rows) of all tables that are asked for; origin: the PL of translated programs, or None."""
    readings = dict.fromkeys([args.reading, *(["greedy"] if args.mcnemar else [])])
    by_reading = read_targets(args, plan, readings, origin)
    targets = by_reading[args.reading]
    columns, rows = COLUMNS, table_rows(plan, targets)
    if args.points:
        label = dict(zip(plan.inits, args.points))
        columns, rows = ["point", *COLUMNS], [{"point": label.get(row["init"]), **row} for row in rows]
    found = [(args.output, columns, rows)]
    if args.contrasts:
        found.append((args.contrasts, CONTRAST_COLUMNS, contrast_rows(plan, targets)))
    if args.headline:
        found.append((args.headline, HEADLINE_COLUMNS, headline_rows(plan, targets)))
    if args.mcnemar:
        found.append((args.mcnemar, MCNEMAR_COLUMNS, mcnemar_rows(plan, by_reading["greedy"])))
    return found


if __name__ == "__main__":
    run_command(main)
