"""Build one SFT mixture, matched to `parallel`.

In: problems.jsonl.gz, excluded.csv, programs/{language}.jsonl.gz or in code verification the items, programs that rule
round_trip lost, the tokenizer, the
recipe of the mixture and that of `parallel`. Out: sft_data/{mixture}.jsonl.gz. A declared match that is off by more
than 1 % ends the run and nothing is written.
"""

import argparse
import json

from crosspl.contamination.fate import without
from crosspl.errors import UserError, run_command
from crosspl.io import read_csv, read_rows, stream_rows, write_rows
from crosspl.matching import broken_matches, describe, matching_rows, token_counter
from crosspl.mixtures import Recipe, build_mixture
from crosspl.problems import check_problems, of_split
from crosspl.protocol import PLAIN, matched_text


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", required=True)
    parser.add_argument("--programs", required=True, nargs="+", help="files of verified programs, or of items")
    parser.add_argument("--excluded", help="excluded.csv: problems that are eval problems in disguise")
    parser.add_argument("--lost", nargs="*", default=[], help="programs that no answer can say (round_trip)")
    parser.add_argument("--protocol", default=PLAIN, type=json.loads, help="style of prompts and the PLs' names, JSON")
    parser.add_argument("--tokenizer", required=True, help="tokenizer.json")
    parser.add_argument("--mixture", required=True, help="name of the mixture")
    parser.add_argument("--recipe", required=True, type=json.loads, help="how it is made, JSON")
    parser.add_argument("--parallel", required=True, type=json.loads, help="how `parallel` is made, JSON")
    parser.add_argument("--declared", required=True, nargs="*", help="what must equal `parallel`")
    parser.add_argument("--steps", required=True, type=int)
    parser.add_argument("--batch", required=True, type=int)
    parser.add_argument("--output", required=True)
    args = parser.parse_args(argv)
    problems = without(of_split(check_problems(read_rows(args.problems), args.problems), "sft"), args.excluded)
    wanted = {problem["id"] for problem in problems}
    lost = {(row["language"], row["program"]) for path in args.lost for row in read_csv(path)}
    programs = [row for path in args.programs for row in stream_rows(path) if row["problem"] in wanted]
    programs = [row for row in programs if (row["language"], row["id"]) not in lost]
    count_tokens = token_counter(args.tokenizer)
    told = (problems, programs, count_tokens, args.protocol)
    rows = reference = build_mixture("parallel", Recipe(**args.parallel), *told)
    if args.mixture != "parallel":
        tokens = sum(count_tokens(matched_text(row)) for row in reference)
        recipe = Recipe(**args.recipe, tokens=tokens)
        rows = build_mixture(args.mixture, recipe, *told)
    mixtures = {"parallel": reference, args.mixture: rows}
    described = [describe(name, found, args.steps, args.batch, count_tokens) for name, found in mixtures.items()]
    broken = broken_matches(matching_rows(described, {args.mixture: args.declared}))
    if broken:
        raise UserError(
            f"the mixtures are not matched: {'; '.join(broken)}. Take more problems (mixtures.problems), a multiple of "
            f"the {len(args.parallel['languages'])} PLs of languages.sft"
        )
    write_rows(args.output, rows)


if __name__ == "__main__":
    run_command(main)
