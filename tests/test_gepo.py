"""GEPO against the paper's equations in float64, finite differences, DPO, and evaluation of all answers at once."""

import math
from itertools import chain

import pytest
import torch
from test_resuming import Killed, kill_at
from tiny_training import grpo

from crosspl import models
from crosspl.rl import gepo
from crosspl.rl.gepo import Group, Stream, derivatives, gepo_loss

OFF_POLICY = {"groups": "programs", "loss": "gepo", "weight": 0.01, "beta": 0.1, "lambda": 1.0, "normalize": False,
              "per_step": 1, "every": 1, "responses": None, "max_length": 100}  # fmt: skip
WINNERS, LOSERS = [0.3, -1.2, 2.5], [0.7, -0.4]


def by_hand(winners, losers, beta, weight):
    """Equation 9 with nothing but arithmetic."""
    margin = sum(winners) / len(winners) - sum(losers) / len(losers)
    mean = sum(winners) / len(winners)
    variance = sum((one - mean) ** 2 for one in winners) / len(winners)
    return -math.log(1 / (1 + math.exp(-beta * margin))) + weight * variance


def tensors(*lists):
    return [torch.tensor(one, dtype=torch.float64) for one in lists]


@pytest.mark.parametrize("beta", [0.05, 0.1, 0.5, 3.0])
@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("winners,losers", [(WINNERS, LOSERS), ([1.0], [2.0]), ([-40.0, 3.0], [0.0, 0.0, 9.0])])
def test_loss_is_equation_9_and_its_derivatives_are_differences(beta, weight, winners, losers):
    found = gepo_loss(*tensors(winners, losers), beta, weight)[0]
    assert float(found) == pytest.approx(by_hand(winners, losers, beta, weight), rel=1e-12)
    slopes = derivatives(*tensors(winners, losers), beta, weight)[3].tolist()
    both, step = [*winners, *losers], 1e-5
    for place, slope in enumerate(slopes):
        sides = [[one + sign * step * (n == place) for n, one in enumerate(both)] for sign in (1, -1)]
        up, down = (by_hand(side[: len(winners)], side[len(winners) :], beta, weight) for side in sides)
        assert slope == pytest.approx((up - down) / (2 * step), rel=1e-6, abs=1e-8)


def test_one_winner_and_one_loser_is_dpo():
    """-log sigmoid(beta ((log pi(w) - log ref(w)) - (log pi(l) - log ref(l)))), whatever lambda is."""
    policy, reference = tensors([-11.0, -9.5], [-12.5, -9.0])
    ratios = policy - reference
    wanted = -torch.nn.functional.logsigmoid(0.1 * (ratios[0] - ratios[1]))
    for weight in (0.0, 1.0, 7.0):
        assert torch.equal(gepo_loss(ratios[:1], ratios[1:], 0.1, weight)[0], wanted)


def test_a_constant_on_all_log_ratios_changes_nothing():
    """The partition function of the implicit reward cancels, in the difference and in the variance."""
    loss, _, _, slopes = derivatives(*tensors(WINNERS, LOSERS), 0.1, 1.0)
    moved, _, _, again = derivatives(*(one + 17.25 for one in tensors(WINNERS, LOSERS)), 0.1, 1.0)
    assert float(moved) == pytest.approx(float(loss), rel=1e-12) and torch.allclose(slopes, again, atol=1e-12)
    assert float(slopes.sum()) == pytest.approx(0, abs=1e-12)


def test_equal_winners_do_not_vary():
    found = gepo_loss(*tensors([2.5, 2.5, 2.5], LOSERS), 0.1, 1.0)
    assert float(found[2]) == 0 and found[0] == gepo_loss(*tensors([2.5, 2.5, 2.5], LOSERS), 0.1, 0.0)[0]


def test_variance_pulls_winners_together_and_never_losers():
    slopes = derivatives(*tensors([3.0, 1.0], [5.0, -5.0]), 0.1, 1.0)[3]
    assert slopes[0] > slopes[1] and slopes[2] == slopes[3] > 0


@pytest.fixture
def groups():
    """Three groups of answers of different lengths."""
    dice = torch.Generator().manual_seed(3)

    def answer(size):
        return torch.randint(5, 300, (6,), generator=dice).tolist(), torch.randint(
            5, 300, (size,), generator=dice
        ).tolist()

    sizes = [([4, 9], [5, 7, 2]), ([8, 3], [6]), ([5, 5, 6], [6, 1])]
    return [Group(*(list(map(answer, side)) for side in group)) for group in sizes]


@pytest.fixture
def model(base):
    """A model in float64 under an adapter that does something."""
    model = models.fresh_adapter(models.load_base(base), {"r": 4, "lora_alpha": 8}, 0).double()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.05, generator=torch.Generator().manual_seed(len(name)))
    return model


def gradients(model):
    found = [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]
    model.zero_grad()
    return torch.cat([one.flatten() for one in found])


def all_at_once(model, stream, numbers, settings):
    """The loss of some groups as one graph."""
    total = 0
    for number in numbers:
        group, reference = stream.groups[number], stream.reference[number]
        own = [gepo.log_probability(model, *one, settings["normalize"]) for one in (*group.winners, *group.losers)]
        ratios = torch.stack(own).double() - reference
        total += gepo_loss(
            *ratios.split([len(group.winners), len(group.losers)]), settings["beta"], settings["lambda"]
        )[0]
    return total * settings["weight"] / settings["per_step"]


