"""What the OORL paper (arXiv 2505.12723) leaves open, what is assumed for it, and what this run did.

In: the merged config. Out: rows (unknown, assumed, this run, why). Where rows differ all values are shown.
"""

from crosspl import rl_plan as rp
from crosspl.plots.numbers import MISSING
from crosspl.report.assumptions import setting


def assumptions(config):
    """Return the rows (unknown, assumed, this run, why we assume it)."""
    rows = [rp.rl_settings(config, init) for name, init in rows_of(config).items() if name != "none"]

    def rl(key):
        return _values(setting(row, key) for row in rows)

    def off(key):
        return _values(setting(row, f"off_policy.{key}") for row in rows if (row.get("off_policy") or {}).get("groups"))

    return [
        ("beta of GEPO", "0.1", off("beta"), "usual in DPO"),
        ("weight of the variance, lambda", "1", off("lambda"), "the paper’s"),
        ("weight of GEPO beside RL", "0.01", off("weight"), "the paper’s"),
        ("variance", "over the winners (1/n), of the log-ratio without beta", "the same", "equations 8, 9 as written"),
        ("log-probability of an answer", "sum over its tokens", _normalized(off("normalize")), "usual in DPO"),
        ("winners and losers of a group", "2 and 2 at most", off("responses"), "figure 2, two levels of optimization"),
        ("losers", "mutants of a winner, invalid ones and ones that differ in execution",
         "the same, counted in groups/*.csv", "the paper shows two and no procedure"),
        ("proof of equivalence", "the tests of the problem, by the judge", "the same", "avoids false losers"),
        ("off-policy data", "C to LLVM IR, own compilation; parallel programs", off("groups"), "SLTrans is gated"),
        ("groups per RL step", "1", _values((f"{off('per_step')} every {off('every')}",)),
         "both losses summed, equation 10"),
        ("KL, clip, answers per prompt, temperature", "0.001, 0.2, 8, 1.0",
         "; ".join((rl("beta"), rl("clip"), rl("samples"), rl("temperature"))), "not given; usual values"),
        ("on-policy algorithm", "REINFORCE++", rl("method"), "named, but not which variant"),
        ("benchmark of generation", "MultiPL-E, HumanEval", setting(config, "problems.source"),
         "inferred from its scores"),
        ("benchmark of translation", "own problems; CrossPLEval is not released",
         f"from {setting(config, 'translation.evaluate')} into every evaluated PL", "needs a program in each PL"),
        ("numbers to reach", "none; the order of table 4", "none", "one run per row, odd cells"),
        ("training seeds", "3 or more", setting(config, "seeds"), "nothing is reported"),
    ]  # fmt: skip


def rows_of(config):
    """Return the rows of the ladder; none for a config that lacks the blocks they follow from."""
    return rp.oorl_rows(config) if {"mixtures", "rl", "rl_variants"} <= set(config) else {}


def _values(texts):
    """Return the values that the rows have, each once."""
    return " or ".join(dict.fromkeys(texts)) or MISSING


def _normalized(text):
    """Return how answers of different length are made equal, in words."""
    return text.replace("False", "sum").replace("True", "mean over its tokens")
