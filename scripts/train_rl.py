"""RL in one source PL from one init with one seed: TRL GRPOTrainer, reward by execution through the judge.

In: the base model, the init's adapter (or none: a fresh adapter on `base`), the problems of the RL split, settings.
Out: a PEFT adapter folder, history.csv, manifest.json with the proofs of train_sft.
"""

import argparse
import json
from pathlib import Path

from crosspl import models
from crosspl.errors import UserError, run_command
from crosspl.io import read_rows
from crosspl.judge.client import Judge
from crosspl.problems import check_problems, of_split
from crosspl.prompts import problem_prompt
from crosspl.provenance import file_hash, state_folder
from crosspl.rewards import execution_reward
from crosspl.rl import train_grpo
from crosspl.training import write_history


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, help="folder of the base model")
    parser.add_argument("--adapter", help="folder of the init's adapter; none: RL from base")
    parser.add_argument("--problems", required=True)
    parser.add_argument("--language", required=True, help="source PL")
    parser.add_argument("--languages", nargs="*", default=[], help="other PLs that a wrong-language answer can be in")
    parser.add_argument("--lora", required=True, type=json.loads, help="LoRA settings of a fresh adapter, JSON")
    parser.add_argument("--settings", required=True, type=json.loads, help="training settings, JSON")
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--save-every", required=True, type=int, help="generations between checkpoints under work/")
    parser.add_argument("--title", default="rl", help="name in progress lines")
    parser.add_argument("--jobs", type=int, default=4, help="boxes at a time")
    parser.add_argument("--cache", default="work/judge/verdicts.sqlite", help="verdict cache; '' for none")
    parser.add_argument("--output", required=True, help="folder of the adapter")
    args = parser.parse_args(argv)
    inputs = [*models.model_files(args.base, args.adapter), args.problems]
    problems = of_split(check_problems(read_rows(args.problems), args.problems), "rl")
    tokenizer = models.load_tokenizer(args.base)
    base = models.load_base(args.base)
    if args.adapter:
        model = models.load_adapter(base, args.adapter, trainable=True)
    else:
        model = models.fresh_adapter(base, args.lora, args.seed)
    start = models.adapter_hash(model)
    trainable = models.trainable_parameters(model)
    with Judge([args.language, *args.languages], jobs=args.jobs, cache=args.cache or None) as judge:
        toolchain, sandbox = judge.toolchains[args.language], judge.sandbox
        rewarded = [f"languages/{key}.yaml" for key in [args.language, *args.languages]]
        state = state_folder(
            "rl", __file__, [*inputs, *rewarded], args.language, args.languages, args.lora, args.settings, args.seed,
            models.stack(), toolchain, sandbox,
        )  # fmt: skip
        settings = {**args.settings, "save_generations": args.save_every}
        reward = execution_reward(judge, problems, args.language, settings["tests"], settings["harness_reward"])
        model, history = train_grpo(
            model, tokenizer, problems, args.language, reward, settings, args.seed, state, args.title
        )
    if all(entry["frac_reward_zero_std"] == 1 for entry in history if "frac_reward_zero_std" in entry):
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
        "toolchain": toolchain,
        "sandbox": sandbox,
        "inputs": {path: file_hash(path) for path in inputs},
        "versions": models.versions(),
    }
    canaries = [problem_prompt(problem, args.language) for problem in problems[:4]]
    models.hand_over(model, args.base, tokenizer, canaries, start, args.output, manifest)
    write_history(Path(args.output) / "history.csv", history)


if __name__ == "__main__":
    run_command(main)
