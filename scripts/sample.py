"""Sample answers from one checkpoint in every PL, greedy and at the sampling temperature.

In: the base model, the checkpoint's adapter (or none), the problems of the evaluated split, asked in the PLs in which
they can be judged. Out: completion rows {"problem", "language", "reading", "sample", "text", "tokens", "truncated"}.
One shard per PL and reading is kept under work/, and what was sampled of the next: an interrupted job continues, and
an added PL samples only that PL.
"""

import argparse
import json
from functools import partial
from pathlib import Path

from crosspl import models, sampling_vllm, vllm_engine
from crosspl.chat import check_chat, check_context
from crosspl.errors import UserError, run_command
from crosspl.external import loading
from crosspl.io import read_json, read_rows, write_rows
from crosspl.problems import check_problems, of_split
from crosspl.progress import Progress
from crosspl.protocol import PLAIN, answerable, ask, stop_texts
from crosspl.provenance import digest, state_folder
from crosspl.sampling import end_ids, room_for, sample, seed_of
from crosspl.translation import as_problems as as_translations
from crosspl.verification import as_problems

READINGS = ("greedy", "sampled")  # not those of crosspl.passk: an edit of statistics must not sample again


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, help="folder of the base model")
    parser.add_argument("--adapter", help="folder of the adapter; none: the base model")
    parser.add_argument("--external", action="store_true", help="base and adapter are folders as others publish them")
    parser.add_argument("--problems", required=True)
    parser.add_argument("--items", nargs="*", default=[], help="items of code verification, one file per PL")
    parser.add_argument("--pairs", help="programs to be translated into --languages, instead of statements")
    parser.add_argument("--languages", required=True, nargs="+")
    parser.add_argument("--precision", default=models.FLOAT32, type=json.loads, help="of the base model, JSON")
    parser.add_argument("--gpus", default=0, type=int, help="GPUs of this job; 0: the CPU")
    parser.add_argument("--settings", required=True, type=json.loads, help="sampling settings, JSON")
    parser.add_argument("--protocol", default=PLAIN, type=json.loads, help="style of prompts and the PLs' names, JSON")
    parser.add_argument("--title", default="sampling", help="name in progress lines")
    parser.add_argument("--output", required=True)
    args = parser.parse_args(argv)
    models.use_gpus(args.gpus)
    files = loading.files_of if args.external else models.model_files
    inputs = [*files(args.base, args.adapter), args.problems, *([args.pairs] if args.pairs else [])]
    # The same files make another model when they are somebody else's: its precision, what ends an answer.
    settings = [args.settings, args.precision, models.stack(), args.protocol["style"], args.external]
    state = state_folder("completions", __file__, inputs, *settings)
    problems = translations(args) if args.pairs else evaluated(args)
    shards = shards_of(state, args)
    missing = [shard for shard, path in shards.items() if not path.exists()]
    progress = Progress(args.title, len(missing), every=5)
    if missing:
        sampler = of_vllm(args, problems) if args.settings["engine"] == "vllm" else of_transformers(args, problems)
        for done, shard in enumerate(missing, 1):
            with room_for(args.settings["batch"]):
                found = answers(sampler, problems[shard[0]], *shard, args, shards[shard])
            write_rows(shards[shard], found)
            progress.update(done)
    write_rows(args.output, [row for path in shards.values() for row in read_rows(path)])


def evaluated(args):
    """Return {PL: the problems of the evaluated split}, in code verification the questions about their programs."""
    problems = of_split(check_problems(read_rows(args.problems), args.problems), args.settings["split"])
    if not args.items:
        return dict.fromkeys(args.languages, problems)
    return {language: as_problems(problems, read_rows(path)) for language, path in zip(args.languages, args.items)}


def translations(args):
    """Return {PL: the questions to translate into it}; each has its problem's id, which occurs once per PL."""
    problems = of_split(check_problems(read_rows(args.problems), args.problems), args.settings["split"])
    pairs = read_rows(args.pairs)
    found = as_translations(problems, pairs)
    by_id = {pair["id"]: pair["problem"] for pair in pairs}
    return {language: [question | {"id": by_id[question["id"]]} for question in found if question["into"] == language]
            for language in args.languages}  # fmt: skip


