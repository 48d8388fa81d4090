"""Advantages by hand, by TRL, and by their properties; groups that teach nothing are replaced."""

import math
import random

import pytest
import torch

from crosspl.rl.advantages import advantages, without_signal
from crosspl.rl.redraw import merge, other_rows

NAN = math.nan
METHODS = ("grpo", "rloo", "reinforce_pp", "reinforce_pp_baseline")
REWARDS = torch.tensor([1.0, 0, 0, 0, 1, 1, 1, 1, NAN, 1, 0, NAN, NAN, NAN, NAN, NAN])


def test_by_hand():
    """Groups of four: one right; all right; two of four judged; none judged."""
    found = {method: advantages(REWARDS, 4, method).tolist() for method in METHODS}
    assert found["rloo"] == pytest.approx([1, -1 / 3, -1 / 3, -1 / 3, 0, 0, 0, 0, 0, 1, -1, 0, 0, 0, 0, 0])
    assert found["grpo"][:4] == pytest.approx([0.75 / 0.5001, *[-0.25 / 0.5001] * 3])
    half = math.sqrt(0.5) + 1e-4
    assert found["grpo"][4:] == pytest.approx([0, 0, 0, 0, 0, 0.5 / half, -0.5 / half, 0, 0, 0, 0, 0])
    mean, count = 6 / 10, 10
    deviation = math.sqrt((6 * 0.4**2 + 4 * 0.6**2) / (count - 1)) + 1e-4
    wanted = [0 if math.isnan(reward) else (reward - mean) / deviation for reward in REWARDS.tolist()]
    assert found["reinforce_pp"] == pytest.approx(wanted, abs=1e-6)
    centred = [0.75, -0.25, -0.25, -0.25, 0, 0, 0, 0, 0, 0.5, -0.5, 0, 0, 0, 0, 0]
    deviation = math.sqrt(sum(value**2 for value in centred) / (count - 1)) + 1e-4
    assert found["reinforce_pp_baseline"] == pytest.approx([value / deviation for value in centred], abs=1e-6)


def test_as_trl_computes_grpo():
    groups = REWARDS[:8].view(-1, 4)
    theirs = (groups - groups.mean(1, keepdim=True)) / (groups.std(1, keepdim=True) + 1e-4)
    assert torch.allclose(advantages(REWARDS[:8], 4, "grpo"), theirs.flatten(), atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(40))
def test_properties(method, seed):
    dice = random.Random(seed)
    rewards, samples = torch.tensor(dice.choices([0.0, 1.0, 0.5, NAN], k=12)), dice.choice([2, 3, 4, 6])
    found = advantages(rewards, samples, method)
    assert torch.isfinite(found).all() and (found[torch.isnan(rewards)] == 0).all()
    groups = found.view(-1, samples).sum(1)
    if method != "reinforce_pp":  # the only one whose baseline is not of the group
        assert torch.allclose(groups, torch.zeros_like(groups), atol=1e-4)
        assert (found.view(-1, samples)[without_signal(rewards, samples)].abs() < 1e-5).all()
    shifted = advantages(rewards + 3, samples, method)
    assert torch.allclose(found, shifted, atol=1e-3)


def test_groups_that_teach_nothing():
    assert without_signal(REWARDS, 4).tolist() == [False, True, False, True]


def batch(prompts, answers, base):
    """Return tensors as TRL's trainer makes them, of given lengths; token ids count up from `base`."""
    width, length = max(prompts), max(answers)
    ids = torch.full((len(prompts), width), -9)
    done = torch.full((len(answers), length), -9)
    for row, (prompt, answer) in enumerate(zip(prompts, answers)):
        ids[row, width - prompt :] = torch.arange(prompt) + base + 100 * row
        done[row, :answer] = torch.arange(answer) + base + 50 + 100 * row
    return {
        "prompt_ids": ids, "prompt_mask": (ids != -9).long(), "completion_ids": done,
        "completion_mask": (done != -9).long(), "advantages": torch.arange(len(prompts)) + float(base),
        "num_items_in_batch": torch.tensor(sum(answers)),
    }  # fmt: skip


def spoken(batch):
    return [
        (p[pm == 1].tolist(), c[cm == 1].tolist(), float(a))
        for p, pm, c, cm, a in zip(batch["prompt_ids"], batch["prompt_mask"], batch["completion_ids"],
                                   batch["completion_mask"], batch["advantages"])
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_replaced_rows_are_the_fresh_ones_and_no_other_row_changes(seed):
    lengths = random.Random(seed).choices(range(1, 7), k=12)
    old, new = batch(lengths[:4], lengths[4:8], 1000), batch(lengths[8:10], lengths[10:], 5000)
    merged = merge(old, new, [1, 3], -9)
    wanted = spoken(old)
    wanted[1], wanted[3] = spoken(new)
    assert spoken(merged) == wanted
    assert ((merged["prompt_ids"] == -9) == (merged["prompt_mask"] == 0)).all()
    assert ((merged["completion_ids"] == -9) == (merged["completion_mask"] == 0)).all()


@pytest.mark.parametrize("seed", range(20))
def test_other_prompts(seed):
    dice = random.Random(seed)
    count, taken = dice.randint(1, 30), set(dice.sample(range(10), dice.randint(0, 10)))
    found = other_rows(count, taken, 10, seed)
    assert len(found) == count and found == other_rows(count, taken, 10, seed)
    if len(taken) < 10:
        assert not taken & set(found)
    if count <= 10 - len(taken):
        assert len(set(found)) == count
