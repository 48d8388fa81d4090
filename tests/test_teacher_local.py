"""A teacher in a folder: a tiny random Llama of transformers, with and without a chat template."""

import shutil

import pytest
from teaching import files, problem, program, run, settings
from test_bad_input import message

from crosspl.io import read_csv, read_json, read_rows, write_json
from crosspl.teacher import local
from crosspl.teacher.calls import Refused

SAMPLING = {"temperature": 1.0, "top_p": 0.9, "max_tokens": 12, "seed": 3, "extra": {}}
TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}> {{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant> {% endif %}"
)
ASKED = [{"role": "user", "content": "take each modulo 5"}]


@pytest.fixture
def chat(base, tmp_path):
    """The tiny model with a chat template."""
    folder = shutil.copytree(base, tmp_path / "chat")
    write_json(
        folder / "tokenizer_config.json", read_json(folder / "tokenizer_config.json") | {"chat_template": TEMPLATE}
    )
    return str(folder)


def test_the_same_answer_to_the_same_question(base):
    ask = local.local(base, SAMPLING)
    first = [ask(ASKED, sample) for sample in range(4)]
    assert [local.local(base, SAMPLING)(ASKED, sample) for sample in (3, 1)] == [first[3], first[1]]
    assert len({answer["text"] for answer in first}) > 1
    for answer in first:
        assert answer["finish"] == ("stop" if answer["tokens"] < 12 else "length")
    greedy = local.local(base, SAMPLING | {"temperature": 0})
    assert greedy(ASKED, 0)["text"] == greedy(ASKED, 1)["text"]


def test_chat_template(base, chat):
    tokenizer = local.AutoTokenizer.from_pretrained(chat)
    assert tokenizer.decode(local.prompt_ids(tokenizer, ASKED)) == "<user> take each modulo 5\n<assistant> "
    plain = local.AutoTokenizer.from_pretrained(base)
    assert plain.decode(local.prompt_ids(plain, ASKED)) == "take each modulo 5\n\n"


def test_too_long_a_question(base):
    with pytest.raises(Refused, match="more than its 256"):
        local.local(base, SAMPLING)([{"role": "user", "content": "take each " * 300}], 0)


def test_name_is_of_what_the_model_is(base, tmp_path):
    other = shutil.copytree(base, tmp_path / "moved" / base.rpartition("/")[2])
    name = local.name_of(base)
    assert local.name_of(other) == name
    path = other / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert local.name_of(other) != name


def test_command(base, tmp_path):
    """Nothing of a random model is a program, but all of it is asked, kept, extracted and counted."""
    files(tmp_path, [problem(n, statement="Add.") for n in range(2)], [program(0, code="x")])
    made = settings(None, model=base, max_tokens=20, calls={"concurrency": 9})
    done = run(tmp_path, made)
    assert done.returncode == 0, done.stderr
    found = {row["prompt"]: row for row in read_csv(tmp_path / "lua.csv")}
    asked = {name: int(row["asked"]) for name, row in found.items()}
    assert asked == {"translate": 2, "solve": 1}
    assert sum(int(row["answered"]) + int(row["refused"]) for row in found.values()) == 3
    rows, before = read_rows(tmp_path / "lua.jsonl.gz"), (tmp_path / "lua.jsonl.gz").read_bytes()
    assert all(row["teacher"] == local.name_of(base) for row in rows)
    assert run(tmp_path, made).returncode == 0 and (tmp_path / "lua.jsonl.gz").read_bytes() == before
    message(run(tmp_path, made | {"max_tokens": None}), "teacher.max_tokens")
