"""What our trainer adds to TRL's: other advantages, micro-batches, groups drawn again, answers handed on, a guard."""

import json
import math
import re

import pytest
import torch
from rollout_scores import drawn_and_trained
from test_resuming import Killed, kill_at
from tiny import WORLD
from tiny_training import GRPO, fresh, grpo, length_reward

from crosspl import models
from crosspl.microworld import world
from crosspl.problems import of_split
from crosspl.rl import train as rl
from crosspl.rl.trainer import Trainer


@pytest.fixture
def trainers(monkeypatch):
    """Collect the trainers that are run, as they are."""
    found, run = [], rl.run
    monkeypatch.setattr(rl, "run", lambda trainer, *told, **more: found.append(trainer) or run(trainer, *told, **more))
    return found


@pytest.fixture
def batches(monkeypatch):
    """Collect the tensors of every generation."""
    found, generate = [], Trainer._generate_and_score_completions

    def tap(self, inputs):
        found.append(generate(self, inputs))
        return found[-1]

    monkeypatch.setattr(Trainer, "_generate_and_score_completions", tap)
    return found


@pytest.mark.parametrize("method", ["grpo", "rloo", "reinforce_pp", "reinforce_pp_baseline"])
def test_methods_weigh_answers_each_in_its_way(base, tokenizer, tmp_path, trainers, batches, method):
    from crosspl.rl.advantages import advantages

    model, history = grpo(base, tokenizer, tmp_path, method=method, generations=1)
    assert models.adapter_hash(model) != models.adapter_hash(fresh(base))
    wanted = advantages(trainers[0].rewards, GRPO["samples"], method)
    assert torch.allclose(batches[0]["advantages"], wanted, atol=1e-6) and wanted.abs().max() > 0.5
    assert all(math.isfinite(value) for entry in history for value in entry.values())


@pytest.mark.parametrize("loss", ["dapo", "grpo", "dr_grpo", "bnpo"])
def test_micro_batches_change_nothing_but_memory(base, tokenizer, tmp_path, loss):
    """Gradients are the same up to rounding; Adam would hide their scale. bnpo divides by a micro-batch's tokens."""
    settings = {"generations": 1, "loss": loss, "max_tokens": 48}
    norms = []
    for micro in (None, 2):
        _, history = grpo(base, tokenizer, tmp_path / str(micro), micro_batch=micro, **settings)
        norms.append(history[0]["grad_norm"])
        assert history[0]["completions/min_length"] < history[0]["completions/max_length"]
    assert (norms[0] == pytest.approx(norms[1], rel=1e-3)) == (loss != "bnpo"), norms


def only_long(completions, **_):
    return [float(len(text) > 24) for text in completions]


def test_groups_without_a_signal_are_drawn_again(base, tokenizer, tmp_path, trainers, batches):
    settings = {"generations": 4, "prompts": 3, "samples": 2, "minibatches": 1, "max_tokens": 8}
    _, plain = grpo(base, tokenizer, tmp_path / "plain", only_long, **settings)
    _, history = grpo(base, tokenizer, tmp_path / "redrawn", only_long, redraw=4, **settings)
    empty = [[int(value == 0) for value in batch["advantages"].view(3, 2).abs().sum(1)] for batch in batches]
    before, after = sum(map(sum, empty[:4])), sum(map(sum, empty[4:]))
    assert before > after and sum(entry.get("groups_redrawn", 0) for entry in history) >= before - after
    assert not any("groups_redrawn" in entry for entry in plain)
    for batch in batches[4:]:
        assert batch["num_items_in_batch"] == batch["completion_mask"].sum()
        assert len(batch["prompt_ids"]) == 6
    for group in range(3):
        problems = {row["problem"] for row, _, _ in trainers[1].answers[2 * group : 2 * group + 2]}
        assert len(problems) == 1  # rewards and answers were replaced with the tensors


def test_resumed_with_groups_drawn_again(base, tokenizer, tmp_path, monkeypatch):
    settings = {"generations": 4, "prompts": 3, "samples": 2, "minibatches": 1, "max_tokens": 8, "redraw": 2}
    model, history = grpo(base, tokenizer, tmp_path / "whole", only_long, **settings)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, 3)
        grpo(base, tokenizer, tmp_path / "killed", only_long, **settings)
    again, history_again = grpo(base, tokenizer, tmp_path / "killed", only_long, **settings)
    assert models.adapter_hash(again) == models.adapter_hash(model) and history_again == history


def test_log_probabilities_of_rollouts_are_those_of_training(base, tokenizer, tmp_path, monkeypatch):
    """Prompts of different lengths, padded on the left: what sampling drew from is what the loss is computed with."""
    drawn, trained, batch = drawn_and_trained(base, tokenizer, tmp_path, monkeypatch)
    assert len(set(batch["prompt_mask"].sum(1).tolist())) > 1
    assert torch.allclose(drawn, trained, atol=1e-4)


