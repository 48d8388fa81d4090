"""Sample answers from one checkpoint in every PL, greedy and at the sampling temperature.

In: the base model, the checkpoint's adapter (or none), the problems of the evaluated split. Out: completion rows
{"problem", "language", "reading", "sample", "text", "tokens", "truncated"}. One shard per PL and reading is kept under
work/, and what was sampled of the next: an interrupted job continues, and an added PL samples only that PL.
"""

import argparse
import json

from crosspl import models
from crosspl.errors import run_command
from crosspl.io import read_rows, write_rows
from crosspl.problems import check_problems, of_split
from crosspl.progress import Progress
from crosspl.prompts import problem_prompt
from crosspl.provenance import state_folder
from crosspl.sampling import sample, seed_of

READINGS = ("greedy", "sampled")  # not those of crosspl.passk: an edit of statistics must not sample again


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, help="folder of the base model")
    parser.add_argument("--adapter", help="folder of the adapter; none: the base model")
    parser.add_argument("--problems", required=True)
    parser.add_argument("--languages", required=True, nargs="+")
    parser.add_argument("--settings", required=True, type=json.loads, help="sampling settings, JSON")
    parser.add_argument("--title", default="sampling", help="name in progress lines")
    parser.add_argument("--output", required=True)
    args = parser.parse_args(argv)
    inputs = [*models.model_files(args.base, args.adapter), args.problems]
    state = state_folder("completions", __file__, inputs, args.settings, models.stack())
    problems = of_split(check_problems(read_rows(args.problems), args.problems), args.settings["split"])
    shards = shards_of(state, args.languages)
    missing = [shard for shard, path in shards.items() if not path.exists()]
    progress = Progress(args.title, len(missing), every=5)
    if missing:
        tokenizer = models.load_tokenizer(args.base)
        model = models.load_base(args.base)
        model = models.load_adapter(model, args.adapter) if args.adapter else model
        for done, shard in enumerate(missing, 1):
            write_rows(shards[shard], answers(model, tokenizer, problems, *shard, args.settings, state))
            progress.update(done)
    write_rows(args.output, [row for path in shards.values() for row in read_rows(path)])


def shards_of(state, languages):
    """Return {(language, reading): path}: where finished answers are kept."""
    return {
        (language, reading): state / f"{language}.{reading}.jsonl.gz" for language in languages for reading in READINGS
    }


def answers(model, tokenizer, problems, language, reading, settings, state):
    """Return the completion rows of one PL and reading, unfinished ones in `state`; the seed depends on these alone."""
    prompts = [problem_prompt(problem, language) for problem in problems]
    samples, temperature = (1, 0) if reading == "greedy" else (settings["samples"], settings["temperature"])
    seed = seed_of(settings["seed"], language, reading)
    found = sample(
        model, tokenizer, prompts, samples, temperature, settings["max_tokens"], settings["batch"], seed,
        keep=state / f"{language}.{reading}.unfinished",
    )  # fmt: skip
    return [
        {"problem": problem["id"], "language": language, "reading": reading, "sample": number, **answer}
        for problem, per_problem in zip(problems, found)
        for number, answer in enumerate(per_problem)
    ]


if __name__ == "__main__":
    run_command(main)
