"""What would falsify the hypothesis, and did it? Explicit criteria, each decided by numbers of the tables alone.

In: rows of transfer_table.csv, headline.csv, alignment_summary.csv, alignment_transfer.csv, ablation.csv.
Out: Criteria in one of four states. "Undecided" is the state of every interval that allows both answers: an interval
that contains 0 is no evidence of absence, and no criterion treats it as such.
"""

from typing import NamedTuple

from crosspl.plots.numbers import decimal, number, one_space, plain, with_interval
from crosspl.report.headline import ALPHA, CONTROL, conclusion, headline_rows, is_equivalent, size

SUPPORTED, CONTRADICTED, UNDECIDED, NOT_MEASURED = "supported", "contradicted", "undecided", "not measured"


class Criterion(NamedTuple):
    """One test of the hypothesis: what it claims, what would count against it, its state and the numbers behind."""

    claim: str
    against: str
    state: str
    because: str
    source: str


def criteria(tables):
    """Return the Criteria in the order of the argument: premise, effect, mechanism, link, cause."""
    return [premise(tables), effect(tables), mechanism(tables), link(tables), cause(tables)]


def combine(states):
    """Return the state of claims that must all hold: any contradiction wins, then anything not known."""
    if not states or all(state == NOT_MEASURED for state in states):
        return NOT_MEASURED
    if CONTRADICTED in states:
        return CONTRADICTED
    return SUPPORTED if all(state == SUPPORTED for state in states) else UNDECIDED


def sign_state(low, high):
    """Return supported for an interval above 0, contradicted below 0, undecided across, not measured without one."""
    low, high = number(low), number(high)
    if not (low == low and high == high):
        return NOT_MEASURED
    return SUPPORTED if low > 0 else CONTRADICTED if high < 0 else UNDECIDED


def premise(tables):
    """RL makes the treatment better in the source PL; otherwise there is nothing to transfer."""
    rows = [row for row in tables["transfer_table"] if row["role"] == "source" and row["init"] == tables["treatment"]]
    states = [sign_state(row["gain_low"], row["gain_high"]) for row in rows]
    numbers = "; ".join(f"{row['source']} {with_interval(row, 'gain', 'gain_low', 'gain_high')} points" for row in rows)
    return Criterion(
        f"Premise: RL after {tables['treatment']} improves the source PL itself.",
        "The gain in the source PL is negative. Without a gain there, nothing can transfer.",
        combine(states), numbers, "transfer_table.csv",
    )  # fmt: skip


def effect(tables):
    """The gain in unseen PLs is larger from the treatment than from the matched control."""
    rows = headline_rows(tables["headline"], tables["treatment"])
    numbers = "; ".join(
        f"RL in {row['source']}: {with_interval(row, 'contrast', 'low', 'high')} points, "
        f"margin ±{size(row['margin'])}, {conclusion(row)}" for row in rows
    )  # fmt: skip
    return Criterion(
        f"RL transfers better to unseen PLs after {tables['treatment']} than after its matched control {CONTROL}.",
        "The difference is negative, or equivalent to 0 within the margin.",
        combine([effect_state(row) for row in rows]), numbers, "headline.csv",
    )  # fmt: skip


def effect_state(row):
    """Return the state of one headline row; a difference that is smaller than the margin counts against."""
    if is_equivalent(row) or conclusion(row) == "equivalent":
        return CONTRADICTED
    if conclusion(row) == "undecided":
        return UNDECIDED
    return SUPPORTED if number(row["contrast"]) > 0 else CONTRADICTED


def mechanism(tables):
    """Alignment of equivalent programs rises with parallel data, beyond words alone and an untrained model.

    The rise decides: treatment minus matched control on the same programs, where shared words cancel, and the dose. A
    rise that stays at a level which words alone or an untrained model reach shows nothing; it is no evidence against.
    """
    doses = [row for row in one_space(tables["alignment_transfer"]) if is_dose(row)]
    levels = _levels(tables["alignment_summary"], tables["treatment"], doses)
    risen = [sign_state(row["low"], row["high"]) for row in doses]
    risen += [sign_state(levels["difference"]["low"], levels["difference"]["high"])] if "difference" in levels else []
    state = combine(risen or [above(levels.get("treatment"), levels.get("control"))])
    beyond = [above(levels.get("treatment"), levels.get(name)) for name in ("lexical", "untrained")]
    if state == SUPPORTED and beyond != [SUPPORTED, SUPPORTED]:
        state = UNDECIDED
    numbers = [f"dose → alignment {_statistic(row)}" for row in doses]
    names = {"treatment": tables["treatment"], "control": CONTROL, "lexical": "words alone", "untrained": "untrained",
             "difference": f"{tables['treatment']} minus {CONTROL}"}  # fmt: skip
    numbers += [f"{names[name]} {_level(row)}" for name, row in levels.items()]
    if levels:
        row = levels["treatment"]
        numbers.append(f"all {row['metric']} at layer {row['layer']}, {row['pooling']} pooling")
    return Criterion(
        "SFT on parallel programs aligns equivalent programs of different PLs in the latent space.",
        "Alignment falls with parallel data. A level that words alone or an untrained model reach too shows nothing.",
        state, "; ".join(numbers), "alignment_transfer.csv, alignment_summary.csv",
    )  # fmt: skip


