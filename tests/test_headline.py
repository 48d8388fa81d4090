"""The headline: known answers, common problems only, the words it concludes with, and where it has no rows."""

import numpy as np
import pytest
from statsmodels.stats.weightstats import DescrStatsW

from crosspl.errors import UserError
from crosspl.evaluations import Plan, Target, pooled
from crosspl.headline import HEADLINE_COLUMNS, headline_rows
from crosspl.statistics import bootstrap_weights, holm

PLAN = Plan(
    inits=["parallel", "same_problems", "same_programs"], sources=["python"], oracles=[], seeds=[0, 1, 2],
    languages=["python", "lua", "php"], sft_languages=["python"], method="grpo", treatment="parallel", draws=50,
    bootstrap_seed=0, mark="plumbing only", margin=0.05, init_languages={},
)  # fmt: skip
GAINS = {"parallel": 0.3, "same_problems": 0.1, "same_programs": 0.25}


def make(plan, language, problems, generator, gains=GAINS, noise=0.2):
    """A Target in which RL from every init gains a number plus noise; each problem is a family."""
    scores = {"base": np.zeros(len(problems))}
    for init in plan.inits:
        for seed in plan.seeds:
            scores[f"sft/{init}/seed{seed}"] = generator.normal(0.2, 0.1, len(problems))
            gain = generator.normal(gains[init], noise, len(problems))
            scores[f"rl/{init}/python/seed{seed}"] = scores[f"sft/{init}/seed{seed}"] + gain
    families = np.array([f"family of {problem}" for problem in problems])
    weights = bootstrap_weights(families, len(plan.seeds), plan.draws, 0)
    return Target(language, np.array(problems), scores, dict.fromkeys(scores, 0.0), families, 2, weights)


def experiment(plan=PLAN, gains=GAINS, noise=0.2, count=40, seed=0):
    generator, names = np.random.default_rng(seed), [f"p{number:02}" for number in range(count)]
    return [make(plan, language, names, generator, gains, noise) for language in plan.languages]


def gain(item, init, seed):
    return item.scores[f"rl/{init}/python/seed{seed}"] - item.scores[f"sft/{init}/seed{seed}"]


def contrast(item, control, seeds):
    return np.array([gain(item, "parallel", seed) - gain(item, control, seed) for seed in seeds])


def pick(rows, **wanted):
    (found,) = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return found


def test_rows_columns_and_contrasts_are_those_computed_by_hand():
    targets = experiment()
    rows = headline_rows(PLAN, targets)
    assert [(row["control"], row["target"]) for row in rows] == [
        ("same_problems", "mean of unseen"), ("same_programs", "mean of unseen"),
        ("same_problems", "lua"), ("same_problems", "php"), ("same_programs", "lua"), ("same_programs", "php"),
    ]  # fmt: skip
    for row in rows:
        assert set(row) == set(HEADLINE_COLUMNS)
        assert (row["treatment"], row["source"], row["seeds"], row["mark"]) == ("parallel", "python", 3, PLAN.mark)
    for item in targets[1:]:
        expected = contrast(item, "same_problems", PLAN.seeds).mean()
        assert float(pick(rows, control="same_problems", target=item.language)["contrast"]) == pytest.approx(
            expected, abs=6e-5
        )
    both = np.mean([contrast(item, "same_programs", PLAN.seeds).mean() for item in targets[1:]])
    found = pick(rows, control="same_programs", target="mean of unseen")
    assert float(found["contrast"]) == pytest.approx(both, abs=6e-5)


def test_p_is_adjusted_over_controls_for_the_mean_and_over_pls_for_one_control():
    rows = headline_rows(PLAN, experiment(noise=0.6))
    for group in (rows[:2], rows[2:4], rows[4:]):
        adjusted = holm([float(row["p_value"]) for row in group])
        assert [float(row["p_holm"]) for row in group] == pytest.approx(adjusted, abs=4e-4)
    assert any(row["p_holm"] != row["p_value"] for row in rows)


def test_the_conclusion_goes_by_the_adjusted_p():
    gains, unlike = {"parallel": 0.17, "same_problems": 0.1, "same_programs": 0.1}, 0
    for seed in range(6):
        for row in headline_rows(PLAN, experiment(gains=gains, noise=0.3, count=30, seed=seed)):
            assert row["conclusion"].startswith("difference") == (float(row["p_holm"]) < 0.05)
            unlike += float(row["p_value"]) < 0.05 <= float(row["p_holm"])
    assert unlike


