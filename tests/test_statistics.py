"""Clusters count once; errors, tests and adjustments equal hand-computed values. Levels: see test_calibration."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from crosspl.errors import UserError
from crosspl.statistics import (
    Estimate,
    SeedPrior,
    bootstrap_means,
    bootstrap_weights,
    conclusion,
    crossed_error,
    equivalence,
    estimate,
    holm,
    interval,
    mcnemar,
    mean_squares,
    minimum_detectable_effect,
    seed_prior,
    two_sided_p,
)

WIDE = (-np.inf, np.inf)


def normal_gains(generator, seeds, seed_sd, families=100):
    """Gains (seeds, families) with mean 0, problem SD 0.10 and noise SD 0.30: what 3 completions per problem give."""
    return (generator.normal(0, seed_sd, (seeds, 1)) + generator.normal(0, 0.10, families)
            + generator.normal(0, 0.30, (seeds, families)))  # fmt: skip


def test_copies_of_a_problem_in_its_family_do_not_narrow_the_interval():
    values = normal_gains(np.random.default_rng(1), 3, 0.02)
    once, copies = np.arange(100), np.repeat(np.arange(100), 4)
    single = estimate(values, once, bootstrap_weights(once, 3, 500, 0), WIDE)
    copied = estimate(np.repeat(values, 4, axis=1), copies, bootstrap_weights(copies, 3, 500, 0), WIDE)
    assert copied == pytest.approx(single)
    naive, _ = crossed_error(np.repeat(values[:1], 4, axis=1), np.arange(400))
    assert naive < 0.6 * crossed_error(values[:1], once)[0]  # what ignoring families would claim


def test_crossed_error_equals_hand_computed_mean_squares():
    values = np.array([[0.0, 1.0, 2.0], [2.0, 3.0, 7.0]])
    # row means 1, 4; column means 1, 2, 4.5; mean 2.5
    ms_seed = 3 * (1.5**2 + 1.5**2) / 1
    ms_family = 2 * (1.5**2 + 0.5**2 + 2.0**2) / 2
    ms_rest = 2 * (0.5**2 + 0.5**2 + 1.0**2) / 2
    total = ms_seed + ms_family - ms_rest
    se, df = crossed_error(values, ["a", "b", "c"])
    assert se == pytest.approx((total / 6) ** 0.5)
    assert df == pytest.approx(total**2 / (ms_seed**2 / 1 + ms_family**2 / 2 + ms_rest**2 / 2))
    assert mean_squares(values, ["a", "b", "c"]) == pytest.approx((ms_seed, ms_family, ms_rest))


def test_a_prior_takes_the_place_of_the_own_seed_mean_square():
    values = normal_gains(np.random.default_rng(4), 2, 0.3)
    families = np.arange(100)
    own = mean_squares(values, families)
    assert min(own[:2]) > own[2]  # no limit of the variance is reached
    same = SeedPrior(own[0] / own[2], 1)
    assert crossed_error(values, families, same) == pytest.approx(crossed_error(values, families))
    se, df = crossed_error(values, families, SeedPrior(2.0, 20.0))
    assert se == pytest.approx(((own[1] + own[2]) / 200) ** 0.5)
    assert df == pytest.approx((own[1] + own[2]) ** 2 / ((2 * own[2]) ** 2 / 20 + (own[1] ** 2 + own[2] ** 2) / 99))
    one_seed = values[:1]
    assert crossed_error(one_seed, families, same) == crossed_error(one_seed, families)


def test_seed_prior_equals_a_ratio_computed_by_hand():
    generator = np.random.default_rng(2)
    arms = [[(normal_gains(generator, 3, 0.03), np.arange(100)) for _ in range(2)] for _ in range(4)]
    ratios = [squares[0] / squares[2] for squares in (mean_squares(*target) for arm in arms for target in arm)]
    prior = seed_prior(arms)
    assert prior.ratio == pytest.approx(np.mean(ratios))
    assert 8 <= prior.df <= 16  # between targets that tell the same and targets that tell their own


def test_pooled_df_count_trained_models_and_not_targets():
    generator = np.random.default_rng(3)
    arms = [[(normal_gains(generator, 3, 0.05), np.arange(100))] * 4 for _ in range(10)]
    assert seed_prior(arms).df == pytest.approx(20, rel=0.1)  # four copies of one target are one target
    arms = [[(normal_gains(generator, 3, 0.0), np.arange(100)) for _ in range(4)] for _ in range(10)]
    assert seed_prior(arms).df > 60


def test_seed_prior_leaves_out_what_does_not_vary_between_seeds():
    values, families = normal_gains(np.random.default_rng(5), 2, 0.05), np.arange(100)
    still = np.repeat(values[:1], 2, axis=0)
    assert seed_prior([[(still, families)]]) is None
    assert seed_prior([[(values[:1], families)]]) is None  # one seed
    assert seed_prior([[(values, families)], [(still, families)]]) == seed_prior([[(values, families)]])
    assert seed_prior([[(values, families)] * 2]).df == 1  # one init, two seeds: no more is known


def test_a_batch_equals_single_calls():
    generator = np.random.default_rng(6)
    batch = np.stack([normal_gains(generator, 3, 0.02, 40) for _ in range(5)])
    families = np.arange(40) // 2
    weights, arms = bootstrap_weights(families, 3, 50, 0), [[(batch, families)], [(batch[::-1], families)]]
    prior = seed_prior(arms)
    together = np.transpose(estimate(batch, families, weights, (-0.1, 0.1), prior))
    for number, values in enumerate(batch):
        alone = seed_prior([[(arm[0][0][number], families)] for arm in arms])
        assert alone == pytest.approx((prior.ratio[number], prior.df[number]))
        assert together[number] == pytest.approx(np.array(estimate(values, families, weights, (-0.1, 0.1), alone)))


def test_an_interval_within_its_bounds_excludes_0_exactly_when_p_is_below_5_percent():
    generator, families = np.random.default_rng(8), np.arange(100)
    weights, found = bootstrap_weights(families, 3, 50, 0), []
    for _ in range(100):
        result = estimate(normal_gains(generator, 3, 0.05) + 0.05, families, weights, (-2, 2))
        found.append((result.low > 0 or result.high < 0) == (result.p_value < 0.05))
    assert all(found)


def test_one_seed_equals_the_classical_t_interval():
    values = np.random.default_rng(0).normal(0.1, 1, (1, 50))
    result = estimate(values, np.arange(50), bootstrap_weights(np.arange(50), 1, 500, 0), WIDE)
    classical = stats.ttest_1samp(values[0], 0)
    assert result.p_value == pytest.approx(classical.pvalue)
    low, high = classical.confidence_interval(0.95)
    assert result.high - result.low == pytest.approx(high - low)


def test_weights_draw_families_whole_and_repeat_with_the_seed():
    families = ["a", "b", "a", "c", "c"]
    seed_weights, problem_weights = bootstrap_weights(families, 3, 50, 1)
    assert (seed_weights.sum(axis=1) == 3).all()
    assert (problem_weights[:, 0] == problem_weights[:, 2]).all()
    assert (problem_weights[:, [0, 1, 3]].sum(axis=1) == 3).all()
    again = bootstrap_weights(families, 3, 50, 1)
    assert all((one == two).all() for one, two in zip((seed_weights, problem_weights), again))


def test_one_family_has_no_interval():
    with pytest.raises(UserError, match="at least 2 families"):
        bootstrap_weights(["a", "a"], 1, 10, 0)


def test_limits_stay_in_bounds_and_a_constant_has_none_around_it():
    families = np.arange(30)
    weights = bootstrap_weights(families, 2, 500, 0)
    rare = np.zeros((2, 30))
    rare[:, 0] = 1
    result = estimate(rare, families, weights, (0, 1))
    assert result.low == 0 < result.value < result.high
    same = estimate(np.full((2, 30), 0.5), families, weights, (0, 1))
    assert (same.low, same.high, same.mde) == (0.5, 0.5, 0)
    assert estimate(np.zeros((2, 30)), families, weights, (-1, 1)).p_value == 1


def test_none_solved_is_no_proof_that_none_can_be():
    """Clopper-Pearson: 0 of 30 families leaves up to 1 - 0.025^(1/30); a gain of nothing is 0 all the same."""
    families = np.arange(30)
    weights = bootstrap_weights(families, 2, 500, 0)
    none = estimate(np.zeros((2, 30)), families, weights, (0, 1))
    assert (none.low, none.high) == (0, pytest.approx(1 - 0.025 ** (1 / 30)))
    every = estimate(np.ones((2, 30)), families, weights, (0, 1))
    assert (every.low, every.high) == (pytest.approx(0.025 ** (1 / 30)), 1)
    gain = estimate(np.zeros((2, 30)), families, weights, (-1, 1))
    assert (gain.low, gain.high) == (0, 0)


def test_holm_equals_hand_computed():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]) == pytest.approx([1, 1])
    assert holm([0.2]) == pytest.approx([0.2])
    assert holm([]) == []


def test_minimum_detectable_effect_is_2_8_standard_errors_and_more_with_few_degrees_of_freedom():
    assert minimum_detectable_effect(1.0) == pytest.approx(2.8016, abs=1e-4)
    assert minimum_detectable_effect(0.02, 2) == pytest.approx(0.02 * (4.3027 + 1.0607), abs=1e-5)


def test_equivalence_equals_two_one_sided_tests_of_statsmodels():
    values = np.random.default_rng(9).normal(0.01, 0.1, 80)
    se, df = values.std(ddof=1) / 80**0.5, 79
    expected = DescrStatsW(values).ttost_mean(-0.03, 0.03)[0]
    assert equivalence(values.mean(), se, df, 0.03) == pytest.approx(expected)
    assert equivalence(-values.mean(), se, df, 0.03) == pytest.approx(expected)


def test_equivalence_of_a_value_beyond_the_margin_is_never_shown():
    assert equivalence(0.05, 0.01, 50, 0.03) > 0.5
    assert equivalence(0.0, 0.0, 5, 0.03) == 1  # nothing varies, so nothing is shown
    for margin in (0, -0.1, float("nan")):
        with pytest.raises(UserError, match="positive"):
            equivalence(0.0, 0.01, 5, margin)


@pytest.mark.parametrize(
    "value, se, words",
    [(0.1, 0.01, "difference"), (0.01, 0.004, "difference within the margin"),
     (0.0, 0.01, "equivalent"), (0.0, 0.03, "undecided")],
)  # fmt: skip
def test_conclusions(value, se, words):
    result = Estimate(value, 0, 0, se, 30, two_sided_p(value, se, 30), 0)
    assert conclusion(result, 0.033) == words


def test_mcnemar_equals_hand_computed():
    before = [0] * 6 + [1] * 1 + [1] * 5 + [0] * 4
    after = [1] * 6 + [0] * 1 + [1] * 5 + [0] * 4
    gained, lost, p_value = mcnemar(before, after)
    assert (gained, lost) == (6, 1)
    assert p_value == pytest.approx(2 * (1 + 7) / 2**7)
    assert mcnemar([1, 0], [1, 0]) == (0, 0, 1.0)
    with pytest.raises(UserError):
        mcnemar([0.5], [1])


def test_p_of_nothing_changed_and_of_everything_changed():
    assert two_sided_p(0.0, 0.0, 5) == 1
    assert two_sided_p(0.2, 0.0, 5) == 0


def test_the_shape_of_the_bootstrap_is_kept_at_the_width_asked_for():
    draws = np.random.default_rng(0).gamma(2, 1, 20000)
    low, high = interval(draws, 2.0, 0.5)
    assert high - low == pytest.approx(1.0)
    assert high - 2 > 1.5 * (2 - low)  # skewed to the right
    assert interval(draws) == pytest.approx(np.quantile(draws, [0.025, 0.975]))


def test_bootstrap_means_equal_means_of_resampled_values():
    values, families = np.random.default_rng(1).normal(size=(2, 4)), ["a", "a", "b", "c"]
    weights = bootstrap_weights(families, 2, 5, 0)
    for draw, mean in enumerate(bootstrap_means(values, weights)):
        rows = np.repeat(values, weights[0][draw], axis=0)
        assert mean == pytest.approx(np.repeat(rows, weights[1][draw], axis=1).mean())
