"""Correlations of dose, alignment and transfer: known answers, undefined ones empty, no model counted twice."""

import csv

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from test_analysis import LANGUAGES, SFT_LANGUAGES, SMALL, TRANSFER, arguments, simulate, write_alignment

from crosspl.alignment_transfer import RELATION_COLUMNS, RELATIONS, partial_correlation, relation_rows
from crosspl.errors import UserError
from crosspl.io import read_csv, write_csv
from scripts import alignment_transfer

NOTHING = (None, None, None, None)
HELD = "alignment → transfer gain, source gain held fixed"


def test_without_anything_fixed_it_is_pearsons_correlation():
    generator = np.random.default_rng(0)
    x = generator.normal(size=12)
    y = 0.5 * x + generator.normal(size=12)
    expected = stats.pearsonr(x, y)
    limits = expected.confidence_interval(0.95)
    assert partial_correlation(x, y, []) == pytest.approx((expected.statistic, *limits, expected.pvalue))


def test_with_a_variable_fixed_it_is_the_test_of_the_regression():
    generator = np.random.default_rng(1)
    held = generator.normal(size=15)
    x, y = held + generator.normal(size=15), 2 * held + generator.normal(size=15)
    r, low, high, p_value = partial_correlation(x, y, [held])
    fit = sm.OLS(y, sm.add_constant(np.column_stack([x, held]))).fit()
    t = fit.tvalues[1]
    assert r == pytest.approx(t / np.sqrt(t**2 + fit.df_resid))
    assert p_value == pytest.approx(fit.pvalues[1])
    assert (np.arctanh(high) - np.arctanh(low)) / 2 == pytest.approx(1.959964 / np.sqrt(15 - 3 - 1))
    assert abs(r) < stats.pearsonr(x, y).statistic - 0.2  # most of it was the variable held fixed


def test_hand_computed_and_perfect_correlations():
    assert partial_correlation([0, 1, 2, 3], [0, 2, 1, 3], [])[0] == pytest.approx(0.8)
    r, low, high, p_value = partial_correlation([0, 1, 2, 3], [0, 2, 4, 6], [])
    assert (r, high) == pytest.approx((1, 1)) and low > 0.99 and p_value < 1e-6


@pytest.mark.parametrize(
    "x, y, held",
    [([], [], []), ([0, 1, 2], [1, 0, 2], []), ([0, 1, 2, 5], [1, 0, 2, 2], [[1, 5, 2, 2]]),
     ([1, 1, 1, 1, 1], [1, 2, 3, 4, 9], []), ([1, 2, 3, 4, 9], [0.1] * 5, []),
     ([1, 2, 3, 4, 9], [1, 0, 2, 2, 5], [[2, 4, 6, 8, 18]])],
    ids=["no points", "three points", "four points, one fixed", "x alike", "y alike", "x is what is fixed"],
)  # fmt: skip
def test_undefined_is_empty(x, y, held):
    assert partial_correlation(x, y, held) == NOTHING


def point(init, seed, source="python", **other):
    return {"init": init, "seed": seed, "source": source, "metric": "retrieval", "layer": "1", "dose": None,
            "alignment": 0.0, "transfer_gain": 0.0, "source_gain": 0.0, **other}  # fmt: skip


def pick(rows, **wanted):
    (found,) = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return found


def test_a_model_from_which_rl_was_done_several_times_counts_once():
    generator = np.random.default_rng(2)
    numbers = {(init, seed): generator.normal(size=2) for init in ("parallel", "dose_50") for seed in range(4)}
    points = [
        point(*model, source, alignment=x, dose=float(model[0] == "parallel"), transfer_gain=y + shift, source_gain=y)
        for model, (x, y) in numbers.items() for source, shift in (("python", 0.3), ("perl", -0.3))
    ]  # fmt: skip
    rows = relation_rows(points, "plumbing only")
    assert [row["relation"] for row in rows] == list(RELATIONS)
    assert {(row["n"], row["mark"]) for row in rows} == {(8, "plumbing only")}
    expected = stats.pearsonr(*zip(*numbers.values()))
    row = pick(rows, relation="alignment → transfer gain")
    assert [float(row["statistic"]), float(row["p_value"])] == pytest.approx(
        [expected.statistic, expected.pvalue], abs=1e-4
    )
    runs = [point("base", seed, alignment=0.5, transfer_gain=seed) for seed in range(3)]  # one model, three runs
    assert {row["n"] for row in relation_rows(points + runs, "")} == {8, 9}


