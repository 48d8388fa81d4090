"""QLoRA on the CPU, with the real bitsandbytes: run by test_quantized.py in the environment of `make plugins`.

In: a Llama of two layers, its linear layers in NF4. Out: what pytest says.
"""

import json
import math
import warnings
from importlib.metadata import version

import bitsandbytes.functional
import pytest
import test_sampling
import torch
from bitsandbytes.nn import Linear4bit
from rollout_scores import drawn_and_trained
from test_resuming import Killed, kill_at
from tiny import LORA, WORLD, base_folder, training_rows
from tiny_training import SFT, fresh, grpo, sft

from crosspl import models
from crosspl.io import read_csv, read_json, write_rows
from crosspl.models import tensors_hash
from scripts import train_sft

SHAPE = {
    "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128,
    "max_position_embeddings": 256, "initializer_range": 0.1,
}  # fmt: skip
NF4, HALVES = ({"weights": weights, "quantization": "nf4"} for weights in ("float32", "bfloat16"))
sampling = test_sampling.run  # a fixture
TEXTS = [row["prompt"] + row["completion"] for row in training_rows(6)]


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    return base_folder(tmp_path_factory.mktemp("base"), shape=SHAPE)


@pytest.fixture(scope="module", params=[NF4, HALVES], ids=["float32", "bfloat16"])
def precision(request):
    return request.param


@pytest.fixture(scope="module")
def trained(base, tokenizer, precision, tmp_path_factory):
    """Return (the folder that the command of SFT left, its model's precision)."""
    folder = tmp_path_factory.mktemp("sft")
    write_rows(folder / "rows.jsonl.gz", training_rows())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_sft, "state_folder", lambda *_: folder / "state")
        train_sft.main([
            "--base", base, "--data", str(folder / "rows.jsonl.gz"), "--lora", json.dumps(LORA), "--seed", "0",
            "--settings", json.dumps(SFT | {"steps": 16}), "--precision", json.dumps(precision), "--save-every", "2",
            "--output", str(folder / "out"),
        ])  # fmt: skip
    return folder / "out"


def quantized(model):
    """Return {name: layer} of the layers in four bits."""
    return {name: layer for name, layer in model.named_modules() if isinstance(layer, Linear4bit)}


def frozen(model):
    """Return a hash of all bytes of the base: four-bit weights, the scales of their blocks, everything else."""
    named = {name.replace(".base_layer", ""): value for name, value in model.state_dict().items()}
    return tensors_hash({name.removeprefix("base_model.model."): named[name] for name in named if "lora_" not in name})


def dequantized(base, model):
    """Return a float32 model with the weights that the quantized `model` stands for."""
    copy = models.load_base(base)
    for name, value in model.state_dict().items():
        if name in copy.state_dict() and value.dtype != torch.uint8:
            copy.get_parameter(name).data = value.float()
    for name, layer in quantized(model).items():
        weight = bitsandbytes.functional.dequantize_4bit(layer.weight.data, layer.weight.quant_state)
        copy.get_submodule(name).weight.data = weight.float()
    return copy


def load(base, precision, folder):
    """Return the quantized base under the adapter in `folder`, to be trained further."""
    return models.load_adapter(models.load_base(base, precision), folder, trainable=True)


def shaken(model):
    """Return `model` under an adapter that does something."""
    model = models.fresh_adapter(model, LORA, 0)
    for name, one in model.named_parameters():
        if "lora_B" in name:
            one.data = 0.05 * torch.randn(one.shape, generator=torch.Generator().manual_seed(0))
    return model


