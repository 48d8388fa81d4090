"""GEPO: a preference loss over groups of equivalent and inequivalent programs (arXiv 2505.12723, equations 8 to 10).

In: a policy under training, groups of answers (winners, losers) as token ids. Out: gradients of the weighted loss,
added to those of RL, and numbers for the learning curve. With one winner and one loser the loss is that of DPO
(Rafailov et al. 2023, arXiv 2305.18290), for then nothing varies.

A group is evaluated one answer at a time: a pass without gradients gives all log-ratios, from them comes the derivative
of the loss by each, and a second pass per answer adds its part. Memory is that of one answer, gradients are the same.
"""

import random
from typing import NamedTuple

import torch
from torch.nn.functional import logsigmoid


class Group(NamedTuple):
    """winners, losers: lists of (token ids of the prompt, token ids of the answer with its end)."""

    winners: list
    losers: list


def gepo_loss(winners, losers, beta, weight):
    """Return (loss, margin, variance) of one group, equation 9.

    winners, losers: log-ratios of the policy to the reference, shapes (n,) and (m,), in nats. weight: lambda, of the
    variance of the winners' log-ratios over the group, (1/n) and without beta, as the paper writes it.
    """
    margin = winners.mean() - losers.mean()
    variance = winners.var(correction=0)
    return -logsigmoid(beta * margin) + weight * variance, margin, variance


def derivatives(winners, losers, beta, weight):
    """Return (loss, margin, variance, derivative of the loss by every log-ratio, winners first), all detached."""
    ratios = torch.cat([winners, losers]).detach().requires_grad_()
    loss, margin, variance = gepo_loss(ratios[: len(winners)], ratios[len(winners) :], beta, weight)
    (slopes,) = torch.autograd.grad(loss, ratios)
    return loss.detach(), margin.detach(), variance.detach(), slopes


def log_probability(model, prompt, answer, normalize):
    """Return the log-probability of an answer's tokens, summed, or their mean where `normalize`; shape ()."""
    ids = torch.tensor([[*prompt, *answer]], device=model.device)
    logits = model(input_ids=ids, logits_to_keep=len(answer) + 1).logits[0, :-1].float()
    own = torch.log_softmax(logits, -1).gather(1, ids[0, len(prompt) :, None])[:, 0]
    return own.mean() if normalize else own.sum()


def chosen(groups, loss, most, seed):
    """Return the groups with at most `most` winners and losers (None: all), drawn by `seed`; for dpo one of each."""
    most = 1 if loss == "dpo" else most
    dice = random.Random(f"{seed} responses")
    return [Group(*(side if most is None else dice.sample(side, min(most, len(side))) for side in group))
            for group in groups]  # fmt: skip


class Stream:
    """The off-policy data of OORL: which groups are due at which step, and what they add to the gradients.

    settings: the block off_policy of the RL settings. The reference is the model as it is now, before the first step:
    its log-probabilities of the answers that will be needed are computed here, once. steps: optimizer steps to come.
    rank, processes: of those that train together. halves: compute in bfloat16, as RL does.
    """

    @torch.no_grad()
    def __init__(self, model, groups, settings, steps, seed, rank=0, processes=1, halves=False):
        self.settings, self.rank, self.processes, self.halves = settings, rank, processes, halves
        self.groups = chosen(groups, settings["loss"], settings["responses"], seed)
        self.variance_weight = 0.0 if settings["loss"] == "dpo" else settings["lambda"]
        self.order = self._orders(steps, seed)
        mine = sorted({number for step in range(steps) for number in self.due(step)})
        training = model.training
        model.eval()
        self.reference = {number: self._log_probabilities(model, number) for number in mine}
        model.train(training)

    def _orders(self, steps, seed):
        """Return the numbers of the groups in the order in which they are used, each epoch in another."""
        wanted = len(range(0, steps, self.settings["every"])) * self.settings["per_step"]
        order, dice = [], random.Random(f"{seed} groups")
        while len(order) < wanted:
            order += dice.sample(range(len(self.groups)), len(self.groups))
        return order[:wanted]

    def due(self, step):
        """Return the groups of an optimizer step that are this process's; none between two steps with groups."""
        turn, rest = divmod(step, self.settings["every"])
        size = self.settings["per_step"]
        return [] if rest else self.order[turn * size : (turn + 1) * size][self.rank :: self.processes]

    def backward(self, model, step):
        """Add the gradients of the step's groups, times the weight of the loss; return means for the learning curve.

        Processes average their gradients, each over all parameters: theirs are multiplied by their number.
        """
        due = self.due(step)
        found = [self._one(model, number) for number in due]
        names = ("loss", "margin", "variance", "accuracy")
        return {f"gepo/{name}": sum(values) / len(due) for name, values in zip(names, zip(*found))}

    def _one(self, model, number):
        settings, group = self.settings, self.groups[number]
        with torch.no_grad():
            ratios = self._log_probabilities(model, number) - self.reference[number]
        winners, losers = ratios.split([len(group.winners), len(group.losers)])
        loss, margin, variance, slopes = derivatives(winners, losers, settings["beta"], self.variance_weight)
        share = settings["weight"] * self.processes / settings["per_step"]
        for slope, answer in zip(slopes, [*group.winners, *group.losers]):
            with self._precision(model):
                own = log_probability(model, *answer, settings["normalize"])
            (own * slope.to(own.device) * share).backward()
        return float(loss), float(margin), float(variance), float(margin > 0)

    def _log_probabilities(self, model, number):
        """Return the log-probabilities of a group's answers, winners first, shape (n + m,), on the CPU."""
        group = self.groups[number]
        with self._precision(model):
            found = [
                log_probability(model, *one, self.settings["normalize"]) for one in (*group.winners, *group.losers)
            ]
        return torch.stack(found).double().cpu()

    def _precision(self, model):
        return torch.autocast(model.device.type, torch.bfloat16, enabled=self.halves)