def test_points_without_a_number_are_left_out_of_its_relations_only():
    points = [point("parallel", seed, dose=1.0, alignment=seed, transfer_gain=None) for seed in range(5)]
    points += [point("dose_50", seed, dose=0.5, alignment=None, transfer_gain=seed) for seed in range(5)]
    points += [point("base", 0, alignment=0.1)]
    found = {row["relation"]: (row["n"], row["statistic"]) for row in relation_rows(points, "")}
    assert found == {"dose → alignment": (5, None), "dose → transfer gain": (5, None),
                     "alignment → transfer gain": (1, None), HELD: (1, None)}  # fmt: skip


def test_alignment_by_chance_is_found_to_go_with_transfer_at_the_nominal_rate():
    generator, found = np.random.default_rng(3), []
    for _ in range(400):
        points = []
        for init, gain in TRANSFER.items():
            for seed in range(3):
                chance = generator.normal()
                points += [
                    point(init, seed, source, alignment=chance, transfer_gain=gain + generator.normal(0, 0.2),
                          source_gain=generator.normal())
                    for source in ("python", "perl")
                ]  # fmt: skip
        found.append(
            [float(row["p_value"]) < 0.05 for row in relation_rows(points, "") if "align" in row["relation"][:5]]
        )
    assert (np.sum(found, axis=0) <= stats.binom.ppf(0.999, 400, 0.05)).all()
    assert (np.sum(found, axis=0) >= stats.binom.ppf(0.001, 400, 0.05)).all()


@pytest.fixture
def options(tmp_path):
    """The options for a small experiment, with its verdicts and alignment."""
    simulate(tmp_path, 0, 8, SMALL, TRANSFER)
    write_alignment(tmp_path, SMALL)
    return SMALL | {"languages": LANGUAGES, "sft-languages": SFT_LANGUAGES, "method": "grpo", "draws": 20,
                    "bootstrap-seed": 0, "verdicts": tmp_path / "verdicts", "alignment": tmp_path / "alignment",
                    "doses": ["parallel=1.0", "same_problems=0"], "output": tmp_path / "relations.csv",
                    "points": tmp_path / "points.csv"}  # fmt: skip


def run(options, **other):
    alignment_transfer.main(arguments({**options, **other}))
    return [list(csv.DictReader(options[name].open())) for name in ("output", "points")]


def test_points_are_the_runs_with_the_alignment_of_what_they_started_from(options):
    relations, points = run(options, mark="plumbing only")
    assert list(relations[0]) == RELATION_COLUMNS
    assert {row["mark"] for row in relations} == {"plumbing only"}
    assert len(points) == 3 * 2 * 3  # inits, seeds, spaces: retrieval in two layers, cosine in one
    of_space = [row for row in points if (row["metric"], row["layer"]) == ("retrieval", "2")]
    for row in of_space:
        start = "base" if row["init"] == "base" else f"sft/{row['init']}/seed{row['seed']}"
        wanted = {"metric": "retrieval", "layer": "2", "features": "hidden", "pooling": "mean", "centred": "yes"}
        table = read_csv(f"{options['alignment']}/{start}.csv")
        assert row["alignment"] == pick(table, language_a="all", **wanted)["value"]
        assert row["checkpoint"] == f"rl/{row['init']}/python/seed{row['seed']}"
        assert row["dose"] == {"base": "", "parallel": "1.0000", "same_problems": "0.0000"}[row["init"]]
    assert {row["alignment"] for row in points if row["metric"] == "cosine"} == {""}
    relations, points = run(options, **{"sft-languages": LANGUAGES})
    assert {row["transfer_gain"] for row in points} == {""}  # no PL is unseen
    assert {row["statistic"] for row in relations if "gain" in row["relation"]} == {""}


def test_wrong_input_is_named_and_nothing_is_written(options):
    for dose in ("parallel", "parallel=much"):
        with pytest.raises(UserError, match=f"--doses {dose}: write each as INIT=SHARE"):
            run(options, doses=[dose])
    path = options["alignment"] / "sft/parallel/seed1.csv"
    rows = read_csv(path)
    path.unlink()
    with pytest.raises(UserError, match=r"sft/parallel/seed1\.csv: no such file"):
        run(options)
    for kept in ([], [row for row in rows if row["centred"] == "no"], [{"value": 1}]):
        write_csv(path, list(kept[0]) if kept else ["features"], kept)
        with pytest.raises(UserError, match=r"sft/parallel/seed1\.csv: no row of mean-pooled, centred"):
            run(options)
    assert not options["output"].exists() and not options["points"].exists()
