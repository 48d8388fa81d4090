"""Do intervals cover and tests hold their level? Simulated tables with the design of the experiment (DESIGN.md §8).

In: a Design. Out: gains of simulated tables, and one row per scenario of `calibration.csv`, computed by the very
functions that the transfer table uses.

Model. Whether a completion is correct is a coin with logit = difficulty of the problem in this PL + gain of RL +
what this init does to this problem + shift of this training run + noise of run x problem. All inits but the treatment
differ by chance only, and the treatment too in an A/A scenario. An SFT run's shift stays after RL, an RL run adds its
own; shifts are correlated between PLs. SDs are given for the difference of two inits' gains, as fractions of pass@1
(what `crosspl.power.variance_components` estimates), and turned into logits by quadrature.
"""

from typing import NamedTuple

import numpy as np
from scipy import optimize, special, stats

from crosspl.passk import fixed
from crosspl.statistics import LEVEL, Estimate, bootstrap_weights, estimate, seed_prior

DIFFICULTY = (-2.0, 8.0)  # mean and SD of logits: most problems are always or never solved, as in the default run
GAIN = 1.0  # of RL, in logits, in every init
NOISE = 0.7  # SD of run x problem, in logits; with the coins it gives rest SDs of about 30 points at 2 samples
CORRELATION = 0.7  # of one run's shifts in two PLs
INITS, TARGETS = 5, 5  # of the default table; all of them enter the pooled seed noise
PAIRS = ((0, 1), (2, 3))  # disjoint, so that one table gives two independent comparisons
SEED_SDS, PROBLEM_SDS = (0.0, 0.02, 0.04), (0.0, 0.07, 0.15)  # around what the default run shows
POWER_SDS = ((0.0, 0.0), (0.02, 0.07), (0.04, 0.15))
DRAWS = 200  # hardly ever used: differences keep away from their bounds
CHUNK = 50  # tables at once: arrays that fit into the cache
COLUMNS = [
    "scenario", "seeds", "problems", "samples", "seed_sd", "problem_sd", "effect", "repetitions",
    "rejected", "rejected_low", "rejected_high", "covered", "covered_low", "covered_high", "mde", "power", "mark",
]  # fmt: skip


class Design(NamedTuple):
    """What is simulated. seed_sd, problem_sd, effect: of the difference of two gains, fractions of pass@1.

    treatment_noise: the treatment's training noise as a multiple of every other init's.
    """

    seeds: int
    problems: int
    samples: int
    seed_sd: float
    problem_sd: float
    effect: float = 0.0
    treatment_noise: float = 1.0


class Logits(NamedTuple):
    """The SDs of init x problem and of a run's shift, and the effect, in logits."""

    problem: float
    run: float
    effect: float


def logits(design):
    """Return the Logits that give the SDs and the effect of `design` in pass@1."""
    quantiles = special.ndtri((np.arange(4000) + 0.5) / 4000)
    difficulty = DIFFICULTY[0] + DIFFICULTY[1] * quantiles
    one, two = (np.random.default_rng(seed).permutation(quantiles) for seed in (1, 2))

    def level(shift):
        return special.expit(difficulty + GAIN + shift)

    def excess(sd):
        return np.sqrt(np.mean((level(sd * one) - level(sd * two)) ** 2)) - design.problem_sd

    problem = optimize.brentq(excess, 0, 50) if design.problem_sd else 0.0
    chance = level(problem * one)
    slope = np.mean(chance * (1 - chance))
    effect = optimize.brentq(lambda shift: np.mean(level(problem * one + shift) - chance) - design.effect, -60, 60)
    return Logits(problem, design.seed_sd / np.sqrt(2) / slope, effect if design.effect else 0.0)


def simulate(design, tables, generator):
    """Return gains of pass@1 of simulated tables, shape (tables, INITS, TARGETS, seeds, problems), float32.

    The first init of every pair is a treatment: it has the effect, and its noise.
    """
    scale, size = logits(design), (tables, INITS, TARGETS, design.seeds, design.problems)
    noise, treated = np.ones(INITS), np.zeros(INITS)
    for treatment, _ in pairs(design):
        noise[treatment], treated[treatment] = design.treatment_noise, scale.effect
    difficulty = DIFFICULTY[0] + DIFFICULTY[1] * generator.standard_normal((tables, 1, TARGETS, 1, design.problems))
    mixed = scale.problem * generator.standard_normal((tables, INITS, TARGETS, 1, design.problems))
    sft, rl = (_run_shifts(size, scale.run * noise, generator) for _ in range(2))
    before = _solved(difficulty, sft, size, design.samples, generator)
    after = _solved(difficulty + GAIN + mixed + treated[:, None, None, None], sft + rl, size, design.samples, generator)
    return after - before


