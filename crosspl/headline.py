"""The headline: does the treatment transfer better than each control, to each unseen PL and to all of them together?

In: a Plan and its Targets. Out: rows of headline.csv: the difference in differences with interval, p-value, the test of
equivalence within the margin, what it all shows, the minimum detectable effect, and how many problems or seeds would
find an effect as large as the margin with power 80 %.

p_holm: over the trained controls for the mean of all unseen PLs, which is the one primary question per source (`base`,
which is matched in nothing, is no control and stays by itself); over the unseen PLs of one control for single PLs. The
conclusion goes by p_holm; interval and equivalence are of the one comparison.
"""

from crosspl.evaluations import contrast_values, gains, pooled, prior, role
from crosspl.passk import fixed
from crosspl.power import problems_needed, seeds_needed, variance_components
from crosspl.statistics import conclusion, equivalence, estimate, holm
from crosspl.transfer_table import fixed_p, with_holm

POOLED = "mean of unseen"
HEADLINE_COLUMNS = [
    "treatment", "control", "source", "target", "seeds", "problems", "contrast", "low", "high", "p_value", "p_holm",
    "margin", "p_equivalence", "conclusion", "mde", "problems_needed", "seeds_needed", "mark",
]  # fmt: skip


def headline_rows(plan, targets):
    """Return the rows of headline.csv; none without an unseen PL or when the treatment was not trained."""
    rows = []
    controls = [init for init in plan.inits if init != plan.treatment]
    for source in plan.sources if plan.treatment in plan.inits else []:
        unseen = [item for item in targets if role(plan, plan.treatment, source, item.language) == "unseen"]
        if unseen:
            together = pooled(plan, unseen, POOLED)
            noise = prior(plan, [together], gains)
            for group in ([name for name in controls if name == "base"], [name for name in controls if name != "base"]):
                rows += _concluded(plan, [_row(plan, together, control, source, noise) for control in group])
            noise = prior(plan, targets, gains)
            for control in controls:
                rows += _concluded(plan, [_row(plan, item, control, source, noise) for item in unseen])
    return rows


def _row(plan, item, control, source, noise):
    """Return one row; p_value stays a number until the group is adjusted."""
    values = contrast_values(plan, item, plan.treatment, control, source)
    result = estimate(values, item.families, item.weights, (-2, 2), noise)
    problems, seeds = _needed(plan, values, item, noise)
    return {
        "treatment": plan.treatment, "control": control, "source": source, "target": item.language,
        "seeds": len(plan.seeds), "problems": len(item.families), "contrast": fixed(result.value),
        "low": fixed(result.low), "high": fixed(result.high), "p_value": result.p_value, "margin": fixed(plan.margin),
        "p_equivalence": fixed_p(equivalence(result.value, result.se, result.df, plan.margin)), "result": result,
        "mde": fixed(result.mde), "problems_needed": problems,
        "seeds_needed": seeds, "mark": plan.mark,
    }  # fmt: skip


def _concluded(plan, group):
    """Return the rows of one group of tests, with p_holm and what each shows."""
    results = [row.pop("result") for row in group]
    adjusted = holm([result.p_value for result in results])
    return [
        row | {"conclusion": conclusion(result._replace(p_value=p_value), plan.margin)}
        for row, result, p_value in zip(with_holm(group), results, adjusted)
    ]


def _needed(plan, values, item, noise):
    """Return (problems at these seeds, seeds on these problems) that find the margin; None: no number does.

    Both None with one seed, where the noise between seeds is not known.
    """
    if len(plan.seeds) < 2:
        return None, None
    components = variance_components(values, item.families, noise)
    families = len(set(item.families))
    return (
        problems_needed(components, plan.margin, len(plan.seeds)),
        seeds_needed(components, plan.margin, families),
    )
