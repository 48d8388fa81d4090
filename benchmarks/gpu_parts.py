"""The parts of benchmarks.gpu_check, one per process: `python -m benchmarks.gpu_parts PART SCRATCH REPORT`.

In: the name of a part, a folder with the model made by part `model`. Out: REPORT, JSON in the form that
`make plan` reads: device, model, precision, and the figures of the part. Random weights never end an answer, so
every answer has all its tokens. Plain TRL is its trainers with their defaults, given the same work.
"""

import gc
import importlib.util
import json
import os
import random
import sys
import time
from pathlib import Path

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import LlamaConfig, LlamaForCausalLM, TrainerCallback
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

from crosspl import models, training, vllm_engine
from crosspl.io import write_json, write_text
from crosspl.rl import train as rl
from crosspl.rl.engines import engine_of
from crosspl.tokenizer import tokenizer_config, train_tokenizer
from crosspl.workflow import read_config

TINY = bool(os.environ.get("CROSSPL_TINY"))
LLAMA31_8B = {"vocab_size": 128256, "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
              "num_key_value_heads": 8, "intermediate_size": 14336, "max_position_embeddings": 8192}  # fmt: skip
SMALL = {"vocab_size": 512, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
         "num_key_value_heads": 1, "intermediate_size": 128, "max_position_embeddings": 512}  # fmt: skip
SHAPE = SMALL if TINY else LLAMA31_8B
NAME = "tiny" if TINY else "Llama-3.1-8B, random weights"
BF16 = {"weights": "bfloat16", "quantization": None}
NF4 = {"weights": "bfloat16", "quantization": "nf4"}
ANSWERS, TOKENS = (8, 16) if TINY else (128, 1024)
STEPS, WARM = (4, 1) if TINY else (8, 2)  # optimizer steps of SFT, of which the first ones are not counted
TEXT = "abcdefghijklmnopqrstuvwxyz 0123456789\n" * 60


def make_model(folder):
    """Write a Llama of SHAPE with random weights in bfloat16, and a tokenizer of a few hundred tokens."""
    write_text(folder / "tokenizer.json", train_tokenizer([TEXT], 300).to_str())
    write_json(folder / "tokenizer_config.json", tokenizer_config())
    tokenizer = models.load_tokenizer(folder)
    config = LlamaConfig(**SHAPE, pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id,
                         bos_token_id=None, dtype="bfloat16")  # fmt: skip
    with torch.device(models.device()):
        LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder, max_shard_size="100GB")


def told(precision, name="", count=None):
    """Return what every report says of the machine and the model, which is the one of SHAPE where none is named."""
    gpu = torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name() if gpu else "cpu",
        "memory_gib": round(torch.cuda.get_device_properties(0).total_memory / 2**30, 1) if gpu else None,
        "model": {"name": name or NAME, "parameters": count or parameters()}, "precision": precision,
        "versions": models.versions(), "made": time.strftime("%Y-%m-%d"),
    }  # fmt: skip


def parameters():
    with torch.device("meta"):
        return LlamaForCausalLM(LlamaConfig(**SHAPE)).num_parameters()


