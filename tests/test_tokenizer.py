"""The tokenizer loses no character, keeps digits apart, and its end of an answer is not its padding."""

import json

import pytest
from tiny import WORLD, training_rows

from crosspl import models
from crosspl.errors import UserError
from crosspl.microworld import world
from crosspl.microworld.printers import PRINTERS
from crosspl.prompts import extract_code, format_prompt
from crosspl.protocol import PLAIN, ask
from crosspl.tokenizer import balanced_sample, train_tokenizer

STRANGE = ["", " ", "\n", "\t\n  \r\n", "é 世界 \U0001f600", "a , b . c ! d ' s n't 're", "\x00\x7f\u2028"]


@pytest.fixture(scope="module")
def texts():
    return [row["prompt"] + row["completion"] for row in training_rows()]


def programs():
    problems = world.build_problems(WORLD)
    return [row["code"] for language in PRINTERS for row in world.candidate_programs(problems[:40], language, WORLD)]


def test_every_program_comes_back(base):
    """Of all PLs, most of which the tokenizer has not seen, and through transformers' own decoding."""
    tokenizer = models.load_tokenizer(base)
    for text in programs() + STRANGE:
        ids = tokenizer(text).input_ids
        assert tokenizer.decode(ids) == text
        assert not {tokenizer.pad_token_id, tokenizer.eos_token_id} & set(ids)


def test_boilerplate_is_short(texts):
    tokenizer = train_tokenizer(texts, 900)
    tokens = sum(len(tokenizer.encode(text).ids) for text in texts)
    assert tokens < sum(map(len, texts)) / 4


def test_digits_stay_apart(texts):
    tokenizer = train_tokenizer(texts + ["7777 12345"] * 50, 600)
    assert not [token for token in tokenizer.get_vocab() if sum(c.isdigit() for c in token) > 1]
    assert len(tokenizer.encode("12345").ids) == 5


def test_vocabulary_is_bounded(texts):
    assert train_tokenizer(texts, 300).get_vocab_size() == 300
    assert train_tokenizer(texts, 300).to_str() == train_tokenizer(list(texts), 300).to_str()


def test_padding_is_left_and_not_the_end(base):
    tokenizer = models.load_tokenizer(base)
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    batch = tokenizer(["a", "a much longer text"], padding=True)
    assert batch["input_ids"][0][0] == tokenizer.pad_token_id and batch["attention_mask"][0][0] == 0
    assert batch["attention_mask"][0][-1] == 1


@pytest.mark.parametrize("pad", ["<eos>", None])
def test_pad_that_is_eos_is_refused(base, tmp_path, pad):
    (tmp_path / "tokenizer.json").write_bytes((models.Path(base) / "tokenizer.json").read_bytes())
    config = json.loads((models.Path(base) / "tokenizer_config.json").read_text()) | {"pad_token": pad}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({k: v for k, v in config.items() if v}))
    with pytest.raises(UserError, match="pad token must exist and differ from its eos"):
        models.load_tokenizer(tmp_path)


def test_balanced_sample_keeps_rare_kinds_whole():
    documents = [{"language": "python", "style": "loop", "n": n} for n in range(10)]
    documents.insert(7, {"language": "lua", "style": "loop", "n": 99})
    sample = balanced_sample(documents, 3)
    assert [row["n"] for row in sample] == [0, 1, 2, 99]


def test_prompts():
    assert format_prompt("lua", None) == "# lua\n"
    assert ask({"statement": "sort it"}, "lua", PLAIN) == "# lua\n# sort it\n"


def test_extraction_keeps_every_gold_program():
    for code in programs():
        assert extract_code(code) == code == extract_code(code + " \n\n\t")
    assert extract_code(" \n") == "" and extract_code("  x = 1") == "  x = 1"
