"""Intervals, tests and detectable effects for pass@1, paired by problem, clustered by family, seeds as second level.

In: arrays `values[seed, problem]` (a pass@1, a gain, a difference of gains; fractions) and the family of each problem.
Out: the mean with a 95 % interval, two-sided and equivalence p-values, and the minimum detectable effect.

Method. Seeds and families are crossed: every seed is evaluated on every problem. The SE is that of the two-way random
effects model, Var(mean) = (MS_seed + MS_family - MS_rest) / (S F), df by Satterthwaite (1946); p-value, MDE and the
interval come from it, so 0 is outside the interval exactly when p < 0.05. Only an interval that would leave its
bounds, of a pass@1 near 0 or 1, takes the shape of the hierarchical bootstrap (Owen 2007, "The pigeonhole bootstrap"),
at its own width: resampling S seeds shows no more than (S-1)/S of the variance between them.

Noise between seeds. MS_seed of one comparison has S-1 degrees of freedom, too few to use alone. `seed_prior` pools it
over the gains of all inits and targets of a table, as the ratio MS_seed / MS_rest, which has no units and so may be
shared by easy and hard PLs. Targets share their trained models, so the pooled df are reduced by Box's (1954) epsilon.
Assumed: training noise is equally large in every init and PL, relative to the noise of single problems.

Share of A/A comparisons with p < 0.05, which is 1 - coverage, of differences of gains: simulated tables of 5 inits and
5 PLs, 160 problems, 2 completions, problem SD 7 points, 8000 comparisons (limits +-0.005); over problem SDs 0 to 15
points the pooled rates are 0.047-0.062, 0.048-0.052 and 0.045-0.059 with 2, 3 and 5 seeds. Beside it half the width of
the interval, points: median and 95th percentile. Rerun the rates with `python -m scripts.calibrate --seeds 2 3 5`.

    SD between seeds, points           0                     2                     4
    2 seeds, pooled              0.048  3.9  5.0       0.051  4.8  6.4       0.062  6.8  9.7
    3 seeds, pooled              0.052  3.2  4.0       0.048  3.9  4.9       0.050  5.5  7.2
    5 seeds, pooled              0.059  2.5  3.1       0.048  3.1  3.7       0.047  4.3  5.3
    2 seeds, one comparison      0.022  5.0   41       0.042  7.3   54       0.081   21   80
    3 seeds, one comparison      0.020  4.2   11       0.035  5.9   14       0.051  9.1   21
    5 seeds, one comparison      0.021  3.1  5.0       0.033  3.6  6.3       0.045  5.3  9.3

An effect as large as the MDE is found in 75 to 79 % of tables, as problems also differ in what they gain. Where the
assumption fails tests are too liberal: 0.08 when the treatment's seeds are twice as noisy as every other init's, 0.06
to 0.08 in a PL where they count twice as much as elsewhere, with any number of seeds. With 1 seed the variance between
seeds cannot be seen at all, and every interval speaks of that one trained model only.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

from crosspl.errors import UserError

LEVEL = 0.95
POWER = 0.80


class Estimate(NamedTuple):
    """A mean with its 95 % interval, standard error, degrees of freedom, two-sided p-value and MDE."""

    value: float
    low: float
    high: float
    se: float
    df: float
    p_value: float
    mde: float


class SeedPrior(NamedTuple):
    """What all comparisons of a table say of the noise between seeds: MS_seed / MS_rest, and its df."""

    ratio: float
    df: float


def bootstrap_weights(families, seeds, draws, seed):
    """Return how often each seed and each problem occurs in each bootstrap draw.

    families: family label of each problem (P labels); a family's problems are drawn together. seeds: number of
    training seeds S. Returns integer arrays of shapes (draws, S) and (draws, P). Equal arguments give equal draws, so
    quantities computed from one pair of arrays are paired. UserError with fewer than 2 families.
    """
    index, count = _family_index(families)
    generator = np.random.default_rng(seed)
    seed_weights = generator.multinomial(seeds, np.full(seeds, 1 / seeds), draws)
    family_weights = generator.multinomial(count, np.full(count, 1 / count), draws)
    return seed_weights, family_weights[:, index]


def _family_index(families):
    """Return each problem's family number and the number of families."""
    labels, index = np.unique(np.asarray(families), return_inverse=True)
    if len(labels) < 2:
        raise UserError(f"an interval needs problems of at least 2 families, found {len(labels)}: add problems")
    return index, len(labels)


def bootstrap_means(values, weights):
    """Return the mean of `values` (..., S, P) in each draw of `bootstrap_weights`, shape (..., draws)."""
    seed_weights, problem_weights = weights
    totals = ((values @ problem_weights.T) * seed_weights.T).sum(axis=-2)
    return totals / (seed_weights.sum(axis=1) * problem_weights.sum(axis=1))


