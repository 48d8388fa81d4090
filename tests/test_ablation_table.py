"""The ablation table: planted changes come back, the last direction is the difference of the others, gaps are named."""

import csv

import numpy as np
import pytest
from statsmodels.stats.weightstats import DescrStatsW

from crosspl.ablation_table import ABLATION_COLUMNS, ablation_rows
from crosspl.errors import UserError
from crosspl.io import read_rows, write_rows
from crosspl.passk import Cell
from crosspl.statistics import holm
from scripts import ablation_table

ROLES = {"python": "source", "lua": "unseen"}
CHANGE = {"intact": 0.0, "language": -0.2, "random": -0.05}
FOLDERS = {"intact": "", "language": "ablated/language/", "random": "ablated/random/"}
INITS = ("parallel", "same_problems")


def cell(scores, names, wrong=0.0):
    return Cell(names, [f"family of {name}" for name in names], np.asarray(scores), 2, None, wrong, 0.0, 0.0, 5.0)


def simulate(seeds=3, count=80, noise=0.2, seed=0):
    """{init: {kind: {checkpoint: cells}}} with scores of mean 0.6 and the planted changes."""
    generator, names = np.random.default_rng(seed), [f"p{number:02}" for number in range(count)]
    level = generator.normal(0.6, 0.1, count)
    return {
        init: {
            kind: {
                f"{folder}rl/{init}/python/seed{n}": {
                    (language, "sampled"): cell(
                        level + CHANGE[kind] + generator.normal(0, noise, count), names, -CHANGE[kind]
                    )
                    for language in ROLES
                }
                for n in range(seeds)
            }
            for kind, folder in FOLDERS.items()
        }
        for init in INITS
    }


def rows_of(cells):
    return ablation_rows(cells, ROLES, "sampled", 100, 0)


def pick(rows, **wanted):
    (found,) = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return found


def mean(cells, init, kind, language):
    return np.mean([by_key[language, "sampled"].scores for by_key in cells[init][kind].values()])


def test_planted_changes_come_back_with_the_levels_they_are_between():
    cells = simulate()
    rows = rows_of(cells)
    assert [(row["init"], row["direction"], row["target"]) for row in rows] == [
        (init, direction, language) for init in INITS for direction in ("language", "random", "language - random")
        for language in ROLES
    ]  # fmt: skip
    planted = {"language": -0.2, "random": -0.05, "language - random": -0.15}
    for row in rows:
        kind, _, base = row["direction"].partition(" - ")
        start, end = (mean(cells, row["init"], name, row["target"]) for name in (base or "intact", kind))
        names = ("pass_at_1_intact", "pass_at_1_ablated", "change")
        assert [float(row[name]) for name in names] == pytest.approx([start, end, end - start], abs=6e-5)
        assert abs(float(row["change"]) - planted[row["direction"]]) < 0.05
        assert float(row["low"]) < float(row["change"]) < float(row["high"])
        assert (row["problems"], row["samples"], row["role"]) == (80, 2, ROLES[row["target"]])
        assert [row["wrong_language_intact"], row["wrong_language_ablated"]] == [
            {"intact": "0.0000", "random": "0.0500"}[base or "intact"], f"{-CHANGE[kind]:.4f}",
        ]  # fmt: skip
    covered = [float(row["low"]) <= planted[row["direction"]] <= float(row["high"]) for row in rows]
    assert np.mean(covered) >= 0.75  # 12 intervals at 95 %
    assert all(float(row["p_holm"]) < 0.05 for row in rows if row["direction"] != "random")


def test_language_minus_random_is_the_difference_of_the_two():
    rows = rows_of(simulate(seed=4))
    for init in INITS:
        for language in ROLES:
            both, one, other = (
                float(pick(rows, init=init, target=language, direction=direction)["change"])
                for direction in ("language - random", "language", "random")
            )
            assert both == pytest.approx(one - other, abs=2e-4)


def test_one_seed_gives_the_classical_test_and_holm_is_over_targets():
    cells = simulate(seeds=1, noise=0.6)
    rows = rows_of(cells)
    intact, removed = (
        next(iter(cells["parallel"][kind].values()))["lua", "sampled"].scores for kind in ("intact", "random")
    )
    values = DescrStatsW(removed - intact)
    row = pick(rows, init="parallel", target="lua", direction="random")
    assert [float(row[name]) for name in ("low", "high", "p_value")] == pytest.approx(
        [*values.tconfint_mean(), values.ttest_mean(0)[1]], abs=6e-5
    )
    for start in range(0, len(rows), len(ROLES)):
        group = rows[start : start + len(ROLES)]
        adjusted = holm([float(row["p_value"]) for row in group])
        assert [float(row["p_holm"]) for row in group] == pytest.approx(adjusted, abs=3e-4)


