"""Variance components, power and needed sizes: known answers, round trips by simulation, and the printed tables."""

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from crosspl.errors import UserError
from crosspl.io import write_rows
from crosspl.power import (
    Components,
    design_error,
    detectable,
    power,
    power_of,
    problems_needed,
    seeds_needed,
    variance_components,
)
from crosspl.statistics import SeedPrior, crossed_error, mean_squares, two_sided_p
from scripts import power as command

PILOT = Components(0.01, 0.10, 0.30, 10)


def draw(components, seeds, problems, generator, effect=0.0):
    seed, problem, rest, _ = components
    return (effect + generator.normal(0, seed, (seeds, 1)) + generator.normal(0, problem, problems)
            + generator.normal(0, rest, (seeds, problems)))  # fmt: skip


def test_components_are_recovered():
    found = variance_components(draw(Components(0.2, 0.1, 0.3), 60, 4000, np.random.default_rng(0)), np.arange(4000))
    assert found == pytest.approx((0.2, 0.1, 0.3, 1), rel=0.15)


def test_components_equal_hand_computed_and_a_negative_one_is_0():
    values, families = np.array([[0.0, 1.0, 2.0], [2.0, 3.0, 7.0]]), np.arange(3)
    found = variance_components(values, families)  # mean squares 13.5, 6.5, 1.5
    assert found[:3] == pytest.approx((4**0.5, 2.5**0.5, 1.5**0.5))
    assert variance_components(np.array([[0.0, 1.0], [1.0, 0.0]]), [0, 1])[:2] == (0, 0)
    pooled = variance_components(values, families, SeedPrior(3.0, 6.0))
    assert (pooled.seed, pooled.pooled) == pytest.approx((1.0, 6.0))
    with pytest.raises(UserError, match="2 training seeds"):
        variance_components(values[:1], families)


def test_the_error_of_a_design_is_that_of_the_pilot_itself():
    values, families = draw(Components(0.1, 0.2, 0.3), 4, 50, np.random.default_rng(1)), np.arange(50)
    seed, problem, rest = mean_squares(values, families)
    assert min(seed, problem) > rest  # no negative component
    assert design_error(variance_components(values, families), 4, 50) == pytest.approx(crossed_error(values, families))
    prior = SeedPrior(2.5, 14.0)
    found = design_error(variance_components(values, families, prior), 4, 50)
    assert found == pytest.approx(crossed_error(values, families, prior))


def test_power_equals_statsmodels_and_5_percent_without_an_effect():
    expected = TTestPower().power(0.4, 30, 0.05, alternative="two-sided")
    assert power_of(0.4, 30**-0.5, 29) == pytest.approx(expected)
    assert power_of(0.0, 1.0, 3) == pytest.approx(0.05)
    assert (power_of(0.1, 0.0, 3), power_of(0.0, 0.0, 3), power_of(9.0, 0.01, 3)) == (1, 0, 1)
    assert power_of(2.8016, 1.0, 1e9) == pytest.approx(0.80, abs=1e-3)


def test_power_grows_with_the_effect_the_problems_and_the_seeds():
    for step in ((0.02, 3, 100), (0.03, 2, 100), (0.03, 3, 50)):
        assert power(PILOT, *step) < power(PILOT, 0.03, 3, 100)
    assert detectable(PILOT, 3, 400) < detectable(PILOT, 3, 100)


def test_needed_sizes_are_the_least_that_are_enough():
    problems = problems_needed(PILOT, 0.05, 3)
    assert power(PILOT, 0.05, 3, problems) >= 0.80 > power(PILOT, 0.05, 3, problems - 1)
    seeds = seeds_needed(PILOT, 0.03, 300)
    assert power(PILOT, 0.03, seeds, 300) >= 0.80 > power(PILOT, 0.03, seeds - 1, 300)


def test_no_number_of_problems_makes_up_for_seeds_nor_seeds_for_problems():
    assert problems_needed(Components(0.05, 0.1, 0.3), 0.03, 3) is None
    assert seeds_needed(Components(0.01, 0.3, 0.3), 0.03, 100) is None
    with pytest.raises(UserError, match="effect of 0"):
        problems_needed(PILOT, 0.0, 3)


