"""Sampling: padding, batching and other languages change no answer; the end of an answer is seen and cut off."""

import json
from collections import Counter
from pathlib import Path

import pytest
import torch
from tiny import LORA, WORLD

from crosspl import models
from crosspl.errors import UserError
from crosspl.io import read_rows, write_rows
from crosspl.microworld import world
from crosspl.provenance import code
from crosspl.sampling import sample, seed_of
from scripts.sample import main

ROOT = Path(__file__).parent.parent
PROMPTS = [
    "# lua\n",
    "# python\n# add 3 to each, print the sum\n",
    "# ruby\n# sort ascending, print all\n",
    "# c\n# x\n",
]
SETTINGS = {
    "split": "eval", "seed": 0, "samples": 3, "temperature": 1.0, "max_tokens": 16, "batch": 12,
    "engine": "transformers",
}  # fmt: skip


@pytest.fixture(scope="module")
def model(base):
    """A model with larger logits than random weights give, so that the greedy choice is not a tie."""
    model = models.load_base(base)
    torch.manual_seed(0)
    for parameter in model.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return model


def greedy(model, tokenizer, prompts, batch=8):
    return sample(model, tokenizer, prompts, 1, 0, 16, batch, 0)


def test_padding_changes_no_greedy_answer(model, tokenizer):
    together = greedy(model, tokenizer, PROMPTS)
    assert len({answers[0]["text"] for answers in together}) > 1
    assert together == [greedy(model, tokenizer, [prompt])[0] for prompt in PROMPTS]
    assert together == greedy(model, tokenizer, PROMPTS, batch=2)
    assert together[::-1] == greedy(model, tokenizer, PROMPTS[::-1])


def test_padding_changes_no_probability(model, tokenizer):
    inputs = tokenizer(PROMPTS, return_tensors="pt", padding=True)
    with torch.no_grad():
        batched = model(**inputs, position_ids=(inputs["attention_mask"].cumsum(1) - 1).clamp(min=0)).logits[:, -1]
        alone = torch.cat([model(**tokenizer(p, return_tensors="pt")).logits[:, -1] for p in PROMPTS])
    assert torch.allclose(torch.log_softmax(batched, -1), torch.log_softmax(alone, -1), atol=1e-4)


def test_same_seed_same_answers(model, tokenizer):
    first = sample(model, tokenizer, PROMPTS, 4, 1.0, 12, 8, 1)
    torch.rand(5)
    assert sample(model, tokenizer, PROMPTS, 4, 1.0, 12, 8, 1) == first
    assert sample(model, tokenizer, PROMPTS, 4, 1.0, 12, 8, 2) != first
    assert [len(answers) for answers in first] == [4] * len(PROMPTS)
    assert len({answer["text"] for answers in first for answer in answers}) > len(PROMPTS)


def test_samples_follow_the_models_own_distribution(model, tokenizer):
    """No top-k, no top-p: the shares of the first token are its probabilities, those of rare tokens too."""
    count = 4000
    answers = sample(model, tokenizer, PROMPTS[1:2], count, 1.0, 1, count, 0)[0]
    with torch.no_grad():
        expected = torch.softmax(model(**tokenizer(PROMPTS[1], return_tensors="pt")).logits[0, -1], -1)
    ended = sum(not answer["truncated"] for answer in answers) / count
    assert abs(ended - expected[tokenizer.eos_token_id].item()) < 0.03
    texts = [answer["text"] for answer in answers]
    wanted = Counter()  # several tokens are parts of a character and read alike
    for token, share in enumerate(expected.tolist()):
        wanted["" if token == tokenizer.eos_token_id else tokenizer.decode([token])] += share
    assert all(abs(texts.count(text) / count - share) < 0.03 for text, share in wanted.items())
    rare = [text for text, share in wanted.items() if share < expected.topk(50).values[-1]]
    assert sum(map(texts.count, rare)) > 0  # generate's own default is top_k = 50


def test_end_and_truncation(model, tokenizer, monkeypatch):
    """An answer ends before <eos>; one without <eos> says that it was cut."""
    answers = [a for answers in sample(model, tokenizer, PROMPTS, 16, 1.5, 60, 64, 3) for a in answers]
    assert {a["truncated"] for a in answers} == {True, False}
    for answer in answers:
        assert "<eos>" not in answer["text"]
        assert answer["tokens"] == 60 if answer["truncated"] else answer["tokens"] < 60
    bias = torch.zeros(len(tokenizer))
    bias[tokenizer.eos_token_id] = 1e9
    forward = type(model.lm_head).forward
    monkeypatch.setattr(model.lm_head, "forward", lambda x: forward(model.lm_head, x) + bias)
    assert greedy(model, tokenizer, PROMPTS) == [[{"text": "", "tokens": 0, "truncated": False}]] * len(PROMPTS)


def test_answers_end_before_their_stop_texts(model, tokenizer):
    """Each prompt has its own; what is before the first one is what an answer without stop texts begins with."""
    free = sample(model, tokenizer, PROMPTS, 6, 1.0, 24, 24, 5)
    texts = [[answer["text"] for answer in answers] for answers in free]
    stops = [[text[n : n + 2] for text in found for n in (2, 5) if text[n : n + 2].isascii()][:2] for found in texts]
    stops[1] = []
    found = sample(model, tokenizer, PROMPTS, 6, 1.0, 24, 24, 5, stops=stops)
    cuts = 0
    for answers, before, ends in zip(found, free, stops):
        for answer, whole in zip(answers, before):
            assert not any(end in answer["text"] for end in ends)
            if ends and any(end in whole["text"] for end in ends):
                cuts += 1
                assert answer["text"] == whole["text"][: min(filter(lambda n: n >= 0, map(whole["text"].find, ends)))]
                assert not answer["truncated"] and answer["tokens"] <= whole["tokens"]
            else:
                assert answer == whole
    assert cuts > 2 and stops[0] and found[1] == free[1]