def pairs(design):
    """Return the (treatment, control) numbers of the comparisons of one table."""
    return PAIRS if design.treatment_noise == 1 else PAIRS[:1]  # one init is odd, not two of five


def _run_shifts(size, scale, generator):
    """Return the logit shift of every run in every PL, shape (tables, inits, targets, seeds, 1)."""
    common = generator.standard_normal((size[0], size[1], 1, size[3], 1))
    own = generator.standard_normal((*size[:4], 1))
    return scale[:, None, None, None] * (np.sqrt(CORRELATION) * common + np.sqrt(1 - CORRELATION) * own)


def _solved(problem, run, size, samples, generator):
    """Return the share of correct completions in each cell of `size`; the logits are `problem` + `run` + noise."""
    logit = problem.astype(np.float32) + run.astype(np.float32)
    spread = np.float32(NOISE * np.sqrt(12))
    logit = logit + spread * (generator.random(size, dtype=np.float32) - np.float32(0.5))  # uniform: cheap
    chance = special.expit(logit, out=logit)
    count = np.zeros(size, dtype=np.float32)
    for _ in range(samples):
        count += generator.random(size, dtype=np.float32) < chance
    return count / np.float32(samples)


def estimates(design, repetitions, generator):
    """Return the Estimate, its fields of shape (repetitions,), of as many independent comparisons."""
    families, compared, parts = np.arange(design.problems), pairs(design), []
    weights = bootstrap_weights(families, design.seeds, DRAWS, 0)
    tables = -(-repetitions // len(compared))
    for start in range(0, tables, CHUNK):
        gains = simulate(design, min(CHUNK, tables - start), generator)
        prior = seed_prior([[(gains[:, init, target], families) for target in range(TARGETS)] for init in range(INITS)])
        for treatment, control in compared:
            values = (gains[:, treatment, 0] - gains[:, control, 0]).astype(float)
            parts.append(np.stack(estimate(values, families, weights, (-2, 2), prior)))
    return Estimate(*np.concatenate(parts, axis=1)[:, :repetitions])


def share(hits):
    """Return the share of true among `hits` and its exact binomial 95 % limits (Clopper and Pearson 1934)."""
    result = stats.binomtest(int(np.sum(hits)), len(hits))
    return result.statistic, *result.proportion_ci(LEVEL)


def row(scenario, design, result, mark):
    """Return the row of one scenario; power is empty where there is no effect to find. mde is the median."""
    rejected, covered = result.p_value < 1 - LEVEL, (result.low <= design.effect) & (design.effect <= result.high)
    return {
        "scenario": scenario, "seeds": design.seeds, "problems": design.problems, "samples": design.samples,
        "seed_sd": fixed(design.seed_sd), "problem_sd": fixed(design.problem_sd), "effect": fixed(design.effect),
        "repetitions": len(rejected),
        **dict(zip(("rejected", "rejected_low", "rejected_high"), map(fixed, share(rejected)))),
        **dict(zip(("covered", "covered_low", "covered_high"), map(fixed, share(covered)))),
        "mde": fixed(float(np.median(result.mde))),
        "power": fixed(float(np.mean(rejected & (result.value > 0)))) if design.effect else None, "mark": mark,
    }  # fmt: skip


def rows(seeds, problems, samples, repetitions, seed, mark):
    """Return the rows of calibration.csv for one size of the experiment.

    A/A at every combination of SEED_SDS and PROBLEM_SDS; the same with an effect as large as the MDE promised there,
    at POWER_SDS; and A/A with a treatment whose training noise is twice that of the others, which the pooled seed
    noise assumes away.
    """
    generator, found = np.random.Generator(np.random.SFC64(seed)), []
    for seed_sd in SEED_SDS:
        for problem_sd in PROBLEM_SDS:
            design = Design(seeds, problems, samples, seed_sd, problem_sd)
            found.append(row("A/A", design, estimates(design, repetitions, generator), mark))
            if (seed_sd, problem_sd) in POWER_SDS:
                design = design._replace(effect=float(found[-1]["mde"]))
                found.append(row("effect = MDE", design, estimates(design, repetitions, generator), mark))
    design = Design(seeds, problems, samples, *POWER_SDS[1], treatment_noise=2.0)
    return [*found, row("A/A, noisier treatment", design, estimates(design, repetitions, generator), mark)]