def gradients(model, tokenizer):
    """Return {name: gradient} of the LoRA weights, in training mode, padded on the left."""
    batch = tokenizer(TEXTS, return_tensors="pt", padding=True)
    labels = batch.input_ids.masked_fill(batch.attention_mask == 0, -100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # "an autograd kernel was not registered"
        model.train()(**batch, labels=labels).loss.backward()
    return {name: one.grad for name, one in model.named_parameters() if one.requires_grad}


def test_linear_layers_have_four_bits_and_nothing_else(base, precision):
    model, whole = models.load_base(base, precision), models.load_base(base)
    layers = quantized(model)
    linear = {name for name, layer in whole.named_modules() if isinstance(layer, torch.nn.Linear)}
    assert len(layers) == 14 and layers.keys() == linear - {"lm_head"}
    for name, layer in layers.items():
        float_weight, state = whole.get_submodule(name).weight, layer.weight.quant_state
        assert layer.weight.dtype == torch.uint8 and layer.weight.numel() == float_weight.numel() / 2
        assert state.quant_type == "nf4" and state.nested and layer.compute_dtype == state.dtype
        found = bitsandbytes.functional.dequantize_4bit(layer.weight.data, state).float()
        assert 0.01 < (found - float_weight).norm() / float_weight.norm() < 0.15
    others = {one.dtype for one in model.parameters()} - {torch.uint8}
    assert others == {getattr(torch, precision["weights"])} and not model.training


@pytest.mark.parametrize("width", [64, 96])  # 96 is no multiple of a block of 64 numbers
def test_gradients_are_those_of_the_dequantized_base(tokenizer, precision, tmp_path, width):
    """Also after an evaluation, for which bitsandbytes has another kernel on some CPUs, which changes the weights."""
    base = base_folder(tmp_path, shape=SHAPE | {"hidden_size": width, "intermediate_size": 2 * width})
    model = models.load_base(base, precision)
    bits, copy = frozen(model), dequantized(base, model)
    scores = [models.canary_log_probs(one, tokenizer, TEXTS) for one in (model, copy)]
    ours, theirs = (gradients(shaken(one), tokenizer) for one in (model, copy))
    assert ours.keys() == theirs.keys() and len(ours) == 28 and frozen(model) == bits
    angles = [float(torch.cosine_similarity(ours[name].flatten(), theirs[name].flatten(), 0)) for name in ours]
    ratios = [float(ours[name].norm() / theirs[name].norm()) for name in ours]
    print(f"{width}: cosine {min(angles):.6f}, norms {min(ratios):.5f} to {max(ratios):.5f}, canaries {scores}")
    assert min(angles) > 0.999 and min(ratios) > 0.99 and max(ratios) < 1.01
    assert torch.allclose(*scores, rtol=1e-5 if precision is NF4 else 0.01)


def test_sft_hands_over_an_adapter_that_is_proved(base, tokenizer, precision, trained):
    manifest = read_json(trained / "manifest.json")
    assert manifest["precision"] == precision and manifest["versions"]["bitsandbytes"] == version("bitsandbytes")
    proof = manifest["proof"]
    assert proof["canary_zeroed"] == proof["canary_base"] != proof["canary_adapter"]
    base_scores = models.canary_log_probs(models.load_base(base, precision), tokenizer, TEXTS[:4])
    assert proof["canary_base"] == base_scores.tolist()
    losses = [float(row["loss"]) for row in read_csv(trained / "history.csv")]
    assert losses[-1] < losses[0] - 0.2
    model = models.load_adapter(models.load_base(base, precision), trained)
    assert models.adapter_hash(model) == manifest["adapter_after"] != manifest["adapter_before"]
    assert manifest["adapter_before"] == models.adapter_hash(fresh(base, precision=precision))
    assert {one.dtype for name, one in model.named_parameters() if "lora_" in name} == {torch.float32}


@pytest.mark.parametrize("beta", [0.0, 0.1])
def test_rl_changes_the_adapter_and_nothing_else(base, tokenizer, precision, trained, tmp_path, beta):
    model = load(base, precision, trained)
    start, bits = models.adapter_hash(model), frozen(model)
    told = {"precision": precision, "model": model, "generations": 2, "beta": beta}
    model, history = grpo(base, tokenizer, tmp_path / "state", **told)
    assert start == read_json(trained / "manifest.json")["adapter_after"] != models.adapter_hash(model)
    assert frozen(model) == bits == frozen(models.load_base(base, precision))
    assert all(math.isfinite(value) for entry in history for value in entry.values())
    models.hand_over(model, base, tokenizer, TEXTS, start, tmp_path / "out", {}, precision)
    loaded = models.load_adapter(models.load_base(base, precision), tmp_path / "out")
    scores = [models.canary_log_probs(one, tokenizer, TEXTS) for one in (model, loaded)]
    print(f"in memory and loaded: {scores}")
    assert torch.allclose(*scores, rtol=0.0 if precision is NF4 else 1e-3, atol=0.0)  # accelerate left it in autocast


@pytest.mark.parametrize("train", [sft, grpo])
def test_no_step_and_small_steps(base, tokenizer, precision, trained, tmp_path, train):
    """TRL rounds the adapter to bfloat16, where a step of 1e-5 of a weight of 0.1 is lost."""
    found = {}
    for rate in (0.0, 1e-5):
        model = load(base, precision, trained)
        before = {name: one.detach().clone() for name, one in model.named_parameters() if one.requires_grad}
        told = {"precision": precision, "model": model, "learning_rate": rate, "warmup": 0, "schedule": "constant"}
        model, _ = train(base, tokenizer, tmp_path / str(rate), **told)
        after = {name: one for name, one in model.named_parameters() if one.requires_grad}
        assert {one.dtype for one in after.values()} == {torch.float32} and after.keys() == before.keys()
        found[rate] = [float((after[name] != before[name]).float().mean()) for name in after]
        start = read_json(trained / "manifest.json")["adapter_after"]
        assert (models.adapter_hash(model) == start) == (rate == 0.0)
    assert max(found[0.0]) == 0.0 and min(found[1e-5]) > 0.9, found
    with pytest.raises(AssertionError, match="did not change"):
        models.hand_over(load(base, precision, trained), base, tokenizer, TEXTS, start, tmp_path / "out", {}, precision)


@pytest.mark.parametrize("train, kills", [(sft, [1, 5]), (grpo, [3, 6])])
def test_interrupted_is_uninterrupted(base, tokenizer, precision, tmp_path, monkeypatch, train, kills):
    whole, history = train(base, tokenizer, tmp_path / "whole", precision=precision)
    for step in kills:
        with monkeypatch.context() as patch, pytest.raises(Killed):
            kill_at(patch, step)
            train(base, tokenizer, tmp_path / "killed", precision=precision)
    torch.rand(7)
    again, history_again = train(base, tokenizer, tmp_path / "killed", precision=precision)
    assert models.adapter_hash(again) == models.adapter_hash(whole) and history_again == history
    assert frozen(again) == frozen(whole)


def test_activations_computed_anew(base, tokenizer, precision, tmp_path):
    found = [
        models.adapter_hash(sft(base, tokenizer, tmp_path / str(anew), precision, gradient_checkpointing=anew)[0])
        for anew in (False, True)
    ]
    assert found[0] == found[1]


def test_log_probabilities_of_rollouts_are_those_of_training(
    base, tokenizer, precision, trained, tmp_path, monkeypatch
):
    model = load(base, precision, trained)
    told = {"precision": precision, "model": model, "max_tokens": 32}
    drawn, learned, _ = drawn_and_trained(base, tokenizer, tmp_path, monkeypatch, **told)
    apart = (drawn - learned).abs()
    print(f"{len(drawn)} tokens, nats apart: at most {apart.max():.2g}, mean {apart.mean():.2g}")
    most, mean = (1e-4, 1e-5) if precision is NF4 else (0.1, 0.02)  # logits in bfloat16 have steps of 0.03
    assert apart.max() < most and apart.mean() < mean


def test_the_command_samples_with_the_adapter_on_the_quantized_base(sampling, base, tokenizer, precision, trained):
    rows = sampling("lua", adapter=trained, precision=precision)
    assert len(rows) == WORLD["sizes"]["eval"] * 4 and any(row["text"] for row in rows)
    assert rows == sampling("lua", adapter=trained, precision=precision)
    assert rows != sampling("lua", precision=precision)
    assert rows != sampling("lua", adapter=trained)


def test_an_adapter_merged_into_four_bits_is_noticed(base, tokenizer, precision, trained):
    model = load(base, precision, trained)
    with pytest.warns(UserWarning, match="rounding"):
        model.merge_adapter()
    with pytest.raises(AssertionError, match="zeroed adapter the model is not the base"):
        models.prove_adapter(model, models.load_base(base, precision), tokenizer, TEXTS)
