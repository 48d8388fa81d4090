"""Run by torchrun in several processes: a short RL run of a tiny model with GEPO; each prints what it ended with.

In: a base folder, a folder for state, groups per step. Out: lines `rank adapter_hash reward problems`.
"""

import os
import sys

from tiny_training import grpo

from crosspl import models
from crosspl.rl.gepo import Group

OFF_POLICY = {"groups": "programs", "loss": "gepo", "weight": 0.5, "beta": 0.1, "lambda": 1.0, "normalize": False,
              "every": 1, "responses": None, "max_length": 100}  # fmt: skip
GROUPS = [
    Group([([5, 6], [7, 8, 9]), ([5], [10 + n, 11])], [([5, 6], [9, 8, 7]), ([6], [12, 13 + n])]) for n in range(3)
]

if __name__ == "__main__":
    base, state, per_step = sys.argv[1:]
    off_policy = OFF_POLICY | {"per_step": int(per_step)}
    asked = []

    def reward(completions, problem, **_):
        asked.extend(problem)
        return [float(len(text)) for text in completions]

    model, history = grpo(
        base, models.load_tokenizer(base), state, reward, prompts=4, minibatches=1, groups=GROUPS, off_policy=off_policy
    )
    due = int(os.environ["RANK"]) < int(per_step)  # else this process has no group, in any step
    assert all(("gepo/margin" in entry) == due for entry in history if "reward" in entry)
    rewards = ",".join(f"{entry['reward']:.6f}" for entry in history if "reward" in entry)
    print(os.environ["RANK"], models.adapter_hash(model), rewards, ",".join(asked), flush=True)
