"""Ablation: a planted direction goes and nothing else, with a cache as without, under an adapter; hooks do not stay."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import LORA, WORLD, right_programs

from crosspl import models
from crosspl.ablation import ablated, language_direction, language_means, random_direction
from crosspl.errors import UserError
from crosspl.hidden_states import hidden_states, hooked, layer_modules
from crosspl.io import read_rows, write_rows
from crosspl.microworld import world
from crosspl.provenance import code
from crosspl.sampling import sample
from scripts import sample_ablated

ROOT = Path(__file__).parent.parent
PROMPTS = ["# lua\n", "# python\n# add 3 to each, print the sum\n", "# ruby\n# sort ascending, print all\n"]
CODES = [["print(1)", "x=2\nprint(x)"], ["a b", "c"], ["puts 1", "y"]]
LANGUAGES = ["python", "lua", "ruby"]
SETTINGS = {
    "split": "eval",
    "seed": 0,
    "samples": 2,
    "temperature": 1.0,
    "max_tokens": 8,
    "batch": 24,
    "engine": "transformers",
}


@pytest.fixture(scope="module")
def model(base):
    """A model under an adapter, with larger weights than random ones have, so that the greedy choice is not a tie."""
    model = models.fresh_adapter(models.load_base(base), LORA, 0)
    torch.manual_seed(0)
    for parameter in model.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return model.eval()


@pytest.fixture(scope="module")
def means(model, tokenizer):
    return language_means(hidden_states(model, tokenizer, CODES, LANGUAGES, 6), 1)


def states_after(model, tokenizer, layer=1):
    """Return the states after `layer` at every position of a prompt."""
    found = []
    with hooked([layer_modules(model)[layer]], [lambda module, args, output: found.append(output[0])]), torch.no_grad():
        model(**tokenizer(PROMPTS[1], return_tensors="pt"))
    return found[0].double().numpy()


def test_directions(means):
    direction = language_direction(means, 1)
    assert np.isclose(np.linalg.norm(direction), 1)
    difference = means[1] - (means[0] + means[2]) / 2
    assert np.allclose(direction * np.linalg.norm(difference), difference)
    plain = random_direction(32, 1, 0)
    assert np.isclose(np.linalg.norm(plain), 1) and np.array_equal(plain, random_direction(32, 1, 0))
    assert not np.allclose(plain, random_direction(32, 2, 0)) and not np.allclose(plain, random_direction(32, 1, 1))


def test_means_weigh_programs_equally():
    states = np.arange(2 * 3 * 2 * 2 * 4, dtype=np.float32).reshape(2, 3, 2, 2, 4)
    assert np.allclose(language_means(states, 1)[0], states[0, :, 1, 0].mean(axis=0))
    for layer in (2, -1):
        with pytest.raises(UserError, match=r"has the layers 0 \(embeddings\) to 1"):
            language_means(states, layer)
    with pytest.raises(UserError, match="at least 2 PLs"):
        language_direction(np.ones((1, 4)), 0)
    with pytest.raises(UserError, match="no direction"):
        language_direction(np.ones((3, 4)), 0)


@pytest.mark.parametrize("layer", [0, 1])
def test_states_lose_the_direction_and_nothing_else(model, tokenizer, means, layer):
    direction, mean = language_direction(means, 0), means.mean(axis=0)
    before = states_after(model, tokenizer, layer)
    with ablated(model, layer, direction, mean):
        after = states_after(model, tokenizer, layer)
    assert np.allclose(after @ direction, mean @ direction, atol=1e-4)
    others = np.eye(32) - np.outer(direction, direction)
    assert np.allclose(after @ others, before @ others, atol=1e-4)
    assert abs((before - mean) @ direction).max() > 0.01


def test_a_planted_direction_is_found_and_removed(tokenizer, base):
    """States that differ by a vector per PL, planted through the embeddings of the PL's tokens."""
    model, planted = models.load_base(base), np.eye(32)[5]
    of_lua = tokenizer("zz", add_special_tokens=False).input_ids
    with torch.no_grad():
        model.get_input_embeddings().weight[of_lua, 5] += 10
    codes = [["a b", "c d"], ["zzzz", "zz"], ["a c", "d b"]]
    means = language_means(hidden_states(model, tokenizer, codes, LANGUAGES, 6), 0)
    direction = language_direction(means, 1)
    assert direction @ planted > 0.99
    with ablated(model, 0, direction, means.mean(axis=0)):
        without = language_means(hidden_states(model, tokenizer, codes, LANGUAGES, 6), 0)
    assert np.ptp(means @ planted) > 9
    assert np.ptp(without @ direction) < 1e-4


