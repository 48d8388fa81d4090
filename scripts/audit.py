"""Audit one training set: no PL but its own, no eval family, program or statement.

In: problems, the set's rows (a mixture, the corpus, or the problems of the RL split), verified programs, the lists of
rule find_same_problems, which are not just believed: statements and tests are compared again.
Out: its rows of exclusion.csv and contamination.csv; violations end the run with exit status 2 and are named, and
nothing is written.
"""

import argparse

from crosspl.audits import CONTAMINATION_COLUMNS, EXCLUSION_COLUMNS, contamination_rows, exclusion_rows
from crosspl.contamination.fate import excluded_ids, left_over, without
from crosspl.contamination.statements import same_statements
from crosspl.contamination.test_sets import same_tests
from crosspl.errors import UserError, run_command
from crosspl.io import read_csv, read_rows, stream_rows, write_csv
from crosspl.languages import known_languages
from crosspl.problems import check_problems, of_split
from crosspl.verification import items_of


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", required=True)
    parser.add_argument(
        "--programs", required=True, nargs="+", help="verified programs; those of eval problems are used"
    )
    parser.add_argument("--training-set", required=True, help="pretraining, sft/{mixture} or rl/{source}")
    parser.add_argument("--data", help="rows of the mixture or corpus, items of RL; none: the problems of the RL split")
    parser.add_argument("--languages", nargs="*", default=[], help="the PLs that it may hold; none: any")
    parser.add_argument("--same", help="same_problems.csv")
    parser.add_argument("--excluded", help="excluded.csv")
    parser.add_argument("--exclusion", required=True, help="output")
    parser.add_argument("--contamination", required=True, help="output")
    args = parser.parse_args(argv)
    problems = check_problems(read_rows(args.problems), args.problems)
    held_out = of_split(problems, "eval")
    examples = rows_of(args, problems)
    ids = {problem["id"] for problem in held_out}
    programs = [row for path in args.programs for row in stream_rows(path) if row["problem"] in ids]
    allowed = {args.training_set: args.languages}
    exclusion = exclusion_rows({args.training_set: examples}, allowed, known_languages()) if args.languages else []
    left = disguised(args, examples, problems, held_out)
    contamination = contamination_rows({args.training_set: examples}, held_out, programs, left)
    broken = [f"{r['training_set']}: {r['examples']} examples in {r['language']}" for r in exclusion if r["ok"] == "NO"]
    broken += [
        f"{r['training_set']} shares {r['shared_families']} families, {r['shared_programs']} programs and "
        f"{r['shared_statements']} statements with the eval split"
        + (f", and {r['same_problems']} problems in disguise, such as {left[0]}" if left else "")
        for r in contamination
        if r["ok"] == "NO"
    ]
    if broken:
        raise UserError(f"the training data break the exclusion rules: {'; '.join(broken)}. Nothing is trained on them")
    write_csv(args.exclusion, EXCLUSION_COLUMNS, exclusion)
    write_csv(args.contamination, CONTAMINATION_COLUMNS, contamination)


def disguised(args, examples, problems, held_out):
    """Return the sorted ids of problems in the training set that are eval problems, as listed or as found again."""
    trained = {row.get("problem") for row in examples}
    training = [problem for problem in problems if problem["id"] in trained]
    found = {one for signal in (same_statements, same_tests) for one, _, _ in signal(training, held_out)}
    same = read_csv(args.same) if args.same else []
    return sorted(found | set(left_over(examples, same, excluded_ids(args.excluded))))


def rows_of(args, problems):
    """Return the examples of the training set, each with language, family, statement and, where it has one, program."""
    chosen = without(of_split(problems, "rl"), args.excluded)
    if not args.data:
        return [problem | {"problem": problem["id"], "language": args.languages[0]} for problem in chosen]
    rows = read_rows(args.data)
    if args.training_set.startswith("groups/"):
        shown = [row | row["source"] for row in rows if row["source"]]
        rows = shown + [row | one for row in rows for one in row["winners"] + row["losers"]]
    elif args.training_set == "rl/translation":
        rows += [row | {"language": row["from"]} for row in rows]  # a pair holds two PLs
    elif args.training_set.startswith("rl/"):
        rows = items_of(chosen, rows)
    statements = {problem["id"]: problem["statement"] for problem in problems}
    return [row if "statement" in row else row | {"statement": statements[row["problem"]]} for row in rows]


if __name__ == "__main__":
    run_command(main)