def matmul_rate(size=256 if TINY else 8192):
    """Return the bf16 TFLOP/s of this device on square products of random numbers."""
    a, b = (torch.randn(size, size, device=models.device(), dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        a @ b
    seconds = timed(lambda: [a @ b for _ in range(10)])
    return 10 * 2 * size**3 / seconds / 1e12


def timed(action):
    synchronize()
    start = time.perf_counter()
    action()
    synchronize()
    return time.perf_counter() - start


def synchronize():
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def peak_gib(reset=False):
    """Return the most memory that tensors had on the GPU, in GiB; None on a CPU."""
    if not torch.cuda.is_available():
        return None
    peak = torch.cuda.max_memory_allocated() / 2**30
    if reset:
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    return round(peak, 1)


class Clock(TrainerCallback):
    """Seconds of the optimizer steps after the first WARM."""

    def __init__(self):
        self.times = []

    def on_step_end(self, *_, **__):
        synchronize()
        self.times.append(time.perf_counter())

    def seconds(self):
        return self.times[-1] - self.times[WARM - 1]


def examples(count, longest):
    """Return SFT rows of the lengths that programs have: prompt and answer of together 20 % to 100 % of `longest`."""
    dice = random.Random(0)
    lengths = [dice.randint(longest // 5, longest - 2) for _ in range(count)]
    return [
        {"prompt": "x" * (n // 4), "completion": "".join(dice.choices("abcdefgh 0123\n", k=n - n // 4))}
        for n in lengths
    ]


def sft(base, report, precision):
    """Measure SFT of ours, packed too, and of plain TRL."""
    settings = read_config(["config.yaml", "configs/llama31_8b.yaml"])["sft"]
    longest = 96 if TINY else settings["max_length"]
    settings |= {"steps": STEPS, "save_steps": 10**6, "log_steps": 1, "max_length": longest}
    settings |= {"batch": 4, "micro_batch": 2} if TINY else {"batch": 32, "micro_batch": 8}
    tokenizer, lora = models.load_tokenizer(base), {"r": 32, "lora_alpha": 64}
    rows, rate = examples(STEPS * settings["batch"], longest), matmul_rate()
    tokens = {id(row): len(tokenizer(row["prompt"] + row["completion"]).input_ids) + 1 for row in rows}
    mean, found = sum(tokens.values()) / len(rows), {"matmul_tflops": round(rate, 1)}
    run = training.run
    for name, packing in (("sft", False), ("sft_packed", True)):
        peak_gib(reset=True)
        clock, model = Clock(), models.fresh_adapter(models.load_base(base, precision), lora, 0)
        changed, in_a_row = settings | {"packing": packing}, mean
        if packing:  # a row holds about twice the tokens of an example
            changed |= {key: max(1, settings[key] // 2) for key in ("batch", "micro_batch")}
            in_a_row = 0.97 * longest
        training.run = lambda trainer, state, clock=clock: trainer.add_callback(clock) or run(trainer, state)
        state = report.parent / f"{name}-{time.time_ns()}"
        _, history = training.train_supervised(model, tokenizer, rows, changed, 0, state, name, precision)
        found[name] = speed(changed["batch"] * (STEPS - WARM) * in_a_row, clock, rate)
        found[name]["loss"] = [round(history[place]["loss"], 3) for place in (0, -1)]
        del model
    training.run = run
    found["plain_trl"] = plain_sft(base, precision, rows, longest, mean, rate)
    found["sft"]["times_plain_trl"] = round(found["sft"]["tokens_per_s"] / found["plain_trl"]["tokens_per_s"], 2)
    return told(precision) | found


def plain_sft(base, precision, rows, longest, mean, rate):
    peak_gib(reset=True)
    clock = Clock()
    batch = 2 if TINY else 8
    arguments = SFTConfig(
        str(base) + "-plain", max_steps=STEPS, max_length=longest, per_device_train_batch_size=batch, report_to="none",
        disable_tqdm=True, save_strategy="no", use_cpu=not torch.cuda.is_available(), bf16=True,
    )  # fmt: skip
    trainer = SFTTrainer(
        models.load_base(base, precision), args=arguments, train_dataset=Dataset.from_list(rows),
        processing_class=models.load_tokenizer(base), peft_config=LoraConfig(), callbacks=[clock],
    )  # fmt: skip
    trainer.train()
    return speed(batch * (STEPS - WARM) * mean, clock, rate)


def speed(tokens, clock, rate):
    """Return tokens/s, and the share of the matmul rate at 6 FLOP per parameter and token.

    These are the forward pass, its repetition (checkpointing) and the gradients of activations.
    """
    per_s = tokens / clock.seconds()
    return {"tokens_per_s": round(per_s, 1), "share_of_matmul": round(6 * parameters() * per_s / 1e12 / rate, 4),
            "peak_gib": peak_gib()}  # fmt: skip


def grpo(base, report):
    """Measure steps of GRPO: generate, deliver, judge, train; and one step of plain TRL."""
    settings = read_config(["config.yaml", "configs/llama31_8b.yaml"])["rl"]
    samples = 4 if TINY else settings["samples"]
    engine_name = "vllm" if importlib.util.find_spec("vllm") and torch.cuda.is_available() else "transformers"
    settings |= {"generations": 3, "prompts": ANSWERS // samples, "samples": samples, "max_tokens": TOKENS,
                 "rollouts": engine_name, "save_generations": 10**6, "mask_truncated": False, "redraw": 0,
                 "gradient_checkpointing": True, "micro_batch": 2 if TINY else settings["micro_batch"]}  # fmt: skip
    tokenizer = models.load_tokenizer(base)
    problems = [{"id": f"p{n}", "statement": TEXT[:600], "tests": [], "harness": None} for n in range(64)]
    logs, run = [], rl.run
    rl.run = lambda trainer, state, unit: logs.append(trainer) or run(trainer, state, unit)
    model = models.fresh_adapter(models.load_base(base, BF16), {"r": 32, "lora_alpha": 64}, 0)
    engine = engine_of(settings, base, tokenizer, [TEXT[:700]], BF16, 32, 0.4, 0)
    reward = lambda completions, **_: [float(hash(text) % 2) for text in completions]  # noqa: E731
    start = time.perf_counter()
    state = report.parent / f"rl-{time.time_ns()}"
    told_of = [problems], "python", reward, settings, 0, state, "rl"
    rl.train_grpo(model, tokenizer, *told_of, precision=BF16, engine=engine)
    wall = time.perf_counter() - start
    last = [entry for entry in logs[0].state.log_history if "generate_time" in entry][1:]
    split = {name: round(sum(entry.get(f"{name}_time", 0) for entry in last) / len(last), 2)
             for name in ("generate", "sync", "reward")}  # fmt: skip
    train = sum(entry["step_time"] for entry in last) / len(last)
    found = {
        "engine": engine_name, "answers": ANSWERS, "tokens_per_answer": TOKENS, "step_s": round(train, 2),
        "split_s": split | {"train": round(train - sum(split.values()), 2)}, "wall_s": round(wall, 1),
        "peak_gib": peak_gib(),
    }  # fmt: skip
    del model, engine
    logs.clear()
    found["plain_trl_step_s"] = round(plain_grpo(base, samples), 2)
    found["times_plain_trl"] = round(found["plain_trl_step_s"] / found["step_s"], 2)
    return told(BF16) | {"matmul_tflops": round(matmul_rate(), 1), "rl": found}


def plain_grpo(base, samples):
    """Return the seconds of one step of TRL's trainer on the same answers."""
    peak_gib(reset=True)
    micro = 2 if TINY else 4
    arguments = GRPOConfig(
        str(base) + "-plain", max_steps=1, num_generations=samples, max_completion_length=TOKENS,
        per_device_train_batch_size=micro, gradient_accumulation_steps=ANSWERS // micro, report_to="none", bf16=True,
        disable_tqdm=True, save_strategy="no", use_cpu=not torch.cuda.is_available(),
    )  # fmt: skip
    rows = Dataset.from_list([{"prompt": TEXT[:600]}] * 64)
    reward = lambda completions, **_: [float(hash(text) % 2) for text in completions]  # noqa: E731
    trainer = GRPOTrainer(
        models.load_base(base, BF16), reward, args=arguments, train_dataset=rows,
        processing_class=models.load_tokenizer(base), peft_config=LoraConfig(),
    )  # fmt: skip
    return timed(trainer.train)


def sample(base, report):
    """Measure answers for evaluation."""
    from crosspl import sampling, sampling_vllm

    tokenizer, prompts = models.load_tokenizer(base), [TEXT[:400]] * (4 if TINY else 512)
    if importlib.util.find_spec("vllm") and torch.cuda.is_available():
        llm, name = vllm_engine.load(base, BF16, 8, 700 + TOKENS), "vllm"
        call = lambda: sampling_vllm.sample(llm, None, tokenizer, [0], prompts, 1, 0.2, TOKENS, 0)  # noqa: E731
    else:
        model, name = models.load_base(base, BF16), "transformers"
        prompts = prompts[:64]
        call = lambda: sampling.sample(model, tokenizer, prompts, 1, 0.2, TOKENS, 64, 0)  # noqa: E731
    answers = []
    seconds = timed(lambda: answers.extend(call()))
    tokens = sum(answer["tokens"] for of in answers for answer in of)
    return told(BF16) | {"sample": {"engine": name, "tokens_per_s": round(tokens / seconds, 1)}}


def main(part, scratch, report):
    base, report = Path(scratch) / "base", Path(report)
    if part == "model":
        make_model(base)
        return
    if part in ("proofs", "microworld"):
        from benchmarks import gpu_proofs

        found = getattr(gpu_proofs, part)(report.parent, told, TINY)
    else:
        found = {"sft": lambda: sft(base, report, BF16), "qlora": lambda: sft(base, report, NF4),
                 "rl": lambda: grpo(base, report), "sample": lambda: sample(base, report)}[part]()  # fmt: skip
    report.write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
