"""The transfer matrix: gains and shares known by hand, empty cells where a share has no meaning, roles per init."""

import numpy as np
import pytest
from statsmodels.stats.weightstats import DescrStatsW

from crosspl.errors import UserError
from crosspl.evaluations import Plan, check_plan, checkpoints, runs, target
from crosspl.passk import Cell
from crosspl.statistics import holm
from crosspl.transfer_matrix import MATRIX_COLUMNS, matrix_rows

PLAN = Plan(
    inits=["base", "parallel"], sources=["python", "perl"], oracles=["lua"], seeds=[0, 1],
    languages=["python", "perl", "lua", "php"], sft_languages=["python", "perl"], method="grpo", treatment="parallel",
    draws=400, bootstrap_seed=0, mark="", margin=0.03, init_languages={},
)  # fmt: skip
SHARED, ORACLE = 0.1, 0.4  # planted gains: in another PL, in the PL of RL


def cell(scores, names=None):
    names = names or [f"p{number:02}" for number in range(len(scores))]
    return Cell(names, [f"f{name}" for name in names], np.asarray(scores), 2, None, 0.0, 0.0, 0.0, 5.0)


def gain_of(name, language):
    """What a checkpoint is better than base."""
    kind, *rest = name.split("/")
    return (ORACLE if rest[1] == language else SHARED) if kind == "rl" else 0.0


def simulate(plan=PLAN, count=60, noise=0.15, weak=(), seed=0):
    """Cells of every checkpoint; in the PLs `weak` nothing is gained by anything."""
    generator = np.random.default_rng(seed)
    return {
        name: {
            (language, "sampled"): cell(
                0.3 + (language not in weak) * gain_of(name, language) + generator.normal(0, noise, count)
            )
            for language in plan.languages
        }
        for name in checkpoints(plan)
    }


def rows_of(plan, cells):
    return matrix_rows(plan, [target(plan, cells, language, "sampled") for language in plan.languages])


def pick(rows, **wanted):
    (found,) = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return found


def numbers(row, *names):
    return [float(row[name]) for name in names]


def test_every_run_and_target_has_a_row_with_the_mean_gain():
    cells = simulate()
    rows = rows_of(PLAN, cells)
    assert [(row["init"], row["source"]) for row in rows[::4]] == runs(PLAN) == [
        ("base", "python"), ("base", "perl"), ("parallel", "python"), ("parallel", "perl"), ("base", "lua"),
    ]  # fmt: skip
    for row in rows:
        assert set(row) == set(MATRIX_COLUMNS)
        key = row["target"], "sampled"
        after = np.mean([cells[f"rl/{row['init']}/{row['source']}/seed{n}"][key].scores for n in (0, 1)])
        starts = ["base"] * 2 if row["init"] == "base" else ["sft/parallel/seed0", "sft/parallel/seed1"]
        before = np.mean([cells[name][key].scores for name in starts])
        assert numbers(row, "pass_at_1_before", "pass_at_1_after", "gain") == pytest.approx(
            [before, after, after - before], abs=6e-5
        )
        assert float(row["gain_low"]) < float(row["gain"]) < float(row["gain_high"])


def test_normalized_is_the_share_of_the_oracles_gain():
    rows = rows_of(PLAN, simulate())
    for row in rows:
        if row["target"] == "php":  # nobody did RL in it
            assert {row[name] for name in MATRIX_COLUMNS if name.startswith(("oracle", "normalized"))} == {None}
            continue
        oracle = pick(rows, init="base", source=row["target"], target=row["target"])
        assert numbers(row, "oracle_gain", "oracle_gain_low", "oracle_gain_high") == numbers(
            oracle, "gain", "gain_low", "gain_high"
        )
        own = row["source"] == row["target"]
        assert float(row["normalized"]) == pytest.approx(float(row["gain"]) / float(oracle["gain"]), abs=1e-3)
        assert float(row["normalized"]) == pytest.approx(1 if own else SHARED / ORACLE, abs=0.3)
        assert float(row["normalized_low"]) <= (1 if own else SHARED / ORACLE) <= float(row["normalized_high"])
    assert numbers(oracle, "normalized", "normalized_low", "normalized_high") == [1, 1, 1]


