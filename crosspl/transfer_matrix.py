"""The transfer matrix: RL in each source PL, measured on each target PL, in the form of arXiv 2310.16937.

In: a Plan with several sources and its Targets. Out: rows of transfer_matrix.csv, init x source x target: the gain, the
oracle's gain (RL from `base` in the target itself), and their ratio, the oracle-normalized transfer (parallel_sft.md
section 3). The ratio is empty unless the oracle's gain is above 0 with its whole interval: a ratio to a number that
may be 0 has no bounds.
"""

from crosspl.evaluations import after, before, gains, method, prior, role, runs
from crosspl.passk import fixed
from crosspl.statistics import bootstrap_means, estimate, interval
from crosspl.transfer_table import with_holm

MATRIX_COLUMNS = [
    "init", "rl_method", "source", "target", "role", "seeds", "problems", "samples", "pass_at_1_before",
    "pass_at_1_after", "gain", "gain_low", "gain_high", "p_value", "p_holm", "oracle_gain", "oracle_gain_low",
    "oracle_gain_high", "normalized", "normalized_low", "normalized_high", "mark",
]  # fmt: skip


def matrix_rows(plan, targets):
    """Return the rows of transfer_matrix.csv, p-values Holm-adjusted over the targets of one init and source."""
    noise = prior(plan, targets, gains)
    groups = [[_row(plan, item, init, source, noise) for item in targets] for init, source in runs(plan)]
    return [row for group in groups for row in with_holm(group)]


def _row(plan, item, init, source, noise):
    """Return one cell; p_value stays a number until the group is adjusted."""
    gain = estimate(gains(plan, item, init, source), item.families, item.weights, (-1, 1), noise)
    return {
        "init": init, "rl_method": method(plan, init), "source": source, "target": item.language,
        "role": role(plan, init, source, item.language), "seeds": len(plan.seeds), "problems": len(item.families),
        "samples": item.samples, "pass_at_1_before": fixed(float(before(plan, item, init).mean())),
        "pass_at_1_after": fixed(float(after(plan, item, init, source).mean())), "gain": fixed(gain.value),
        "gain_low": fixed(gain.low), "gain_high": fixed(gain.high), "p_value": gain.p_value,
        **_against_oracle(plan, item, init, source, noise), "mark": plan.mark,
    }  # fmt: skip


def _against_oracle(plan, item, init, source, noise):
    """Return the oracle's gain with its interval and the share of it; empty without RL from base in the target."""
    names = MATRIX_COLUMNS[MATRIX_COLUMNS.index("oracle_gain") : -1]
    if ("base", item.language) not in runs(plan):
        return dict.fromkeys(names)
    values = gains(plan, item, "base", item.language)
    oracle = estimate(values, item.families, item.weights, (-1, 1), noise)
    ratio = low = high = None
    if oracle.low > 0:
        own = gains(plan, item, init, source)
        ratio = float(own.mean() / oracle.value)
        below = bootstrap_means(values, item.weights)
        draws = bootstrap_means(own, item.weights)[below > 0] / below[below > 0]
        low, high = interval(draws)
    return dict(zip(names, map(fixed, (oracle.value, oracle.low, oracle.high, ratio, low, high))))
