"""RL in one source PL from one init with one seed: TRL GRPOTrainer, reward by execution through the judge.

In code verification (--items) the reward is the right label, and nothing is executed. With --pairs programs are to be
translated; with --groups there is a preference loss beside RL (OORL, docs/oorl.md).

In: the base model, the init's adapter (or none: a fresh adapter on `base`), the problems of the RL split that are
not excluded, settings. Out: a PEFT adapter folder, history.csv, manifest.json with the proofs of train_sft.
"""

import argparse
import json
from pathlib import Path

from crosspl import launch, models
from crosspl.chat import check_chat, check_context, context_of
from crosspl.contamination.fate import without
from crosspl.errors import UserError, run_command
from crosspl.executed_lines import traced_with
from crosspl.groups.rows import read_groups
from crosspl.io import read_rows, stream_rows
from crosspl.judge.client import Judge, judged_languages
from crosspl.problems import check_problems, of_split
from crosspl.protocol import PLAIN, answerable, ask, said
from crosspl.provenance import file_hash, state_folder
from crosspl.rewards import answer_reward, execution_reward
from crosspl.rl import curriculum
from crosspl.rl.engines import engine_of
from crosspl.rl.line_masks import LineMasks
from crosspl.rl.preferences import preference_groups
from crosspl.rl.train import train_grpo
from crosspl.training import processes, write_history
from crosspl.translation import as_problems as as_translations
from crosspl.translation import language_of
from crosspl.verification import as_problems


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, help="folder of the base model")
    parser.add_argument("--adapter", help="folder of the init's adapter; none: RL from base")
    parser.add_argument("--problems", required=True)
    parser.add_argument("--items", help="items of code verification in the source PL")
    parser.add_argument("--pairs", help="pairs for translation, of which those of the RL split are asked")
    parser.add_argument("--groups", help="equivalent and inequivalent programs, for rl.off_policy")
    parser.add_argument("--programs", help="right programs in the source PL, for a curriculum")
    parser.add_argument("--excluded", help="excluded.csv: problems that are eval problems in disguise")
    parser.add_argument("--language", required=True, help="source PL")
    parser.add_argument("--languages", nargs="*", default=[], help="other PLs that a wrong-language answer can be in")
    parser.add_argument("--lora", required=True, type=json.loads, help="LoRA settings of a fresh adapter, JSON")
    parser.add_argument("--precision", default=models.FLOAT32, type=json.loads, help="of the base model, JSON")
    parser.add_argument("--gpus", default=0, type=int, help="GPUs of this job; 0: the CPU")
    parser.add_argument("--launch", default=launch.HOW, help="how several GPUs share it, a file of accelerate")
    parser.add_argument("--vllm-percent", default=45, type=int, help="of a GPU's memory for rollouts by vLLM")
    parser.add_argument("--settings", required=True, type=json.loads, help="training settings, JSON")
    parser.add_argument("--protocol", default=PLAIN, type=json.loads, help="style of prompts and the PL's name, JSON")
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--save-every", required=True, type=int, help="generations between checkpoints under work/")
    parser.add_argument("--title", default="rl", help="name in progress lines")
    parser.add_argument("--jobs", type=int, default=4, help="boxes at a time")
    parser.add_argument("--cache", default="work/judge/verdicts.sqlite", help="verdict cache; '' for none")
    parser.add_argument("--output", required=True, help="folder of the adapter")
    return parser.parse_args(argv)


