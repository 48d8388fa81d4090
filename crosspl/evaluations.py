"""Evaluations as paired arrays: what every table of gains is made of (parallel_sft.md section 3, section 6).

In: the verdicts of every checkpoint of a Plan. Out: per target language a Target, whose scores of all checkpoints are
over the same problems; gains of shape (seeds, problems).

All numbers are fractions. Within one target language every number is over the problems that have a score in every
checkpoint. So gain = after - before and contrast = gain - gain hold exactly, and all are paired by problem and seed.
The base checkpoint is one model: as `before` of init `base` it is repeated for every seed and adds no variance between
seeds. Nothing is dropped by a join: a missing file, language or problem is a UserError that names it.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from crosspl.checkpoints import after_name, before_name, checkpoint_names, variant_of
from crosspl.errors import UserError
from crosspl.passk import read_cells
from crosspl.statistics import bootstrap_weights, seed_prior


class Plan(NamedTuple):
    """What was trained and evaluated.

    oracles: PLs with an RL run from `base` only, beside the sources. margin: the smallest difference of gains that
    matters, a fraction. init_languages: {init: its SFT PLs} where they are not sft_languages.
    """

    inits: list
    sources: list
    oracles: list
    seeds: list
    languages: list
    sft_languages: list
    method: str
    treatment: str
    draws: int
    bootstrap_seed: int
    mark: str
    margin: float
    init_languages: dict


class Target(NamedTuple):
    """One target language: scores {checkpoint: array over the common problems}, and what belongs to them."""

    language: str
    problems: np.ndarray
    scores: dict
    wrong_language: dict
    families: np.ndarray
    samples: int
    weights: tuple


def check_plan(plan):
    """Raise a UserError for a plan that names something twice, a source that is not evaluated, a senseless number."""
    if not plan.margin > 0:
        raise UserError(f"--margin {plan.margin:g}: give a positive fraction, e.g. 0.033")
    if plan.draws < 1:
        raise UserError(f"--draws {plan.draws}: an interval needs at least 1 bootstrap draw, better 2000")
    for name in ("inits", "sources", "oracles", "seeds", "languages"):
        values = getattr(plan, name)
        if len(set(values)) != len(values):
            raise UserError(f"--{name} names something twice: {' '.join(map(str, values))}")
    for source in plan.sources + plan.oracles:
        if source not in plan.languages:
            raise UserError(f"RL is done in {source}, which is not evaluated: add it to --languages")


def runs(plan):
    """Return the (init, source) pairs of the table: every init in every source, then the oracles from base."""
    pairs = [(init, source) for init in plan.inits for source in plan.sources]
    return pairs + [("base", source) for source in plan.oracles if ("base", source) not in pairs]


def checkpoints(plan):
    """Return the names of all checkpoints the table is made of, base first."""
    return checkpoint_names(runs(plan), plan.seeds)


def role(plan, init, source, target):
    """Return source, sft or unseen: what `target` is to an experiment with RL in `source` from `init`."""
    if target == source:
        return "source"
    return "sft" if target in plan.init_languages.get(init, plan.sft_languages) else "unseen"


def method(plan, init):
    """Return the name of the RL method from an init: the variant's, where it has one."""
    return variant_of(init) or plan.method


def read_checkpoints(plan, folder):
    """Return {checkpoint: {(language, reading): Cell}} of `folder`/{checkpoint}.jsonl.gz."""
    cells = {}
    for name in checkpoints(plan):
        path = Path(folder) / f"{name}.jsonl.gz"
        if not path.exists():
            raise UserError(f"no verdicts for checkpoint {name} ({path}): evaluate it, or leave it out of the plan")
        cells[name] = read_cells(path)
    return cells


