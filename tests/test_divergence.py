"""The divergence from the init that RL logs: known values, and no influence on training."""

import pytest
import torch
from tiny_training import GRPO, grpo

from crosspl import models
from crosspl.rl import train as rl
from crosspl.rl.divergence import Divergence


def test_divergence_from_the_init_is_measured_and_changes_nothing(base, tokenizer, tmp_path, monkeypatch):
    model, history = grpo(base, tokenizer, tmp_path / "whole")
    measured = [entry["kl"] for entry in history]
    assert all(value == value for value in measured) and abs(measured[-1]) > 1e-4
    monkeypatch.setattr(rl, "KL_ANSWERS", 3)
    again, others = grpo(base, tokenizer, tmp_path / "fewer")
    assert models.adapter_hash(again) == models.adapter_hash(model)
    without = [
        [{key: value for key, value in entry.items() if key != "kl"} for entry in run] for run in (history, others)
    ]
    assert without[0] == without[1] and history != others


def test_divergence_equals_the_log_probabilities_of_single_answers(base, tokenizer):
    """Left padding, the prompt and what comes after <eos> do not count."""
    model, prompts = models.load_base(base), ["# python\n", "# python\n# add up the numbers\n", "# lua\n# x\n"]
    seen = Divergence(model, tokenizer, prompts, GRPO, 0)
    assert seen.log_probability(model) == seen.before
    sums = []
    for prompt, ids in zip(prompts, seen.tokens[:, seen.prompt :].tolist()):
        answer = ids[: ids.index(tokenizer.pad_token_id)] if tokenizer.pad_token_id in ids else ids
        start = tokenizer(prompt)["input_ids"]
        with torch.no_grad():
            scores = torch.log_softmax(model(torch.tensor([start + answer])).logits[0] / GRPO["temperature"], -1)
        sums += [sum(float(scores[len(start) - 1 + i, token]) for i, token in enumerate(answer))]
    assert seen.before == pytest.approx(sum(sums) / 3, rel=1e-4)
