"""The proof of how mixtures are matched: every pair of them, every quantity.

In: sft_data/{mixture}.jsonl.gz, the tokenizer, what is declared equal. Out: matching.csv.
"""

import argparse
import json
from pathlib import Path

from crosspl.errors import UserError, run_command
from crosspl.io import read_rows, write_csv
from crosspl.matching import MATCHING_COLUMNS, broken_matches, describe, matching_rows, token_counter


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mixtures", required=True, nargs="+", help="sft_data/{mixture}.jsonl.gz")
    parser.add_argument("--tokenizer", required=True, help="tokenizer.json")
    parser.add_argument(
        "--declared", required=True, type=json.loads, help="{mixture: what must equal `parallel`}, JSON"
    )
    parser.add_argument("--steps", required=True, type=int)
    parser.add_argument("--batch", required=True, type=int)
    parser.add_argument("--output", required=True)
    args = parser.parse_args(argv)
    count_tokens = token_counter(args.tokenizer)
    described = [
        describe(Path(path).name.removesuffix(".jsonl.gz"), read_rows(path), args.steps, args.batch, count_tokens)
        for path in args.mixtures
    ]
    rows = matching_rows(described, args.declared)
    broken = broken_matches(rows)
    if broken:
        raise UserError(f"the mixtures are not matched: {'; '.join(broken)}. Build them again")
    write_csv(args.output, MATCHING_COLUMNS, rows)


if __name__ == "__main__":
    run_command(main)
