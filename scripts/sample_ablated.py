"""Sample answers as scripts.sample does, with the direction of the PL that is asked for taken out of one layer.

In: as scripts.sample, and verified programs of a split that is not evaluated, from which the directions come. Out: the
same completion rows, for scripts.judge_completions. `--direction random` is the control. One shard per PL is kept
under work/; a direction depends on all PLs given, so another list of PLs is sampled anew.
"""

import argparse
import json
import sys
from functools import partial

from crosspl import models
from crosspl.ablation import ablated, language_direction, language_means, random_direction
from crosspl.errors import UserError, run_command
from crosspl.hidden_states import hidden_states
from crosspl.io import read_rows, write_rows
from crosspl.parallel_programs import read_parallel
from crosspl.problems import SPLITS
from crosspl.progress import Progress
from crosspl.protocol import PLAIN
from crosspl.provenance import state_folder
from crosspl.sampling import sample
from scripts.sample import answers, check_prompts, evaluated, shards_of


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, help="folder of the base model")
    parser.add_argument("--adapter", help="folder of the adapter; none: the base model")
    parser.add_argument("--problems", required=True)
    parser.add_argument("--items", nargs="*", default=[], help="items of code verification, one file per PL")
    parser.add_argument("--languages", required=True, nargs="+", help="PLs to sample and to compare in the directions")
    parser.add_argument("--precision", default=models.FLOAT32, type=json.loads, help="of the base model, JSON")
    parser.add_argument("--gpus", default=0, type=int, help="GPUs of this job; 0: the CPU")
    parser.add_argument("--settings", required=True, type=json.loads, help="sampling settings, JSON")
    parser.add_argument("--layer", required=True, type=int, help="0: embeddings; n: output of decoder layer n")
    parser.add_argument("--direction", required=True, choices=("language", "random"))
    parser.add_argument("--programs", required=True, nargs="+", metavar="FILE", help="verified programs of the PLs")
    parser.add_argument("--split", required=True, choices=SPLITS, help="split whose programs give the directions")
    parser.add_argument("--pool", type=int, default=200, help="problems that give the directions, at most (200)")
    parser.add_argument("--protocol", default=PLAIN, type=json.loads, help="style of prompts and the PLs' names, JSON")
    parser.add_argument("--title", default="sampling ablated", help="name in progress lines")
    parser.add_argument("--output", required=True)
    args = parser.parse_args(argv)
    if args.split == args.settings["split"]:
        raise UserError(f"--split {args.split}: the directions must not come from the problems that are evaluated")
    return args


def main(argv=None):
    args = parse(argv)
    models.use_gpus(args.gpus)
    inputs = [*models.model_files(args.base, args.adapter), args.problems, *args.programs]
    settings = [args.settings, args.languages, args.layer, args.direction, args.split, args.pool,
                args.precision, models.stack(), args.protocol["style"]]  # fmt: skip
    state = state_folder("completions", __file__, inputs, *settings)
    shards = shards_of(state, args)
    missing = [shard for shard, path in shards.items() if not path.exists()]
    if missing:
        sample_missing(args, shards, missing)
    write_rows(args.output, [row for path in shards.values() for row in read_rows(path)])


def sample_missing(args, shards, missing):
    """Write the shards `missing`, each sampled without the direction of its PL."""
    problems = evaluated(args)
    tokenizer = models.load_tokenizer(args.base)
    model = models.load_base(args.base, args.precision)
    model = models.load_adapter(model, args.adapter) if args.adapter else model
    check_prompts(model, tokenizer, problems, args)
    means = training_means(args, model, tokenizer)
    progress = Progress(args.title, len(missing), every=5)
    for done, shard in enumerate(missing, 1):
        if args.direction == "language":
            direction = language_direction(means, args.languages.index(shard[0]))
        else:
            direction = random_direction(means.shape[1], args.layer, args.settings["seed"])
        with ablated(model, args.layer, direction, means.mean(axis=0)):
            sampler = partial(sample, model, tokenizer, batch=args.settings["batch"])
            rows = answers(sampler, problems[shard[0]], *shard, args, shards[shard])
        write_rows(shards[shard], rows)
        progress.update(done)


def training_means(args, model, tokenizer):
    """Return the PLs' mean states at the layer, shape (languages, hidden), from programs of `--split`."""
    parallel = read_parallel(args.problems, args.programs, args.split, args.languages, args.pool)
    print(f"directions from {len(parallel.problems)} problems, {parallel.left_out} left out", file=sys.stderr)
    states = hidden_states(model, tokenizer, parallel.codes, args.languages, args.settings["batch"])
    return language_means(states, args.layer)


if __name__ == "__main__":
    run_command(main)