@pytest.mark.parametrize("normalize", [False, True])
def test_one_answer_at_a_time_gives_the_gradients_of_all_at_once(model, groups, normalize):
    settings = OFF_POLICY | {"normalize": normalize, "per_step": 2, "weight": 0.7}
    stream = Stream(model, groups, settings, 4, seed=0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_A" in name:
                parameter.mul_(1.5)
    for step in (0, 1):
        metrics = stream.backward(model, step)
        serial = gradients(model)
        loss = all_at_once(model, stream, stream.due(step), settings)
        loss.backward()
        assert torch.allclose(serial, gradients(model), rtol=1e-5, atol=1e-7 * serial.abs().max())
        assert serial.abs().max() > 0 and metrics["gepo/loss"] * 0.7 == pytest.approx(float(loss), rel=1e-5)


def test_processes_share_the_groups_of_a_step(model, groups):
    settings = OFF_POLICY | {"per_step": 3}
    Stream(model, groups, settings, 2, seed=5).backward(model, 1)
    whole = gradients(model)
    parts = []
    for rank in range(2):
        Stream(model, groups, settings, 2, seed=5, rank=rank, processes=2).backward(model, 1)
        parts.append(gradients(model))
    assert torch.allclose((parts[0] + parts[1]) / 2, whole, rtol=1e-6)


def test_policy_begins_as_its_own_reference(model, groups):
    stream = Stream(model, groups, OFF_POLICY, 3, seed=0)
    metrics = stream.backward(model, 0)
    assert metrics["gepo/margin"] == 0 and metrics["gepo/loss"] == pytest.approx(math.log(2))
    assert metrics["gepo/variance"] == 0 and gradients(model).abs().max() > 0


def test_every_group_is_used_before_any_is_used_again(model, groups):
    stream = Stream(model, groups, OFF_POLICY | {"every": 2}, 12, seed=1)
    due = [stream.due(step) for step in range(12)]
    assert due[1::2] == [[]] * 6 and sorted(chain(*due[:6])) == sorted(chain(*due[6:])) == [0, 1, 2]
    assert set(stream.reference) == {0, 1, 2}
    assert stream.backward(model, 1) == {} and not any(one.grad is not None for one in model.parameters())


def test_dpo_takes_one_of_each(groups):
    found = gepo.chosen(groups, "dpo", None, 0)
    assert all(len(one.winners) == len(one.losers) == 1 for one in found)
    assert [set(map(str, one.winners)) <= set(map(str, other.winners)) for one, other in zip(found, groups)] == [
        True
    ] * 3
    assert [tuple(map(len, one)) for one in gepo.chosen(groups, "gepo", 2, 0)] == [(2, 2), (2, 1), (2, 2)]
    assert gepo.chosen(groups, "gepo", None, 0) == groups


def trained(base, tokenizer, folder, groups, **changes):
    model, history = grpo(base, tokenizer, folder, groups=groups, off_policy=OFF_POLICY | changes)
    return models.adapter_hash(model), history


def test_no_weight_is_rl_alone_bit_for_bit(base, tokenizer, tmp_path, groups):
    model, history = grpo(base, tokenizer, tmp_path / "alone")
    without = trained(base, tokenizer, tmp_path / "none", groups, weight=0)
    assert without == (models.adapter_hash(model), history)
    other, logged = trained(base, tokenizer, tmp_path / "some", groups)
    assert other != without[0] and "gepo/margin" in logged[0] and "gepo/margin" not in history[0]


def test_first_step_adds_the_gradients_of_both(base, tokenizer, tmp_path, groups, monkeypatch):
    """What is clipped and applied is w_rl times the gradient of RL plus w_gepo times that of the groups."""
    from crosspl import guard

    seen = []
    check = guard.check
    monkeypatch.setattr(guard, "check", lambda trainer, model, folder: seen.append(
        torch.cat([one.grad.flatten().clone() for one in model.parameters() if one.grad is not None])
    ) or check(trainer, model, folder))  # fmt: skip
    for name, weight, off in (("rl", 1.0, 0), ("gepo", 0.0, 0.5), ("both", 2.0, 0.5)):
        for micro in (None, 2):
            folder = tmp_path / f"{name}{micro}"
            grpo(base, tokenizer, folder, groups=groups, generations=1, weight=weight, micro_batch=micro,
                 off_policy=OFF_POLICY | {"weight": off})  # fmt: skip
    steps = len(seen) // 6
    rl, _, alone, alone_micro, both, both_micro = seen[::steps]
    assert torch.allclose(2 * rl + alone, both, rtol=1e-4, atol=1e-6 * both.abs().max())
    assert torch.allclose(alone, alone_micro, atol=1e-6 * alone.abs().max())
    assert torch.allclose(both, both_micro, rtol=1e-3, atol=1e-4 * both.abs().max())
    assert alone.abs().max() > 0 and rl.abs().max() > 0


def test_resumed_as_if_never_killed(base, tokenizer, tmp_path, groups, monkeypatch):
    whole = trained(base, tokenizer, tmp_path / "whole", groups, weight=0.5)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, 3)
        trained(base, tokenizer, tmp_path / "killed", groups, weight=0.5)
    assert trained(base, tokenizer, tmp_path / "killed", groups, weight=0.5) == whole
