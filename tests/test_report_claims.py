"""The headline sentence and the criteria of the report, on rows with known answers.

In: rows as headline.csv, alignment_summary.csv, alignment_transfer.csv and ablation.csv have them. Out: words, states.
"""

import pytest
import report_tables
from report_tables import CONFIG, HEADLINE

from crosspl.report import criteria, headline
from crosspl.report.read import read_tables


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    folder = tmp_path_factory.mktemp("full")
    report_tables.write_all(folder)
    return read_tables(folder, CONFIG)


def row(**changes):
    """Return a headline row with changes."""
    return HEADLINE | changes


def test_sentence_of_a_difference():
    text = headline.sentence(row())
    assert text.startswith(
        "A difference: after RL in python, the mean gain in the unseen PLs from parallel minus the gain"
    )
    assert "is +2.1 [+0.4, +3.9] points (3 seeds, 160 problems, margin ±2.0)" in text
    assert text.endswith("so RL transfers better after parallel than after same_problems.") and text.count(". ") == 0
    assert headline.caveats(row()) == []


def test_sentence_of_a_difference_that_is_too_small_to_matter():
    text = headline.sentence(row(p_equivalence="0.0100"))
    assert text.endswith("though by less than the margin.")


def test_sentence_of_a_difference_against_the_hypothesis():
    text = headline.sentence(row(contrast="-0.03", low="-0.05", high="-0.01"))
    assert text.startswith("A difference against the hypothesis:") and "transfers worse after parallel" in text


def test_sentence_of_equivalence():
    text = headline.sentence(row(contrast="0.001", low="-0.012", high="0.014", conclusion="equivalent"))
    assert text.startswith("Equivalent:") and text.endswith("as large as the margin is ruled out.")
    apart = headline.sentence(row(contrast="0.008", low="0.001", high="0.015", conclusion="equivalent"))
    assert apart.endswith("that the interval leaves out 0 does not hold after Holm's correction.")


def test_sentence_when_undecided():
    undecided = row(contrast="0.009", low="-0.1", high="0.12", conclusion="undecided: too few seeds", mde="0.154")
    assert headline.sentence(undecided).startswith("Undecided:")
    assert "neither be told from 0 nor be shown to be smaller than the margin" in headline.sentence(undecided)
    [note] = headline.caveats(undecided)
    assert note == (
        "This run would have found a difference of 15.4 points (power 80 %). To find one as large as the margin takes "
        "300 problems at this number of seeds or 5 seeds on these problems."
    )
    [note] = headline.caveats(undecided | {"problems_needed": "", "seeds_needed": ""})
    assert note.endswith("(power 80 %).")


def test_one_seed_says_so():
    assert "(1 seed, 160 problems" in headline.sentence(row(seeds="1"))
    [note] = headline.caveats(row(seeds="1"))
    assert note.startswith("One seed: the interval leaves out the noise between training runs")


def test_the_headline_is_about_the_mean_of_unseen_and_the_matched_control():
    rows = [row(target="lua"), row(control="base"), row(source="cpp"), row(treatment="dose_50"), row()]
    assert headline.headline_rows(rows, "parallel") == [row(source="cpp"), row()]


def test_findings_count_rows(full):
    notes = headline.findings(full)
    assert notes[0] == "Gains of RL in the source PL itself: 0 of 3 differ from 0 after Holm’s correction."
    rows = [
        {"init": "base", "target": "lua", "gain": "0.05", "gain_low": "0.01", "gain_high": "0.09", "p_holm": "0.01"}
    ]
    assert headline.held(rows, "gain", "init").endswith("correction: base → lua +5.0 [+1.0, +9.0].")


# The criteria

S, C, U, N = criteria.SUPPORTED, criteria.CONTRADICTED, criteria.UNDECIDED, criteria.NOT_MEASURED


@pytest.mark.parametrize("states, state", [
    ([], N), ([N, N], N), ([S, S], S), ([S, C], C), ([S, U], U), ([S, N], U), ([C, N], C),
])  # fmt: skip
def test_claims_that_must_all_hold(states, state):
    assert criteria.combine(states) == state


@pytest.mark.parametrize("low, high, state", [
    ("0.01", "0.02", S), ("-0.02", "-0.01", C), ("-0.01", "0.02", U), ("0", "0.02", U), ("", "", N),
])  # fmt: skip
def test_the_sign_of_an_interval(low, high, state):
    assert criteria.sign_state(low, high) == state


@pytest.mark.parametrize("changes, state", [
    ({}, S), ({"contrast": "-0.03"}, C), ({"conclusion": "equivalent", "p_equivalence": "0.01"}, C),
    ({"p_equivalence": "0.01"}, C), ({"conclusion": "undecided"}, U), ({"conclusion": ""}, U),
])  # fmt: skip
def test_effect(changes, state):
    assert criteria.effect_state(row(**changes)) == state


def tables(**given):
    """Return tables for the criteria."""
    names = ("headline", "transfer_table", "alignment_summary", "alignment_transfer", "ablation")
    return {name: [] for name in names} | {"treatment": "parallel"} | given


def test_nothing_measured():
    assert [one.state for one in criteria.criteria(tables())] == [N] * 5
    assert all(one.because == "" for one in criteria.criteria(tables()))


def test_everything_supported(full):
    states = [one.state for one in criteria.criteria(full)]
    assert states == [S] * 5


