"""Packing, micro-batches, number formats, checkpointing of activations change memory and speed, not what is learned."""

import pytest
import torch
from tiny import training_rows
from tiny_training import SFT, fresh

from crosspl import models, training


@pytest.fixture
def trainers(monkeypatch):
    """Collect the trainers that are run, as they are."""
    found, run = [], training.run
    monkeypatch.setattr(training, "run", lambda trainer, state: found.append(trainer) or run(trainer, state))
    return found


def train(base, tokenizer, state, precision=models.FLOAT32, **changes):
    model = models.fresh_adapter(models.load_base(base, precision), {"r": 4, "lora_alpha": 8}, 0)
    settings = SFT | {"steps": 1, "warmup": 0} | changes
    return training.train_supervised(model, tokenizer, training_rows(), settings, 0, state, "sft", precision)


@torch.no_grad()
def loss_of(trainer):
    """Return (summed loss, learned tokens) over all batches of a trainer."""
    total, tokens = 0.0, 0
    for batch in trainer.get_train_dataloader():
        count = int((batch["labels"][:, 1:] != -100).sum())
        inputs = {name: value for name, value in batch.items() if name != "labels"}
        logits = trainer.model(**inputs).logits[:, :-1]
        total += float(
            torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch["labels"][:, 1:].flatten(), reduction="sum")
        )
        tokens += count
    return total, tokens


def test_packed_examples_see_themselves_alone(base, tokenizer, tmp_path, trainers):
    """Several examples in a row have the loss that they have alone: prompts masked, ends learned, no look next door."""
    for packing in (False, True):
        train(base, tokenizer, tmp_path / str(packing), packing=packing, learning_rate=0.0)
    alone, packed = map(loss_of, trainers)
    rows = training_rows()
    learned = sum(len(tokenizer(row["completion"]).input_ids) + 1 for row in rows)
    assert alone[1] == packed[1] == learned
    assert packed[0] == pytest.approx(alone[0], rel=1e-5)
    data = trainers[1].train_dataset
    assert len(data) < len(rows) / 2 and max(map(len, data["input_ids"])) <= SFT["max_length"]
    ends = sum(ids.count(tokenizer.eos_token_id) for ids in data["input_ids"])
    assert ends == len(rows)


def test_a_row_that_did_look_next_door_would_be_noticed(base, tokenizer, tmp_path, trainers):
    train(base, tokenizer, tmp_path, packing=True, learning_rate=0.0)
    right = loss_of(trainers[0])[0]
    collate = trainers[0].data_collator

    def without_positions(rows):
        batch = collate(rows)
        batch.pop("position_ids", None)
        return {name: value for name, value in batch.items() if not name.startswith(("cu_seq", "max_length", "seq_"))}

    trainers[0].data_collator = without_positions
    assert loss_of(trainers[0])[0] != pytest.approx(right, rel=1e-4)


def test_micro_batches(base, tokenizer, tmp_path):
    norms = [
        train(base, tokenizer, tmp_path / str(micro), micro_batch=micro, batch=8)[1][0]["grad_norm"]
        for micro in (None, 2, 1)
    ]
    assert norms == pytest.approx([norms[0]] * 3, rel=1e-3)


def test_activations_computed_anew(base, tokenizer, tmp_path):
    found = [models.adapter_hash(train(base, tokenizer, tmp_path / str(anew), gradient_checkpointing=anew, steps=3)[0])
             for anew in (False, True)]  # fmt: skip
    assert found[0] == found[1] != models.adapter_hash(fresh(base))


def test_sixteen_bits(base, tokenizer, tmp_path):
    """The base in bfloat16, the adapter in float32; losses agree to its three digits."""
    halves = {"weights": "bfloat16", "quantization": None}
    model, history = train(base, tokenizer, tmp_path / "halves", halves, steps=3)
    _, whole = train(base, tokenizer, tmp_path / "whole", steps=3)
    assert [entry["loss"] for entry in history] == pytest.approx([entry["loss"] for entry in whole], rel=0.02)
    kinds = {name.split(".")[-3]: one.dtype for name, one in model.named_parameters()}
    assert kinds["lora_A"] == kinds["lora_B"] == torch.float32
    assert {one.dtype for one in model.parameters() if not one.requires_grad} == {torch.bfloat16}
    start = models.adapter_hash(models.fresh_adapter(models.load_base(base, halves), {"r": 4, "lora_alpha": 8}, 0))
    models.hand_over(model, base, tokenizer, ["# python\nprint(1)"], start, tmp_path / "out", {}, halves)
    loaded = models.load_adapter(models.load_base(base, halves), tmp_path / "out")
    assert models.adapter_hash(loaded) == models.adapter_hash(model)


def test_merged_is_stacked(base, tokenizer, tmp_path):
    """An adapter beside the weights and one merged into them say the same, in float32."""
    model, _ = train(base, tokenizer, tmp_path, steps=4)
    texts = [row["prompt"] + row["completion"] for row in training_rows(6)]
    stacked = models.canary_log_probs(model, tokenizer, texts)
    merged = models.canary_log_probs(model.merge_and_unload(), tokenizer, texts)
    of_base = models.canary_log_probs(models.load_base(base), tokenizer, texts)
    assert torch.allclose(stacked, merged, atol=1e-3) and (stacked - of_base).abs().min() > 0.1
