"""TRL's GRPO trainer with what it lacks: other advantages, engines that are proved, groups drawn again, masks of lines.

In: what GRPOTrainer takes, and `Extras`. Out: the same trainer. Log-probabilities, losses, importance weights, groups
over several processes and resumption are TRL's.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import torch
from trl import GRPOTrainer

from crosspl.rl.advantages import advantages, without_signal
from crosspl.rl.redraw import merge, other_rows
from crosspl.training import unrounded


class Extras(NamedTuple):
    """What GRPOTrainer knows nothing of.

    engine: writes the answers; delivery: brings the weights to an engine that has its own; finished(rows, texts):
    is given answers while others are written; line_masks(rows, texts, tokens): 0 for tokens of lines that no test
    executed; redraw: times that groups without a signal are replaced; stream: groups of a preference loss
    (crosspl.rl.gepo), whose gradients are added to those of RL; weight: of the loss of RL beside it.
    """

    method: str
    engine: object
    delivery: Callable | None = None
    finished: Callable | None = None
    line_masks: Callable | None = None
    redraw: int = 0
    stream: object = None
    weight: float = 1.0


class Trainer(GRPOTrainer):
    """See the module. Between two generations it keeps the rewards and answers of the last one, for crosspl.guard."""

    def __init__(self, *, extras, **options):
        with unrounded(options["model"]):
            super().__init__(**options)
        self.extras, self.asked, self.rewards, self.answers, self.delivered = extras, [], None, [], None
        # With own weights the probabilities of an engine are not quite the model's: TRL then weighs every token.
        self.use_vllm = extras.engine.own_weights

    def training_step(self, model, inputs, num_items_in_batch=None):
        if self.extras.stream and self._step % self.current_gradient_accumulation_steps == 0:
            model.train()
            # Without DDP, whose passes wait for all processes, and one may have no group. The last micro-batch of RL
            # brings their gradients together.
            alone = self.accelerator.unwrap_model(model)
            for name, value in self.extras.stream.backward(alone, self.state.global_step).items():
                self._metrics["train"][name].append(value)
        return super().training_step(model, inputs, num_items_in_batch)

    def compute_loss(self, *args, **options):
        loss = super().compute_loss(*args, **options)
        return loss if self.extras.weight == 1 else loss * self.extras.weight

    def _generate_single_turn(self, prompt_ids, *_, **__):
        """Return (token ids of the answers, their log-probabilities or None), from the engine."""
        if self.extras.delivery and self.state.global_step != self.delivered:
            with self._timed("sync"):
                for name, value in self.extras.delivery(self).items():
                    self._metrics["train"][f"sampling/{name}"].append(value)
            self.delivered = self.state.global_step
        with self._timed("generate"):
            return self.extras.engine.generate(self, prompt_ids, self.extras.finished and self._hand_on)

    def _hand_on(self, numbers, ids):
        texts = self._texts(numbers, ids)
        self.extras.finished([self.asked[number] for number in numbers], texts)

    def _texts(self, numbers, ids):
        """Return answers as the reward function gets them."""
        texts = self.processing_class.batch_decode(ids, skip_special_tokens=True)
        if isinstance(self.asked[numbers[0]]["prompt"], str):
            return texts
        return [[{"role": "assistant", "content": text}] for text in texts]

    def _calculate_rewards(self, inputs, prompts, completions, completion_ids_list):
        with self._timed("reward"):
            rewards = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        self.rewards, self.answers = rewards[:, 0], list(zip(inputs, completions, completion_ids_list))
        return rewards

    def _generate_and_score_completions(self, inputs):
        batch, rewards, answers = self._generation(inputs)
        replaced = 0
        for turn in range(self.extras.redraw):
            groups = without_signal(rewards, self.num_generations).nonzero()[:, 0].tolist()
            if not groups:
                break
            replaced += len(groups)
            rows = [group * self.num_generations + n for group in groups for n in range(self.num_generations)]
            fresh, new_rewards, new_answers = self._generation(self._other_prompts(inputs, len(groups), turn))
            batch = merge(batch, fresh, rows, self._tokenizer.pad_token_id)
            rewards = rewards.clone()
            rewards[rows] = new_rewards
            answers = [*answers]
            for row, answer in zip(rows, new_answers):
                answers[row] = answer
        if self.extras.redraw:
            self._metrics["train"]["groups_redrawn"].append(replaced)
            batch["num_items_in_batch"] = self._counted(batch)
        self.rewards, self.answers = rewards, answers
        if self.extras.method != "grpo":
            found = advantages(rewards, self.num_generations, self.extras.method)
            size = len(batch["advantages"])
            batch["advantages"] = found[self.accelerator.process_index * size :][:size]
        return batch

    def _generation(self, inputs):
        """Return (batch, rewards of all processes, own answers) of one call of the engine."""
        self.asked = inputs
        batch = super()._generate_and_score_completions(inputs)
        if self.extras.line_masks:
            masks = self.extras.line_masks(*zip(*self.answers))
            batch["tool_mask"] = torch.zeros_like(batch["completion_mask"])
            for row, mask in enumerate(masks):
                batch["tool_mask"][row, : len(mask)] = torch.tensor(mask)
            share = self._counted(batch) / batch["num_items_in_batch"].clamp(min=1)
            self._metrics["train"]["executed_share"].append(float(share))
            batch["num_items_in_batch"] = self._counted(batch)
        return batch, self.rewards, self.answers

    def _counted(self, batch):
        """Return the number of tokens that the loss is on, over all processes."""
        mask = batch["completion_mask"] * batch.get("tool_mask", 1)
        return self.accelerator.gather(mask.sum()).sum()

    def _other_prompts(self, inputs, groups, turn):
        """Return the rows of `groups` other prompts; they depend on the step alone, so resumption changes none."""
        taken = {row["problem"] for row in inputs}
        data = self.train_dataset
        taken = {index for index, problem in enumerate(data["problem"]) if problem in taken}
        seed = hash((self.args.seed, self.state.global_step, turn)) & (1 << 62) - 1
        chosen = other_rows(groups, taken, len(data), seed)
        return [dict(data[index]) for index in chosen for _ in range(self.num_generations)]

    def _timed(self, what):
        return Timed(self._metrics["train"][f"{what}_time"])


class Timed:
    """Append the seconds of a block to a list."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __enter__(self):
        self.start = time.perf_counter()

    def __exit__(self, *_):
        self.seconds.append(time.perf_counter() - self.start)
