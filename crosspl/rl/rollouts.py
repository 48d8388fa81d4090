"""Answers from the very model that is trained, by transformers.

In: the trainer, prompts as token ids. Out: answers as token ids, each up to its first end token. Finished answers are
handed on while others are still being written. Every engine has `generate` and `deliver`; another one that has
weights of its own is crosspl.rl.vllm_rollouts.
"""

import torch
from transformers import StoppingCriteria, StoppingCriteriaList
from trl.models.utils import unwrap_model_for_generation
from trl.trainer.utils import pad


class HandOn(StoppingCriteria):
    """Hand finished answers on; stops none. finished(numbers, ids): numbers of the answers, their token ids."""

    def __init__(self, prompt, ends, finished):
        self.prompt, self.ends, self.finished, self.open = prompt, ends, finished, None

    def __call__(self, input_ids, scores, **_):
        ended = torch.isin(input_ids[:, -1], self.ends.to(input_ids.device))
        if self.open is None:
            self.open = torch.ones_like(ended)
        new = (ended & self.open).nonzero()[:, 0]
        if len(new):
            self.open[new] = False
            self.finished(new.tolist(), input_ids[new, self.prompt :].tolist())
        return torch.zeros_like(ended)


class InPlace:
    """The trained model is the engine, so there is nothing to deliver. batch: answers at a time; None: all."""

    own_weights = False

    def __init__(self, batch=None):
        self.batch = batch

    def generate(self, trainer, prompt_ids, finished=None):
        """Return (token ids of the answers, None); as TRL's trainer, which has no place to hand answers on."""
        tokenizer, arguments, device = trainer._tokenizer, trainer.args, trainer.accelerator.device
        ids = [torch.tensor(one) for one in prompt_ids]
        inputs = {
            "input_ids": pad(ids, padding_value=tokenizer.pad_token_id, padding_side="left"),
            "attention_mask": pad([torch.ones_like(one) for one in ids], padding_value=0, padding_side="left"),
        }
        width = inputs["input_ids"].shape[1]
        with (
            unwrap_model_for_generation(
                trainer.model_wrapped,
                trainer.accelerator,
                gather_deepspeed3_params=arguments.ds3_gather_for_generation,
                generation_kwargs=trainer.generation_kwargs,
                gradient_checkpointing_kwargs=arguments.gradient_checkpointing_kwargs,
            ) as model,
            torch.no_grad(),
            trainer._dist.summon_full_params(trainer.model_wrapped, recurse=False),
        ):
            answers = []
            for start in range(0, len(ids), self.batch or len(ids)):
                rows = slice(start, start + (self.batch or len(ids)))
                output = model.generate(
                    **{name: tensor[rows].to(device) for name, tensor in inputs.items()},
                    generation_config=trainer.generation_config,
                    stopping_criteria=self._criteria(start, width, trainer, finished),
                )
                answers += output[:, width:].tolist()
        return [up_to_end(row, trainer.eos_token_ids) for row in answers], None

    @staticmethod
    def _criteria(start, width, trainer, finished):
        if not finished:
            return StoppingCriteriaList()
        later = lambda numbers, ids: finished([start + number for number in numbers], ids)  # noqa: E731
        return StoppingCriteriaList([HandOn(width, torch.tensor(trainer.eos_token_ids), later)])


def up_to_end(ids, ends):
    """Return token ids up to the first end token, that included."""
    place = next((place for place, token in enumerate(ids) if token in ends), len(ids))
    return ids[: place + 1]
