"""Audit the training data: no unseen PL in SFT or RL data, no eval family in any training data.

In: problems, mixtures, corpus, verified programs. Out: audit/exclusion.csv, audit/contamination.csv; violations end the
run with exit status 2 and are named, and nothing is written.
"""

import argparse
from pathlib import Path

from crosspl.audits import CONTAMINATION_COLUMNS, EXCLUSION_COLUMNS, contamination_rows, exclusion_rows
from crosspl.errors import UserError, run_command
from crosspl.io import read_rows, write_csv
from crosspl.languages import known_languages
from crosspl.problems import check_problems, of_split


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", required=True)
    parser.add_argument(
        "--programs", required=True, nargs="+", help="verified programs; those of eval problems are used"
    )
    parser.add_argument("--corpus", required=True, help="pretraining corpus")
    parser.add_argument("--mixtures", required=True, nargs="+", help="sft_data/{mixture}.jsonl.gz")
    parser.add_argument("--sft-languages", required=True, nargs="+")
    parser.add_argument("--sources", required=True, nargs="+")
    parser.add_argument("--exclusion", required=True, help="output")
    parser.add_argument("--contamination", required=True, help="output")
    args = parser.parse_args(argv)
    problems = check_problems(read_rows(args.problems), args.problems)
    held_out = of_split(problems, "eval")
    statements = {problem["id"]: problem["statement"] for problem in problems}
    mixtures = {
        f"sft/{Path(path).name.removesuffix('.jsonl.gz')}": [
            row | {"statement": statements[row["problem"]]} for row in read_rows(path)
        ]
        for path in args.mixtures
    }
    rl = {f"rl/{source}": [p | {"language": source} for p in of_split(problems, "rl")] for source in args.sources}
    allowed = dict.fromkeys(mixtures, args.sft_languages + args.sources) | {f"rl/{s}": [s] for s in args.sources}
    exclusion = exclusion_rows(mixtures | rl, allowed, known_languages())
    ids = {problem["id"] for problem in held_out}
    programs = [row for path in args.programs for row in read_rows(path) if row["problem"] in ids]
    training = mixtures | rl | {"pretraining": read_rows(args.corpus)}
    contamination = contamination_rows(training, held_out, programs)
    broken = [f"{r['training_set']}: {r['examples']} examples in {r['language']}" for r in exclusion if r["ok"] == "NO"]
    broken += [
        f"{r['training_set']} shares {r['shared_families']} families, {r['shared_programs']} programs and "
        f"{r['shared_statements']} statements with the eval split"
        for r in contamination
        if r["ok"] == "NO"
    ]
    if broken:
        raise UserError(f"the training data break the exclusion rules: {'; '.join(broken)}. Nothing is trained on them")
    write_csv(args.exclusion, EXCLUSION_COLUMNS, exclusion)
    write_csv(args.contamination, CONTAMINATION_COLUMNS, contamination)


if __name__ == "__main__":
    run_command(main)