def test_noise_between_seeds_is_pooled_so_no_interval_is_erratic():
    widths = [
        float(row["high"]) - float(row["low"]) for seed in range(4) for row in rows_of(simulate(seeds=2, seed=seed))
    ]
    assert max(widths) < 3 * np.median(widths)


def test_a_problem_without_a_score_anywhere_is_left_out_everywhere():
    cells = simulate()
    of_kind = cells["parallel"]["random"]["ablated/random/rl/parallel/python/seed2"]
    of_kind["lua", "sampled"].scores[5] = np.nan
    rows = rows_of(cells)
    assert {(row["init"], row["target"]): row["problems"] for row in rows} == {
        ("parallel", "python"): 80, ("parallel", "lua"): 79,
        ("same_problems", "python"): 80, ("same_problems", "lua"): 80,
    }  # fmt: skip
    of_kind["lua", "sampled"].scores[:] = np.nan
    with pytest.raises(UserError, match=r"lua, sampled: no problem has a score \(not JE\) in every checkpoint"):
        rows_of(cells)


def test_missing_pls_and_unequal_problems_are_refused():
    name = "ablated/language/rl/parallel/python/seed1"
    cells = simulate(count=10)
    of_kind = cells["parallel"]["language"][name]
    whole = of_kind["lua", "sampled"]
    for changed in (
        whole._replace(problems=[*whole.problems[:9], "p99"]),
        whole._replace(families=[*whole.families[:9], "another"]),
        whole._replace(samples=3),
    ):
        of_kind["lua", "sampled"] = changed
        with pytest.raises(UserError, match=f"lua, sampled: checkpoints {name} and rl/parallel/python/seed0 were"):
            rows_of(cells)
    del of_kind["lua", "sampled"]
    with pytest.raises(UserError, match=f"checkpoint {name} has no sampled verdicts in lua"):
        rows_of(cells)


@pytest.fixture
def options(tmp_path):
    """The options for two seeds of one init; the models intact solve all problems, the ablated ones every second."""
    for kind, folder in FOLDERS.items():
        for seed in (0, 1):
            rows = [
                {"problem": f"p{number}", "family": f"f{number}", "language": language, "reading": "sampled",
                 "sample": 0, "verdict": "WA" if kind == "language" and number % 2 else "OK",
                 "wrong_language": kind == "language", "extracted": True, "truncated": False, "tokens": 5}
                for language in ROLES for number in range(8)
            ]  # fmt: skip
            write_rows(tmp_path / f"{folder}rl/parallel/python/seed{seed}.jsonl.gz", rows)
    return ["--verdicts", str(tmp_path), "--inits", "parallel", "--source", "python", "--seeds", "0", "1", "--layer",
            "2", "--roles", "python=source", "lua=unseen", "--draws", "50", "--bootstrap-seed", "0",
            "--mark", "plumbing only", "--output", str(tmp_path / "ablation.csv")]  # fmt: skip


def test_the_command_writes_the_same_table_twice(options, tmp_path):
    ablation_table.main(options)
    first = (tmp_path / "ablation.csv").read_bytes()
    ablation_table.main(options)
    assert (tmp_path / "ablation.csv").read_bytes() == first
    rows = list(csv.DictReader((tmp_path / "ablation.csv").open()))
    assert list(rows[0]) == ABLATION_COLUMNS
    row = pick(rows, direction="language", target="lua")
    names = ("source", "seeds", "layer", "role", "pass_at_1_intact", "pass_at_1_ablated", "change", "mark")
    assert [row[name] for name in names] == [
        "python", "2", "2", "unseen", "1.0000", "0.5000", "-0.5000", "plumbing only",
    ]  # fmt: skip
    assert (row["wrong_language_intact"], row["wrong_language_ablated"]) == ("0.0000", "1.0000")
    nothing = pick(rows, direction="random", target="lua")
    assert (nothing["change"], nothing["p_value"]) == ("0.0000", "1.0000")


def test_wrong_input_is_named_and_nothing_is_written(options, tmp_path):
    with pytest.raises(UserError, match="--roles: 'ruby' has role ''; write ruby=ROLE"):
        ablation_table.main([*options, "--roles", "ruby"])
    with pytest.raises(UserError, match="has no sampled verdicts in ruby"):
        ablation_table.main([*options, "--roles", "ruby=sft"])
    path = tmp_path / "ablated/random/rl/parallel/python/seed1.jsonl.gz"
    rows = read_rows(path)
    write_rows(path, [*rows, rows[0]])
    with pytest.raises(UserError, match=r"ablated/random/rl/parallel/python/seed1\.jsonl\.gz, row 17: .*occurs twice"):
        ablation_table.main(options)
    path.unlink()
    with pytest.raises(UserError, match=r"ablated/random/rl/parallel/python/seed1\.jsonl\.gz: no such file"):
        ablation_table.main(options)
    assert not (tmp_path / "ablation.csv").exists()
