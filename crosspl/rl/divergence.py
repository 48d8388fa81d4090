"""The KL divergence of the policy from the init, measured on answers that the init gave before the first step.

In: the init, prompts. Out: KL(init || policy) in nats per answer in every row of the learning curve.
"""

import torch
from transformers import TrainerCallback

from crosspl.chat import encoded

KL_ANSWERS = 64  # of the init, on which the divergence is measured
LOGITS = 1 << 28  # numbers in memory at a time


def end_ids(model, tokenizer):
    """Return the tokens that end an answer: the tokenizer's, and a model's own."""
    stated = model.generation_config.eos_token_id
    ids = {tokenizer.eos_token_id, *(stated if isinstance(stated, list) else [stated])}
    return sorted(ids - {None})


class Divergence(TrainerCallback):
    """Log KL(init || policy) in nats per answer: the log-probability that the init's own answers have lost on average.

    Not `crosspl.sampling`: an edit there must not run RL again.
    """

    @torch.no_grad()
    def __init__(self, model, tokenizer, prompts, settings, seed, halves=False):
        inputs = encoded(tokenizer, prompts).to(model.device)
        self.prompt, self.temperature = inputs["input_ids"].shape[1], settings["temperature"]
        self.halves, self.device = halves, model.device.type
        rows, pieces = settings["batch"] or len(prompts), []
        with torch.random.fork_rng():  # training must draw what it would have drawn without this
            torch.manual_seed(seed)
            for start in range(0, len(prompts), rows):
                part = {name: tensor[start : start + rows] for name, tensor in inputs.items()}
                pieces.append(model.generate(
                    **part, do_sample=True, temperature=self.temperature, top_k=0, top_p=1.0,
                    max_new_tokens=settings["max_tokens"], pad_token_id=tokenizer.pad_token_id,
                    eos_token_id=end_ids(model, tokenizer), disable_compile=True,
                ))  # fmt: skip
        width, pad = max(piece.shape[1] for piece in pieces), tokenizer.pad_token_id
        fill = torch.nn.functional.pad
        self.tokens = torch.cat([fill(piece, (0, width - piece.shape[1]), value=pad) for piece in pieces])
        answers = self.tokens[:, self.prompt :] != tokenizer.pad_token_id
        self.seen = torch.cat([inputs["attention_mask"], answers.long()], dim=1)
        self.before = self.log_probability(model)

    @torch.no_grad()
    def log_probability(self, model):
        """Return the mean over answers of their log-probability, summed over tokens, <eos> included."""
        width = self.tokens.shape[1] - self.prompt
        rows = max(1, LOGITS // (width * model.config.vocab_size))
        with torch.autocast(self.device, torch.bfloat16, enabled=self.halves):  # as in training, before it begins too
            found = [self._sums(model, slice(start, start + rows)) for start in range(0, len(self.tokens), rows)]
        return float(torch.cat(found).mean())

    def _sums(self, model, rows):
        tokens, seen = self.tokens[rows], self.seen[rows]
        keep = tokens.shape[1] - self.prompt + 1
        logits = model(input_ids=tokens, attention_mask=seen, logits_to_keep=keep).logits[:, :-1].float()
        scores = torch.log_softmax(logits / self.temperature, -1)
        own = scores.gather(2, tokens[:, self.prompt :, None])[..., 0]
        return (own * seen[:, self.prompt :]).sum(dim=1)

    def on_log(self, arguments, state, control, model=None, **_):
        if "reward" in state.log_history[-1]:
            state.log_history[-1]["kl"] = self.before - self.log_probability(model)
