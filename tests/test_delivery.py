"""The trained adapter reaches an engine with weights of its own, or the run stops; on a real Llama of one layer."""

import shutil

import pytest
import torch
import vllm_standin
from tiny import LORA, WORLD, training_rows
from tiny_training import GRPO, SFT, fresh, length_reward

from crosspl import models, training, vllm_engine
from crosspl.microworld import world
from crosspl.models import FLOAT32
from crosspl.problems import of_split
from crosspl.rl import train as rl
from crosspl.rl.vllm_rollouts import Vllm


@pytest.fixture(scope="module")
def adapter(base, tokenizer, tmp_path_factory):
    """Return the folder of an adapter after SFT that changes the base a good deal."""
    folder = tmp_path_factory.mktemp("adapter")
    model = fresh(base)
    start = models.adapter_hash(model)
    model, _ = training.train_supervised(model, tokenizer, training_rows(), SFT, 0, folder / "state", "sft")
    models.hand_over(model, base, tokenizer, ["# python\nprint(1)"], start, folder / "out", {})
    return folder / "out"


@pytest.fixture
def engine(base, monkeypatch, tmp_path):
    vllm_standin.install(monkeypatch)
    return Vllm(vllm_engine.load(base, FLOAT32, LORA["r"], 256), tmp_path / "adapters")


def train(base, tokenizer, engine, folder, adapter=None, **changes):
    model = models.load_adapter(models.load_base(base), adapter, trainable=True) if adapter else fresh(base)
    problems = of_split(world.build_problems(WORLD), "rl")
    settings = GRPO | changes
    return rl.train_grpo(
        model, tokenizer, [problems], "python", length_reward, settings, 0, folder, "rl", engine=engine
    )  # fmt: skip


def test_answers_are_those_of_the_trained_model(base, tokenizer, engine, adapter, tmp_path):
    _, history = train(base, tokenizer, engine, tmp_path / "state", adapter)
    logged = [entry for entry in history if "reward" in entry]
    assert len(logged) == GRPO["generations"]
    for entry in logged:
        assert entry["sampling/canary_difference"] < 1e-4 < entry["sampling/canary_effect"]
        assert entry["sampling/sampling_logp_difference/max"] < 1e-3
        assert entry["sampling/importance_sampling_ratio/mean"] == pytest.approx(1, abs=1e-3)
    assert len({entry["sampling/canary_effect"] for entry in logged}) == len(logged)
    assert len(list(engine.folder.iterdir())) == 1  # adapters that were read are gone


def test_a_fresh_adapter_has_no_effect_before_the_first_step(base, tokenizer, engine, tmp_path):
    _, history = train(base, tokenizer, engine, tmp_path)
    effects = [entry["sampling/canary_effect"] for entry in history if "reward" in entry]
    assert effects[0] == 0 and min(effects[1:]) > 1e-3


def test_no_learning_rate_no_change_and_weights_of_one(base, tokenizer, engine, adapter, tmp_path):
    model, history = train(base, tokenizer, engine, tmp_path, adapter, learning_rate=0.0)
    assert models.adapter_hash(model) == models.adapter_hash(models.load_adapter(models.load_base(base), adapter))
    for entry in history:
        if "reward" in entry:
            assert entry["sampling/importance_sampling_ratio/mean"] == pytest.approx(1, abs=1e-4)
            assert entry["grad_norm"] > 0


def dropped(engine, monkeypatch):
    deliver, calls = engine.deliver, []
    monkeypatch.setattr(engine, "deliver", lambda trainer: calls or (calls.append(1), deliver(trainer)))


def ignored(engine, monkeypatch):
    engine.llm.llm_engine.ignore = True


def same_number(engine, monkeypatch):
    adapter = vllm_engine.adapter
    monkeypatch.setattr(vllm_engine, "adapter", lambda folder, number: adapter(folder, 1))
    monkeypatch.setattr(shutil, "rmtree", lambda path: None)


def of_somebody_else(engine, monkeypatch):
    deliver = engine.deliver

    def wrong(trainer):
        model = trainer.model
        own = {name: one.detach().clone() for name, one in model.named_parameters() if "lora_A" in name}
        for name, one in model.named_parameters():
            if name in own:
                one.data = one.data * 1.5
        deliver(trainer)
        for name, one in model.named_parameters():
            if name in own:
                one.data = own[name]

    monkeypatch.setattr(engine, "deliver", wrong)


def zeroed(engine, monkeypatch):
    deliver = engine.deliver

    def zero(trainer):
        deliver(trainer)
        engine.llm.llm_engine.add_request(
            "0", {"prompt_token_ids": [5]}, vllm_engine.request(max_tokens=1), lora_request=engine.lora
        )
        engine.llm.llm_engine.waiting.clear()
        for name, one in engine.llm.llm_engine.adapted[engine.lora.lora_int_id].named_parameters():
            if "lora_B" in name:
                torch.nn.init.zeros_(one)

    monkeypatch.setattr(engine, "deliver", zero)


FAULTS = [
    (dropped, "the adapter that the rollout engine read is not the one"),
    (ignored, "did not reach the engine"),
    (same_number, "did not reach the engine"),
    (of_somebody_else, "is not the one that is trained"),
    (zeroed, "did not reach the engine"),
]


@pytest.mark.parametrize(("fault", "said"), FAULTS)
def test_a_broken_delivery_stops_the_run(base, tokenizer, engine, adapter, tmp_path, monkeypatch, fault, said):
    """At the first step; where the first delivery is still whole, at the second."""
    fault(engine, monkeypatch)
    seen = []
    reward = lambda completions, **_: seen.append(1) or length_reward(completions)  # noqa: E731
    model = models.load_adapter(models.load_base(base), adapter, trainable=True)
    problems = of_split(world.build_problems(WORLD), "rl")
    with pytest.raises(AssertionError, match=f"delivery: .*{said}"):
        rl.train_grpo(model, tokenizer, [problems], "python", reward, GRPO, 0, tmp_path, "rl", engine=engine)
    late = fault in (dropped, same_number)  # the first delivery of these is whole
    assert len(seen) == late


def test_without_the_package_it_says_so(base):
    from crosspl.errors import UserError

    with pytest.raises(UserError, match="needs the package vllm"):
        vllm_engine.load(base, FLOAT32, 4, 256)