def test_a_share_of_a_gain_that_may_be_nothing_is_empty():
    rows = rows_of(PLAN, simulate(weak=["lua"]))
    oracle = pick(rows, init="base", source="lua", target="lua")
    assert float(oracle["oracle_gain_low"]) <= 0
    for row in rows:
        empty = [row[name] is None for name in ("normalized", "normalized_low", "normalized_high")]
        assert empty == [row["target"] in ("lua", "php")] * 3
        assert (row["oracle_gain"] is None) == (row["target"] == "php")


def test_without_base_among_the_inits_only_oracles_are_references():
    plan = PLAN._replace(inits=["parallel"])
    rows = rows_of(plan, simulate(plan))
    assert [row["oracle_gain"] is None for row in rows[:4]] == [True, True, False, True]


def test_one_seed_gives_the_classical_interval_and_holm_is_over_targets():
    plan = PLAN._replace(seeds=[0])
    cells = simulate(plan, noise=0.4)
    rows = rows_of(plan, cells)
    key = "lua", "sampled"
    values = DescrStatsW(cells["rl/parallel/python/seed0"][key].scores - cells["sft/parallel/seed0"][key].scores)
    row = pick(rows, init="parallel", source="python", target="lua")
    assert numbers(row, "gain_low", "gain_high") == pytest.approx(values.tconfint_mean(), abs=6e-5)
    for start in range(0, len(rows), 4):
        group = rows[start : start + 4]
        assert numbers({"all": group[0]["p_holm"]}, "all")[0] >= float(group[0]["p_value"])
        adjusted = holm([float(row["p_value"]) for row in group])
        assert [float(row["p_holm"]) for row in group] == pytest.approx(adjusted, abs=4e-4)


def test_roles_are_those_of_the_init():
    plan = PLAN._replace(init_languages={"parallel": ["python", "php"]})
    rows = rows_of(plan, simulate(plan, count=4))
    assert [row["role"] for row in rows if (row["init"], row["source"]) == ("parallel", "python")] == [
        "source", "unseen", "unseen", "sft",
    ]  # fmt: skip
    assert [row["role"] for row in rows if (row["init"], row["source"]) == ("base", "lua")] == [
        "sft", "sft", "source", "unseen",
    ]  # fmt: skip


def test_a_problem_without_a_score_somewhere_is_in_no_number_of_its_pl():
    cells = simulate(count=10)
    cells["rl/parallel/perl/seed1"]["lua", "sampled"].scores[3] = np.nan
    rows = rows_of(PLAN, cells)
    assert {row["target"]: row["problems"] for row in rows} == {"python": 10, "perl": 10, "lua": 9, "php": 10}
    kept = np.delete(cells["rl/base/lua/seed0"]["lua", "sampled"].scores, 3)
    other = np.delete(cells["rl/base/lua/seed1"]["lua", "sampled"].scores, 3)
    row = pick(rows, init="base", source="lua", target="lua")
    assert float(row["pass_at_1_after"]) == pytest.approx(np.mean([kept, other]), abs=6e-5)


def test_unequal_problem_sets_and_missing_cells_are_refused():
    names = [f"p{number:02}" for number in range(10)]
    cells = simulate(count=10)
    cells["rl/base/lua/seed1"]["lua", "sampled"] = cell(np.zeros(10), [*names[:9], "p99"])
    with pytest.raises(UserError, match=r"checkpoints rl/base/lua/seed1 .* different problems; only base"):
        rows_of(PLAN, cells)
    del cells["rl/base/lua/seed1"]["lua", "sampled"]
    with pytest.raises(UserError, match="checkpoint rl/base/lua/seed1 has no sampled verdicts in lua"):
        rows_of(PLAN, cells)


@pytest.mark.parametrize(
    "changes, said",
    [({"oracles": ["ruby"]}, "RL is done in ruby, which is not evaluated"), ({"sources": ["lua", "lua"]}, "--sources"),
     ({"margin": 0.0}, "--margin 0: give a positive"), ({"margin": float("nan")}, "--margin nan"),
     ({"draws": 0}, "--draws 0")],
)  # fmt: skip
def test_a_plan_that_cannot_be_is_refused(changes, said):
    with pytest.raises(UserError, match=said):
        check_plan(PLAN._replace(**changes))