def _levels(rows, treatment, doses):
    """Return {treatment, control, lexical, untrained: row} of one metric and layer, chosen without looking at values.

    The metric and layer of the dose relation, else retrieval at the middle layer; mean pooling, centred.
    """
    metric = doses[0]["metric"] if doses else "retrieval"
    rows = [row for row in rows if row["metric"] == metric]
    own = [row for row in rows if row["stage"] == "sft" and row["init"] == treatment]
    own = [row for row in own if (row["pooling"], row["centred"]) == ("mean", "yes")] or own
    names = sorted({row["layer"] for row in own}, key=number)
    if not names:
        return {}
    layer = doses[0]["layer"] if doses and doses[0]["layer"] in names else names[len(names) // 2]
    [chosen, *_] = [row for row in own if row["layer"] == layer]
    same = [row for row in rows if all(row[key] == chosen[key] for key in ("layer", "pooling", "centred"))]
    lexical = sorted((row for row in rows if row["stage"] == "lexical"), key=lambda row: -number(row["value"]))
    found = {
        "treatment": [chosen],
        "control": [row for row in same if row["stage"] == "sft" and row["init"] == CONTROL],
        "lexical": lexical,
        "untrained": [row for row in same if row["stage"] == "untrained"],
        "difference": [
            row for row in same if (row["stage"], row["init"]) == ("difference", f"{treatment} - {CONTROL}")
        ],
    }
    return {name: members[0] for name, members in found.items() if members}


def above(row, other):
    """Return whether one level lies above another: apart with all of its interval, below, or not told apart."""
    if row is None or other is None:
        return NOT_MEASURED
    top = number(other["high"]) if other["high"] else number(other["value"])
    bottom = number(other["low"]) if other["low"] else number(other["value"])
    if number(row["low"]) > top:
        return SUPPORTED
    return CONTRADICTED if number(row["high"]) < bottom else UNDECIDED


def link(tables):
    """More parallel data or alignment goes with more transfer, also with the gain in the source PL held fixed."""
    rows = [row for row in one_space(tables["alignment_transfer"]) if not is_dose(row)]
    return Criterion(
        "Alignment predicts transfer: more of it goes with larger gains in unseen PLs, the source gain held fixed.",
        "The correlation, partial correlation or dose response is negative. One that spans 0 decides nothing.",
        combine([sign_state(row["low"], row["high"]) for row in rows]),
        "; ".join(f"{row['relation']} {_statistic(row)}" for row in rows), "alignment_transfer.csv",
    )  # fmt: skip


def is_dose(row):
    """Return whether a row of alignment_transfer.csv is about the dose and alignment."""
    return row["relation"].strip().lower().replace("->", "→") == "dose → alignment"


def cause(tables):
    """Removing the PL direction changes answers in unseen PLs, and removing a random one does not."""
    rows = [row for row in tables["ablation"] if row["role"] == "unseen" and row["init"] == tables["treatment"]]
    margins = [number(row["margin"]) for row in headline_rows(tables["headline"], tables["treatment"])]
    numbers = "; ".join(f"{row['target']} without {direction_name(row)} {with_interval(row, 'change', 'low', 'high')} "
                        f"points (Holm p {decimal(row['p_holm'], 4)})" for row in rows)  # fmt: skip
    return Criterion(
        f"The PL direction matters: removing it from {tables['treatment']} changes pass@1 in unseen PLs.",
        "No change in unseen PLs is found and all lie within the margin. A random direction that does the same decides "
        "nothing.",
        cause_state(rows, min(margins, default=float("nan"))), numbers, "ablation.csv",
    )  # fmt: skip


def direction_name(row):
    """Return what was removed, in words."""
    names = {"random": "a random direction", "language - random": "the PL direction rather than a random one"}
    return names.get(row["direction"], "the PL direction")


def cause_state(rows, margin):
    """Return the state of the ablation; without a margin nothing can be shown to change nothing.

    The test is the change beyond a random direction's ("language - random"). A table without these rows must have a
    change by the PL direction and none by a random one.
    """
    rows = [row for row in rows if number(row["low"]) < number(row["high"])]  # where nothing varies nothing is shown
    changed = {row["direction"] for row in rows if number(row["p_holm"]) < ALPHA}
    real = [row for row in rows if row["direction"] == "language"]
    if not real:
        return NOT_MEASURED
    within = all(-margin < number(row["low"]) and number(row["high"]) < margin for row in real)
    if within and "language" not in changed:
        return CONTRADICTED
    if any(row["direction"] == "language - random" for row in rows):
        return SUPPORTED if "language - random" in changed else UNDECIDED
    return SUPPORTED if changed == {"language"} else UNDECIDED


def _statistic(row):
    """Return "0.41 [−0.10, 0.75], n 24"."""
    return f"{with_interval(row, 'statistic', 'low', 'high', plain)}, n {row['n']}"


def _level(row):
    """Return a level of alignment with its interval."""
    return with_interval(row, "value", "low", "high", lambda value: decimal(value, 3))