def test_stop_texts_inside_tokens(model, tokenizer, monkeypatch):
    """A stop text that begins within the first token, and one that the prompt's last token would only complete."""
    longest = max(range(len(tokenizer)), key=lambda n: len(tokenizer.decode([n]).strip()))
    text = tokenizer.decode([longest])
    bias = torch.zeros(len(tokenizer))
    bias[longest] = 1e9
    forward = type(model.lm_head).forward
    monkeypatch.setattr(model.lm_head, "forward", lambda x: forward(model.lm_head, x) + bias)
    [[answer]] = sample(model, tokenizer, PROMPTS[:1], 1, 0, 6, 8, 0, stops=[[text[1:3]]])
    assert answer == {"text": text[:1], "tokens": 1, "truncated": False}
    [[answer]] = sample(model, tokenizer, PROMPTS[:1], 1, 0, 6, 8, 0, stops=[["\n" + text[:2], PROMPTS[0][-3:]]])
    assert answer == {"text": text * 6, "tokens": 6, "truncated": True}
    [[answer], [other]] = sample(model, tokenizer, PROMPTS[:2], 1, 0, 6, 8, 0, stops=[[text[1:] + text[:1]], []])
    assert answer["text"] == text[:1] and answer["tokens"] == 2 and other["tokens"] == 6


def test_seeds_differ():
    seeds = {
        seed_of(*parts) for parts in [(0, "lua", "greedy"), (0, "lua", "sampled"), (1, "lua", "greedy"), (0, "c", "x")]
    }
    assert len(seeds) == 4 and all(0 <= seed < 2**63 for seed in seeds)
    assert seed_of(0, "lua", "greedy") == seed_of(0, "lua", "greedy")


@pytest.fixture
def run(tmp_path, base, monkeypatch):
    """Return a function that runs scripts.sample in an own working directory, for its languages and settings."""
    for name in ("crosspl", "scripts", "languages", "schemas"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    code.cache_clear()
    write_rows(tmp_path / "problems.jsonl.gz", world.build_problems(WORLD))

    def run(*languages, adapter=None, precision=models.FLOAT32, **changes):
        options = ["--base", base, "--problems", "problems.jsonl.gz", "--settings", json.dumps(SETTINGS | changes)]
        options += ["--adapter", str(adapter)] if adapter else []
        options += ["--precision", json.dumps(precision)]
        main([*options, "--languages", *languages, "--output", "out.jsonl.gz"])
        return read_rows("out.jsonl.gz")

    yield run
    code.cache_clear()


def test_an_added_language_changes_no_other(run, tmp_path):
    alone = run("python")
    [state] = (tmp_path / "work/completions").iterdir()
    shard = state / "python.greedy.jsonl.gz"
    inode = shard.stat().st_ino
    both = run("lua", "python")
    assert [row for row in both if row["language"] == "python"] == alone
    assert {path.name for path in state.glob("[!.]*")} == {
        f"{language}.{reading}.jsonl.gz" for language in ("python", "lua") for reading in ("greedy", "sampled")
    }
    assert shard.stat().st_ino == inode, "python was sampled again"
    lua = [row for row in both if row["language"] == "lua"]
    for path in state.iterdir():
        path.unlink()
    assert run("lua") == lua
    assert [row["text"] for row in lua] != [row["text"] for row in alone]


def test_a_finished_reading_is_not_sampled_again(run, tmp_path):
    rows = run("python")
    [state] = (tmp_path / "work/completions").iterdir()
    kept = (state / "python.greedy.jsonl.gz").stat().st_ino
    (state / "python.sampled.jsonl.gz").unlink()
    assert run("python") == rows and (state / "python.greedy.jsonl.gz").stat().st_ino == kept


def test_rows_of_the_command(run):
    rows = run("python", "lua")
    eval_problems = WORLD["sizes"]["eval"]
    assert len(rows) == 2 * eval_problems * (1 + SETTINGS["samples"])
    keys = {(row["problem"], row["language"], row["reading"], row["sample"]) for row in rows}
    assert len(keys) == len(rows)
    assert {row["problem"] for row in rows} == {f"eval{n:05d}" for n in range(eval_problems)}
    assert {row["sample"] for row in rows if row["reading"] == "greedy"} == {0}


def test_another_adapter_or_setting_is_another_state(run, base, tmp_path):
    plain = run("python")
    model = models.fresh_adapter(models.load_base(base), LORA, 0)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data += 0.5 * torch.randn_like(parameter)
    models.save_adapter(model, tmp_path / "adapter", {})
    assert run("python", adapter=tmp_path / "adapter") != plain
    assert run("python", seed=1) != plain
    assert run("python") == plain
    assert len(list((tmp_path / "work/completions").iterdir())) == 3


def test_damaged_adapter_is_not_sampled(run, base, tmp_path):
    models.save_adapter(models.fresh_adapter(models.load_base(base), LORA, 0), tmp_path / "adapter", {})
    path = tmp_path / "adapter" / models.ADAPTER_FILES[0]
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(UserError, match="not those of its manifest"):
        run("python", adapter=tmp_path / "adapter")
    assert not Path("out.jsonl.gz").exists()
