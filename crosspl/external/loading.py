"""Load a published model, with its adapter or without, as it was published: no code of its own, nothing left out.

In: folders that crosspl.external.folders has checked. Out: a causal language model of transformers and its tokenizer,
ready for crosspl.sampling: bfloat16 on a GPU, float32 on a CPU, padded on the left. A UserError of one line where the
weights do not fill the model, or an adapter does not fill its layers.
"""

import contextlib
import os
import sys
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no rule fetches anything behind the user's back

import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig, PreTrainedTokenizerFast

from crosspl import record
from crosspl.errors import UserError
from crosspl.external.folders import ADAPTER_WEIGHTS, adapter_files, model_files
from crosspl.sampling import end_ids

WRONG = (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, RuntimeError, SafetensorError)
PROBE = "def f(x):\n    # 12345 caf\u00e9, it's\r\n\tif x == 1 and y != 'ab':\n\n        return [1, 20, -3.5]\n"
LOCAL = {"trust_remote_code": False, "local_files_only": True}


def files_of(folder, adapter=None):
    """Return the paths of the files that decide the answers of a model with its adapter; they count as read."""
    paths = model_files(folder) + (adapter_files(adapter, folder) if adapter else [])
    for path in paths:
        record.read(path)
    return paths


def load(folder, adapter=None):
    """Return (model, tokenizer); the model is on the GPU where there is one."""
    tokenizer, model = load_tokenizer(folder), load_model(folder)
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        raise UserError(f"{folder}: the tokenizer has {len(tokenizer)} tokens, the model {rows}: not its tokenizer")
    ends = end_ids(model, tokenizer)
    add_pad(tokenizer, ends)
    # Else what the publisher likes best, such as a repetition penalty or top-p, would join the settings asked for.
    model.generation_config = GenerationConfig(eos_token_id=ends or None, pad_token_id=tokenizer.pad_token_id)
    model = load_adapter(model, adapter) if adapter else model
    return model.eval(), tokenizer


def described(folder):
    """Return what is known of a model without its weights: its config, and what ends an answer."""
    with one_line(folder, "model"):
        config = AutoConfig.from_pretrained(folder, **LOCAL)
        stated = Path(folder, "generation_config.json").is_file()
        generation = GenerationConfig.from_pretrained(folder) if stated else GenerationConfig.from_model_config(config)
    return SimpleNamespace(config=config, generation_config=generation)


def load_tokenizer(folder):
    """Return the tokenizer of a folder; what it decodes is what was encoded, blanks before a comma as well."""
    with one_line(folder, "tokenizer"):
        tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left", **LOCAL)
        if not as_in_file(tokenizer, Path(folder) / "tokenizer.json"):
            print(
                f"{folder}: {type(tokenizer).__name__} reads texts otherwise than tokenizer.json; taking the file",
                file=sys.stderr,
            )
            tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, padding_side="left", **LOCAL)
    tokenizer.clean_up_tokenization_spaces = False
    tokenizer.model_input_names = ["input_ids", "attention_mask"]  # some add token types, which no decoder knows
    return tokenizer


def as_in_file(tokenizer, path):
    """Return whether a tokenizer reads and writes a text as the published file does.

    For some kinds of models transformers takes no more than the vocabulary from the file and splits texts its own way.
    """
    if not path.is_file():
        return True
    file = Tokenizer.from_file(str(path))
    ids = file.encode(PROBE, add_special_tokens=False).ids
    return tokenizer.encode(PROBE, add_special_tokens=False) == ids and len(tokenizer) <= file.get_vocab_size()


def add_pad(tokenizer, ends):
    """Give a tokenizer without a pad token one that it has already: padding is masked, and cut off after the end."""
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(ends[0] if ends else 0)


def load_model(folder):
    """Return the model of a folder; UserError when its weights leave parts of it as they were drawn at random."""
    gpu = torch.cuda.is_available()
    dtype = torch.bfloat16 if gpu else torch.float32
    with one_line(folder, "model"):
        model, found = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, use_safetensors=True, output_loading_info=True, **LOCAL
        )
    if missing := sorted(found["missing_keys"]):
        raise UserError(f"{folder}: {len(missing)} weights of the model are not in its files, such as {missing[0]}")
    return model.to("cuda") if gpu else model


def load_adapter(model, folder):
    """Return `model` under a LoRA adapter, all of which must have arrived; so must modules_to_save."""
    with one_line(folder, "adapter"):
        adapted = PeftModel.from_pretrained(model, folder, local_files_only=True)
    on_disk = load_file(f"{folder}/{ADAPTER_WEIGHTS}")
    in_memory = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    if strange := sorted(on_disk.keys() ^ in_memory.keys()):
        where = "the model has no place for it" if strange[0] in on_disk else "it is not in the file"
        raise UserError(f"{folder}: the adapter does not fit the model: {strange[0]}: {where}")
    for name, weights in on_disk.items():
        if not torch.equal(weights.to(in_memory[name].dtype), in_memory[name].cpu()):
            raise UserError(f"{folder}: {name} in memory is not what the file holds")
    return adapted


@contextlib.contextmanager
def one_line(folder, what):
    """Turn what transformers and PEFT raise for a folder that they cannot load into a UserError."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except WRONG as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        own = " (code that comes with a model is never run)" if "trust_remote_code" in str(error) else ""
        raise UserError(f"{folder}: the {what} cannot be loaded{own}: {' '.join(lines)[:300]}") from error
