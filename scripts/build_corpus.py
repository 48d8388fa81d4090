"""Build the embedded base model's pretraining corpus and its tokenizer.

In: problems.jsonl.gz (their families are left out), settings. Out: corpus.jsonl.gz, the tokenizer's files.
"""

import argparse
import json
from pathlib import Path

from crosspl.errors import UserError, run_command
from crosspl.io import read_rows, write_json, write_rows, write_text
from crosspl.problems import SOURCES, load_source
from crosspl.prompts import format_prompt, to_translate
from crosspl.tokenizer import balanced_sample, tokenizer_config, train_tokenizer
from crosspl.verification import question


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True, choices=sorted(SOURCES))
    parser.add_argument("--settings", required=True, type=json.loads, help="the source's settings, JSON")
    parser.add_argument("--problems", required=True)
    parser.add_argument(
        "--asked", type=float, default=0.0, help="share of documents that ask whether code is right (0)"
    )
    parser.add_argument("--translated", type=float, default=0.0, help="share of documents that translate a program (0)")
    parser.add_argument("--more", nargs="*", default=[], help="further documents")
    parser.add_argument("--vocabulary", required=True, type=int, help="number of tokens")
    parser.add_argument("--documents-per-kind", required=True, type=int, help="per PL and style, for the tokenizer")
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--tokenizer", required=True, help="folder of tokenizer.json and tokenizer_config.json")
    args = parser.parse_args(argv)
    source = load_source(args.source)
    if not hasattr(source, "pretraining_corpus"):
        raise UserError(
            f"problem source {args.source} has no pretraining corpus: the embedded base model cannot be made from it. "
            "results/parallel_matrix.csv and results/programs.csv need no model; see docs/import.md"
        )
    documents = source.pretraining_corpus(read_rows(args.problems), args.settings, args.asked, args.translated)
    documents += [row for path in args.more for row in read_rows(path)]
    rows = [asked(d) if "label" in d else written(d) for d in documents]
    sample = balanced_sample(rows, args.documents_per_kind)
    tokenizer = train_tokenizer([row["prompt"] + row["completion"] for row in sample], args.vocabulary)
    write_rows(args.corpus, rows)
    write_text(Path(args.tokenizer) / "tokenizer.json", tokenizer.to_str(pretty=True))
    write_json(Path(args.tokenizer) / "tokenizer_config.json", tokenizer_config())


def written(document):
    """Return the corpus row in which a program is written, after a statement or the same program in another PL."""
    words = to_translate(document["shown"]) if "shown" in document else document["statement"]
    prompt = format_prompt(document["language"], words)
    return document | {"prompt": prompt, "completion": document.pop("code")}


def asked(document):
    """Return the corpus row in which a program is shown and asked about."""
    prompt = format_prompt(document["language"], question(document["statement"], document["code"]))
    return document | {"prompt": prompt, "completion": document["label"]}


if __name__ == "__main__":
    run_command(main)
