"""Sample answers from a checkpoint.

In: model, tokenizer, prompts, sampling settings, a seed. Out: per prompt a list of answers {"text", "tokens",
"truncated"}. Prompts are batched by length and left-padded; the seed depends on what is asked, not on what was sampled
before, so one language's answers do not change when another is added.
"""

import hashlib

import torch
from transformers import GenerationConfig


def seed_of(*parts):
    """Return a 63-bit seed that depends on all parts."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "big") >> 1


@torch.no_grad()
def sample(model, tokenizer, prompts, samples, temperature, max_tokens, batch, seed):
    """Return `samples` answers per prompt; temperature 0 is greedy and gives one answer."""
    torch.manual_seed(seed)
    model.eval()
    config = GenerationConfig(
        max_new_tokens=max_tokens,
        do_sample=temperature > 0,
        temperature=temperature or None,
        top_k=0 if temperature > 0 else None,  # the model's own distribution, no truncation
        top_p=1.0 if temperature > 0 else None,
        num_return_sequences=samples,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        use_cache=True,
        disable_compile=True,
    )
    answers = [None] * len(prompts)
    order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), i))
    per_batch = max(1, batch // samples)
    for start in range(0, len(order), per_batch):
        chosen = order[start : start + per_batch]
        inputs = tokenizer([prompts[i] for i in chosen], return_tensors="pt", padding=True)
        output = model.generate(**inputs.to(model.device), generation_config=config)[:, inputs["input_ids"].shape[1] :]
        for place, i in enumerate(chosen):
            rows = output[place * samples : (place + 1) * samples].tolist()
            answers[i] = [_answer(tokenizer, ids) for ids in rows]
    return answers


def _answer(tokenizer, ids):
    """Return the text before <eos>; without one the answer was truncated."""
    truncated = tokenizer.eos_token_id not in ids
    ids = ids if truncated else ids[: ids.index(tokenizer.eos_token_id)]
    return {"text": tokenizer.decode(ids), "tokens": len(ids), "truncated": truncated}
