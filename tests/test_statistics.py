"""Intervals cover, tests hold their level, clusters count once, and adjustments equal hand-computed values."""

import numpy as np
import pytest
from scipy import stats

from crosspl.errors import UserError
from crosspl.statistics import (
    bootstrap_means,
    bootstrap_weights,
    crossed_error,
    estimate,
    holm,
    interval,
    mcnemar,
    minimum_detectable_effect,
    two_sided_p,
)

WIDE = (-np.inf, np.inf)


def normal_gains(generator, seeds, seed_sd, families=100):
    """Gains (seeds, families) with mean 0, problem SD 0.10 and noise SD 0.30: what 3 completions per problem give."""
    return (generator.normal(0, seed_sd, (seeds, 1)) + generator.normal(0, 0.10, families)
            + generator.normal(0, 0.30, (seeds, families)))  # fmt: skip


def binary_gains(generator, seeds, seed_sd, effect=0.0, problems=100, samples=3):
    """Gains (seeds, problems) of two binary-judged checkpoints whose training noise acts on the logits."""
    difficulty = generator.normal(-1, 1.5, problems)

    def level(shift):
        logits = difficulty + shift + generator.normal(0, seed_sd, (seeds, 1)) + generator.normal(0, 0.4, problems)
        return generator.binomial(samples, 1 / (1 + np.exp(-logits))) / samples

    return level(effect) - level(0)


def coverage(make, seeds, seed_sd, repetitions, draws=200):
    """Share of 95 % intervals that hold the true mean 0: (ours, plain percentile), and the share of p < 0.05."""
    generator = np.random.default_rng(7)
    hits = np.zeros(3)
    for repetition in range(repetitions):
        values = make(generator, seeds, seed_sd)
        families = np.arange(values.shape[1])
        weights = bootstrap_weights(families, seeds, draws, repetition)
        ours = estimate(values, families, weights, WIDE)
        low, high = interval(bootstrap_means(values, weights))
        hits += ours.low <= 0 <= ours.high, low <= 0 <= high, ours.p_value < 0.05
    return hits / repetitions


@pytest.mark.parametrize("seeds, seed_sd", [(1, 0.0), (2, 0.0), (3, 0.02), (5, 0.05)])
def test_intervals_cover_and_tests_hold_their_level(seeds, seed_sd):
    ours, _, rejected = coverage(normal_gains, seeds, seed_sd, 400)
    assert 0.92 <= ours <= 0.995  # the binomial SE at 400 repetitions is 0.011
    assert rejected <= 0.08


def test_two_seeds_with_much_training_noise_undercover_less_than_the_plain_bootstrap():
    ours, percentile, _ = coverage(normal_gains, 2, 0.05, 300)
    assert ours >= 0.86
    assert percentile <= ours - 0.04


def test_a_a_comparison_of_binary_data_rejects_at_the_nominal_rate():
    ours, _, rejected = coverage(binary_gains, 3, 0.15, 400)
    assert 0.01 <= rejected <= 0.08
    assert ours >= 0.92


def test_a_planted_effect_is_found_about_as_often_as_the_mde_promises():
    generator = np.random.default_rng(3)
    families, weights = np.arange(200), bootstrap_weights(np.arange(200), 3, 200, 0)
    effect, found, promised = 0.12, 0, []
    for _ in range(200):
        values = normal_gains(generator, 3, 0.0, 200) * 0.7 + effect / 3
        result = estimate(values, families, weights, WIDE)
        found += result.p_value < 0.05
        promised.append(result.mde)
    assert abs(np.median(promised) - effect / 3) < 0.012  # so power must be near 80 %
    assert 0.65 <= found / 200 <= 0.95


def test_a_large_planted_effect_of_binary_data_is_recovered():
    values = binary_gains(np.random.default_rng(5), 3, 0.05, effect=1.0, problems=300)
    families = np.arange(300)
    result = estimate(values, families, bootstrap_weights(families, 3, 1000, 0), (-1, 1))
    assert 0 < result.low < result.value < result.high
    assert result.p_value < 0.001


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
    assert df == pytest.approx(total**2 / (ms_seed**2 / 1 + ms_family**2 / 2))


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


def test_holm_equals_hand_computed():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]) == pytest.approx([1, 1])
    assert holm([0.2]) == pytest.approx([0.2])


def test_minimum_detectable_effect_is_2_8_standard_errors_and_more_with_few_degrees_of_freedom():
    assert minimum_detectable_effect(1.0) == pytest.approx(2.8016, abs=1e-4)
    assert minimum_detectable_effect(0.02, 2) == pytest.approx(0.02 * (4.3027 + 1.0607), abs=1e-5)


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


def main():
    """Print the coverage table of the docstring of crosspl.statistics."""
    print("seed SD, points   " + "".join(f"{sd:>16}" for sd in (0, 2, 5, 10)))
    for seeds in (2, 3, 5):
        cells = [coverage(normal_gains, seeds, sd / 100, 1000) for sd in (0, 2, 5, 10)]
        print(f"{seeds} seeds, ours     " + "".join(f"{ours:>16.3f}" for ours, _, _ in cells))
        print(f"{seeds} seeds, plain    " + "".join(f"{plain:>16.3f}" for _, plain, _ in cells))
    for seeds in (2, 3, 5):
        print(seeds, "binary A/A, share of p < 0.05:", coverage(binary_gains, seeds, 0.15, 1000)[2])


if __name__ == "__main__":
    main()
