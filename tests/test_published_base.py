"""A published model as the base: shards, pad tokens, ends, what is wrong with it; on real folders of transformers."""

import json
import shutil

import pytest
import torch
from hub_server import Hub, serving
from test_bad_input import message
from tiny import training_rows
from transformers import AutoModelForCausalLM, AutoTokenizer
from workflow_run import ROOT, command, environment

from crosspl import models
from crosspl.errors import UserError
from crosspl.io import read_json
from crosspl.provenance import file_hash
from crosspl.published_base import take

COMMIT = "c" * 40
TEMPLATE = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{{ eos_token }}{% endfor %}"


@pytest.fixture(scope="module")
def published(base, tmp_path_factory):
    """Return a model in five shards, with a chat template, three end tokens and the publisher's own sampling."""
    folder = tmp_path_factory.mktemp("published")
    model, tokenizer = AutoModelForCausalLM.from_pretrained(base), AutoTokenizer.from_pretrained(base)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|eom|>", "<|finetune_right_pad_id|>"]})
    model.resize_token_embeddings(len(tokenizer))
    tokenizer.chat_template, tokenizer.pad_token = TEMPLATE, tokenizer.eos_token  # as Llama's users did
    model.save_pretrained(folder, max_shard_size="10KB")
    tokenizer.save_pretrained(folder)
    ends = [tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("<|eom|>")]
    (folder / "generation_config.json").write_text(
        json.dumps({"eos_token_id": ends, "top_p": 0.5, "temperature": 0.1, "do_sample": True})
    )
    return folder


@pytest.fixture
def copy(published, tmp_path):
    return shutil.copytree(published, tmp_path / "copy")


def test_shards_become_one_file_with_the_same_bits(published, tmp_path):
    assert len(list(published.glob("model-*.safetensors"))) > 3
    count = take(published, tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(published)
    model, tokenizer = models.load_base(tmp_path), models.load_tokenizer(tmp_path)
    assert count == model.num_parameters() == theirs.num_parameters()
    for name, weights in theirs.state_dict().items():
        assert torch.equal(weights, model.state_dict()[name]), name
    texts = [row["prompt"] + row["completion"] for row in training_rows(4)]
    assert torch.equal(
        models.canary_log_probs(model, tokenizer, texts), models.canary_log_probs(theirs, tokenizer, texts)
    )
    assert tokenizer.pad_token == "<|finetune_right_pad_id|>" and tokenizer.chat_template == TEMPLATE
    assert AutoTokenizer.from_pretrained(published).encode(texts[0]) == tokenizer.encode(texts[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(models.BASE_FILES)


def test_ends_are_kept_and_the_publishers_sampling_is_not(published, tmp_path):
    from crosspl.sampling import end_ids

    take(published, tmp_path)
    model, tokenizer = models.load_base(tmp_path), models.load_tokenizer(tmp_path)
    assert end_ids(model, tokenizer) == sorted(tokenizer.convert_tokens_to_ids(["<eos>", "<|eom|>"]))
    assert model.generation_config.top_p in (None, 1.0) and model.generation_config.temperature in (None, 1.0)


def test_one_file_is_copied_bit_for_bit(base, tmp_path):
    take(base, tmp_path)
    assert file_hash(tmp_path / "model.safetensors") == file_hash(f"{base}/model.safetensors")


@pytest.mark.parametrize(("pad", "said"), [("<|eom|>", "no pad token that differs"), ("<|none|>", "is no token of")])
def test_pad_tokens_that_are_none(published, tmp_path, pad, said):
    with pytest.raises(UserError, match=said):
        take(published, tmp_path, pad)


def test_no_token_is_free(published, copy, tmp_path, monkeypatch):
    monkeypatch.setattr("crosspl.published_base.PADS", ())
    with pytest.raises(UserError, match="name a token that texts never hold"):
        take(copy, tmp_path)


def run(*words, **env):
    return command(ROOT, "take_base", *words, env=environment() | env)


def test_the_command_and_what_it_says_of_itself(published, tmp_path):
    done = run("--from", published, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    manifest = read_json(tmp_path / "manifest.json")
    assert manifest["weights_sha256"] == file_hash(tmp_path / "model.safetensors")
    assert manifest["from"] == str(published) and manifest["parameters"] > 10_000
    assert {"config.json", "tokenizer.json", "generation_config.json"} < manifest["inputs"].keys()


def lost_shard(folder):
    next(folder.glob("model-00002*")).unlink()


def short_shard(folder):
    path = next(folder.glob("model-00002*"))
    path.write_bytes(path.read_bytes()[:-9])


def no_config(folder):
    (folder / "config.json").unlink()


def pickled(folder):
    for path in folder.glob("*.safetensors*"):
        path.unlink()
    (folder / "pytorch_model.bin").write_bytes(b"x")


def quantized(folder):
    config = read_json(folder / "config.json")
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": {"quant_method": "gptq"}}))


@pytest.mark.parametrize(("fault", "said"), [
    (lost_shard, "1 of the"), (short_shard, "model-00002"), (no_config, "no config.json"), (pickled, "safetensors"),
    (quantized, "quantized"),
])  # fmt: skip
def test_broken_folders(copy, tmp_path, fault, said):
    fault(copy)
    done = run("--from", copy, "--output", tmp_path / "out")
    assert said in message(done)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("name", "said"), [
    ("/nowhere/model", "base.from: /nowhere/model: no such folder"),
    ("owner/model", "set base.revision to a commit"),
])  # fmt: skip
def test_no_folder(tmp_path, name, said):
    assert said in message(run("--from", name, "--output", tmp_path / "out"))


def test_from_a_hub_at_a_commit(published, tmp_path):
    """Through the real client, from a server of the hub's protocol; a second time nothing is fetched."""
    files = {path.name: path.read_bytes() for path in published.iterdir()} | {"original.bin": b"not wanted"}
    hub = Hub("owner/model", COMMIT, files, kind="models")
    told = ["--from", "owner/model", "--revision", COMMIT, "--output", tmp_path / "out"]
    with serving(hub) as endpoint:
        env = {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "0"}
        done = run(*told, **env)
        assert done.returncode == 0, done.stderr
        assert not any("original.bin" in path for path in hub.paths())
        assert read_json(tmp_path / "out/manifest.json")["revision"] == COMMIT
        before = len(hub.paths())
        assert run(*told, **env).returncode == 0
        assert not [path for path in hub.paths()[before:] if "/resolve/" in path]
        hub.gated = True
        assert "it is gated" in message(
            run("--from", "owner/model", "--revision", "d" * 40, "--output", tmp_path / "x", **env)
        )
