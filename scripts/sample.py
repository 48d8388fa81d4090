"""Sample answers from one checkpoint in every PL, greedy and at the sampling temperature.

In: the base model, the checkpoint's adapter (or none), the problems of the evaluated split. Out: completion rows
{"problem", "language", "reading", "sample", "text", "tokens", "truncated"}. One shard per PL is kept under work/, and
what was sampled of the next: an interrupted job continues, and an added PL samples only that PL.
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
    inputs = [f"{args.base}/model.safetensors", f"{args.base}/tokenizer.json", args.problems]
    inputs += [f"{args.adapter}/{models.ADAPTER_FILES[0]}"] if args.adapter else []
    state = state_folder("completions", __file__, inputs, args.settings)
    problems = of_split(check_problems(read_rows(args.problems), args.problems), args.settings["split"])
    shards = {language: state / f"{language}.jsonl.gz" for language in args.languages}
    missing = [language for language, path in shards.items() if not path.exists()]
    progress = Progress(args.title, len(missing), every=5)
    if missing:
        tokenizer = models.load_tokenizer(args.base)
        model = models.load_base(args.base)
        model = models.load_adapter(model, args.adapter) if args.adapter else model
        for done, language in enumerate(missing, 1):
            write_rows(shards[language], answers(model, tokenizer, problems, language, args.settings, state))
            progress.update(done)
    write_rows(args.output, [row for language in args.languages for row in read_rows(shards[language])])


def answers(model, tokenizer, problems, language, settings, state):
    """Return the completion rows of one PL, unfinished work in folder `state`; the seed depends on the PL alone."""
    prompts = [problem_prompt(problem, language) for problem in problems]
    rows = []
    for reading, samples, temperature in (("greedy", 1, 0), ("sampled", settings["samples"], settings["temperature"])):
        seed = seed_of(settings["seed"], language, reading)
        found = sample(
            model, tokenizer, prompts, samples, temperature, settings["max_tokens"], settings["batch"], seed,
            keep=state / f"{language}.{reading}.unfinished",
        )  # fmt: skip
        rows += [
            {"problem": problem["id"], "language": language, "reading": reading, "sample": number, **answer}
            for problem, per_problem in zip(problems, found)
            for number, answer in enumerate(per_problem)
        ]
    return rows


if __name__ == "__main__":
    run_command(main)
