"""A teacher in a folder: a causal language model of transformers with its tokenizer, used on this machine.

In: the folder, messages, a sample's number. Out: an answer as of an endpoint. One question at a time: what is larger
than a test is quicker behind vLLM's server. Messages go through the tokenizer's chat template where it has one, else
their texts are put one after the other.
"""

import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no rule fetches anything behind the user's back

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from crosspl.errors import UserError
from crosspl.provenance import digest
from crosspl.teacher.calls import Refused
from crosspl.teacher.endpoint import seed_of

DECIDING = ("*.safetensors", "*.json", "*.jinja", "*.model")  # files of a model's folder that decide its answers


def name_of(folder):
    """Return a name that says which model it is, wherever the folder lies: its own name and a hash of its files."""
    files = sorted(path for pattern in DECIDING for path in Path(folder).glob(pattern))
    if not any(path.suffix == ".safetensors" for path in files):
        raise UserError(f"teacher.model: {folder} holds no model (*.safetensors); for an endpoint set calls.base_url")
    return f"{Path(folder).resolve().name}@{digest(*[path.name for path in files], *files)}"


def local(folder, sampling):
    """Return the teacher in `folder`."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto").eval()
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    config, longest = generation(tokenizer, sampling), model.config.max_position_embeddings
    name = name_of(folder)

    @torch.no_grad()
    def ask(messages, sample):
        ids = prompt_ids(tokenizer, messages)
        if len(ids) + sampling["max_tokens"] > longest:
            raise Refused(f"{folder}: {len(ids)} + {sampling['max_tokens']} tokens are more than its {longest}")
        torch.manual_seed(seed_of(sampling["seed"] or 0, messages, sample))
        inputs = torch.tensor([ids], device=model.device)
        output = model.generate(inputs, attention_mask=torch.ones_like(inputs), generation_config=config)
        return answer(tokenizer, output[0, len(ids) :].tolist(), config.eos_token_id, name)

    return ask


def prompt_ids(tokenizer, messages):
    """Return the tokens of a conversation that the model is to continue."""
    if tokenizer.chat_template:
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        return tokenizer(text, add_special_tokens=False).input_ids  # the template has written them
    return tokenizer("\n\n".join(message["content"] for message in messages) + "\n\n").input_ids


def generation(tokenizer, sampling):
    """Return transformers' words for the sampling settings; null is 1, as in the protocol of endpoints."""
    hot = sampling["temperature"] != 0
    return GenerationConfig(
        max_new_tokens=sampling["max_tokens"],
        do_sample=hot,
        temperature=(1.0 if sampling["temperature"] is None else sampling["temperature"]) if hot else None,
        top_p=(1.0 if sampling["top_p"] is None else sampling["top_p"]) if hot else None,
        top_k=0 if hot else None,
        pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        **sampling["extra"],
    )


def answer(tokenizer, ids, end, name):
    """Return the text before the end token; without one the answer was cut off."""
    finish = "stop" if end in ids else "length"
    ids = ids[: ids.index(end)] if end in ids else ids
    return {
        "text": tokenizer.decode(ids, skip_special_tokens=True),
        "finish": finish,
        "model": name,
        "tokens": len(ids),
    }
