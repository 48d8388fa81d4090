"""Build the pairs of programs for translation: what is shown, and the PL that is asked for.

In: problems.jsonl.gz, excluded.csv, programs/{language}.jsonl.gz of the PLs that are shown.
Out: translation/rl.jsonl.gz or translation/eval_{PL}.jsonl.gz, and beside it the table of what was left out.
"""

import argparse

from crosspl.contamination.fate import without
from crosspl.errors import UserError, run_command
from crosspl.io import read_rows, stream_rows, write_csv, write_rows
from crosspl.problems import check_problems, of_split
from crosspl.translation_pairs import COLUMNS, build_pairs


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", required=True)
    parser.add_argument("--excluded", help="excluded.csv: problems that are eval problems in disguise")
    parser.add_argument("--programs", required=True, nargs="+", help="verified programs, one file per PL of --from")
    parser.add_argument("--split", required=True, help="whose problems the pairs are of")
    parser.add_argument("--from", required=True, nargs="+", dest="sources", help="PLs that are shown")
    parser.add_argument("--into", required=True, nargs="+", dest="targets", help="PLs that are asked for")
    parser.add_argument("--output", required=True)
    parser.add_argument("--table", required=True, help="CSV: pairs, and what was left out and why")
    args = parser.parse_args(argv)
    problems = of_split(check_problems(read_rows(args.problems), args.problems), args.split)
    problems = without(problems, args.excluded)
    programs = {source: stream_rows(path) for source, path in zip(args.sources, args.programs)}
    pairs, table = build_pairs(problems, programs, args.sources, args.targets)
    if not pairs:
        raise UserError(
            f"{args.problems}: no problem of the split {args.split} has a verified program in "
            f"{', '.join(args.sources)} and tests in {', '.join(args.targets)}: take other PLs (config: translation)"
        )
    write_rows(args.output, pairs)
    write_csv(args.table, COLUMNS, table)


if __name__ == "__main__":
    run_command(main)