def relation(name, low, high, layer="2", metric="retrieval"):
    """Return a row of alignment_transfer.csv."""
    return {"relation": name, "metric": metric, "layer": layer, "n": "12", "statistic": low, "low": low, "high": high}


def level(stage, value, init="", layer="2"):
    """Return a row of alignment_summary.csv with an interval of ±0.05."""
    lexical = stage == "lexical"
    return {"stage": stage, "init": init, "metric": "retrieval", "layer": "" if lexical else layer, "centred": "yes",
            "pooling": "" if lexical else "mean", "value": str(value), "low": str(value - 0.05),
            "high": str(value + 0.05)}  # fmt: skip


@pytest.mark.parametrize("dose, levels, state", [
    ((0.2, 0.8), (0.6, 0.3, 0.2), S),
    ((-0.2, 0.8), (0.6, 0.3, 0.2), U),
    ((-0.8, -0.2), (0.6, 0.3, 0.2), C),
    ((0.2, 0.8), (0.6, 0.9, 0.2), U),  # words alone do better
    ((0.2, 0.8), (0.6, 0.58, 0.2), U),  # not told from words alone
    ((0.2, 0.8), (0.6, None, None), U),  # no baselines, no claim
])  # fmt: skip
def test_mechanism(dose, levels, state):
    own, lexical, untrained = levels
    rows = [level("sft", own, "parallel"), level("sft", own - 0.02, "parallel", "1")]
    rows += [level("lexical", lexical)] if lexical else []
    rows += [level("untrained", untrained)] if untrained else []
    found = criteria.mechanism(tables(alignment_transfer=[relation("dose → alignment", *dose)], alignment_summary=rows))
    assert found.state == state


def test_mechanism_without_doses_compares_with_the_matched_control():
    rows = [level("sft", 0.6, "parallel"), level("lexical", 0.2), level("untrained", 0.2)]
    assert criteria.mechanism(tables(alignment_summary=[*rows, level("sft", 0.3, "same_problems")])).state == S
    assert criteria.mechanism(tables(alignment_summary=[*rows, level("sft", 0.58, "same_problems")])).state == U
    assert criteria.mechanism(tables(alignment_summary=[*rows, level("sft", 0.9, "same_problems")])).state == C


def test_mechanism_is_decided_by_the_paired_difference_when_there_is_one():
    rows = [level("sft", 0.6, "parallel"), level("sft", 0.58, "same_problems")]
    rows += [level("lexical", 0.2), level("untrained", 0.2)]
    for value, state in ((0.1, S), (0.02, U), (-0.1, C)):
        paired = level("difference", value, "parallel - same_problems")
        assert criteria.mechanism(tables(alignment_summary=[*rows, paired])).state == state


def test_link_needs_every_relation_and_never_the_best_layer():
    plain, partial = "alignment → transfer gain", "alignment → transfer gain, source gain held fixed"
    both = [relation(plain, 0.2, 0.8), relation(partial, 0.1, 0.7)]
    assert criteria.link(tables(alignment_transfer=both)).state == S
    assert criteria.link(tables(alignment_transfer=[both[0], relation(partial, -0.1, 0.7)])).state == U
    assert criteria.link(tables(alignment_transfer=[both[0], relation(partial, -0.7, -0.1)])).state == C
    other = [relation(plain, -0.1, 0.4, "1"), *both, relation(plain, 0.5, 0.9, "3")]
    assert criteria.link(tables(alignment_transfer=other)).state == S, "the middle layer decides"
    assert criteria.link(tables(alignment_transfer=[relation("dose → alignment", 0.2, 0.8)])).state == N


def change(direction, low, high, p_holm):
    """Return a row of ablation.csv of the treatment in an unseen PL."""
    return {"init": "parallel", "role": "unseen", "target": "lua", "direction": direction, "change": low, "low": low,
            "high": high, "p_holm": p_holm}  # fmt: skip


@pytest.mark.parametrize("rows, state", [
    ([], N),
    ([change("random", -0.1, -0.05, 0.01)], N),
    ([change("language", -0.1, -0.05, 0.01)], S),
    ([change("language", -0.1, -0.05, 0.01), change("random", -0.1, -0.05, 0.01)], U),
    ([change("language", -0.1, -0.05, 0.01), change("language - random", -0.1, -0.02, 0.02)], S),
    ([change("language", -0.1, -0.05, 0.01), change("language - random", -0.1, 0.02, 0.3)], U),
    ([change("language", -0.01, 0.01, 0.9)], C),
    ([change("language", -0.02, -0.01, 0.01), change("language - random", -0.02, 0.01, 0.3)], U),  # small, but there
    ([change("language", -0.05, 0.05, 0.9)], U),
])  # fmt: skip
def test_cause(rows, state):
    assert criteria.cause(tables(ablation=rows, headline=[row()])).state == state


def test_without_a_margin_nothing_is_shown_to_change_nothing():
    assert criteria.cause(tables(ablation=[change("language", -0.001, 0.001, 0.9)])).state == U


def test_premise():
    rows = [{"init": "parallel", "role": "source", "source": "python", "gain": "0.05", "gain_low": "-0.1",
             "gain_high": "0.2"}]  # fmt: skip
    assert criteria.premise(tables(transfer_table=rows)).state == U
    assert criteria.premise(tables(transfer_table=[rows[0] | {"gain_low": "0.01"}])).state == S
