"""How large an experiment must be: variance components, power, and the problems and seeds an effect needs.

In: values (S, P) of a pilot, such as differences of gains. Out: SDs between seeds, between problems and of the rest,
and from them the SE of any number of seeds and problems, by the same model and df as `crosspl.statistics`.

Model: value = mean + seed + problem + rest, so Var(mean) = seed^2 / S + problem^2 / P + rest^2 / (S P). More problems
never remove the first part, more seeds never the second. A problem here is a problem family.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

from crosspl.errors import UserError
from crosspl.statistics import LEVEL, POWER, mean_squares, minimum_detectable_effect

MOST_PROBLEMS, MOST_SEEDS = 1_000_000, 1_000  # more is never built; beyond them the answer is None


class Components(NamedTuple):
    """Standard deviations, in the units of the values, and how many comparisons' seeds the seed SD was pooled over."""

    seed: float
    problem: float
    rest: float
    pooled: float = 1.0


def variance_components(values, families, prior=None):
    """Return the Components of `values` (S, P) by the ANOVA method; a negative component is reported as 0.

    With `prior`, a SeedPrior, the seed SD is (prior.ratio - 1) x rest^2 / P. UserError with fewer than 2 seeds.
    """
    seeds, count = values.shape[0], len(np.unique(families))
    if seeds < 2:
        raise UserError("variance components need at least 2 training seeds, found 1: train another seed")
    ms_seed, ms_family, ms_rest = mean_squares(values, families)
    pooled = 1.0
    if prior is not None:
        ms_seed, pooled = prior.ratio * ms_rest, prior.df / (seeds - 1)
    variances = (ms_seed - ms_rest) / count, (ms_family - ms_rest) / seeds, ms_rest
    return Components(*(float(np.sqrt(max(variance, 0.0))) for variance in variances), float(pooled))


def design_error(components, seeds, problems):
    """Return the standard error and the df expected with this many seeds (2 or more) and problems.

    The seed SD is taken to be pooled over as many comparisons as now. With many more problems that is a little too
    hopeful: what the PLs share, the trained models, then weighs more.
    """
    seed, problem, rest, pooled = components
    ms_rest = rest**2
    ms_seed, ms_problem = ms_rest + problems * seed**2, ms_rest + seeds * problem**2
    squares = ms_seed + ms_problem - ms_rest
    parts = (ms_seed, pooled * (seeds - 1)), (ms_problem, problems - 1), (ms_rest, (seeds - 1) * (problems - 1))
    spread = sum(part**2 / df for part, df in parts)
    return float(np.sqrt(squares / (seeds * problems))), squares**2 / spread if spread else problems - 1.0


def power_of(effect, se, df, level=LEVEL):
    """Return the probability that a two-sided t test at 1 - `level` rejects when the true value is `effect`."""
    if se == 0:
        return float(effect != 0)
    limit, shift = stats.t.ppf((1 + level) / 2, df), abs(effect) / se
    if shift > limit + 10:
        return 1.0  # the noncentral t is not computed that far out
    return float(stats.nct.sf(limit, df, shift) + stats.nct.cdf(-limit, df, shift))


def power(components, effect, seeds, problems, level=LEVEL):
    """Return the power for `effect` with this many seeds and problems."""
    return power_of(effect, *design_error(components, seeds, problems), level)


def detectable(components, seeds, problems, level=LEVEL, wanted=POWER):
    """Return the minimum detectable effect with this many seeds and problems."""
    return minimum_detectable_effect(*design_error(components, seeds, problems), level, wanted)


def problems_needed(components, effect, seeds, level=LEVEL, wanted=POWER):
    """Return the least number of problems that gives power `wanted`, or None: at these seeds no number does."""
    _check(effect)
    return _least(lambda count: power(components, effect, seeds, count, level) >= wanted, MOST_PROBLEMS)


def seeds_needed(components, effect, problems, level=LEVEL, wanted=POWER):
    """Return the least number of seeds, 2 or more, that gives power `wanted`, or None: on these problems none does."""
    _check(effect)
    return _least(lambda count: power(components, effect, count, problems, level) >= wanted, MOST_SEEDS)


def _check(effect):
    if not effect:
        raise UserError("an effect of 0 is never found: give the smallest effect that matters")


def _least(enough, most):
    """Return the least of 2..most that is enough, or None; more is never worse."""
    if not enough(most):
        return None
    low, high = 1, 2
    while not enough(high):
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
