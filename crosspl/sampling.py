"""Sample answers from a checkpoint.

In: model, tokenizer, prompts, sampling settings, a seed. Out: per prompt a list of answers {"text", "tokens",
"truncated"}. Prompts are batched by length and left-padded; the seed depends on what is asked, not on what was sampled
before, so one language's answers do not change when another is added. Answers so far and the state of the random
numbers are kept in a file, so that an interrupted call goes on as if it had not been.
"""

import hashlib
import json
import pickle
import sys
import time
from pathlib import Path

import torch
from transformers import GenerationConfig

from crosspl import record
from crosspl.errors import Interrupted
from crosspl.interruption import finish_first, told
from crosspl.io import atomic

KEEP_EVERY_S = 60.0


def seed_of(*parts):
    """Return a 63-bit seed that depends on all parts."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "big") >> 1


@torch.no_grad()
def sample(model, tokenizer, prompts, samples, temperature, max_tokens, batch, seed, keep=None):
    """Return `samples` answers per prompt; temperature 0 is greedy and gives one answer.

    `keep` is the file of an unfinished call with these very arguments, None for none; SIGTERM raises Interrupted.
    """
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
    answers = _kept(keep)
    order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), i))
    per_batch = max(1, batch // samples)
    saved = time.monotonic()
    with finish_first():
        for start in range(len(answers), len(order), per_batch):
            chosen = order[start : start + per_batch]
            inputs = tokenizer([prompts[i] for i in chosen], return_tensors="pt", padding=True)
            output = model.generate(**inputs.to(model.device), generation_config=config)
            rows = output[:, inputs["input_ids"].shape[1] :].tolist()
            found = [_answer(tokenizer, ids) for ids in rows]
            answers += [found[place : place + samples] for place in range(0, len(found), samples)]
            record.count(generated_tokens=sum(answer["tokens"] for answer in found))
            record.beat()
            if keep and (told() or time.monotonic() - saved > KEEP_EVERY_S):
                saved = time.monotonic()
                _keep(keep, answers)
            if told():
                raise Interrupted(f"told to stop (SIGTERM) after {len(answers)} of {len(order)} prompts; run again")
    if keep:
        Path(keep).unlink(missing_ok=True)
    return [answer for _, answer in sorted(zip(order, answers))]


def _keep(path, answers):
    """Write the answers so far, in the order of sampling, and the state of all random numbers."""
    state = {"answers": json.dumps(answers), "cpu": torch.get_rng_state(), "gpus": torch.cuda.get_rng_state_all()}
    with atomic(path) as temporary:
        torch.save(state, temporary)


def _kept(path):
    """Return the answers of an unfinished call and put its random numbers back; [] when there is none."""
    if not path or not Path(path).exists():
        return []
    try:
        state = torch.load(path, weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        print(f"{path} is damaged ({error}); sampling these prompts anew", file=sys.stderr)
        return []
    torch.set_rng_state(state["cpu"])
    torch.cuda.set_rng_state_all(state["gpus"])
    return json.loads(state["answers"])


def _answer(tokenizer, ids):
    """Return the text before <eos>; without one the answer was truncated."""
    truncated = tokenizer.eos_token_id not in ids
    ids = ids if truncated else ids[: ids.index(tokenizer.eos_token_id)]
    return {"text": tokenizer.decode(ids), "tokens": len(ids), "truncated": truncated}
