"""Hidden states of programs at every layer of a model, pooled over the program's tokens.

In: a model, its tokenizer, programs[language][problem]. Out: float32 array [language, problem, layer, pooling, hidden].
Layer 0 is the embeddings, layer n the residual stream after decoder layer n. For the last layer this is the state
before the final norm, where transformers' own `hidden_states` give the one after it: all layers are then one kind of
thing, and crosspl.ablation changes exactly what is measured here. Poolings as in the Semantic Hub hypothesis (arXiv
2411.04986, last token) and mean over tokens.

The context of a program is the prompt of raw code, which names the PL alone. The statement is the same in all PLs:
with it in the context, states would agree because they read the same statement, whatever they know of the program.
"""

import contextlib

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM, set_seed

from crosspl.prompts import format_prompt


def untrained_model(base, seed, weights="float32"):
    """Return a model of the architecture in folder `base` with the random weights of `seed`, in evaluation mode."""
    set_seed(seed)
    return AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(base), dtype=getattr(torch, weights)).eval()


def layer_modules(model):
    """Return the modules whose outputs are the layers' states: the embeddings, then each decoder layer."""
    return [model.get_input_embeddings(), *model.get_decoder().layers]


@contextlib.contextmanager
def hooked(modules, functions):
    """Run each of `functions` as forward hook of its module; the hooks are gone afterwards, errors or not."""
    handles = [module.register_forward_hook(function) for module, function in zip(modules, functions)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def hidden_states(model, tokenizer, codes, languages, batch):
    """Return the pooled states, shape (len(languages), problems, layers + 1, 2, hidden); pooling 0 is mean, 1 last.

    codes: programs[language][problem]; batch: programs at a time. Prompt tokens are in the context, not in the pools.
    """
    flat = [(format_prompt(language, None), code) for language, codes in zip(languages, codes) for code in codes]
    ids = [(tokenizer(prompt).input_ids, tokenizer(code, add_special_tokens=False).input_ids) for prompt, code in flat]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i][0]) + len(ids[i][1]))  # little padding in a batch
    pooled = [None] * len(ids)
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        for i, states in zip(chosen, _pool(model, tokenizer, [ids[i] for i in chosen])):
            pooled[i] = states
    return np.stack(pooled).reshape(len(languages), -1, *pooled[0].shape)


@torch.no_grad()
def _pool(model, tokenizer, ids):
    """Return the pooled states of one batch of (prompt tokens, code tokens), shape (batch, layers + 1, 2, hidden)."""
    inputs = tokenizer.pad({"input_ids": [prompt + code for prompt, code in ids]}, return_tensors="pt")
    real = inputs["attention_mask"]
    positions = (real.cumsum(1) - 1).clamp(min=0)
    prompts = torch.tensor([len(prompt) for prompt, _ in ids])[:, None]
    code = (real.bool() & (positions >= prompts)).to(model.device)
    last = torch.where(code, torch.arange(code.shape[1], device=code.device), -1).argmax(1)
    layers = []

    def pool(module, args, output):
        states = output.float()
        mean = (states * code[..., None]).sum(1) / code.sum(1, keepdim=True)
        layers.append(torch.stack([mean, states[torch.arange(len(states)), last]], 1).cpu())

    modules = layer_modules(model)
    with hooked(modules, [pool] * len(modules)):
        model.get_decoder()(**inputs.to(model.device), position_ids=positions.to(model.device), use_cache=False)
    return torch.stack(layers, 1).numpy()
