"""Run by torchrun in several processes: a short RL run of a tiny model; every process prints what it ended with.

In: a base folder, a folder for state. Out: lines `rank adapter_hash reward problems`.
"""

import os
import sys

from tiny_training import grpo

from crosspl import models

if __name__ == "__main__":
    base, state = sys.argv[1:]
    asked = []

    def reward(completions, problem, **_):
        asked.extend(problem)
        return [float(len(text)) for text in completions]

    model, history = grpo(base, models.load_tokenizer(base), state, reward, prompts=4, minibatches=1)
    rewards = ",".join(f"{entry['reward']:.6f}" for entry in history if "reward" in entry)
    print(os.environ["RANK"], models.adapter_hash(model), rewards, ",".join(asked), flush=True)
