"""The sections of the page about results: answer, falsification, transfer, controls, matrix, latent space, sweeps.

In: the tables (crosspl/report/read.py), Drawings, captions. Out: Sections. What has no table says what builds it.
"""

from crosspl.plots.numbers import count, p_value, percent, plain, points, with_interval
from crosspl.report.blocks import Section, Text, Verdict, column, missing, raw, table, word
from crosspl.report.criteria import criteria
from crosspl.report.headline import CONTROL, POOLED, caveats, findings, headline_rows, sentence


def interval(header, value, low, high, form=points):
    """Return a column "+1.2 [−0.3, +2.7]"."""
    return header, "r", lambda row: with_interval(row, value, low, high, form)


def answer(tables, pictures):
    """Return the headline with its interval, margin and caveats, then what else the tables say."""
    blocks, rows = [], headline_rows(tables["headline"], tables["treatment"])
    for row in rows:
        blocks += [Text(sentence(row), "headline"), *(Text(note, "caveat") for note in caveats(row))]
        if row["mark"]:
            blocks.append(Text(f"Marked “{row['mark']}”: not a result to believe or to quote.", "mark"))
    if not rows:
        what = f"the gain after {tables['treatment']} minus the gain after {CONTROL}, {POOLED} PLs, is not computed."
        blocks.append(Text(f"No headline yet: {what}", "headline"))
        blocks.append(missing("headline.csv"))
    blocks += [Text(note) for note in findings(tables)] + pictures("headline")
    if tables["headline"]:
        title = "Every comparison of the treatment with a control"
        blocks.append(table(title, "headline.csv", tables["headline"], COMPARISONS, folded=True))
    return Section("answer", "The answer", "", blocks)


COMPARISONS = [
    word("RL in", "source"), word("control", "control"), word("target", "target"),
    interval("difference of gains", "contrast", "low", "high"), column("p (Holm)", "p_holm", p_value),
    column("margin ±", "margin", percent), column("p equivalent", "p_equivalence", p_value),
    word("conclusion", "conclusion"), column("detectable", "mde", percent),
    column("problems needed", "problems_needed", count), column("seeds needed", "seeds_needed", count),
]  # fmt: skip


def falsification(tables, pictures):
    """Return the criteria with their states."""
    lead = (
        "Each row is a claim the hypothesis needs, with what would count against it; the rules are the same for "
        "every run. The state follows from the tables alone. An interval that contains 0 leaves a claim "
        "undecided; it does not refute it."
    )
    return Section("falsify", "What would falsify the hypothesis, and did it?", lead, [Verdict(criteria(tables))])


def transfer(tables, pictures):
    """Return the transfer table: primary reading first, the other and McNemar's tests on demand."""
    lead = (
        "Every init went through RL in the source PL and was then measured in every PL. A gain is pass@1 after RL"
        " minus before. Intervals are 95 %, paired by problem, clustered by problem family, crossed with seeds; p"
        " is corrected over the targets of one init (Holm); detectable is the gain found with power 80 %."
    )
    blocks = pictures("transfer_table")
    for name in ("transfer_table", "transfer_table_greedy", "transfer_table_sampled"):
        if tables[name]:
            title = f"pass@1 in percent, gains in points{reading(name, 'transfer_table')}"
            blocks.append(table(title, f"{name}.csv", tables[name], GAINS, folded=name != "transfer_table"))
    if tables["transfer_table"]:
        blocks.append(raw("transfer_table.csv", tables["transfer_table"]))
    else:
        blocks.append(missing("transfer_table.csv"))
    if tables["mcnemar"]:
        title = "Exact paired test (McNemar) on greedy answers, one row per seed"
        blocks.append(raw("mcnemar.csv", tables["mcnemar"], title))
    return Section("transfer", "Gains in every PL", lead, blocks)


GAINS = [
    word("init", "init"), word("RL in", "source"), word("target", "target"), word("role", "role"),
    column("before", "pass_at_1_before", percent),
    interval("after", "pass_at_1_after", "after_low", "after_high", percent),
    interval("gain", "gain", "gain_low", "gain_high"), column("p (Holm)", "p_holm", p_value),
    column("detectable", "mde", percent), column("wrong PL %", "wrong_language_rate", percent),
]  # fmt: skip


def reading(name, primary):
    """Return " (greedy answers)" for a table of another reading than the primary one."""
    return "" if name == primary else f" ({name.removeprefix(primary + '_')} answers)"


