"""Hidden states: padding and batches change nothing, layers are those of transformers; the command from end to end."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import LORA, SHAPE, WORLD, right_programs

from crosspl import alignment, models
from crosspl.errors import UserError
from crosspl.hidden_states import hidden_states, layer_modules, untrained_model
from crosspl.io import read_csv, write_rows
from crosspl.microworld import world
from crosspl.prompts import format_prompt
from scripts import align

LANGUAGES = ["python", "lua"]
CODES = [["print(1)", "for l in open(0):\n    print(l)", "x"], ["print(2)\nprint(3)", "a", "while 1 do\nend"]]
SETTINGS = {"permutations": 19, "draws": 100, "seed": 0, "pool": 10}


@pytest.fixture(scope="module")
def model(base):
    return models.load_base(base)


def test_padding_changes_nothing(model, tokenizer, base):
    alone = hidden_states(model, tokenizer, CODES, LANGUAGES, 1)
    assert alone.shape == (2, 3, SHAPE["num_hidden_layers"] + 1, 2, SHAPE["hidden_size"]) and alone.dtype == np.float32
    right = models.load_tokenizer(base)
    right.padding_side = "right"
    for other, batch in ((tokenizer, 6), (right, 6), (tokenizer, 4)):
        assert np.allclose(hidden_states(model, other, CODES, LANGUAGES, batch), alone, atol=1e-5)
    assert not np.allclose(alone[:, 0], alone[:, 1], atol=1e-2)


@torch.no_grad()
def test_states_are_those_of_transformers(model, tokenizer):
    """Pools cover the code's tokens alone; the last layer is the state before the final norm."""
    found = hidden_states(model, tokenizer, CODES, LANGUAGES, 6)
    prompt, code = (tokenizer(text).input_ids for text in (format_prompt("lua", None), CODES[1][0]))
    output = model(torch.tensor([prompt + code]), output_hidden_states=True).hidden_states
    for layer, expected in enumerate(output):
        states = torch.from_numpy(found[1, 0, layer])
        if layer == len(output) - 1:
            assert torch.allclose(model.get_decoder().norm(states[1]), expected[0, -1], atol=1e-5)
        else:
            assert torch.allclose(states[0], expected[0, len(prompt) :].mean(0), atol=1e-5)
            assert torch.allclose(states[1], expected[0, -1], atol=1e-5)


def test_an_adapter_changes_all_but_the_embeddings(model, tokenizer, base):
    plain = hidden_states(model, tokenizer, CODES, LANGUAGES, 6)
    adapted = models.fresh_adapter(models.load_base(base), LORA, 0)
    assert np.allclose(hidden_states(adapted, tokenizer, CODES, LANGUAGES, 6), plain, atol=1e-6)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            parameter.data += 0.5
    changed = hidden_states(adapted, tokenizer, CODES, LANGUAGES, 6)
    assert np.array_equal(changed[:, :, 0], plain[:, :, 0]) and not np.allclose(changed[:, :, 1], plain[:, :, 1])
    assert not any(module._forward_hooks for module in layer_modules(adapted))


def test_untrained_models_depend_on_the_seed(base, tokenizer):
    first, again, other = (untrained_model(base, seed) for seed in (3, 3, 4))
    states = [hidden_states(model, tokenizer, CODES, LANGUAGES, 6) for model in (first, again, other)]
    assert np.array_equal(states[0], states[1]) and not np.allclose(states[0], states[2], atol=1e-3)


@pytest.fixture(scope="module")
def options(base, tmp_path_factory):
    """Options of scripts.align on the tiny world, and the folder they write to."""
    folder = tmp_path_factory.mktemp("align")
    problems = world.build_problems(WORLD)
    write_rows(folder / "problems.jsonl.gz", problems)
    for language in LANGUAGES:
        write_rows(folder / f"{language}.jsonl.gz", right_programs(problems, [language], WORLD))
    programs = [str(folder / f"{language}.jsonl.gz") for language in LANGUAGES]
    found = ["--base", base, "--problems", str(folder / "problems.jsonl.gz"), "--programs", *programs]
    found += ["--languages", *LANGUAGES, "--split", "eval", "--settings", json.dumps(SETTINGS), "--checkpoint", "x"]
    return folder, found + ["--output", str(folder / "x.csv"), "--values", str(folder / "x.problems.csv")]


def run(options, *more):
    folder, given = options
    align.main([*given, *more])
    return [read_csv(folder / name) for name in ("x.csv", "x.problems.csv")]


def test_command_on_a_model(options, capsys):
    projection = options[0] / "p.csv"
    rows, values = run(options, "--mark", "m", "--projection", str(projection))
    assert "10 problems, 0 left out" in capsys.readouterr().err
    assert list(rows[0]) == alignment.COLUMNS and {row["mark"] for row in rows} == {"m"}
    assert {(row["layer"], row["pooling"]) for row in rows} == {(n, p) for n in "01" for p in alignment.POOLINGS}
    pairs = {(r["language_a"], r["language_b"]) for r in rows if r["metric"] == "retrieval"}
    assert pairs == {("python", "lua"), ("lua", "python"), ("all", "all")}
    for row in rows:
        if row["language_a"] == "all" and row["value"]:
            key = {field: row[field] for field in ("layer", "pooling", "centred", "metric")}
            own = [float(v["value"]) for v in values if key.items() <= v.items()]
            assert len(own) == 10 == int(row["problems"]) and abs(np.mean(own) - float(row["value"])) < 1e-4
            assert float(row["low"]) <= float(row["value"]) <= float(row["high"])
    points = read_csv(projection)
    assert len(points) == 2 * 2 * 10 * 2 and list(points[0]) == alignment.PROJECTION_COLUMNS
    assert run(options, "--mark", "m") == [rows, values]  # reproducible
    assert run(options, "--untrained")[0] != rows


def test_command_on_tokens_needs_no_model(options, base, tmp_path):
    (tmp_path / "tokenizer.json").write_bytes(Path(base, "tokenizer.json").read_bytes())
    rows, _ = run(options, "--lexical", "--base", str(tmp_path))
    assert {(row["features"], row["layer"], row["pooling"]) for row in rows} == {("tokens", "", ""), ("tfidf", "", "")}


def test_command_says_what_is_wrong(options, tmp_path):
    for more, words in (
        (["--languages", "python", "go"], "none has one in go"),
        (["--problems", str(tmp_path / "absent")], "absent: no such file"),
        (["--base", str(tmp_path)], "no such file"),
        (["--base", str(tmp_path), "--lexical"], "tokenizer.json: no such file"),
        (["--adapter", str(tmp_path)], "manifest.json: no such file"),
    ):
        with pytest.raises(UserError, match=words):
            run(options, *more)
    for more in (["--lexical", "--projection", "p.csv"], ["--lexical", "--untrained"], ["--languages", "lua"]):
        with pytest.raises(SystemExit):
            run(options, *more)
