"""What only a GPU can show of correctness: proofs at hand-overs and deliveries there, and that RL learns.

In: a folder to work in. Out: figures for benchmarks.gpu_check. The model of `proofs` is a Llama of two layers, that of
`microworld` the one of configs/microworld_gpu.yaml, in the real world with the real judge.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

from crosspl import models, training
from crosspl.io import read_csv, read_json, write_json, write_text
from crosspl.resources import decisive
from crosspl.rl import train as rl
from crosspl.rl.engines import engine_of
from crosspl.rl.gepo import Group
from crosspl.tokenizer import tokenizer_config, train_tokenizer
from crosspl.workflow import read_config

SHAPE = {"hidden_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 512,
         "max_position_embeddings": 512}  # fmt: skip
LORA = {"r": 8, "lora_alpha": 16}
TEXTS = ["# python\n# add 3 to each\nprint(1)\n", "# lua\nfor line in io.lines() do\nend\n"] * 20
RL = {"method": "grpo", "beta": 0.0, "clip": [0.2, 0.2], "micro_batch": None, "gradient_checkpointing": False,
      "importance_cap": 2.0, "redraw": 0, "batch": None, "generations": 4, "prompts": 4, "samples": 8, "minibatches": 2,
      "temperature": 1.0, "max_tokens": 32, "loss": "dapo", "learning_rate": 1e-3, "schedule": "constant", "warmup": 0,
      "mask_truncated": False, "save_generations": 1, "weight": 1.0,
      "off_policy": {"groups": "programs", "loss": "gepo", "weight": 0.01, "beta": 0.1, "lambda": 1.0, "every": 1,
                     "normalize": False, "per_step": 1, "responses": None}}  # fmt: skip
SFT = {"steps": 20, "batch": 8, "learning_rate": 1e-3, "schedule": "constant", "decay_steps": 0, "warmup": 1,
       "weight_decay": 0.0, "adam_beta2": 0.999, "max_length": 128, "save_steps": 10**6, "log_steps": 1,
       "micro_batch": None, "packing": False, "gradient_checkpointing": False}  # fmt: skip


def proofs(folder, told, tiny):
    """Return, per number format and engine, what SFT, hand-over, RL with GEPO and deliveries gave, or raise."""
    base = folder / "proofs"
    write_text(base / "tokenizer.json", train_tokenizer(TEXTS, 400).to_str())
    write_json(base / "tokenizer_config.json", tokenizer_config())
    tokenizer = models.load_tokenizer(base)
    models.new_llama(SHAPE, tokenizer, 0).save_pretrained(base)
    kinds = {"bfloat16": {"weights": "bfloat16", "quantization": None}, "float32": models.FLOAT32}
    if importlib.util.find_spec("bitsandbytes"):
        kinds["nf4"] = {"weights": "bfloat16", "quantization": "nf4"}
    engines = ["transformers"] + (["vllm"] if importlib.util.find_spec("vllm") and not tiny else [])
    found = {f"{kind} {engine}": of(base, tokenizer, precision, engine, folder / f"{kind}-{engine}")
             for kind, precision in kinds.items() for engine in engines
             if (kind, engine) != ("float32", "vllm")}  # fmt: skip
    missing = [name for name in ("bitsandbytes", "vllm") if not importlib.util.find_spec(name)]
    return told(kinds["bfloat16"], "a Llama of two layers", 10**6) | {
        "not_checked_for_want_of": missing,
        "proofs": found,
    }


def of(base, tokenizer, precision, engine_name, folder):
    """Return the figures of one number format and engine."""
    model = models.fresh_adapter(models.load_base(base, precision), LORA, 0)
    start = models.adapter_hash(model)
    rows = [{"prompt": text[:12], "completion": text[12:]} for text in TEXTS]
    model, curve = training.train_supervised(model, tokenizer, rows, SFT, 0, folder / "sft", "sft", precision)
    models.hand_over(model, base, tokenizer, TEXTS[:2], start, folder / "out", {}, precision)
    model = models.load_adapter(models.load_base(base, precision), folder / "out", trainable=True)
    before, problems = (
        models.adapter_hash(model),
        [{"id": str(n), "statement": f"task {n}", "harness": None} for n in range(8)],
    )
    engine = engine_of(RL | {"rollouts": engine_name}, base, tokenizer, TEXTS[:2], precision, LORA["r"], 0.2, 0)
    reward = lambda completions, **_: [float(len(text)) for text in completions]  # noqa: E731
    answers = [(tokenizer(text[:12])["input_ids"], tokenizer(text[12:])["input_ids"]) for text in TEXTS[:2]]
    groups = [Group(answers, [(prompt, answer[::-1]) for prompt, answer in answers])]
    model, history = rl.train_grpo(model, tokenizer, [problems], "python", reward, RL, 0, folder / "rl", "rl",
                                   precision=precision, engine=engine, groups=groups)  # fmt: skip
    assert models.adapter_hash(model) != before
    last = [entry for entry in history if "reward" in entry][-1]
    names = ("gepo/loss", "gepo/margin", "sampling/canary_difference", "sampling/canary_effect",
             "sampling/sampling_logp_difference/mean")  # fmt: skip
    return {"sft_loss": [curve[0]["loss"], curve[-1]["loss"]]} | {name: last[name] for name in names if name in last}


def microworld(folder, told, tiny):
    """Return the learning curve of the source reward in the world of configs/microworld_gpu.yaml, from base."""
    config = read_config(["config.yaml", "configs/smoke.yaml" if tiny else "configs/microworld_gpu.yaml"])
    base, out = config["base"], folder / "microworld"
    problems, corpus, trained = out / "problems.jsonl.gz", out / "corpus.jsonl.gz", out / "base"
    world = ["--source", "microworld", "--settings", json.dumps(config["problems"]["microworld"])]
    place = ["--gpus", 0 if tiny else 1, "--precision", json.dumps(config["precision"]), "--seed", 0]
    place += ["--save-every", 10**6]
    run("build_problems", *world, "--output", problems, "--left-out", out / "left_out.csv")
    run("build_corpus", *world, "--problems", problems, "--vocabulary", base["vocabulary"], "--documents-per-kind",
        base["tokenizer_documents"], "--asked", 0, "--corpus", corpus, "--tokenizer", trained)  # fmt: skip
    run("train_base", "--corpus", corpus, "--tokenizer", trained, "--model", json.dumps(base["model"]),
        "--training", json.dumps(decisive(base["training"])), *place, "--output", trained)  # fmt: skip
    run("train_rl", "--base", trained, "--problems", problems, "--language", "python", "--lora",
        json.dumps(config["lora"]), "--settings", json.dumps(decisive(config["rl"])), *place, "--jobs", os.cpu_count(),
        "--output", out / "rl")  # fmt: skip
    rewards = [float(row["reward"]) for row in read_csv(out / "rl/history.csv") if row.get("reward")]
    part = max(1, len(rewards) // 5)
    first, last = (sum(some) / part for some in (rewards[:part], rewards[-part:]))
    count = read_json(trained / "manifest.json")["parameters"]
    return told(config["precision"], "microworld", count) | {
        "reward": [round(one, 3) for one in rewards], "reward_first_fifth": round(first, 3),
        "reward_last_fifth": round(last, 3), "rises": last > first,
    }  # fmt: skip


def run(script, *options):
    """Run one script of the workflow; its own messages are shown."""
    command = [sys.executable, "-W", "ignore", "-m", f"scripts.{script}", *map(str, options)]
    subprocess.run(command, check=True, cwd=Path(__file__).parent.parent)