def test_hooks_are_removed(model, tokenizer, means):
    before = states_after(model, tokenizer)
    with pytest.raises(ZeroDivisionError), ablated(model, 1, language_direction(means, 0), means[0]):
        raise ZeroDivisionError
    assert not any(module._forward_hooks for module in layer_modules(model))
    assert np.array_equal(states_after(model, tokenizer), before)


def test_an_unused_direction_changes_no_answer(model, tokenizer):
    plain = sample(model, tokenizer, PROMPTS, 1, 0, 12, 8, 0)
    with ablated(model, 1, np.zeros(32), np.ones(32)):
        assert sample(model, tokenizer, PROMPTS, 1, 0, 12, 8, 0) == plain


def test_cache_padding_and_batches_change_no_ablated_answer(model, tokenizer, means):
    """Greedy answers of `generate` are those of running the whole text again for every token."""
    plain = sample(model, tokenizer, PROMPTS, 1, 0, 12, 8, 0)
    with ablated(model, 1, language_direction(means, 0), means.mean(axis=0)):
        together = sample(model, tokenizer, PROMPTS, 1, 0, 12, 8, 0)
        assert together == [sample(model, tokenizer, [prompt], 1, 0, 12, 8, 0)[0] for prompt in PROMPTS]
        for prompt, [answer] in zip(PROMPTS, together):
            assert tokenizer.decode(without_cache(model, tokenizer, prompt, 12)) == answer["text"]
    assert together != plain


@torch.no_grad()
def without_cache(model, tokenizer, prompt, count):
    ids = tokenizer(prompt).input_ids
    start = len(ids)
    while len(ids) - start < count:
        chosen = model(torch.tensor([ids]), use_cache=False).logits[0, -1].argmax().item()
        if chosen == tokenizer.eos_token_id:
            break
        ids.append(chosen)
    return ids[start:]


@pytest.fixture
def run(tmp_path, base, monkeypatch):
    """Return a function that runs scripts.sample_ablated in an own working directory."""
    for name in ("crosspl", "scripts", "languages", "schemas"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    code.cache_clear()
    problems = world.build_problems(WORLD)
    write_rows("problems.jsonl.gz", problems)
    for language in LANGUAGES:
        write_rows(f"{language}.jsonl.gz", right_programs(problems, [language], WORLD))

    def run(*more, languages=LANGUAGES):
        options = ["--base", base, "--problems", "problems.jsonl.gz", "--settings", json.dumps(SETTINGS), "--pool", "9"]
        options += ["--programs", *(f"{language}.jsonl.gz" for language in languages), "--split", "sft", "--layer", "1"]
        options += ["--direction", "language", "--languages", *languages, "--output", "out.jsonl.gz"]
        sample_ablated.main([*options, *more])
        return read_rows("out.jsonl.gz")

    yield run
    code.cache_clear()


def test_command(run, tmp_path):
    rows = run()
    assert len(rows) == len(LANGUAGES) * WORLD["sizes"]["eval"] * (1 + SETTINGS["samples"])
    fields = {"problem", "language", "reading", "sample", "text", "tokens", "truncated"}
    assert set(rows[0]) == fields and {row["language"] for row in rows} == set(LANGUAGES)
    [state] = (tmp_path / "work/completions").iterdir()
    kept = (state / "lua.sampled.jsonl.gz").stat().st_ino
    (state / "ruby.sampled.jsonl.gz").unlink()  # an interrupted run goes on with the PL that is missing
    assert run() == rows and (state / "lua.sampled.jsonl.gz").stat().st_ino == kept
    assert run("--direction", "random") != rows
    run(languages=LANGUAGES[:2])
    assert len(list((tmp_path / "work/completions").iterdir())) == 3  # a direction depends on all PLs


def test_command_says_what_is_wrong(run):
    for more, words in (
        (["--split", "eval"], "must not come from the problems that are evaluated"),
        (["--layer", "7"], r"layer 7: the model has the layers 0 \(embeddings\) to 1"),
        (["--split", "validation", "--pool", "2"], "3 are needed"),
    ):
        with pytest.raises(UserError, match=words):
            run(*more)
    assert not Path("out.jsonl.gz").exists()
