"""Models and adapters of others: what save_pretrained writes is loaded as it is; what cannot be is one line before."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from published import CONFIGS, adapter_folder, model_folder, tokenizer
from tiny import WORLD, base_folder
from transformers import AutoModelForCausalLM

from crosspl import chat
from crosspl.errors import UserError
from crosspl.external import folders, loading
from crosspl.io import read_json, write_json, write_rows
from crosspl.microworld import world
from crosspl.provenance import code
from crosspl.sampling import end_ids, sample
from scripts import sample as sample_command

PROMPTS = ["# lua\n", "# python\n# add 3 to each, print the sum\n", "def f(x):\n    # c\n"]


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    """A Llama of one layer in several files, three ends, no pad token."""
    return model_folder(tmp_path_factory.mktemp("models") / "llama", shards="20KB")


@pytest.fixture
def copy(llama, tmp_path):
    return shutil.copytree(llama, tmp_path / "copy")


def greedy(model, tokens, prompts, batch=8):
    return sample(model, tokens, prompts, 1, 0, 16, batch, 0)


def by_hand(folder, prompt, count=16):
    """Return the greedy continuation of one prompt, one forward pass per token, without generate or padding."""
    model, tokens = (
        AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval(),
        loading.load_tokenizer(folder),
    )
    ids, found = tokens(prompt, return_tensors="pt").input_ids, []
    for _ in range(count):
        with torch.no_grad():
            token = model(input_ids=ids).logits[0, -1].argmax().item()
        if token in (0, 1, 2):
            break
        found.append(token)
        ids = torch.cat([ids, torch.tensor([[token]])], 1)
    return found


@pytest.mark.parametrize("kind", CONFIGS)
def test_answers_are_the_models_own(kind, tmp_path):
    """In batches, padded with an end: the same as token by token; a publisher's top-p and penalty are left out."""
    folder = model_folder(tmp_path, kind, shards="20KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 1 and not (folder / "model.safetensors").exists()
    model, tokens = loading.load(folder)
    assert model.dtype == torch.float32 and tokens.padding_side == "left"
    wanted = [by_hand(folder, prompt) for prompt in PROMPTS]
    found = greedy(model, tokens, PROMPTS)
    assert [answers[0]["tokens"] for answers in found] == [len(ids) for ids in wanted]
    assert [answers[0]["text"] for answers in found] == [tokens.decode(ids) for ids in wanted]
    assert len({answers[0]["text"] for answers in found}) > 1


def test_the_file_decides_what_tokens_are(tmp_path, capfd):
    """transformers has a tokenizer of its own for Qwen 2, with another splitting and a pad token more."""
    folder = model_folder(tmp_path, "qwen2")
    _, tokens = loading.load(folder)
    assert "taking the file" in capfd.readouterr().err
    assert tokens(loading.PROBE).input_ids == tokenizer()(loading.PROBE).input_ids and len(tokens) == 400


def test_the_distribution_is_not_the_publishers(llama):
    """generation_config.json says top_k 2; of 200 first tokens there are more than two."""
    model, tokens = loading.load(llama)
    answers = sample(model, tokens, PROMPTS[:1], 200, 3.0, 1, 200, 0)[0]
    assert len({answer["text"] for answer in answers}) > 20


def test_every_end_ends(llama, monkeypatch):
    model, tokens = loading.load(llama)
    assert end_ids(model, tokens) == [0, 1, 2]
    forward = type(model.lm_head).forward
    for end in (0, 1, 2):
        bias = torch.zeros(len(tokens))
        bias[end] = 1e9
        monkeypatch.setattr(model.lm_head, "forward", lambda x, bias=bias: forward(model.lm_head, x) + bias)
        assert greedy(model, tokens, PROMPTS) == [[{"text": "", "tokens": 0, "truncated": False}]] * 3


def test_padding_takes_a_token_that_is_there(llama, tmp_path):
    before = len(tokenizer())
    _, tokens = loading.load(llama)
    assert len(tokens) == before and tokens.pad_token_id == 0
    _, tokens = loading.load(model_folder(tmp_path, pad="<|eom_id|>"))
    assert tokens.pad_token == "<|eom_id|>"


def test_indentation_of_an_answer_is_kept(tmp_path, monkeypatch):
    """SentencePiece's way of decoding drops the first blank of a text; an answer is the middle of one."""
    model, tokens = loading.load(model_folder(tmp_path, blanks=True))
    wanted = "  return x , x\n"
    ids = tokens.convert_tokens_to_ids(list(wanted.replace(" ", "▁")))
    assert tokens.decode(ids) != wanted
    steps = iter([*ids, 0])
    forward = type(model.lm_head).forward

    def forced(x):
        bias = torch.zeros(len(tokens))
        bias[next(steps)] = 1e9
        return forward(model.lm_head, x) + bias

    monkeypatch.setattr(model.lm_head, "forward", forced)
    [[answer]] = greedy(model, tokens, PROMPTS[2:], batch=1)
    assert answer["text"] == wanted


@pytest.mark.parametrize("more", [{}, {"modules_to_save": ["lm_head"]}, {"use_dora": True}], ids=str)
def test_adapters_of_peft(llama, tmp_path, more):
    folder = adapter_folder(tmp_path, llama, **more)
    assert read_json(folder / "adapter_config.json")["base_model_name_or_path"]
    write_json(
        folder / "adapter_config.json",
        read_json(folder / "adapter_config.json") | {"base_model_name_or_path": "meta-llama/gone"},
    )
    model, tokens = loading.load(llama, folder)
    plain, _ = loading.load(llama)
    assert greedy(model, tokens, PROMPTS) != greedy(plain, tokens, PROMPTS)
    paths = loading.files_of(llama, folder)
    assert str(folder / "adapter_model.safetensors") in paths and len(paths) == len(set(paths))


def test_an_answer_that_does_not_fit(llama):
    model, tokens = loading.load(llama)
    length = max(len(ids) for ids in tokens(PROMPTS).input_ids)
    chat.check_context(model, tokens, PROMPTS, 256 - length)
    with pytest.raises(UserError, match=f"sampling.max_tokens to {256 - length} or less"):
        chat.check_context(model, tokens, PROMPTS, 257 - length)
    with pytest.raises(UserError, match="leave the problem out"):
        chat.check_context(model, tokens, ["x " * 400], 1)


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Run scripts.sample on a model in its own folder, with one short problem."""
    monkeypatch.chdir(tmp_path)
    for name in ("crosspl", "scripts"):
        (tmp_path / name).symlink_to(Path(__file__).parent.parent / name)
    code.cache_clear()
    write_rows("problems.jsonl.gz", [row for row in world.build_problems(WORLD) if row["split"] == "eval"][:1])
    settings = {
        "split": "eval",
        "seed": 0,
        "samples": 1,
        "temperature": 1.0,
        "max_tokens": 2,
        "batch": 2,
        "engine": "transformers",
    }

    def run(*options, **changes):
        sample_command.main([*options, "--problems", "problems.jsonl.gz", "--languages", "python", "--settings",
                             json.dumps(settings | changes), "--output", "out.jsonl.gz"])  # fmt: skip

    yield run
    code.cache_clear()


def test_a_model_without_a_chat_template_is_told_in_one_line(llama, command):
    protocol = {"style": "chat", "languages": {"python": {"name": "Python 3", "fence": ["python"]}}}
    with pytest.raises(UserError, match="the tokenizer has no chat template"):
        command("--external", "--base", str(llama), "--protocol", json.dumps(protocol))


def test_the_same_files_as_somebody_elses_are_another_model(command, tmp_path):
    base = base_folder(tmp_path / "base")
    (tmp_path / "base/generation_config.json").unlink()  # ours has none
    command("--base", base)
    command("--external", "--base", base)
    assert len(list((tmp_path / "work/completions").iterdir())) == 2


def test_our_models_have_a_context_too(command, tmp_path):
    with pytest.raises(UserError, match="together more than the 256 of the model's context"):
        command("--base", base_folder(tmp_path / "base"), max_tokens=256)


def refused(folder, said, adapter=None):
    with pytest.raises(UserError, match=said) as raised:
        loading.files_of(folder, adapter)
        loading.load(folder, adapter)
    assert "\n" not in str(raised.value) and str(adapter or folder) in str(raised.value)


def cut(path):
    path.write_bytes(path.read_bytes()[:-5])


def change(folder, name, **more):
    write_json(folder / name, read_json(folder / name) | more)


BROKEN = {  # what is done to a folder, what is said
    "no such folder": shutil.rmtree,
    r"no config\.json, so no model of transformers$": lambda f: (f / "config.json").unlink(),
    r"config\.json: not JSON": lambda f: (f / "config.json").write_text("{"),
    "no tokenizer": lambda f: (f / "tokenizer.json").unlink(),
    "tokenizer cannot be loaded": lambda f: (f / "tokenizer.json").write_text("{}"),
    r"no weights \(model\.safetensors\)": lambda f: [p.unlink() for p in f.glob("model*")],
    "can run code when it is read.*save_pretrained": lambda f: (
        [p.unlink() for p in f.glob("model*")],
        (f / "pytorch_model.bin").write_bytes(b"x"),
    ),
    "1 of the .* files of model.safetensors.index.json are missing: model-00001": lambda f: next(
        f.glob("model-00001*")
    ).unlink(),
    r"bytes, \d+ by its header": lambda f: cut(next(f.glob("model-00002*"))),
    "pointer of Git LFS": lambda f: next(f.glob("model-00002*")).write_text(
        "version https://git-lfs.github.com/spec/v1"
    ),
    "no safetensors file": lambda f: next(f.glob("model-00002*")).write_bytes(b"\xff" * 40),
    r"quantized \(fp8\)": lambda f: change(f, "config.json", quantization_config={"quant_method": "fp8"}),
    "model cannot be loaded|not in its files": lambda f: change(f, "config.json", num_hidden_layers=2),
    "model cannot be loaded": lambda f: change(f, "config.json", hidden_size=64),
    r"code that comes with a model is never run|cannot be loaded": lambda f: change(
        f, "config.json", model_type="own", auto_map={"AutoModelForCausalLM": "own.Model", "AutoConfig": "own.Config"}
    ),
    "the tokenizer has .* tokens, the model 400": lambda f: change(
        f,
        "tokenizer.json",
        added_tokens=read_json(f / "tokenizer.json")["added_tokens"]
        + [
            {"id": 500 + n, "content": f"<{n}>", "special": True}
            | dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
            for n in range(9)
        ],
    ),
}


@pytest.mark.parametrize("said", BROKEN)
def test_broken_models(copy, said):
    BROKEN[said](copy)
    refused(copy, said)


def test_code_in_a_folder_is_not_run(copy, tmp_path):
    (copy / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    change(copy, "config.json", auto_map={"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"})
    loading.load(copy)  # a Llama, by transformers' own code
    change(copy, "config.json", model_type="own")
    refused(copy, "never run|cannot be loaded")
    assert not (tmp_path / "ran").exists()


def test_an_adapter_is_no_model(llama, tmp_path):
    folder = adapter_folder(tmp_path, llama)
    refused(folder, "name it as `adapter`, and its base as `model`")


BROKEN_ADAPTERS = {
    "no such folder": shutil.rmtree,
    r"no adapter_config\.json": lambda f: (f / "adapter_config.json").unlink(),
    r"no weights \(adapter_model\.safetensors\)": lambda f: (f / "adapter_model.safetensors").unlink(),
    "can run code when it is read": lambda f: (f / "adapter_model.safetensors").rename(f / "adapter_model.bin"),
    "of kind IA3; only LoRA": lambda f: change(f, "adapter_config.json", peft_type="IA3"),
    r"by its header": lambda f: cut(f / "adapter_model.safetensors"),
    "does not fit the model|cannot be loaded": lambda f: change(f, "adapter_config.json", target_modules=["q_proj"]),
}


@pytest.mark.parametrize("said", BROKEN_ADAPTERS)
def test_broken_adapters(llama, tmp_path, said):
    folder = adapter_folder(tmp_path / "adapter", llama)
    BROKEN_ADAPTERS[said](folder)
    refused(llama, said, folder)


def test_adapter_of_another_model(llama, tmp_path):
    """Said before anything is loaded, by names and shapes in the files."""
    gpt2 = model_folder(tmp_path / "gpt2", "gpt2")
    wide = model_folder(tmp_path / "wide", hidden_size=64)
    deep = model_folder(tmp_path / "deep", num_hidden_layers=2)
    with pytest.raises(UserError, match="of another architecture"):
        folders.adapter_files(adapter_folder(tmp_path / "a", gpt2), llama)
    with pytest.raises(UserError, match=r"of another model .*: .*_proj is \d+ x \d+ and \d+ x \d+"):
        folders.adapter_files(adapter_folder(tmp_path / "b", wide), llama)
    refused(llama, "does not fit the model: .*the model has no place for it", adapter_folder(tmp_path / "c", deep))
    assert folders.adapter_files(adapter_folder(tmp_path / "d", gpt2), gpt2)
    loading.load(gpt2, tmp_path / "d")


def test_headers_say_what_the_files_hold(llama):
    found = {}
    for name in folders.weight_files(llama):
        found |= folders.tensors_of(llama / name) if name.endswith(".safetensors") else {}
    wanted = AutoModelForCausalLM.from_pretrained(llama).state_dict()
    assert {name: list(tensor.shape) for name, tensor in wanted.items() if name in found} == found
    assert json.loads((llama / folders.INDEX).read_text())["weight_map"].keys() == found.keys()