def mean_squares(values, families):
    """Return (MS_seed, MS_family, MS_rest) of `values` (..., S, P), each of shape (...).

    Two-way layout without replication. A family enters by its total over problems, centred, so families may differ
    in size. With one seed MS_seed and MS_rest are 0.
    """
    index, count = _family_index(families)
    seeds, problems = values.shape[-2:]
    cells = values - values.mean(axis=(-2, -1), keepdims=True)
    if count < problems:
        order = np.argsort(index, kind="stable")
        starts = np.searchsorted(index[order], np.arange(count))
        cells = np.add.reduceat(cells[..., order], starts, axis=-1) * (count / problems)
    by_seed, by_family = cells.mean(axis=-1, keepdims=True), cells.mean(axis=-2, keepdims=True)
    ms_family = seeds * (by_family**2).sum(axis=(-2, -1)) / (count - 1)
    if seeds == 1:
        return np.zeros_like(ms_family), ms_family, np.zeros_like(ms_family)
    rest = cells - by_seed - by_family
    ms_seed = count * (by_seed**2).sum(axis=(-2, -1)) / (seeds - 1)
    return ms_seed, ms_family, (rest**2).sum(axis=(-2, -1)) / ((seeds - 1) * (count - 1))


def seed_prior(arms):
    """Return the SeedPrior of a table; None with one seed or where nothing differs between seeds.

    arms: one list per separately trained init, in it (values, families) of each target, in the same order; values
    (..., S, P). Give gains also for differences of gains: two arms of equal noise have the ratio of one. The df are
    inits x (S-1) x the effective number of targets, tr(C)^2 / tr(C^2) of the covariance C of seed means between
    targets (Box 1954), with the unbiased tr(C^2) of Bai and Saranadasa (1996).
    """
    scaled = np.stack([np.stack([_scaled_seed_means(*target) for target in arm]) for arm in arms])
    targets, seeds = scaled.shape[1], scaled.shape[-1]
    known = np.isfinite(scaled[..., 0])
    if seeds == 1 or not known.any():
        return None
    scaled = np.nan_to_num(scaled)
    df = np.maximum(known.any(axis=1).sum(axis=0), 1) * (seeds - 1)
    covariance = np.einsum("ig...s,ih...s->...gh", scaled, scaled) / df[..., None, None]
    trace = np.trace(covariance, axis1=-2, axis2=-1)
    squares = (covariance**2).sum(axis=(-2, -1)) - trace**2 / df
    squares = squares * df**2 / ((df + 2) * np.maximum(df - 1, 1))
    effective = np.where(df > 1, np.clip(trace**2 / np.maximum(squares, 1e-12), 1, targets), 1)
    ratio = trace * df / (np.maximum(known.sum(axis=(0, 1)), 1) * (seeds - 1))
    return SeedPrior(*map(_plain, (ratio, df * effective)))


def _scaled_seed_means(values, families):
    """Return the centred seed means of `values` (..., S, P) in units in which noise of problems alone has variance 1.

    NaN where problems do not vary between seeds at all: nothing was trained, or nothing is ever solved.
    """
    rest, count = mean_squares(values, families)[2], _family_index(families)[1]
    means = values.mean(axis=-1)
    unit = np.sqrt(np.where(rest > 1e-12, rest, np.nan) / count)
    return (means - means.mean(axis=-1, keepdims=True)) / unit[..., None]


def crossed_error(values, families, prior=None):
    """Return the standard error of the mean of `values` (..., S, P) and its degrees of freedom, each of shape (...).

    With `prior` MS_seed is prior.ratio x MS_rest on prior.df. Var(mean) is not below MS_family / (S F), or half of
    it with a prior: one comparison's own MS_seed is below MS_rest by luck only, the pooled one hardly matters there.
    With one seed: the cluster-robust error over families.
    """
    count, seeds = _family_index(families)[1], values.shape[-2]
    ms_seed, ms_family, ms_rest = mean_squares(values, families)
    seed_df = max(seeds - 1, 1)
    if prior is not None and seeds > 1:
        ms_seed, seed_df = prior.ratio * ms_rest, prior.df
    squares = np.maximum(ms_seed + ms_family - ms_rest, ms_family * (1 if prior is None else 0.5))
    spread = ms_seed**2 / seed_df + ms_family**2 / (count - 1) + ms_rest**2 / (max(seeds - 1, 1) * (count - 1))
    df = np.where(spread > 0, squares**2 / np.where(spread > 0, spread, 1), count - 1)
    return _plain(np.sqrt(squares / (seeds * count))), _plain(np.maximum(df, np.minimum(seed_df, count - 1)))


def _plain(number):
    """Return a 0-dimensional array as a float, others as they are."""
    return float(number) if np.ndim(number) == 0 else number


