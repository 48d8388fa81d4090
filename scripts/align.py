"""Latent-space analysis of one checkpoint, of an untrained model, or of the programs' tokens alone.

In: the base model and an adapter (or none), problems, verified programs of every PL. Out: a table per layer, pooling
and PL pair with intervals and chance levels; the values per problem; the states' first two principal components.
`--lexical` needs no model: it is what any likeness of states must beat before it is more than shared tokens.
"""

import argparse
import json
import sys

from tokenizers import Tokenizer

from crosspl import alignment
from crosspl.errors import run_command
from crosspl.io import read_text, write_csv
from crosspl.parallel_programs import read_parallel
from crosspl.problems import SPLITS


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, metavar="DIR", help="folder of the base model")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--adapter", metavar="DIR", help="folder of the adapter; none: the base model")
    what.add_argument("--untrained", action="store_true", help="the base's architecture with random weights")
    what.add_argument("--lexical", action="store_true", help="bags of tokens and TF-IDF in place of states")
    parser.add_argument("--problems", required=True, metavar="FILE")
    parser.add_argument("--programs", required=True, nargs="+", metavar="FILE", help="verified programs, every PL")
    parser.add_argument("--languages", required=True, nargs="+")
    parser.add_argument("--split", required=True, choices=SPLITS, help="split of the problems")
    parser.add_argument(
        "--settings", required=True, type=json.loads,
        help="JSON: permutations, draws (bootstrap), seed, pool (problems at most)",
    )  # fmt: skip
    parser.add_argument("--precision", type=json.loads, help="of the base model, JSON; none: float32")
    parser.add_argument("--gpus", default=0, type=int, help="GPUs of this job; 0: the CPU")
    parser.add_argument("--batch", type=int, default=64, help="programs at a time in the model (64)")
    parser.add_argument("--checkpoint", required=True, metavar="NAME", help="name in the tables")
    parser.add_argument("--mark", default="", help="text of the mark column")
    parser.add_argument("--output", required=True, metavar="CSV")
    parser.add_argument("--values", required=True, metavar="CSV", help="values per problem, for intervals over seeds")
    parser.add_argument("--projection", metavar="CSV", help="principal components of the states")
    args = parser.parse_args(argv)
    if len(set(args.languages)) < max(2, len(args.languages)):
        parser.error("--languages needs at least two different PLs")
    if args.lexical and args.projection:
        parser.error("--projection is of hidden states; tokens have none")
    return args


def main(argv=None):
    args = parse(argv)
    settings = args.settings
    parallel = read_parallel(args.problems, args.programs, args.split, args.languages, settings["pool"])
    print(f"{args.checkpoint}: {len(parallel.problems)} problems, {parallel.left_out} left out", file=sys.stderr)
    by_features = lexical(args, parallel) if args.lexical else {"hidden": hidden(args, parallel)}
    shuffled = alignment.orders(settings["permutations"], len(args.languages), parallel.styles, settings["seed"])
    rows, values = [], []
    for features, spaces in by_features.items():
        found = alignment.measures(spaces, args.languages, shuffled)
        label = {"checkpoint": args.checkpoint, "features": features}
        table = alignment.table_rows(found, parallel.families, settings["draws"], settings["seed"])
        rows += [label | row | {"mark": args.mark} for row in table]
        values += [label | row for row in alignment.problem_rows(found, parallel.problems, parallel.families)]
    write_csv(args.output, alignment.COLUMNS, rows)
    write_csv(args.values, alignment.PROBLEM_COLUMNS, values)
    if args.projection:
        points = alignment.projection_rows(by_features["hidden"], parallel.problems, args.languages)
        write_csv(
            args.projection, alignment.PROJECTION_COLUMNS, [{"checkpoint": args.checkpoint} | row for row in points]
        )


def lexical(args, parallel):
    """Return the spaces of bags of tokens and of TF-IDF; the tokenizer alone is loaded."""
    tokenizer = Tokenizer.from_str(read_text(f"{args.base}/tokenizer.json"))
    encoded = [tokenizer.encode_batch(codes, add_special_tokens=False) for codes in parallel.codes]
    return alignment.lexical_spaces([[encoding.ids for encoding in of_language] for of_language in encoded])


def hidden(args, parallel):
    """Return the spaces of the hidden states of the model that the options name."""
    from crosspl import models  # torch takes seconds to load, and --lexical does without it
    from crosspl.hidden_states import hidden_states, untrained_model

    for name in ("config.json", "tokenizer.json"):
        read_text(f"{args.base}/{name}")  # a missing file is the user's error, with its name
    models.use_gpus(args.gpus)
    precision = args.precision or models.FLOAT32
    tokenizer = models.load_tokenizer(args.base)
    if args.untrained:
        model = untrained_model(args.base, args.settings["seed"], precision["weights"]).to(models.device())
    else:
        model = models.load_base(args.base, precision)
    model = models.load_adapter(model, args.adapter) if args.adapter else model
    states = hidden_states(model, tokenizer, parallel.codes, args.languages, args.batch)
    return alignment.hidden_spaces(states)


if __name__ == "__main__":
    run_command(main)
