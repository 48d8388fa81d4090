"""The transfer table: what RL in a source PL changes in every target PL, for every init (parallel_sft.md section 3).

In: a Plan and the Targets of crosspl.evaluations. Out: rows of `transfer_table.csv` (init x method x source x target),
`contrasts.csv` (gain of the treatment minus gain of each other init) and `mcnemar.csv` (greedy, one row per seed).
"""

import numpy as np

from crosspl.checkpoints import after_name, before_name
from crosspl.errors import UserError
from crosspl.evaluations import after, before, contrast_values, gains, method, prior, role, runs
from crosspl.passk import fixed
from crosspl.statistics import estimate, holm, mcnemar

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


def table_rows(plan, targets):
    """Return the rows of transfer_table.csv, p-values Holm-adjusted over the targets of one init and source."""
    noise = [prior(plan, targets, values) for values in (_before, after, gains)]
    rows = []
    for init, source in runs(plan):
        group = [_table_row(plan, item, init, source, noise) for item in targets]
        rows += with_holm(group)
    return rows


def _before(plan, item, init, source):
    return before(plan, item, init)


def _table_row(plan, item, init, source, noise):
    """Return one row; p_value stays a number until the group is adjusted."""
    start, end, gain = (
        estimate(values(plan, item, init, source), item.families, item.weights, bounds, between)
        for values, bounds, between in zip((_before, after, gains), ((0, 1), (0, 1), (-1, 1)), noise)
    )
    oracle_after, oracle_share = _oracle(plan, item, gain.value)
    wrong = [item.wrong_language[after_name(init, source, seed)] for seed in plan.seeds]
    return {
        "init": init, "rl_method": f"{method(plan, init)} [{plan.mark}]" if plan.mark else method(plan, init),
        "source": source, "target": item.language, "role": role(plan, init, source, item.language),
        "seeds": len(plan.seeds), "problems": len(item.families), "samples": item.samples,
        "pass_at_1_base": fixed(float(item.scores["base"].mean())),
        "pass_at_1_before": fixed(start.value), "pass_at_1_after": fixed(end.value),
        "before_low": fixed(start.low), "before_high": fixed(start.high),
        "after_low": fixed(end.low), "after_high": fixed(end.high),
        "gain": fixed(gain.value), "gain_low": fixed(gain.low), "gain_high": fixed(gain.high),
        "p_value": gain.p_value, **_versus_control(plan, item, init, source, noise[2]),
        "oracle_after": oracle_after, "oracle_share": oracle_share,
        "wrong_language_rate": fixed(float(np.mean(wrong))), "mde": fixed(gain.mde),
    }  # fmt: skip


def with_holm(group):
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


def contrast(plan, item, treatment, control, source, noise):
    """Return the Estimate of the difference in differences: gain of `treatment` minus gain of `control`.

    noise: the SeedPrior of the table's gains; the difference of two arms has the same ratio.
    """
    values = contrast_values(plan, item, treatment, control, source)
    return estimate(values, item.families, item.weights, (-2, 2), noise)


def _versus_control(plan, item, init, source, noise):
    """Return the three gain_vs_same_problems columns, empty for the control itself and where it was not trained."""
    names = ["gain_vs_same_problems", "gain_vs_same_problems_low", "gain_vs_same_problems_high"]
    if init == CONTROL or (CONTROL, source) not in runs(plan):
        return dict.fromkeys(names)
    return dict(zip(names, map(fixed, contrast(plan, item, init, CONTROL, source, noise)[:3])))


def contrast_rows(plan, targets):
    """Return the rows of contrasts.csv: treatment minus every other init; none when the treatment was not trained."""
    noise, rows = prior(plan, targets, gains), []
    for source in plan.sources if plan.treatment in plan.inits else []:
        for control in plan.inits:
            if control != plan.treatment:
                rows += with_holm([_contrast_row(plan, item, control, source, noise) for item in targets])
    return rows


def _contrast_row(plan, item, control, source, noise):
    """Return one row; p_value stays a number until the group is adjusted."""
    result = contrast(plan, item, plan.treatment, control, source, noise)
    return {
        "treatment": plan.treatment, "control": control, "rl_method": plan.method, "source": source,
        "target": item.language, "role": role(plan, plan.treatment, source, item.language), "seeds": len(plan.seeds),
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
                    "init": init, "rl_method": method(plan, init), "source": source, "target": item.language,
                    "role": role(plan, init, source, item.language), "seed": seed, "problems": len(item.families),
                    "gained": gained, "lost": lost, "p_mcnemar": fixed_p(p_value), "mark": plan.mark,
                })  # fmt: skip
    return rows