def interval(draws, estimate=None, margin=None, bounds=(-np.inf, np.inf)):
    """Return the 95 % percentile limits of `draws` (..., draws).

    With `estimate` and `margin` the limits are scaled about the estimate until their mean distance from it is the
    margin (the shape of the bootstrap, the width of the t interval); they never leave `bounds`.
    """
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=-1)
    if margin is not None:
        wide = high - low > 1e-12
        scale = 2 * margin / np.where(wide, high - low, 1)
        low = np.where(wide, np.minimum(estimate + scale * (low - estimate), estimate), estimate - margin)
        high = np.where(wide, np.maximum(estimate + scale * (high - estimate), estimate), estimate + margin)
    return _plain(np.clip(low, *bounds)), _plain(np.clip(high, *bounds))


def two_sided_p(value, se, df):
    """Return the two-sided p-value of `value` / `se` on `df` degrees of freedom.

    se = 0: 1 when the value is 0 as well (nothing changed anywhere), else 0.
    """
    known = np.asarray(se) > 0
    p_value = 2 * stats.t.sf(np.abs(value) / np.where(known, se, 1), df)
    return _plain(np.where(known, p_value, np.equal(value, 0).astype(float)))


def equivalence(value, se, df, margin):
    """Return the p-value of two one-sided tests that the true value lies within +- `margin` (Schuirmann 1987).

    Below 0.05 the 90 % t interval lies inside the margin. se = 0: 1, for where nothing varies, as when nothing is ever
    solved, nothing is shown. UserError unless margin > 0.
    """
    if not margin > 0:
        raise UserError(f"the margin of an equivalence test is {margin}: give a positive fraction")
    if se == 0:
        return 1.0
    return float(stats.t.sf((margin - abs(value)) / se, df))


def conclusion(result, margin):
    """Return what an Estimate shows at 5 %: difference, difference within the margin, equivalent or undecided.

    margin: the smallest difference that matters, in the units of the estimate. "equivalent" is no difference found
    and one as large as the margin ruled out (`equivalence`); nothing found alone is undecided.
    """
    within = equivalence(result.value, result.se, result.df, margin) < 1 - LEVEL
    if result.p_value < 1 - LEVEL:
        return "difference within the margin" if within else "difference"
    return "equivalent" if within else "undecided"


def minimum_detectable_effect(se, df=np.inf, level=LEVEL, power=POWER):
    """Return the effect that a two-sided test at 1 - `level` finds with `power`, in the units of `se`.

    (t(0.975) + t(0.80)) x SE, which is 2.80 x SE for large df (Bloom 1995).
    """
    return _plain((stats.t.ppf((1 + level) / 2, df) + stats.t.ppf(power, df)) * se)


def estimate(values, families, weights, bounds, prior=None):
    """Return the Estimate of the mean of `values` (..., S, P); `weights` from `bootstrap_weights` for these problems.

    prior: SeedPrior of the table's comparisons of the same kind. With leading axes every field is an array of them.
    A rate (bounds 0 and 1) at which all problems are alike shows no variance: its limits are exact binomial ones.
    """
    value = values.mean(axis=(-2, -1))
    value = _plain(np.where(np.abs(value) < 1e-12, 0.0, value))  # rounding noise of gains that cancel is no effect
    se, df = crossed_error(values, families, prior)
    margin = stats.t.ppf((1 + LEVEL) / 2, df) * se
    low, high = value - margin, value + margin
    outside = (low < bounds[0]) | (high > bounds[1])
    if np.any(outside):
        shaped = interval(bootstrap_means(values, weights), value, margin, bounds)
        low, high = _plain(np.where(outside, shaped[0], low)), _plain(np.where(outside, shaped[1], high))
    if bounds == (0, 1) and np.ndim(value) == 0 and value in (0, 1):
        families = len(np.unique(families))
        low, high = stats.binomtest(round(value * families), families).proportion_ci(LEVEL)
    return Estimate(value, low, high, se, df, two_sided_p(value, se, df), minimum_detectable_effect(se, df))


def holm(p_values):
    """Return p-values adjusted for their number by Holm's step-down method (Holm 1979), in the given order."""
    from statsmodels.stats.multitest import multipletests  # a second to import, and few callers adjust

    return multipletests(p_values, method="holm")[1].tolist() if len(p_values) else []


def mcnemar(before, after):
    """Return (gained, lost, exact two-sided p) of paired 0/1 outcomes, one completion per problem.

    McNemar's exact test: the problems that changed are a fair coin under the null. It treats problems as independent
    and one pair of checkpoints as given, so it says nothing about other training seeds.
    """
    from statsmodels.stats.contingency_tables import mcnemar as exact_test

    before, after = np.asarray(before), np.asarray(after)
    if before.shape != after.shape or not np.isin([before, after], [0, 1]).all():
        raise UserError("McNemar's test needs two equally long lists of 0 and 1, one outcome per problem")
    gained, lost = int((after > before).sum()), int((after < before).sum())
    return gained, lost, float(exact_test([[0, gained], [lost, 0]], exact=True).pvalue)
