"""Sample answers from a checkpoint.

In: model, tokenizer, prompts (texts or chats), sampling settings, a seed. Out: per prompt a list of answers {"text",
"tokens", "truncated"}. Prompts are batched by length and left-padded; an answer ends before its first stop text. The
seed depends on what is asked, not on what was sampled before, so one language's answers do not change when another is
added. Answers so far and the state of the random numbers are kept in a file, so that an interrupted call goes on as if
it had not been.
"""

import contextlib
import hashlib
import json
import pickle
import sys
import time
from pathlib import Path

import torch
from transformers import GenerationConfig, StoppingCriteria

from crosspl import record
from crosspl.chat import encoded
from crosspl.errors import Interrupted, UserError
from crosspl.interruption import finish_first, told
from crosspl.io import atomic
from crosspl.prompts import cut
from crosspl.protocol import said

KEEP_EVERY_S = 60.0


def seed_of(*parts):
    """Return a 63-bit seed that depends on all parts."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "big") >> 1


class StopTexts(StoppingCriteria):
    """Stop each answer when a stop text of its own is in it.

    transformers' stop_strings are matched from the prompt's last tokens on: an answer that begins with "def" after a
    line break would count as "\\ndef". Here, as in MultiPL-E, the prompt is no part of it. stops: texts per answer.
    """

    def __init__(self, tokenizer, stops, prompt):
        self.tokenizer, self.stops, self.prompt = tokenizer, stops, prompt
        self.tail = 8 + max((len(text.encode()) for texts in stops for text in texts), default=0)  # tokens: 1 byte each

    def __call__(self, input_ids, scores, **_):
        tails = self.tokenizer.batch_decode(input_ids[:, max(self.prompt, input_ids.shape[1] - self.tail) :])
        ended = [any(text in tail for text in texts) for tail, texts in zip(tails, self.stops)]
        return torch.tensor(ended, device=input_ids.device)


@torch.no_grad()
def sample(model, tokenizer, prompts, samples, temperature, max_tokens, batch, seed, keep=None, stops=None):
    """Return `samples` answers per prompt; temperature 0 is greedy and gives one answer. stops: texts per prompt.

    `keep` is the file of an unfinished call with these very arguments, None for none; SIGTERM raises Interrupted.
    """
    torch.manual_seed(seed)
    model.eval()
    ends = end_ids(model, tokenizer)
    config = GenerationConfig(
        max_new_tokens=max_tokens,
        do_sample=temperature > 0,
        temperature=temperature or None,
        top_k=0 if temperature > 0 else None,  # the model's own distribution, no truncation
        top_p=1.0 if temperature > 0 else None,
        num_return_sequences=samples,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=ends or None,
        use_cache=True,
        disable_compile=True,
    )
    answers = _kept(keep)
    stops = stops or [()] * len(prompts)
    order = sorted(range(len(prompts)), key=lambda i: (len(said(prompts[i])), i))
    per_batch = max(1, batch // samples)
    saved = time.monotonic()
    with finish_first():
        for start in range(len(answers), len(order), per_batch):
            chosen = order[start : start + per_batch]
            inputs = encoded(tokenizer, [prompts[i] for i in chosen])
            length, texts = inputs["input_ids"].shape[1], [stops[i] for i in chosen for _ in range(samples)]
            criteria = [StopTexts(tokenizer, texts, length)] if any(texts) else None
            output = model.generate(**inputs.to(model.device), generation_config=config, stopping_criteria=criteria)
            rows = output[:, length:].tolist()
            before = inputs["input_ids"][:, -1].repeat_interleave(samples).tolist()
            found = [answer_of(tokenizer, ids, ends, *of_row) for ids, *of_row in zip(rows, before, texts)]
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


@contextlib.contextmanager
def room_for(batch):
    """Turn a GPU's full memory into a UserError that says what to lower."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise UserError(f"the GPU's memory is full at sampling.batch = {batch}: set it lower, and run again") from error


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
    for number, of_gpu in enumerate(state["gpus"][: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(of_gpu, number)
    return json.loads(state["answers"])


def end_ids(model, tokenizer):
    """Return the tokens that end an answer: the tokenizer's, and a model's own, of which Llama 3 has three."""
    stated = model.generation_config.eos_token_id
    ids = {tokenizer.eos_token_id, *(stated if isinstance(stated, list) else [stated])}
    return sorted(ids - {None})


def answer_of(tokenizer, ids, ends, before, stops):
    """Return the text up to the first of the tokens `ends` or texts `stops`; without either the answer was truncated.

    before: the last token of the prompt. Tokenizers of SentencePiece drop the blank that a text begins with, which is
    indentation here.
    """
    places = [place for place, token in enumerate(ids) if token in ends]
    ids = ids[: places[0]] if places else ids
    while stops and ids and ids[-1] == tokenizer.pad_token_id:  # it ended before others of its batch
        ids = ids[:-1]
    start = tokenizer.decode([before])
    whole = tokenizer.decode([before, *ids])[len(start) :]
    text = cut(whole, stops)
    return {"text": text, "tokens": len(ids), "truncated": not places and text == whole}
