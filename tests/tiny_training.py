"""Short real training runs for unit tests, on a Llama of one layer.

In: a base folder, a folder for state, changes of the settings. Out: (model, history), or the exception of a kill.
"""

from tiny import LORA, WORLD, training_rows

from crosspl import models, rl, training
from crosspl.microworld import world
from crosspl.problems import of_split

SFT = {
    "steps": 6, "batch": 4, "learning_rate": 1e-2, "schedule": "cosine", "decay_steps": 0, "warmup": 1,
    "weight_decay": 0.0, "adam_beta2": 0.999, "max_length": 192, "save_steps": 2, "log_steps": 1,
}  # fmt: skip
GRPO = {
    "generations": 3, "prompts": 2, "samples": 4, "minibatches": 2, "temperature": 1.0, "max_tokens": 12,
    "loss": "dapo", "learning_rate": 1e-2, "schedule": "linear", "warmup": 0, "mask_truncated": False,
    "save_generations": 1,
}  # fmt: skip


def fresh(base, seed=0):
    return models.fresh_adapter(models.load_base(base), LORA, seed)


def sft(base, tokenizer, state, **changes):
    """Return (model, history) of a short SFT run."""
    return training.train_supervised(fresh(base), tokenizer, training_rows(), SFT | changes, 0, state, "sft")


def length_reward(completions, **_):
    return [float(len(text)) for text in completions]


def grpo(base, tokenizer, state, reward=length_reward, **changes):
    """Return (model, history) of a short GRPO run from a fresh adapter."""
    problems = of_split(world.build_problems(WORLD), "rl")
    return rl.train_grpo(fresh(base), tokenizer, problems, "python", reward, GRPO | changes, 0, state, "rl")
