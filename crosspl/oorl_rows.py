"""The rows of the OORL ladder, and which two are compared (arXiv 2505.12723, table 4).

In: NAME=INIT texts, Targets of crosspl.evaluations. Out: Rows, pairs of Rows, pass@1 of shape (seeds, problems), means
over PLs as Targets.

A row that was not trained is absent. `none` is what RL starts from; rl is RL on translation alone; rl_dpo, rl_gepo and
rl_gepo_programs add an off-policy loss to it: DPO, GEPO on LLVM IR, GEPO on parallel programs. {mixture}_oorl is RL
with GEPO from SFT on a mixture; beside it stands {mixture}_sft, the model that it starts from.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from crosspl.checkpoints import start_of
from crosspl.errors import UserError
from crosspl.evaluations import Target, after, before, gains, pooled, prior
from crosspl.statistics import SeedPrior, bootstrap_weights

LADDER = ("none", "rl", "rl_dpo", "rl_gepo", "rl_gepo_programs")
OORL, SFT = "_oorl", "_sft"  # ends of the names of rows that start from a mixture
MEAN = "mean"
ALL = "all"  # in the column `from`: the mean over all PLs that are translated from


class Row(NamedTuple):
    """A row of the ladder; trained: after RL from the init, else the model that this RL starts from."""

    name: str
    init: str
    trained: bool


class Measure(NamedTuple):
    """What rows are measured by: one PL, or the mean of some.

    item: a Target; of a mean on the problems that all its PLs have. full: the same mean on all problems of every PL;
    None for one PL. level_noise, gain_noise: SeedPriors of pass@1 after RL and of gains, or None.
    """

    task: str
    origin: str
    role: str
    item: Target
    full: Target | None
    level_noise: SeedPrior | None
    gain_noise: SeedPrior | None


def parse_rows(texts, inits):
    """Return the Rows of NAME=INIT texts in the order of the ladder; UserError for a name or an init not known."""
    found = {}
    for text in texts:
        name, _, init = text.partition("=")
        own = name.endswith(OORL) and name != OORL and name.removesuffix(OORL) == start_of(init)
        if name not in LADDER and not own:
            raise UserError(f"--rows {text}: no row of this name; known are {', '.join(LADDER)} and MIXTURE{OORL}, "
                            "whose init starts from that mixture")  # fmt: skip
        if init not in inits:
            raise UserError(f"--rows {text}: {init!r} is not one of --inits {' '.join(inits)}")
        if name in found or (name != "none" and init in [known for row, known in found.items() if row != "none"]):
            raise UserError(f"--rows {text}: the row or its init is named twice")
        found[name] = init
    rows = [Row(name, found[name], name != "none") for name in LADDER if name in found]
    if len({start_of(row.init) for row in rows}) > 1:
        raise UserError(f"--rows {' '.join(texts)}: the rows {', '.join(LADDER)} must start from one model")
    if not set(found) - {"none"}:
        raise UserError("--rows: names no row after RL; it takes one, as in rl=base__rl")
    for name in found:
        if name not in LADDER:
            rows += [Row(name.removesuffix(OORL) + SFT, found[name], False), Row(name, found[name], True)]
    return rows


def pairs(rows):
    """Return (row, the row it is compared with): the rung before it and RL on translation alone.

    The first of a ladder has no rung before it. A rung that is missing is stepped over.
    """
    found, alone = [], [row for row in rows if row.name == "rl"]
    ladder = [row for row in rows if row.name in LADDER]
    rungs = [(row, previous) for previous, row in pairwise(ladder)]
    others = [row for row in rows if row.name not in LADDER]
    rungs += [(row, start) for start, row in pairwise(others) if row.trained]
    for row, previous in rungs:
        found += [(row, against) for against in dict.fromkeys([previous, *alone]) if against != row]
    return found


def scores(plan, item, row, source):
    """Return pass@1 of a row, shape (seeds, problems)."""
    return after(plan, item, row.init, source) if row.trained else before(plan, item, row.init)


def averaged(plan, targets, name):
    """Return the Target whose scores have the mean over `targets` of each one's own mean, whatever problems it has.

    A problem's score is that mean plus its influence on it (the linearized estimator of a mean of ratios), so that
    differences stay differences and errors are right to first order. On equal problems this is `pooled`.
    """
    families = {problem: family for item in targets for problem, family in zip(item.problems, item.families)}
    problems = np.array(sorted(families))
    families = np.array([families[problem] for problem in problems])
    totals = {key: np.zeros(len(problems)) for key in targets[0].scores}
    for item in targets:
        places = np.searchsorted(problems, item.problems)
        for key, values in item.scores.items():
            totals[key] += values.mean()
            totals[key][places] += (values - values.mean()) * len(problems) / len(values)
    means = {key: total / len(targets) for key, total in totals.items()}
    wrong = {key: float(np.mean([item.wrong_language[key] for item in targets])) for key in targets[0].wrong_language}
    weights = bootstrap_weights(families, len(plan.seeds), plan.draws, plan.bootstrap_seed)
    return Target(name, problems, means, wrong, families, targets[0].samples, weights)


def singles(plan, task, origin, targets, roles):
    """Return the Measures of single PLs; the noise between seeds is theirs together. roles: {PL: role}."""
    noise = prior(plan, targets, after), prior(plan, targets, gains)
    return [Measure(task, origin, roles[item.language], item, None, *noise) for item in targets]


def mean_of(plan, task, origin, role, targets, full=None, noise=None):
    """Return the Measure of the mean over `targets`.

    full: those to take for the mean on all problems. noise: SeedPriors of pass@1 and gains; None: from the mean itself.
    """
    name = f"{MEAN} of {role}" if role else MEAN
    item, full = pooled(plan, targets, name), averaged(plan, full or targets, name)
    noise = noise or (prior(plan, [item], after), prior(plan, [item], gains))
    return Measure(task, origin, role, item, full, *noise)


def generation_measures(plan, targets, roles):
    """Return the Measures of generation: every PL, their mean, and the mean of every role. roles: {PL: role}.

    The mean of a role with one PL is that PL, with the same interval.
    """
    found = singles(plan, "generation", "", targets, roles)
    found.append(mean_of(plan, "generation", "", "", targets))
    for role in dict.fromkeys(roles[item.language] for item in targets):
        chosen = [item for item in targets if roles[item.language] == role]
        alone = (found[0].level_noise, found[0].gain_noise) if len(chosen) == 1 else None
        found.append(mean_of(plan, "generation", "", role, chosen, noise=alone))
    return found


def translation_measures(plan, by_origin):
    """Return the Measures of translation: the mean over target PLs for every PL translated from, then over all.

    by_origin: {PL translated from: its Targets}.
    """
    found = [mean_of(plan, "translation", origin, "", targets) for origin, targets in by_origin.items()]
    together = [measure.item for measure in found], [measure.full for measure in found]
    return [*found, mean_of(plan, "translation", ALL, "", *together)]
