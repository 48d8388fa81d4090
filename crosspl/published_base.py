"""A published model as the base of an experiment: one folder of a known form, whatever form it was published in.

In: the folder of a model of transformers (crosspl.external.folders), in one file or in shards. Out: config.json,
model.safetensors (one file, the tensors as they were), tokenizer.json, tokenizer_config.json with the chat template.
What ends an answer stands in config.json; other wishes of the publisher for sampling, such as top-p, are left out.
Padding is a token of its own: where pad is eos, the end of an answer is never learned (huggingface/trl#1623, #3299).
"""

import json
import os
import shutil
import tempfile
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from transformers import GenerationConfig

from crosspl.errors import UserError
from crosspl.external.folders import CONFIG, INDEX, WEIGHTS, json_of, model_files, weight_files
from crosspl.external.loading import load_tokenizer
from crosspl.io import atomic, write_json, write_text

PADS = ("<|finetune_right_pad_id|>", "<|pad|>", "<pad>", "[PAD]", "<|reserved_special_token_0|>", "<unk>")


def take(folder, output, pad_token=None):
    """Write the model in `folder` as a base folder to `output`; return the number of its parameters."""
    folder, output = Path(folder), Path(output)
    model_files(folder)
    tokenizer = load_tokenizer(folder)
    config = json_of(folder / CONFIG)
    ends = ending_tokens(folder, config, tokenizer)
    pad = padding(tokenizer, ends, pad_token, folder)
    tokenizer.pad_token = pad
    with tempfile.TemporaryDirectory() as scratch:
        tokenizer.save_pretrained(scratch)
        written = json.loads(Path(scratch, "tokenizer_config.json").read_text())
        if tokenizer.chat_template:
            written["chat_template"] = tokenizer.chat_template
        write_json(output / "tokenizer_config.json", written)
        write_text(output / "tokenizer.json", Path(scratch, "tokenizer.json").read_text())
    write_json(output / CONFIG, config | {"eos_token_id": ends, "pad_token_id": tokenizer.pad_token_id})
    with atomic(output / WEIGHTS) as temporary:
        return join(folder, temporary)


def ending_tokens(folder, config, tokenizer):
    """Return the ids that end an answer: the publisher's and the tokenizer's own; Llama 3 has three."""
    stated = config.get("eos_token_id")
    if (folder / "generation_config.json").is_file():
        stated = GenerationConfig.from_pretrained(folder).eos_token_id or stated
    ids = {tokenizer.eos_token_id, *(stated if isinstance(stated, list) else [stated])} - {None}
    if tokenizer.eos_token_id is None:
        raise UserError(f"{folder}: the tokenizer has no eos token, so no answer would come to its end")
    return sorted(ids)


def padding(tokenizer, ends, wanted, folder):
    """Return a token for padding that ends no answer: `wanted`, else the tokenizer's own, else a reserved one."""
    known = tokenizer.get_vocab()
    if wanted and wanted not in known:
        raise UserError(f"base.pad_token: {wanted!r} is no token of {folder}")
    for token in [wanted] if wanted else [tokenizer.pad_token, *PADS]:
        if token in known and known[token] not in ends:
            return token
    raise UserError(
        f"{folder}: no pad token that differs from what ends an answer; name a token that texts never hold in "
        "base.pad_token"
    )


def join(folder, path):
    """Write all weights of a model into the file `path`; return the number of parameters."""
    names = [name for name in weight_files(folder) if name != INDEX]
    if len(names) == 1:
        shutil.copyfile(folder / names[0], path)
        os.chmod(path, 0o644)
    tensors, count = {}, 0
    for name in names:
        with safe_open(folder / name, "pt") as file:
            for key in file.keys():  # noqa: SIM118
                count += _size(file, key)
                if len(names) > 1:
                    tensors[key] = file.get_tensor(key)
    if len(names) > 1:
        save_file(tensors, path, {"format": "pt"})
    return count


def _size(file, key):
    size = 1
    for length in file.get_slice(key).get_shape():
        size *= length
    return size
