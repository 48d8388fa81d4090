"""The tables of OORL: rows from no RL to RL with GEPO, for writing and translating programs.

In: DIR/{checkpoint}.jsonl.gz of generation, DIR/translation/{PL}/{checkpoint}.jsonl.gz of translation from every PL,
the paper's table 4. Out, in the output folder: steps.csv (paired differences), generation.csv, translation_matrix.csv
and ablation.csv (the forms of the paper's tables 2 to 4, percent), comparison.csv (order and signs beside the paper's).
"""

import argparse

from crosspl.errors import run_command
from crosspl.evaluations import role
from crosspl.io import read_csv, write_csv
from crosspl.oorl_comparison import COMPARISON_COLUMNS, comparison_rows
from crosspl.oorl_forms import ablation_form, generation_form, matrix_form
from crosspl.oorl_rows import generation_measures, parse_rows, singles, translation_measures
from crosspl.oorl_steps import STEP_COLUMNS, step_rows
from crosspl.plan_options import add_plan_options, plan_of, read_targets


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_plan_options(parser)
    parser.add_argument("--from", nargs="+", required=True, dest="origins", metavar="PL", help="PLs translated from")
    parser.add_argument("--rows", nargs="+", required=True, metavar="NAME=INIT", help="which init is which row")
    parser.add_argument("--paper", required=True, metavar="CSV", help="table 4 of the paper, docs/reference")
    parser.add_argument("--output", required=True, metavar="DIR")
    args = parser.parse_args(argv)
    plan, rows = plan_of(args), parse_rows(args.rows, args.inits)
    plan = plan._replace(inits=[row.init for row in rows if row.trained], oracles=[])
    for name, (columns, found) in tables(args, plan, rows).items():
        write_csv(f"{args.output}/{name}.csv", columns, found)


def tables(args, plan, rows):
    """Return {name: (columns, rows)} of all tables."""
    roles = {
        language: role(plan, "base", language if language in plan.sources else "", language)
        for language in plan.languages
    }
    written = generation_measures(plan, read_targets(args, plan, [args.reading])[args.reading], roles)
    by_origin = {name: read_targets(args, plan, [args.reading], name)[args.reading] for name in args.origins}
    means = translation_measures(plan, by_origin)
    cells = {name: singles(plan, "translation", name, targets, roles) for name, targets in by_origin.items()}
    steps = step_rows(plan, rows, written + means)
    return {
        "steps": (STEP_COLUMNS, steps),
        "generation": generation_form(plan, rows, written),
        "translation_matrix": matrix_form(plan, rows, cells, means, plan.languages),
        "ablation": ablation_form(plan, rows, written + means),
        "comparison": (COMPARISON_COLUMNS, comparison_rows(plan, steps, read_csv(args.paper))),
    }


if __name__ == "__main__":
    run_command(main)
