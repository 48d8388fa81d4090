"""The transfer table: what RL in a source PL changes in every target PL, for every init (parallel_sft.md §3, §6).

In: the verdicts of every checkpoint of a Plan. Out: rows of `transfer_table.csv` (init x method x source x target),
`contrasts.csv` (gain of the treatment minus gain of each other init) and `mcnemar.csv` (greedy, one row per seed).

All numbers are fractions. Within one target language every number is over the same problems: those with a score in
every checkpoint. So gain = after - before and contrast = gain - gain hold exactly, and all are paired by problem and
seed. The base checkpoint is one model: as `before` of init `base` it is repeated for every seed and adds no variance
between seeds. Nothing is dropped by a join: a missing file, language or problem is a UserError that names it.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from crosspl.errors import UserError
from crosspl.passk import fixed, read_cells
from crosspl.statistics import bootstrap_weights, estimate, holm, mcnemar

CONTROL = "same_problems"  # the control named in the columns of the table
COLUMNS = [
    "init", "rl_method", "source", "target", "role", "seeds", "problems", "samples",
    "pass_at_1_base", "pass_at_1_before", "pass_at_1_after", "before_low", "before_high", "after_low", "after_high",
    "gain", "gain_low", "gain_high", "p_value", "p_holm",
    "gain_vs_same_problems", "gain_vs_same_problems_low", "gain_vs_same_problems_high",
    "oracle_after", "oracle_share", "wrong_language_rate", "mde",
]  # fmt: skip
CONTRAST_COLUMNS = ["treatment", "control", "rl_method", "source", "target", "role", "seeds", "problems",
                    "contrast", "low", "high", "p_value", "p_holm", "mde", "mark"]  # fmt: skip
MCNEMAR_COLUMNS = ["init", "rl_method", "source", "target", "role", "seed", "problems",
                   "gained", "lost", "p_mcnemar", "mark"]  # fmt: skip


class Plan(NamedTuple):
    """What was trained and evaluated. oracles: PLs with an RL run from `base` only, beside the sources."""

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


class Target(NamedTuple):
    """One target language: scores {checkpoint: array over the common problems}, and what belongs to them."""

    language: str
    scores: dict
    wrong_language: dict
    families: np.ndarray
    samples: int
    weights: tuple


def check_plan(plan):
    """Raise a UserError for a plan that names something twice or a source that is not evaluated."""
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


def before_name(init, seed):
    """Return the checkpoint that RL with this init and seed starts from."""
    return "base" if init == "base" else f"sft/{init}/seed{seed}"


def after_name(init, source, seed):
    """Return the checkpoint after RL."""
    return f"rl/{init}/{source}/seed{seed}"


def checkpoints(plan):
    """Return the names of all checkpoints the table is made of, base first."""
    names = ["base"]
    for init, source in runs(plan):
        for seed in plan.seeds:
            names += [before_name(init, seed), after_name(init, source, seed)]
    return list(dict.fromkeys(names))


def role(plan, source, target):
    """Return source, sft or unseen: what `target` is to an experiment with RL in `source`."""
    if target == source:
        return "source"
    return "sft" if target in plan.sft_languages else "unseen"


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
        language, {name: cell.scores[scored] for name, cell in chosen.items()},
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


def gains(plan, item, init, source):
    """Return pass@1 after minus before RL, shape (seeds, problems)."""
    return after(plan, item, init, source) - before(plan, item, init)


def table_rows(plan, targets):
    """Return the rows of transfer_table.csv, p-values Holm-adjusted over the targets of one init and source."""
    rows = []
    for init, source in runs(plan):
        group = [_table_row(plan, item, init, source) for item in targets]
        rows += _with_holm(group)
    return rows


def _table_row(plan, item, init, source):
    """Return one row; p_value stays a number until the group is adjusted."""
    start, end, gain = (
        estimate(values, item.families, item.weights, bounds)
        for values, bounds in (
            (before(plan, item, init), (0, 1)),
            (after(plan, item, init, source), (0, 1)),
            (gains(plan, item, init, source), (-1, 1)),
        )
    )
    oracle_after, oracle_share = _oracle(plan, item, gain.value)
    wrong = [item.wrong_language[after_name(init, source, seed)] for seed in plan.seeds]
    return {
        "init": init, "rl_method": f"{plan.method} [{plan.mark}]" if plan.mark else plan.method,
        "source": source, "target": item.language, "role": role(plan, source, item.language),
        "seeds": len(plan.seeds), "problems": len(item.families), "samples": item.samples,
        "pass_at_1_base": fixed(float(item.scores["base"].mean())),
        "pass_at_1_before": fixed(start.value), "pass_at_1_after": fixed(end.value),
        "before_low": fixed(start.low), "before_high": fixed(start.high),
        "after_low": fixed(end.low), "after_high": fixed(end.high),
        "gain": fixed(gain.value), "gain_low": fixed(gain.low), "gain_high": fixed(gain.high),
        "p_value": gain.p_value, **_versus_control(plan, item, init, source),
        "oracle_after": oracle_after, "oracle_share": oracle_share,
        "wrong_language_rate": fixed(float(np.mean(wrong))), "mde": fixed(gain.mde),
    }  # fmt: skip


def _with_holm(group):
    """Return the rows of one group with p_holm added and both p-values as text."""
    adjusted = holm([row["p_value"] for row in group])
    return [{**row, "p_value": fixed_p(row["p_value"]), "p_holm": fixed_p(p)} for row, p in zip(group, adjusted)]


def fixed_p(p_value):
    """Return a p-value as text; 0.0001 means at most that, as no p-value is 0."""
    return fixed(max(p_value, 1e-4))


def _oracle(plan, item, gain):
    """Return (oracle_after, oracle_share); empty without an RL run from base in the target.

    The share is of the oracle's gain over base, and is empty where that gain is not positive: RL in the target itself
    then gained nothing that could be shared.
    """
    if ("base", item.language) not in runs(plan):
        return None, None
    level = float(after(plan, item, "base", item.language).mean())
    oracle_gain = level - float(item.scores["base"].mean())
    return fixed(level), fixed(gain / oracle_gain) if oracle_gain > 1e-12 else None


def contrast(plan, item, treatment, control, source):
    """Return the Estimate of the difference in differences: gain of `treatment` minus gain of `control`."""
    values = gains(plan, item, treatment, source) - gains(plan, item, control, source)
    return estimate(values, item.families, item.weights, (-2, 2))


def _versus_control(plan, item, init, source):
    """Return the three gain_vs_same_problems columns, empty for the control itself and where it was not trained."""
    names = ["gain_vs_same_problems", "gain_vs_same_problems_low", "gain_vs_same_problems_high"]
    if init == CONTROL or (CONTROL, source) not in runs(plan):
        return dict.fromkeys(names)
    return dict(zip(names, map(fixed, contrast(plan, item, init, CONTROL, source)[:3])))


def contrast_rows(plan, targets):
    """Return the rows of contrasts.csv: treatment minus every other init; none when the treatment was not trained."""
    rows = []
    for source in plan.sources if plan.treatment in plan.inits else []:
        for control in plan.inits:
            if control != plan.treatment:
                rows += _with_holm([_contrast_row(plan, item, control, source) for item in targets])
    return rows


def _contrast_row(plan, item, control, source):
    """Return one row; p_value stays a number until the group is adjusted."""
    result = contrast(plan, item, plan.treatment, control, source)
    return {
        "treatment": plan.treatment, "control": control, "rl_method": plan.method, "source": source,
        "target": item.language, "role": role(plan, source, item.language), "seeds": len(plan.seeds),
        "problems": len(item.families), "contrast": fixed(result.value), "low": fixed(result.low),
        "high": fixed(result.high), "p_value": result.p_value, "mde": fixed(result.mde), "mark": plan.mark,
    }  # fmt: skip


def mcnemar_rows(plan, targets):
    """Return the rows of mcnemar.csv: problems gained and lost by RL, per seed; one completion per problem needed."""
    rows = []
    for init, source in runs(plan):
        for item in targets:
            if item.samples != 1:
                raise UserError(
                    f"McNemar's test needs 1 greedy completion per problem, {item.language} has "
                    f"{item.samples}: sample greedily once"
                )
            for seed in plan.seeds:
                pair = item.scores[before_name(init, seed)], item.scores[after_name(init, source, seed)]
                gained, lost, p_value = mcnemar(*pair)
                rows.append({
                    "init": init, "rl_method": plan.method, "source": source, "target": item.language,
                    "role": role(plan, source, item.language), "seed": seed, "problems": len(item.families),
                    "gained": gained, "lost": lost, "p_mcnemar": fixed_p(p_value), "mark": plan.mark,
                })  # fmt: skip
    return rows
