"""Build the SFT mixtures and the proof of how they are matched.

In: problems.jsonl.gz, programs/{language}.jsonl.gz of the SFT PLs, the tokenizer. Out: sft_data/{mixture}.jsonl.gz and
sft_data/matching.csv. A declared match that is off by more than 1 % fails the run.
"""

import argparse
from pathlib import Path

from tokenizers import Tokenizer

from crosspl.errors import UserError, run_command
from crosspl.io import read_rows, write_csv, write_rows
from crosspl.mixtures import MATCHING_COLUMNS, broken_matches, build_mixture, describe, matching_rows
from crosspl.problems import check_problems, of_split


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", required=True)
    parser.add_argument("--programs", required=True, nargs="+", help="files of verified programs")
    parser.add_argument("--tokenizer", required=True, help="tokenizer.json")
    parser.add_argument("--mixtures", required=True, nargs="+")
    parser.add_argument("--languages", required=True, nargs="+", help="SFT PLs")
    parser.add_argument("--source", required=True, help="the PL of `monolingual`")
    parser.add_argument("--count", required=True, type=int, help="problems of `parallel`")
    parser.add_argument("--steps", required=True, type=int)
    parser.add_argument("--batch", required=True, type=int)
    parser.add_argument("--output", required=True, help="folder of the mixtures and matching.csv")
    args = parser.parse_args(argv)
    problems = of_split(check_problems(read_rows(args.problems), args.problems), "sft")
    wanted = {problem["id"] for problem in problems}
    programs = [row for path in args.programs for row in read_rows(path) if row["problem"] in wanted]
    tokenizer = Tokenizer.from_file(args.tokenizer)

    def count_tokens(text):
        return len(tokenizer.encode(text).ids) + 1  # and <eos>

    mixtures, target = {}, None
    for name in sorted(args.mixtures, key=lambda name: name != "parallel"):  # the others are matched to it
        rows = build_mixture(name, problems, programs, args.languages, args.source, args.count, count_tokens, target)
        mixtures[name] = rows
        if name == "parallel":
            target = sum(count_tokens(row["completion"]) for row in rows)
    described = [describe(name, mixtures[name], args.steps, args.batch, count_tokens) for name in args.mixtures]
    matching = matching_rows(described)
    broken = broken_matches(matching)
    if broken:
        raise UserError(
            f"the mixtures are not matched: {'; '.join(broken)}. Take more problems (mixtures.problems), a multiple of "
            f"the {len(args.languages)} PLs of languages.sft"
        )
    for name, rows in mixtures.items():
        write_rows(Path(args.output) / f"{name}.jsonl.gz", rows)
    write_csv(Path(args.output) / "matching.csv", MATCHING_COLUMNS, matching)


if __name__ == "__main__":
    run_command(main)
