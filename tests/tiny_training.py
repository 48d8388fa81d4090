"""Short real training runs for unit tests, on a Llama of one layer.

In: a base folder, a folder for state, changes of the settings. Out: (model, history), or the exception of a kill.
"""

from tiny import LORA, WORLD, training_rows

from crosspl import models, training
from crosspl.microworld import world
from crosspl.problems import of_split
from crosspl.rl import train as rl

SFT = {
    "steps": 6, "batch": 4, "learning_rate": 1e-2, "schedule": "cosine", "decay_steps": 0, "warmup": 1,
    "weight_decay": 0.0, "adam_beta2": 0.999, "max_length": 192, "save_steps": 2, "log_steps": 1,
    "micro_batch": None, "packing": False, "gradient_checkpointing": False,
}  # fmt: skip
GRPO = {
    "method": "grpo", "beta": 0.0, "clip": [0.2, 0.2], "micro_batch": None, "gradient_checkpointing": False,
    "importance_cap": 2.0, "redraw": 0, "batch": None, "generations": 3, "prompts": 2, "samples": 4, "minibatches": 2,
    "temperature": 1.0, "max_tokens": 12,
    "loss": "dapo", "learning_rate": 1e-2, "schedule": "linear", "warmup": 0, "mask_truncated": False,
    "save_generations": 1, "task": "generation", "weight": 1.0, "off_policy": {"groups": None, "weight": 0},
}  # fmt: skip


def fresh(base, seed=0, precision=models.FLOAT32):
    return models.fresh_adapter(models.load_base(base, precision), LORA, seed)


def sft(base, tokenizer, state, precision=models.FLOAT32, model=None, **changes):
    """Return (model, history) of a short SFT run from the adapter of `model`, by default a fresh one."""
    model = model or fresh(base, precision=precision)
    return training.train_supervised(model, tokenizer, training_rows(), SFT | changes, 0, state, "sft", precision)


def length_reward(completions, **_):
    return [float(len(text)) for text in completions]


def grpo(base, tokenizer, state, reward=length_reward, model=None, precision=models.FLOAT32, groups=(), **changes):
    """Return (model, history) of a short GRPO run from the adapter of `model`, by default a fresh one."""
    problems, model = of_split(world.build_problems(WORLD), "rl"), model or fresh(base, precision=precision)
    return rl.train_grpo(
        model, tokenizer, [problems], "python", reward, GRPO | changes, 0, state, "rl", precision=precision,
        groups=groups,
    )  # fmt: skip