def test_the_mean_of_unseen_pls_is_over_the_problems_that_both_have():
    generator = np.random.default_rng(1)
    lua = make(PLAN, "lua", ["p0", "p1", "p2", "p3"], generator)
    php = make(PLAN, "php", ["p2", "p3", "p4", "p5", "p6"], generator)
    together = pooled(PLAN, [lua, php], "both")
    assert list(together.problems) == ["p2", "p3"]
    assert list(together.families) == ["family of p2", "family of p3"]
    for name, scores in together.scores.items():
        assert scores == pytest.approx((lua.scores[name][2:] + php.scores[name][:2]) / 2)
    python = make(PLAN, "python", ["p0", "p1"], generator)
    rows = headline_rows(PLAN, [python, lua, php])
    means = [contrast(item, "same_problems", PLAN.seeds)[:, kept] for item, kept in ((lua, [2, 3]), (php, [0, 1]))]
    row = pick(rows, control="same_problems", target="mean of unseen")
    assert (row["problems"], float(row["contrast"])) == (2, pytest.approx(np.mean(means), abs=6e-5))
    assert pick(rows, control="same_problems", target="php")["problems"] == 5
    elsewhere = make(PLAN, "php", ["p7", "p8"], generator)
    with pytest.raises(UserError, match="mean of unseen: the PLs have 0 problems in common, an interval needs 2"):
        headline_rows(PLAN, [python, lua, elsewhere])


def test_with_one_seed_tests_are_the_classical_ones_and_needs_are_empty():
    plan = PLAN._replace(seeds=[0], inits=["parallel", "same_problems"], margin=0.2)
    targets = experiment(plan, noise=0.3)
    row = pick(headline_rows(plan, targets), target="lua")
    values = DescrStatsW(contrast(targets[1], "same_problems", [0])[0])
    low, high = values.tconfint_mean()
    assert [float(row[name]) for name in ("low", "high")] == pytest.approx([low, high], abs=6e-5)
    assert float(row["p_value"]) == pytest.approx(max(values.ttest_mean(0)[1], 1e-4), abs=6e-5)
    assert float(row["p_equivalence"]) == pytest.approx(values.ttost_mean(-0.2, 0.2)[0], abs=6e-5)
    assert (row["problems_needed"], row["seeds_needed"]) == (None, None)


@pytest.mark.parametrize(
    "difference, noise, margin, words",
    [(0.2, 0.1, 0.05, "difference"), (0.05, 0.02, 0.2, "difference within the margin"),
     (0.0, 0.05, 0.2, "equivalent"), (0.0, 1.5, 0.05, "undecided")],
)  # fmt: skip
def test_conclusions(difference, noise, margin, words):
    plan = PLAN._replace(inits=["parallel", "same_problems"], margin=margin)
    gains = {"parallel": 0.1 + difference, "same_problems": 0.1}
    rows = headline_rows(plan, experiment(plan, gains, noise, seed=3))
    assert [row["conclusion"] for row in rows] == [words] * 3


def test_a_difference_as_large_as_the_margin_is_hardly_ever_called_equivalent():
    plan = PLAN._replace(inits=["parallel", "same_problems"], languages=["python", "lua"])
    gains = {"parallel": 0.15, "same_problems": 0.1}
    said = [headline_rows(plan, experiment(plan, gains, 0.2, seed=seed))[0]["conclusion"] for seed in range(20)]
    within = sum(words in ("equivalent", "difference within the margin") for words in said)
    assert within <= 4  # P(more than 4 of 20 at 5 %) is 0.003


def test_no_rows_without_an_unseen_pl_or_without_the_treatment():
    targets = experiment()
    assert headline_rows(PLAN._replace(sft_languages=["lua", "php"]), targets) == []
    assert headline_rows(PLAN._replace(init_languages={"parallel": ["lua", "php"]}), targets) == []
    assert headline_rows(PLAN._replace(treatment="monolingual"), targets) == []
    assert headline_rows(PLAN._replace(inits=["parallel"]), targets) == []
    own = headline_rows(PLAN._replace(init_languages={"parallel": ["python", "lua"]}), targets)
    assert {row["target"] for row in own} == {"mean of unseen", "php"}