def controls(tables, pictures):
    """Return the differences between the treatment's gain and every other init's, per PL."""
    lead = (
        "A gain alone proves little: SFT of any kind may change what RL does. So the gain after "
        f"{tables['treatment']} is compared with the gain after each control, problem by problem."
    )
    blocks = pictures("contrasts")
    columns = [
        word("control", "control"), word("RL in", "source"), word("target", "target"), word("role", "role"),
        interval("difference of gains", "contrast", "low", "high"), column("p", "p_value", p_value),
        column("p (Holm)", "p_holm", p_value), column("detectable", "mde", percent),
    ]  # fmt: skip
    for name in ("contrasts", "contrasts_greedy", "contrasts_sampled"):
        if tables[name]:
            title = f"Gain of {tables['treatment']} minus gain of the control, points{reading(name, 'contrasts')}"
            blocks.append(table(title, f"{name}.csv", tables[name], columns, folded=True))
    return Section("controls", "Against the controls", lead, blocks or [missing("contrasts.csv")])


def matrix(tables, pictures):
    """Return the source × target heat maps."""
    lead = (
        "RL in each source PL, measured in each target PL. Beside each gain: its share of what RL in the target "
        "itself (the oracle, from base) gains there; empty where that gain is not above 0 with its whole "
        "interval."
    )
    columns = [
        word("init", "init"), word("RL in", "source"), word("target", "target"), word("role", "role"),
        interval("gain", "gain", "gain_low", "gain_high"), column("p (Holm)", "p_holm", p_value),
        interval("oracle’s gain", "oracle_gain", "oracle_gain_low", "oracle_gain_high"),
        interval("share", "normalized", "normalized_low", "normalized_high", plain), column("seeds", "seeds", count),
    ]  # fmt: skip
    rows = tables["transfer_matrix"]
    if any(row["seeds"] == "1" for row in rows):
        lead += " One training seed: the intervals leave out the noise between training runs."
    numbers = [table("Every cell", "transfer_matrix.csv", rows, columns, True)] if rows else []
    blocks = pictures("transfer_matrix") + numbers or [missing("transfer_matrix.csv")]
    return Section("matrix", "Transfer matrix", lead, blocks)


def latent(tables, pictures):
    """Return alignment by layer, projections, and how alignment goes with dose and transfer."""
    lead = (
        "The paper’s explanation: parallel programs make the latent space functionality-centric, so that "
        "equivalent programs of different PLs lie close. Beside the models stand an untrained model and baselines"
        " that see words only."
    )
    first, *others = [*pictures("alignment"), None]
    blocks = [first] if first else [missing("alignment_summary.csv")]
    blocks += [picture._replace(folded=True) for picture in others if picture]
    if tables["alignment_summary"]:
        blocks.append(raw("alignment_summary.csv", tables["alignment_summary"]))
    blocks += pictures("projection") or [missing("alignment/base.projection.csv")]
    blocks += pictures("alignment_transfer")
    if tables["alignment_transfer"]:
        columns = [
            word("relation", "relation"), word("metric", "metric"), column("layer", "layer"), column("n", "n", count),
            interval("correlation", "statistic", "low", "high", plain), column("p", "p_value", p_value),
        ]  # fmt: skip
        title = "Does alignment go with dose and with transfer?"
        blocks.append(table(title, "alignment_transfer.csv", tables["alignment_transfer"], columns))
    else:
        blocks.append(missing("alignment_transfer.csv"))
    return Section("latent", "Latent space", lead, blocks)


def intervention(tables, pictures):
    """Return what happens when the direction of a PL is removed."""
    lead = (
        "Correlation is not cause. Here the direction that tells the target PL from the others is taken out of "
        "the hidden states while the model answers; one random direction, not matched in variance, is the control."
    )
    columns = [
        word("init", "init"), word("RL in", "source"), word("target", "target"), word("role", "role"),
        word("direction", "direction"), column("layer", "layer"), column("intact", "pass_at_1_intact", percent),
        column("without", "pass_at_1_ablated", percent), interval("change", "change", "low", "high"),
        column("p (Holm)", "p_holm", p_value), column("wrong PL intact %", "wrong_language_intact", percent),
        column("wrong PL without %", "wrong_language_ablated", percent),
    ]  # fmt: skip
    rows = tables["ablation"]
    numbers = [table("Every intervention", "ablation.csv", rows, columns, True)] if rows else []
    blocks = pictures("ablation") + numbers or [missing("ablation.csv")]
    return Section("ablation", "Removing the PL direction", lead, blocks)


def sweeps(tables, pictures):
    """Return the gain on unseen PLs along every sweep."""
    lead = (
        "Does the gain in unseen PLs grow with the dose of parallel data, the number of SFT PLs, or the scarcity "
        "of data?"
    )
    blocks = pictures("sweeps")
    columns = [word("point", "point"), *GAINS]
    for name, rows in tables["sweeps"].items():
        if rows:
            blocks.append(table(f"Sweep {name}", f"sweeps/{name}.csv", rows, columns, folded=True))
    return Section("sweeps", "Sweeps", lead, blocks or [missing("sweeps/dose.csv --configfile configs/sweeps.yaml")])