def target(plan, cells, language, reading):
    """Return the Target of one language after checking that all checkpoints answered the same problems."""
    chosen = {}
    for name in checkpoints(plan):
        cell = cells[name].get((language, reading))
        if cell is None:
            raise UserError(f"checkpoint {name} has no {reading} verdicts in {language}: evaluate it again")
        _check_equal(name, cell, chosen.get("base", cell), f"{language}, {reading}")
        chosen[name] = cell
    scored = ~np.isnan([cell.scores for cell in chosen.values()]).any(axis=0)
    families = np.array(chosen["base"].families)[scored]
    if len(set(families)) < 2:
        raise UserError(
            f"{language}, {reading}: {len(set(families))} problem families have a score (not JE) in every "
            "checkpoint, an interval needs 2: evaluate more problems or judge again"
        )
    return Target(
        language, np.array(chosen["base"].problems)[scored],
        {name: cell.scores[scored] for name, cell in chosen.items()},
        {name: cell.wrong_language_rate for name, cell in chosen.items()}, families, chosen["base"].samples,
        bootstrap_weights(families, len(plan.seeds), plan.draws, plan.bootstrap_seed),
    )  # fmt: skip


def _check_equal(name, cell, base, where):
    """Raise a UserError when `cell` and the cell of base differ in problems, families or completions per problem."""
    pairs, base_pairs = set(zip(cell.problems, cell.families)), set(zip(base.problems, base.families))
    if pairs != base_pairs:
        problem, family = min(pairs ^ base_pairs)
        holder = name if (problem, family) in pairs else "base"
        raise UserError(
            f"{where}: checkpoints {name} ({len(pairs)} problems) and base ({len(base_pairs)}) were "
            f"evaluated on different problems; only {holder} has problem {problem} of family {family}. "
            "Evaluate both again on one problem set."
        )
    if cell.samples != base.samples:
        raise UserError(
            f"{where}: {cell.samples} completions per problem in checkpoint {name}, {base.samples} in "
            "base. Sample both with one setting."
        )


def left_out(cells, targets, reading):
    """Return {language: problems left out because some checkpoint has only JE there}, without the zeros."""
    counts = {item.language: len(cells["base"][item.language, reading].problems) - len(item.families)
              for item in targets}  # fmt: skip
    return {language: count for language, count in counts.items() if count}


def before(plan, item, init):
    """Return pass@1 before RL, shape (seeds, problems)."""
    return np.stack([item.scores[before_name(init, seed)] for seed in plan.seeds])


def after(plan, item, init, source):
    """Return pass@1 after RL, shape (seeds, problems)."""
    return np.stack([item.scores[after_name(init, source, seed)] for seed in plan.seeds])


def contrast_values(plan, item, treatment, control, source):
    """Return the difference in differences, gain of `treatment` minus gain of `control`, shape (seeds, problems)."""
    return gains(plan, item, treatment, source) - gains(plan, item, control, source)


def gains(plan, item, init, source):
    """Return pass@1 after minus before RL, shape (seeds, problems)."""
    return after(plan, item, init, source) - before(plan, item, init)


def pooled(plan, targets, name):
    """Return the Target whose scores are the mean over `targets`, on the problems that all of them have."""
    common = set.intersection(*(set(item.problems) for item in targets))
    kept = [np.isin(item.problems, list(common)) for item in targets]
    families = targets[0].families[kept[0]]
    if len(set(families)) < 2:
        raise UserError(f"{name}: the PLs have {len(common)} problems in common, an interval needs 2 families")
    means = {
        key: np.mean([item.scores[key][mask] for item, mask in zip(targets, kept)], axis=0) for key in targets[0].scores
    }
    wrong = {key: float(np.mean([item.wrong_language[key] for item in targets])) for key in targets[0].wrong_language}
    weights = bootstrap_weights(families, len(plan.seeds), plan.draws, plan.bootstrap_seed)
    return Target(name, targets[0].problems[kept[0]], means, wrong, families, targets[0].samples, weights)


def prior(plan, targets, values):
    """Return what all runs of a table say of the noise between seeds in `values(plan, item, init, source)`."""
    return seed_prior([[(values(plan, item, *run), item.families) for item in targets] for run in runs(plan)])
