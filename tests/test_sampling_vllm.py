"""Sampling through vLLM's interface: the answers, ends, stop texts and shards of crosspl.sampling; on a real Llama."""

import argparse
import json

import pytest
import vllm_standin
from tiny import LORA, training_rows
from tiny_training import SFT, fresh

from crosspl import models, sampling, sampling_vllm, training, vllm_engine
from crosspl.errors import UserError
from crosspl.io import write_rows
from crosspl.models import FLOAT32
from scripts import sample as command

LONG = SFT | {"steps": 40, "learning_rate": 0.05}  # so that greedy answers change
PROMPTS = [row["prompt"] for row in training_rows(5)]


@pytest.fixture
def llm(base, monkeypatch):
    vllm_standin.install(monkeypatch)
    return vllm_engine.load(base, FLOAT32, LORA["r"], 256)


@pytest.fixture(scope="module")
def adapter(base, tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapter")
    model = fresh(base)
    start = models.adapter_hash(model)
    model, _ = training.train_supervised(model, tokenizer, training_rows(), LONG, 0, folder / "state", "sft")
    models.hand_over(model, base, tokenizer, ["# python\nprint(1)"], start, folder / "out", {})
    return folder / "out"


@pytest.mark.parametrize("stops", [None, [["\n"], ["a"], [], ["zzz", " "], ["\n"]]], ids=["ends", "stop texts"])
def test_greedy_answers_are_those_of_transformers(base, tokenizer, adapter, llm, stops):
    model = models.load_adapter(models.load_base(base), adapter)
    ends = sampling.end_ids(model, tokenizer)
    wanted = sampling.sample(model, tokenizer, PROMPTS, 1, 0, 20, 4, 0, stops=stops)
    lora = vllm_engine.adapter(adapter, 1)
    found = sampling_vllm.sample(llm, lora, tokenizer, ends, PROMPTS, 1, 0, 20, 0, stops=stops)
    assert [[a["text"] for a in of] for of in found] == [[a["text"] for a in of] for of in wanted]
    assert [[a["truncated"] for a in of] for of in found] == [[a["truncated"] for a in of] for of in wanted]
    of_base = sampling_vllm.sample(llm, None, tokenizer, ends, PROMPTS, 1, 0, 20, 0, stops=stops)
    assert of_base != found


def test_ends_of_a_model_beside_the_tokenizers(base, tokenizer, llm):
    """Each token as an end in its turn: the answer stops before it and was not cut off."""
    [[free]] = sampling_vllm.sample(llm, None, tokenizer, [], PROMPTS[:1], 1, 0, 6, 0)
    assert free["truncated"]
    first = tokenizer(PROMPTS[0] + free["text"]).input_ids[len(tokenizer(PROMPTS[0]).input_ids)]
    [[ended]] = sampling_vllm.sample(llm, None, tokenizer, [first], PROMPTS[:1], 1, 0, 6, 0)
    assert ended == {"text": "", "tokens": 0, "truncated": False}


def test_samples_have_seeds_of_their_own(base, tokenizer, llm):
    told = [0], PROMPTS, 3, 1.0, 12
    one = sampling_vllm.sample(llm, None, tokenizer, *told, seed=7)
    assert len({answer["text"] for of in one for answer in of}) > 10
    assert sampling_vllm.sample(llm, None, tokenizer, *told, seed=7) == one
    assert sampling_vllm.sample(llm, None, tokenizer, *told, seed=8) != one


def test_interrupted_goes_on(base, tokenizer, llm, tmp_path, monkeypatch):
    told = [0], PROMPTS, 3, 1.0, 8
    whole = sampling_vllm.sample(llm, None, tokenizer, *told, seed=7)
    monkeypatch.setattr(sampling_vllm, "PIECE", 4)
    generate, calls = vllm_engine.generate, []

    def killed(*words):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return generate(*words)

    keep = tmp_path / "unfinished"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(vllm_engine, "generate", killed)
        sampling_vllm.sample(llm, None, tokenizer, *told, seed=7, keep=keep)
    assert len(json.loads(keep.read_text())) == 8
    assert sampling_vllm.sample(llm, None, tokenizer, *told, seed=7, keep=keep) == whole and not keep.exists()


def arguments(base, adapter, problems, **changes):
    settings = {
        "split": "eval",
        "seed": 0,
        "samples": 2,
        "temperature": 1.0,
        "max_tokens": 8,
        "batch": 8,
        "engine": "vllm",
    }
    known = {
        "base": base, "adapter": adapter, "external": False, "problems": str(problems), "items": [],
        "precision": FLOAT32, "languages": ["python"], "settings": settings, "protocol": {"style": "plain"}, "gpus": 0,
    }  # fmt: skip
    return argparse.Namespace(**known | changes)


def test_the_command_takes_the_engine_and_checks_the_adapter(base, adapter, llm, tmp_path):
    from tiny import WORLD

    from crosspl.microworld import world

    write_rows(tmp_path / "problems.jsonl.gz", world.build_problems(WORLD))
    args = arguments(base, str(adapter), tmp_path / "problems.jsonl.gz")
    problems = command.evaluated(args)
    sampler = command.of_vllm(args, problems)
    rows = command.answers(sampler, problems["python"], "python", "sampled", args, tmp_path / "shard.jsonl.gz")
    assert len(rows) == 2 * WORLD["sizes"]["eval"] and {row["sample"] for row in rows} == {0, 1}
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in adapter.iterdir():
        (broken / path.name).write_bytes(path.read_bytes()[::-1] if "safetensors" in path.name else path.read_bytes())
    with pytest.raises(UserError, match="not those of its manifest"):
        command.of_vllm(arguments(base, str(broken), args.problems), problems)
    longer = arguments(base, str(adapter), args.problems, settings=args.settings | {"max_tokens": 250})
    with pytest.raises(UserError, match="of the model's context"):
        command.of_vllm(longer, problems)