def test_simulated_at_the_computed_number_of_problems_power_is_80_percent():
    problems = problems_needed(PILOT._replace(pooled=1), 0.06, 5)
    generator, families, found = np.random.default_rng(2), np.arange(problems), 0
    for _ in range(600):
        values = draw(PILOT, 5, problems, generator, 0.06)
        found += two_sided_p(values.mean(), *crossed_error(values, families)) < 0.05
    assert 0.74 <= found / 600 <= 0.87  # binomial SE 1.6 points


@pytest.fixture
def options(tmp_path):
    """The options of an experiment with two seeds, a treatment better by 20 points, and two unseen PLs."""
    generator = np.random.default_rng(0)
    levels = {"base": 0.3}
    for init, gain in {"base": 0.0, "parallel": 0.3, "same_problems": 0.1}.items():
        for seed in (0, 1):
            levels[f"rl/{init}/python/seed{seed}"] = 0.3 + gain
            if init != "base":
                levels[f"sft/{init}/seed{seed}"] = 0.3
    for name, level in levels.items():
        write_rows(tmp_path / f"{name}.jsonl.gz", list(verdict_rows(generator, level)))
    return ["--verdicts", str(tmp_path), "--inits", "base", "parallel", "same_problems", "--sources", "python",
            "--seeds", "0", "1", "--languages", "python", "lua", "php", "--sft-languages", "python",
            "--method", "grpo", "--draws", "50", "--bootstrap-seed", "0"]  # fmt: skip


def verdict_rows(generator, level):
    """Two sampled verdicts of 40 problems in three PLs."""
    for number in range(240):
        yield {"problem": f"p{number % 40:02}", "family": f"f{number % 40:02}", "reading": "sampled",
               "language": ["python", "lua", "php"][number // 80], "sample": number // 40 % 2,
               "verdict": "OK" if generator.random() < level else "WA",
               "wrong_language": False, "extracted": True, "truncated": False, "tokens": 5}  # fmt: skip


def test_the_command_prints_a_line_per_pl_and_for_the_mean_of_the_unseen(options, capsys):
    command.main(["--effect", "20", *options])
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 120
    for control in ("base", "same_problems"):
        assert f"gain of parallel minus gain of {control}, RL in python; 2 seeds, 40 problem families" in text
    lines = [line.split() for line in text.splitlines()]
    lua, mean = (next(line for line in lines if line[:1] == [name]) for name in ("lua", "mean"))
    assert lua[:2] == ["lua", "unseen"] and mean[:4] == ["mean", "of", "unseen", "unseen"]
    assert float(mean[-4]) < float(lua[-4])  # the mean over PLs has the smaller MDE
    assert text.count("MDE on mean of unseen") == 2


def test_without_verdicts_the_sds_are_assumed(capsys):
    command.main(["--effect", "3.3"])
    assert "assumed SDs of the difference of gains, points: seed 2, problem 7, rest 30" in capsys.readouterr().out
    command.main(["--effect", "3.3", "--assumed", "0", "0", "24"])
    needed = problems_needed(Components(0, 0, 0.24, command.POOLED), 0.033, 3)
    assert f"{needed} with 3 seeds" in capsys.readouterr().out


@pytest.mark.parametrize("effect", ["0", "-3", "100", "nan"])
def test_an_effect_that_makes_no_sense_is_refused(effect):
    with pytest.raises(UserError, match="points of pass@1 between 0 and 100"):
        command.main(["--effect", effect])


def test_wrong_input_is_named(options):
    with pytest.raises(UserError, match="one is above 0"):
        command.main(["--effect", "3", "--assumed", "0", "0", "0"])
    with pytest.raises(UserError, match="2 training seeds"):
        command.main(["--effect", "3", *options, "--seeds", "0"])
    with pytest.raises(UserError, match="the init paralel"):
        command.main(["--effect", "3", *options, "--treatment", "paralel"])
    with pytest.raises(UserError, match="no verdicts for checkpoint"):
        command.main(["--effect", "3", *options, "--seeds", "0", "2"])
