"""Simulated tables with the experiment's design: tests hold their level, intervals cover, the MDE keeps its promise."""

import csv

import numpy as np
import pytest

from crosspl.calibration import COLUMNS, Design, estimates, logits, pairs, share, simulate
from crosspl.errors import UserError
from crosspl.power import variance_components
from crosspl.statistics import mean_squares
from scripts import calibrate

REPETITIONS = 3000  # binomial SE 0.4 points


def levels(design, seed=1, repetitions=REPETITIONS):
    result = estimates(design, repetitions, np.random.Generator(np.random.SFC64(seed)))
    covered = (result.low <= design.effect) & (design.effect <= result.high)
    return np.mean(result.p_value < 0.05), np.mean(covered), result


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("seed_sd, problem_sd", [(0.0, 0.0), (0.0, 0.15), (0.02, 0.07), (0.04, 0.0), (0.04, 0.15)])
def test_a_a_comparisons_reject_at_5_percent_and_intervals_cover(seeds, seed_sd, problem_sd):
    rejected, covered, _ = levels(Design(seeds, 160, 2, seed_sd, problem_sd))
    assert 0.04 - 0.008 <= rejected <= 0.06 + 0.008  # two binomial SE beyond 5 +- 1 %
    assert 0.93 <= covered <= 0.97


@pytest.mark.parametrize("seed_sd", [0.0, 0.02, 0.04])
def test_with_two_seeds_the_level_is_near(seed_sd):
    rejected, covered, result = levels(Design(2, 160, 2, seed_sd, 0.07))
    assert 0.03 <= rejected <= 0.075
    assert covered >= 0.92
    width = result.high - result.low
    assert np.quantile(width, 0.95) < 2.2 * np.median(width)  # no erratic t with one degree of freedom


@pytest.mark.parametrize("seeds", [2, 3])
def test_an_effect_as_large_as_the_mde_is_found_about_4_times_in_5(seeds):
    promised = np.median(levels(Design(seeds, 160, 2, 0.02, 0.07), repetitions=1000)[2].mde)
    rejected, covered, result = levels(Design(seeds, 160, 2, 0.02, 0.07, float(promised)), 2, 1500)
    assert 0.70 <= rejected <= 0.86
    assert covered >= 0.93 - 0.013
    assert np.mean(result.value) == pytest.approx(promised, abs=0.003)


def test_simulated_components_are_those_asked_for():
    design = Design(3, 160, 2, 0.03, 0.10)
    gains = simulate(design, 150, np.random.default_rng(0)).astype(float)
    values = gains[:, 0, 0] - gains[:, 1, 0]
    seed, problem, rest = (float(np.mean(squares)) for squares in mean_squares(values, np.arange(160)))
    assert ((seed - rest) / 160) ** 0.5 == pytest.approx(0.03, rel=0.25)
    assert ((problem - rest) / 3) ** 0.5 == pytest.approx(0.10, rel=0.25)
    assert 0.18 <= rest**0.5 <= 0.35  # what the default run shows at 2 completions
    assert np.isin(gains * 2, range(-2, 3)).all()
    assert variance_components(values[0], np.arange(160)).rest == pytest.approx(rest**0.5, rel=0.3)


def test_nothing_asked_for_gives_no_logits_and_a_noisier_treatment_is_one_init():
    assert logits(Design(2, 10, 2, 0.0, 0.0)) == (0, 0, 0)
    assert len(pairs(Design(2, 10, 2, 0.02, 0.0))) == 2
    assert len(pairs(Design(2, 10, 2, 0.02, 0.0, 0.0, 2.0))) == 1


def test_exact_limits_of_a_share():
    assert share(np.array([True] + [False] * 9)) == pytest.approx((0.1, 0.00253, 0.44502), abs=1e-5)


def test_the_command_writes_the_same_table_twice(tmp_path):
    small = ["--seeds", "2", "3", "--problems", "20", "--samples", "1", "--repetitions", "20", "--mark", "plumbing"]
    for name in ("one.csv", "two.csv"):
        calibrate.main([*small, "--output", str(tmp_path / name)])
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    rows = list(csv.DictReader((tmp_path / "one.csv").open()))
    assert list(rows[0]) == COLUMNS
    assert len(rows) == 2 * (9 + 3 + 1)
    for row in rows:
        assert float(row["rejected_low"]) <= float(row["rejected"]) <= float(row["rejected_high"])
        assert (row["power"] == "") == (row["effect"] == "0.0000") == row["scenario"].startswith("A/A")
        assert row["mark"] == "plumbing"


@pytest.mark.parametrize("option", ["--seeds=1", "--problems=1", "--samples=0", "--repetitions=0", "--seed=-1"])
def test_a_size_that_cannot_be_simulated_is_named(tmp_path, option):
    with pytest.raises(UserError, match=option.split("=")[0]):
        calibrate.main([option, "--output", str(tmp_path / "none.csv")])
    assert not list(tmp_path.iterdir())