def check_prompts(model, tokenizer, problems, args):
    """Return the tokens of the longest prompt with its answer.

    UserError for prompts that the tokenizer cannot say, or that leave no room in the model's context.
    """
    longest = 0
    for language in args.languages:
        asked = [problem for problem in problems[language] if answerable(problem, language)]
        prompts = [ask(problem, language, args.protocol) for problem in asked]
        for prompt in prompts[:1]:
            check_chat(tokenizer, prompt, args.base, end_ids(model, tokenizer))
        longest = max(longest, check_context(model, tokenizer, prompts, args.settings["max_tokens"]))
    return longest + args.settings["max_tokens"]


def of_transformers(args, problems):
    """Return the sampler of the model with its adapter, by transformers; its prompts are checked."""
    if args.external:
        model, tokenizer = loading.load(args.base, args.adapter)
    else:
        model, tokenizer = models.load_base(args.base, args.precision), models.load_tokenizer(args.base)
        model = models.load_adapter(model, args.adapter) if args.adapter else model
    check_prompts(model, tokenizer, problems, args)
    return partial(sample, model, tokenizer, batch=args.settings["batch"])


def of_vllm(args, problems):
    """Return the sampler of the model with its adapter, by vLLM; its prompts are checked."""
    tokenizer = loading.load_tokenizer(args.base) if args.external else models.load_tokenizer(args.base)
    if args.adapter and not args.external:
        models.check_adapter(args.adapter)
    model = loading.described(args.base)
    context = check_prompts(model, tokenizer, problems, args)
    rank = read_json(f"{args.adapter}/adapter_config.json")["r"] if args.adapter else 1
    llm = vllm_engine.load(args.base, args.precision, rank, context)
    lora = vllm_engine.adapter(args.adapter, 1) if args.adapter else None
    return partial(sampling_vllm.sample, llm, lora, tokenizer, end_ids(model, tokenizer))


def shards_of(state, args):
    """Return {(language, reading): path}: where finished answers are kept.

    In the name is what decides the questions in one PL alone: how prompts call it, the items of code verification.
    """
    names = {language: args.protocol.get("languages", {}).get(language) for language in args.languages}
    items = dict(zip(args.languages, map(Path, args.items)))
    files = {language: ".".join([language, *(digest(part) for part in (names[language], items.get(language)) if part)])
             for language in args.languages}  # fmt: skip
    return {
        (language, reading): state / f"{files[language]}.{reading}.jsonl.gz"
        for language in args.languages
        for reading in READINGS
    }


def answers(sampler, problems, language, reading, args, path):
    """Return the completion rows of one PL and reading; unfinished ones lie beside the shard `path`.

    The seed depends on PL and reading alone. args: what the command was told (base, settings, protocol).
    """
    settings, protocol = args.settings, args.protocol
    problems = [problem for problem in problems if answerable(problem, language)]
    if not problems:
        raise UserError(f"{args.problems}: no problem of the split {settings['split']} can be answered in {language}")
    prompts = [ask(problem, language, protocol) for problem in problems]
    samples, temperature = (1, 0) if reading == "greedy" else (settings["samples"], settings["temperature"])
    seed = seed_of(settings["seed"], language, reading)
    found = sampler(
        prompts=prompts, samples=samples, temperature=temperature, max_tokens=settings["max_tokens"], seed=seed,
        keep=path.with_name(path.name.replace(".jsonl.gz", ".unfinished")),
        stops=[stop_texts(problem, language, protocol) for problem in problems],
    )  # fmt: skip
    return [
        {"problem": problem["id"], "language": language, "reading": reading, "sample": number, **answer}
        for problem, per_problem in zip(problems, found)
        for number, answer in enumerate(per_problem)
    ]


if __name__ == "__main__":
    run_command(main)