def main(argv=None):
    args = parse(argv)
    models.use_gpus(args.gpus)
    launch.spread(args.gpus, args.launch)
    files = [args.problems, *filter(None, [args.excluded, args.items, args.programs, args.pairs, args.groups])]
    inputs = [*models.model_files(args.base, args.adapter), *files]
    stages = asked(args)
    problems = [problem for stage in stages for problem in stage]
    tokenizer = models.load_tokenizer(args.base)
    prompts = [ask(problem, language_of(problem, args.language), args.protocol) for problem in problems]
    check_chat(tokenizer, prompts[0], args.base)
    base = models.load_base(args.base, args.precision)
    check_context(base, tokenizer, prompts, args.settings["max_tokens"], "rl.max_tokens")
    groups, left_out = preferences(args, base, tokenizer)
    if args.adapter:
        model = models.load_adapter(base, args.adapter, trainable=True)
    else:
        model = models.fresh_adapter(base, args.lora, args.seed)
    start = models.adapter_hash(model)
    trainable = models.trainable_parameters(model)
    asked_in = dict.fromkeys(language_of(problem, args.language) for problem in problems)
    judged = judged_languages(
        [args.language, *asked_in, *args.languages], any(problem.get("checker") for problem in problems)
    )
    traced = traced_with(args.language) if args.settings["executed_lines"] else []
    judged = list(dict.fromkeys([*judged, *traced]))
    with Judge(judged, jobs=max(1, args.jobs // processes()), cache=args.cache or None) as judge:
        toolchains, sandbox = {name: judge.toolchains[name] for name in asked_in}, judge.sandbox
        state = state_folder(
            "rl", __file__, [*inputs, *(f"languages/{key}.yaml" for key in judged)], args.language, args.languages,
            args.lora, args.settings, args.seed, args.precision, models.stack(), toolchains, sandbox, args.protocol,
        )  # fmt: skip
        settings = {**args.settings, "save_generations": args.save_every}
        place = args.precision, models.rank_of(model), args.vllm_percent / 100, args.seed
        model, history = train_grpo(
            model, tokenizer, stages, args.language, rewarded(args, judge, problems), settings, args.seed, state,
            args.title, args.protocol, args.precision, engine_of(settings, args.base, tokenizer, prompts, *place),
            LineMasks(judge, problems, args.language, settings["tests"], args.protocol, tokenizer) if traced else None,
            groups,
        )  # fmt: skip
    if not launch.is_first():
        return
    if not groups and all(entry["frac_reward_zero_std"] == 1 for entry in history if "frac_reward_zero_std" in entry):
        raise UserError(
            f"RL from {args.adapter or args.base} in {args.language}: in every group all answers had the same reward, "
            "so there was nothing to learn. Leave this PL out of the sources and oracles, or start from a better model"
        )
    manifest = {
        "settings": args.settings,
        "lora": args.lora,
        "init": args.adapter or "base",
        "source": args.language,
        "seed": args.seed,
        "trainable_parameters": trainable,
        "asked": len(problems),
        **({"groups": len(groups)} | left_out if groups else {}),
        "toolchains": toolchains,
        "sandbox": sandbox,
        "inputs": {path: file_hash(path) for path in inputs},
        "precision": args.precision,
        "device": str(models.device()),
        "versions": models.versions(),
    }
    texts = [said(prompt) for prompt in prompts[:4]]
    models.hand_over(model, args.base, tokenizer, texts, start, args.output, manifest, args.precision)
    write_history(Path(args.output) / "history.csv", history)


def asked(args):
    """Return the problems of the split rl that can be judged and are not excluded, one list per stage of RL."""
    problems = without(of_split(check_problems(read_rows(args.problems), args.problems), "rl"), args.excluded)
    if args.items:
        problems = as_problems(problems, read_rows(args.items))
    if args.pairs:
        problems = as_translations(problems, read_rows(args.pairs))
    problems = [problem for problem in problems if answerable(problem, language_of(problem, args.language))]
    if not problems and args.pairs:
        raise UserError(f"{args.pairs}: no pair of the split rl; the table beside it says what was left out and why")
    if not problems:
        raise UserError(f"{args.problems}: no problem of the split rl can be answered in {args.language}")
    shares = args.settings["curriculum"]
    if not shares:
        return [problems]
    right = (row for row in stream_rows(args.programs) if row["verdict"] == "OK")
    programs = {row["problem"]: row["code"] for row in right}
    return curriculum.stages(problems, args.language, programs, shares, args.protocol["style"])


def preferences(args, base, tokenizer):
    """Return (groups for GEPO, how many were left out and why); none without --groups."""
    if not args.groups:
        return [], {}
    problems = without(read_rows(args.problems), args.excluded)
    length = min(filter(None, [args.settings["off_policy"]["max_length"], context_of(base)]))
    return preference_groups(read_groups(args.groups), problems, tokenizer, args.protocol, length, args.groups)


def rewarded(args, judge, problems):
    """Return the reward function."""
    if args.items:
        return answer_reward(problems)
    settings = args.settings
    return execution_reward(
        judge, problems, args.language, settings["tests"], settings["harness_reward"], args.protocol,
        settings["hidden_tests"],
    )  # fmt: skip


if __name__ == "__main__":
    run_command(main)
