"""How much better than expected an answer was: the weight of its tokens in the policy gradient.

In: rewards of groups of answers to one prompt; NaN where the judge could not tell. Out: advantages, 0 there.
GRPO: Shao et al. 2024, arXiv 2402.03300 (computed by TRL); RLOO: Ahmadian et al. 2024, arXiv 2402.14740;
REINFORCE++ and its variant with a group baseline: Hu et al. 2025, arXiv 2501.03262.
"""

import torch

EPSILON = 1e-4  # beside the standard deviation, as in TRL


def advantages(rewards, samples, method):
    """Return the advantages of `rewards`, shape (answers,), in groups of `samples` neighbours."""
    judged = ~torch.isnan(rewards)
    known = torch.where(judged, rewards, 0.0)
    count, total = (x.view(-1, samples).sum(1).repeat_interleave(samples) for x in (judged.float(), known))
    if method == "rloo":  # minus the mean of the others
        found = known - (total - known) / (count - 1).clamp(min=1)
        found = torch.where(count > 1, found, 0.0)
    elif method == "grpo":
        found = known - total / count.clamp(min=1)
        spread = (torch.where(judged, found, 0.0) ** 2).view(-1, samples).sum(1).repeat_interleave(samples)
        found = found / ((spread / (count - 1).clamp(min=1)).sqrt() + EPSILON)
    else:
        baseline = {"reinforce_pp": known.sum() / judged.sum().clamp(min=1),
                    "reinforce_pp_baseline": total / count.clamp(min=1)}[method]  # fmt: skip
        found = torch.where(judged, known - baseline, 0.0)
        found = found / ((found**2).sum() / (judged.sum() - 1).clamp(min=1)).sqrt().add(EPSILON)
    return torch.where(judged, found, 0.0)


def without_signal(rewards, samples):
    """Return which groups teach nothing, shape (groups,): all their judged answers had the same reward."""
    groups = rewards.view(-1, samples)
    low, high = groups.nan_to_num(nan=torch.inf).amin(1), groups.nan_to_num(nan=-torch.inf).amax(1)
    return ~(low < high)