def test_a_reference_is_the_init_and_not_the_base(base, tokenizer, tmp_path, batches):
    """KL term from an SFT adapter: at the first step the policy is its own reference."""
    model, _ = grpo(base, tokenizer, tmp_path / "first", generations=2)
    problems = of_split(world.build_problems(WORLD), "rl")
    start = models.adapter_hash(model)
    settings = GRPO | {"beta": 0.5, "generations": 1, "minibatches": 1}
    model, _ = rl.train_grpo(
        model, tokenizer, [problems], "python", length_reward, settings, 0, tmp_path / "second", "rl"
    )  # fmt: skip
    batch = batches[-1]
    with torch.no_grad(), model.disable_adapter():
        ids, mask = (torch.cat([batch[f"prompt_{x}"], batch[f"completion_{x}"]], 1) for x in ("ids", "mask"))
        logits = model(input_ids=ids, attention_mask=mask).logits[:, batch["prompt_ids"].shape[1] - 1 : -1]
    of_base = logits.log_softmax(-1).gather(2, batch["completion_ids"][..., None])[..., 0]
    real = batch["completion_mask"].bool()
    assert (of_base - batch["ref_per_token_logps"])[real].abs().max() > 1e-3
    assert models.adapter_hash(model) != start
    models.hand_over(model, base, tokenizer, ["# python\n"], start, tmp_path / "out", {})
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        [*models.ADAPTER_FILES, "manifest.json"]
    )


def test_truncated_answers_are_left_out_of_the_loss(base, tokenizer, tmp_path, batches):
    grpo(base, tokenizer, tmp_path, mask_truncated=True, generations=1, max_tokens=6)
    batch = batches[0]
    ended = (batch["completion_ids"] == tokenizer.eos_token_id).any(1)
    assert (batch["completion_mask"].sum(1)[~ended] == 0).all() and not ended.all()


def test_answers_are_handed_on_before_the_last_one_is_written(base, tokenizer, tmp_path):
    """Each answer that ended, once, with its own problem, as the reward gets it; the weights do not depend on it."""
    early, whole = [], []

    def reward(completions, problem, **_):
        whole.append(list(zip(problem, completions)))
        return length_reward(completions)

    plain, _ = grpo(base, tokenizer, tmp_path / "plain", reward, max_tokens=40)
    whole.clear()
    reward.finished = lambda rows, texts: early.append([(row["problem"], text) for row, text in zip(rows, texts)])
    model, history = grpo(base, tokenizer, tmp_path / "early", reward, max_tokens=40)
    found = [pair for piece in early for pair in piece]
    answers = [pair for generation in whole for pair in generation]
    assert len(early) > len(whole) and len(found) <= len(answers)
    for pair in set(found):
        assert found.count(pair) <= answers.count(pair), pair
    clipped = sum(entry["completions/clipped_ratio"] for entry in history) * GRPO["prompts"] * GRPO["samples"]
    assert len(found) == len(answers) - round(clipped)
    assert models.adapter_hash(model) == models.adapter_hash(plain)


def test_a_gradient_that_is_not_a_number_leaves_a_dump_and_no_step(base, tokenizer, tmp_path, monkeypatch):
    from crosspl.io import read_json

    loss = Trainer._compute_loss

    def poisoned(self, model, inputs):
        value = loss(self, model, inputs)
        return value * (math.nan if self.state.global_step == 3 else 1.0)

    monkeypatch.setattr(Trainer, "_compute_loss", poisoned)
    with pytest.raises(AssertionError, match=r"not a number at step 4: the gradients of \d+ of \d+ weights") as caught:
        grpo(base, tokenizer, tmp_path / "state")
    folder = tmp_path / "state/not_a_number/process0"
    assert str(folder) in str(caught.value)
    dump = read_json(folder / "not_a_number.json")
    assert dump["step"] == 4 and len(dump["answers"]) == 8 == len(dump["rewards"])
    assert dump["history"][-1]["reward"] > 0
    assert any(math.isnan(norm) for norm in dump["gradient_norms"].values())
    assert all(re.fullmatch(r"rl\d+", answer["problem"]) for answer in dump["answers"])
    assert (folder / "weights.safetensors").stat().st_size > 1000
    assert json.dumps(dump)


def test_a_quantized_adapter_stays_as_it_is(base, tokenizer, tmp_path, trainers):
    """TRL rounds it to bfloat16, where a step of 1e-5 of a weight of 0.01 is lost."""
    model = fresh(base)
    model.is_loaded_in_4bit, start = True, models.adapter_hash(model)
    grpo(base, tokenizer, tmp_path, model=model, generations=1, learning_rate=0.0)
    trained = [one for one in trainers[0].model.parameters() if one.requires_grad]
    assert trained and {one.dtype for one in trained} == {torch.float32} and models.adapter_hash(model) == start
