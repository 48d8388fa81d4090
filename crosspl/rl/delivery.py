"""The trained adapter reaches the engine that writes the answers, and is proved to have arrived each time.

In: the trainer, an engine with weights of its own. Out: numbers for the learning curve; AssertionError at the first
step at which the engine's answers are not those of the trained model. An adapter that never reached the rollout engine
is the field's commonest silent failure (unslothai/unsloth#8701, verl-project/verl#7495, modelscope/ms-swift#9855).

Two proofs: the hash of the weights that the engine read equals the trainer's, which shows any difference but trusts the
engine to use what it read; and on canary prompts the engine's log-probabilities of its own tokens equal the trainer's,
which shows what it used but not a difference below the noise of number formats.
"""

import torch

from crosspl.chat import encoded
from crosspl.models import adapter_hash

TOLERANCE = 1e-3  # nats per token, mean over the canaries' tokens
TOLERANCE_BF16 = 0.05
CANARIES, CANARY_TOKENS = 4, 64  # prompts, tokens of each answer


def canaries(tokenizer, prompts):
    """Return the token ids of the first prompts."""
    return [encoded(tokenizer, [prompt])["input_ids"][0].tolist() for prompt in prompts[:CANARIES]]


class Delivery:
    """Call before each generation. prompts: token ids; halves: whether numbers are of 16 bits."""

    def __init__(self, engine, prompts, halves):
        self.engine, self.canaries, self.tolerance = engine, prompts, TOLERANCE_BF16 if halves else TOLERANCE

    def __call__(self, trainer):
        """Deliver and return {"canary_difference", "canary_effect"}: nats per token from the trainer, from the base."""
        self.engine.deliver(trainer)
        if self.engine.adapter_hash() != adapter_hash(trainer.accelerator.unwrap_model(trainer.model)):
            raise AssertionError("delivery: the adapter that the rollout engine read is not the one that is trained")
        answers, found = self.engine.generate(trainer, self.canaries, most=CANARY_TOKENS)
        own = log_probabilities(trainer, self.canaries, answers)
        with trainer.accelerator.unwrap_model(trainer.model).disable_adapter():
            base = log_probabilities(trainer, self.canaries, answers)
        found = torch.cat([torch.tensor(one) for one in found])
        difference, effect = float((own - found).abs().mean()), float((own - base).abs().mean())
        if not difference <= self.tolerance:  # not a number is no proof either
            raise AssertionError(
                f"delivery: the rollout engine's log-probabilities differ from the trained model's by {difference:.3g} "
                f"nats per token, at most {self.tolerance} was expected; from the base model's they differ by "
                f"{float((found - base).abs().mean()):.3g}, so the adapter did not reach the engine as it is"
            )
        return {"canary_difference": difference, "canary_effect": effect}


@torch.no_grad()
def log_probabilities(trainer, prompts, answers):
    """Return the log-probability of every token of the answers under the trained model, one after the other."""
    model, found = trainer.accelerator.unwrap_model(trainer.model), []
    training = model.training
    model.eval()
    for prompt, answer in zip(prompts, answers):
        ids = torch.tensor([[*prompt, *answer]], device=model.device)
        logits = model(input_ids=ids, logits_to_keep=len(answer) + 1).logits[0, :-1].float()
        scores = torch.log_softmax(logits / trainer.temperature, -1)
        found.append(scores.gather(1, ids[0, len(prompt) :, None])[:, 0].cpu())
    model.train(training)
    return torch.cat(found)
