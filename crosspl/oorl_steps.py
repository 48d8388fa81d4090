"""The steps of the OORL ladder as paired differences: steps.csv (arXiv 2505.12723, table 4, with intervals).

In: a Plan whose inits are those of the trained Rows, Rows, Measures (crosspl.oorl_rows). Out: rows of steps.csv: a line
per row and row that it is compared with; a row that is compared with none has a line for its pass@1.

Differences are paired by problem and seed, clustered by family. p_holm: over all comparisons for a mean of PLs; over
the PLs of one comparison for single PLs. The conclusion goes by p_holm and says whether rows are equivalent, within the
margin: "RL and RL with DPO are about equal" is such a claim, which no large p-value shows.
"""

from crosspl.oorl_rows import pairs, scores
from crosspl.passk import fixed
from crosspl.statistics import conclusion, equivalence, estimate, holm
from crosspl.transfer_table import fixed_p

STEP_COLUMNS = [
    "task", "from", "source", "target", "role", "row", "init", "against", "seeds", "problems", "pass_at_1", "low",
    "high", "difference", "difference_low", "difference_high", "p_value", "p_holm", "margin", "p_equivalence",
    "conclusion", "mde", "pass_at_1_full", "difference_full", "mark",
]  # fmt: skip


def step_rows(plan, rows, measures):
    """Return the rows of steps.csv: of every measure and source PL of RL, in the order of the ladder."""
    compared = pairs(rows)
    alone = [(row, None) for row in rows if row not in [first for first, _ in compared]]
    order = sorted(alone + compared, key=lambda pair: rows.index(pair[0]))
    lines = [
        _line(plan, measure, source, row, against)
        for measure in measures
        for source in plan.sources
        for row, against in order
    ]
    return _adjusted(plan, lines)


def level(plan, item, row, source, noise):
    """Return the Estimate of a row's pass@1."""
    return estimate(scores(plan, item, row, source), item.families, item.weights, (0, 1), noise)


def _line(plan, measure, source, row, against):
    """Return one line; `difference` and the p-value stay an Estimate until their group is adjusted."""
    item, full = measure.item, measure.full
    own = level(plan, item, row, source, measure.level_noise)
    result = difference_full = None
    if against:
        values = scores(plan, item, row, source) - scores(plan, item, against, source)
        result = estimate(values, item.families, item.weights, (-1, 1), measure.gain_noise)
        if full:
            difference_full = (scores(plan, full, row, source) - scores(plan, full, against, source)).mean()
    return {
        "task": measure.task, "from": measure.origin, "source": source, "target": item.language, "role": measure.role,
        "row": row.name, "init": row.init if row.trained else "", "against": against.name if against else "",
        "seeds": len(plan.seeds), "problems": len(item.families),
        "pass_at_1": fixed(own.value), "low": fixed(own.low), "high": fixed(own.high), "difference": result,
        "pass_at_1_full": fixed(float(scores(plan, full, row, source).mean())) if full else None,
        "difference_full": None if difference_full is None else fixed(float(difference_full)), "mark": plan.mark,
    }  # fmt: skip


def _adjusted(plan, lines):
    """Return the lines with the numbers of their differences, p_holm within each group of tests."""
    groups = {}
    for line in lines:
        if line["difference"]:
            place = (line["task"], line["from"], line["source"])
            single = line["pass_at_1_full"] is None
            own = (line["row"], line["against"]) if single else line["target"]
            groups.setdefault((place, single, own), []).append(line)
    adjusted = {}
    for group in groups.values():
        for line, p_value in zip(group, holm([line["difference"].p_value for line in group])):
            adjusted[id(line)] = _numbers(line["difference"], p_value, plan.margin)
    return [line | adjusted.get(id(line), {"difference": None}) for line in lines]


def _numbers(result, p_holm, margin):
    """Return the cells of one difference."""
    return {
        "difference": fixed(result.value), "difference_low": fixed(result.low), "difference_high": fixed(result.high),
        "p_value": fixed_p(result.p_value), "p_holm": fixed_p(p_holm), "margin": fixed(margin),
        "p_equivalence": fixed_p(equivalence(result.value, result.se, result.df, margin)),
        "conclusion": conclusion(result._replace(p_value=p_holm), margin), "mde": fixed(result.mde),
    }  # fmt: skip
