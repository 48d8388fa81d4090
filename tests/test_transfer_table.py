"""The transfer table: exact columns, planted gains come back, nothing missing goes unnoticed, equal bytes on rerun."""

import csv

import numpy as np
import pytest

from crosspl.errors import UserError
from crosspl.io import read_rows, write_rows
from crosspl.statistics import holm
from scripts import alignment_transfer, power, show_table, transfer_matrix, transfer_table

COLUMNS = (
    "init,rl_method,source,target,role,seeds,problems,samples,pass_at_1_base,pass_at_1_before,pass_at_1_after,"
    "before_low,before_high,after_low,after_high,gain,gain_low,gain_high,p_value,p_holm,gain_vs_same_problems,"
    "gain_vs_same_problems_low,gain_vs_same_problems_high,oracle_after,oracle_share,wrong_language_rate,mde"
)
LANGUAGES = ["python", "perl", "lua"]
SEEDS = [1, 2, 3]
GAIN = {"base": 0.0, "parallel": 0.2, "same_problems": 0.05}  # planted, on every target


def verdict_rows(generator, level, problems=60, samples=4):
    """Greedy and sampled verdicts of one checkpoint whose true pass@1 is `level` in every language."""
    for language in LANGUAGES:
        for number in range(problems):
            chance = np.clip(level + 0.3 * (number % 2) - 0.15, 0, 1)
            for sample in range(samples + 1):
                yield {"problem": f"p{number}", "family": f"f{number // 2}", "language": language,
                       "reading": "greedy" if sample == samples else "sampled", "sample": sample % samples,
                       "verdict": "OK" if generator.random() < chance else "WA",
                       "wrong_language": sample == 0, "extracted": True, "truncated": False, "tokens": 5}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """Verdict files of base, two mixtures, three seeds, source python, and the oracle in lua."""
    generator = np.random.default_rng(0)
    levels = {"base": 0.3}
    for seed in SEEDS:
        levels[f"rl/base/lua/seed{seed}"] = 0.7
        for init, gain in GAIN.items():
            levels[f"rl/{init}/python/seed{seed}"] = 0.3 + gain
            if init != "base":
                levels[f"sft/{init}/seed{seed}"] = 0.3
    for name, level in levels.items():
        write_rows(tmp_path / f"verdicts/{name}.jsonl.gz", list(verdict_rows(generator, level)))
    return tmp_path


def arguments(folder, **other):
    """The options that every command takes, and others."""
    options = {"inits": list(GAIN), "sources": ["python"], "oracles": ["lua"], "seeds": SEEDS, "languages": LANGUAGES,
               "sft-languages": ["python", "perl"], "method": "grpo", "draws": 300, "bootstrap-seed": 1,
               "verdicts": folder / "verdicts", **other}  # fmt: skip
    return [text for name, value in options.items()
            for text in (f"--{name}", *map(str, value if isinstance(value, list) else [value]))]  # fmt: skip


def build(folder, **other):
    outputs = {"output": folder / "table.csv", "contrasts": folder / "contrasts.csv",
               "headline": folder / "headline.csv", "mcnemar": folder / "mcnemar.csv"}  # fmt: skip
    transfer_table.main(arguments(folder, **outputs, **other))
    return read(folder / "table.csv")


def matrix(folder):
    transfer_matrix.main(arguments(folder, output=folder / "matrix.csv"))


def aligned(folder):
    transfer_alignment = {"output": folder / "relations.csv", "points": folder / "points.csv"}
    alignment_transfer.main(arguments(folder, alignment=folder / "alignment", **transfer_alignment))


def powered(folder):
    power.main(arguments(folder, effect=3.3))


COMMANDS = (build, matrix, aligned, powered)  # all that read the verdicts of a whole experiment


def read(path):
    return list(csv.DictReader(path.open()))


def edit(folder, name, change):
    """Rewrite the rows of one checkpoint by `change(row)`; None drops the row."""
    path = folder / f"verdicts/{name}.jsonl.gz"
    write_rows(path, [row for row in map(change, read_rows(path)) if row])


def pick(rows, **wanted):
    found = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    assert len(found) == 1
    return found[0]


def test_columns_are_exact_and_every_cell_has_a_row(folder):
    rows = build(folder)
    assert (folder / "table.csv").read_text().splitlines()[0] == COLUMNS
    assert len(rows) == 3 * 3 + 3  # inits x targets from python, and the oracle run
    roles = [(row["source"], row["target"], row["role"]) for row in rows if row["init"] == "base"]
    assert roles == [("python", "python", "source"), ("python", "perl", "sft"), ("python", "lua", "unseen"),
                     ("lua", "python", "sft"), ("lua", "perl", "sft"), ("lua", "lua", "source")]  # fmt: skip


def test_planted_gains_are_recovered_and_differences_are_exact(folder):
    rows = build(folder)
    parallel = pick(rows, init="parallel", source="python", target="lua")
    control = pick(rows, init="same_problems", source="python", target="lua")
    assert abs(float(parallel["gain"]) - 0.2) < 0.07
    assert float(parallel["gain_low"]) > 0
    assert float(parallel["p_holm"]) <= 0.01
    assert float(pick(rows, init="base", source="python", target="perl")["p_holm"]) > 0.05
    difference = float(parallel["gain"]) - float(control["gain"])
    assert float(parallel["gain_vs_same_problems"]) == pytest.approx(difference, abs=2e-4)
    level = float(parallel["pass_at_1_after"]) - float(parallel["pass_at_1_before"])
    assert float(parallel["gain"]) == pytest.approx(level, abs=2e-4)
    assert float(parallel["gain_low"]) < float(parallel["gain"]) < float(parallel["gain_high"])
    assert parallel["wrong_language_rate"] == "0.2500"
    assert (parallel["seeds"], parallel["problems"], parallel["samples"]) == ("3", "60", "4")


def test_oracle_share_and_empty_cells(folder):
    rows = build(folder)
    lua = pick(rows, init="parallel", source="python", target="lua")
    share = float(lua["gain"]) / (float(lua["oracle_after"]) - float(lua["pass_at_1_base"]))
    assert float(lua["oracle_share"]) == pytest.approx(share, abs=2e-3)
    assert pick(rows, init="base", source="lua", target="lua")["oracle_share"] == "1.0000"
    perl = pick(rows, init="parallel", source="python", target="perl")
    assert (perl["oracle_after"], perl["oracle_share"]) == ("", "")  # no RL in perl
    assert pick(rows, init="same_problems", target="lua")["gain_vs_same_problems"] == ""
    assert pick(rows, init="base", source="lua", target="perl")["gain_vs_same_problems"] == ""
    alone = build(folder, inits=["base", "parallel"])
    assert {row["gain_vs_same_problems_low"] for row in alone} == {""}


def test_contrasts_against_each_other_init(folder):
    rows = build(folder, mark="plumbing only")
    contrasts = read(folder / "contrasts.csv")
    assert [(row["control"], row["target"]) for row in contrasts] == [
        (control, target) for control in ("base", "same_problems") for target in LANGUAGES
    ]
    one = pick(contrasts, control="same_problems", target="lua")
    main = pick(rows, init="parallel", source="python", target="lua")
    assert [one["contrast"], one["low"], one["high"]] == [
        main["gain_vs_same_problems" + end] for end in ("", "_low", "_high")
    ]
    assert (one["treatment"], one["rl_method"], one["mark"]) == ("parallel", "grpo", "plumbing only")
    assert main["rl_method"] == "grpo [plumbing only]"


def test_mcnemar_counts_equal_the_greedy_verdicts(folder):
    build(folder)
    row = pick(read(folder / "mcnemar.csv"), init="parallel", source="python", target="lua", seed="2")
    before, after = (
        {row["problem"]: row["verdict"] == "OK" for row in read_rows(folder / f"verdicts/{name}.jsonl.gz")
         if (row["language"], row["reading"]) == ("lua", "greedy")}
        for name in ("sft/parallel/seed2", "rl/parallel/python/seed2")
    )  # fmt: skip
    assert int(row["gained"]) == sum(after[problem] and not before[problem] for problem in before)
    assert int(row["lost"]) == sum(before[problem] and not after[problem] for problem in before)


def test_greedy_reading_is_the_same_command(folder):
    rows = build(folder, reading="greedy")
    assert {row["samples"] for row in rows} == {"1"}


def test_second_run_gives_equal_bytes(folder):
    names = ["table.csv", "contrasts.csv", "headline.csv", "mcnemar.csv"]
    build(folder)
    first = [(folder / name).read_bytes() for name in names]
    build(folder)
    assert [(folder / name).read_bytes() for name in names] == first


def test_the_order_of_verdict_rows_does_not_matter(folder):
    first = build(folder)
    path = folder / "verdicts/sft/parallel/seed1.jsonl.gz"
    write_rows(path, read_rows(path)[::-1])
    assert build(folder) == first


def test_judge_errors_leave_the_problem_out_everywhere(folder, capsys):
    def spoil(row):
        lost = (row["language"], row["problem"]) == ("lua", "p7")
        return {**row, "verdict": "JE"} if lost else row

    edit(folder, "sft/parallel/seed1", spoil)
    rows = build(folder)
    assert {row["problems"] for row in rows if row["target"] == "lua"} == {"59"}
    assert {row["problems"] for row in rows if row["target"] != "lua"} == {"60"}
    warning = "lua: 1 problems without a verdict"
    assert warning in capsys.readouterr().err
    matrix(folder)
    powered(folder)
    assert capsys.readouterr().err.count(warning) == 2
    absent = read(folder / "headline.csv")
    for path in (folder / "verdicts").rglob("*.jsonl.gz"):
        write_rows(path, [row for row in read_rows(path) if (row["language"], row["problem"]) != ("lua", "p7")])
    assert build(folder) == rows  # as if nobody had ever asked for it in lua
    assert read(folder / "headline.csv") == absent


def test_one_judge_error_leaves_the_other_completions_of_the_problem(folder, capsys):
    def spoil(row):
        lost = (row["language"], row["problem"], row["reading"], row["sample"]) == ("lua", "p7", "sampled", 2)
        return {**row, "verdict": "JE"} if lost else row

    edit(folder, "rl/base/python/seed1", spoil)
    found = pick(build(folder), init="base", source="python", target="lua")
    assert (found["problems"], capsys.readouterr().err) == ("60", "")
    after = {}
    for seed in SEEDS:
        for row in read_rows(folder / f"verdicts/rl/base/python/seed{seed}.jsonl.gz"):
            if (row["language"], row["reading"]) == ("lua", "sampled") and row["verdict"] != "JE":
                after.setdefault((seed, row["problem"]), []).append(row["verdict"] == "OK")
    assert sorted(map(len, after.values()))[:2] == [3, 4]
    assert float(found["pass_at_1_after"]) == pytest.approx(np.mean([np.mean(one) for one in after.values()]), abs=6e-5)


def without(**wanted):
    return lambda row: None if all(row[name] == value for name, value in wanted.items()) else row


@pytest.mark.parametrize(
    "change, message",
    [
        (without(language="perl"), "rl/parallel/python/seed2 has no sampled verdicts in perl"),
        (without(language="lua", problem="p3"), "only base has problem p3 of family f1"),
        (lambda row: {**row, "family": "f9"} if row["problem"] == "p3" else row, "different problems"),
        (without(language="python", sample=3), "3 completions per problem in checkpoint rl/parallel/python/seed2, 4"),
        (without(language="python", sample=3, problem="p5"), r"seed2\.jsonl\.gz, python, .* p5 has 3 .*others 4"),
        (lambda row: {**row, "verdict": "JE"} if row["language"] == "lua" else row, "lua, sampled: 0 problem families"),
        (lambda row: {**row, "verdict": "SEGV"}, r"python/seed2\.jsonl\.gz, row 1: field 'verdict' is 'SEGV'"),
        (lambda row: {**row, "sample": 0}, r"python/seed2\.jsonl\.gz, row 2: .*problem p0, sample 0 occurs twice"),
        (lambda row: None, r"parallel/python/seed2\.jsonl\.gz: no verdicts\. Sample and judge"),
    ],
)
def test_a_missing_or_odd_cell_is_named_by_every_command_and_nothing_is_written(folder, change, message):
    edit(folder, "rl/parallel/python/seed2", change)
    refused_by_all(folder, message)


def refused_by_all(folder, message):
    for command in COMMANDS:
        with pytest.raises(UserError, match=message) as raised:
            command(folder)
        assert "\n" not in str(raised.value)
    assert [path.name for path in folder.iterdir()] == ["verdicts"]


def test_a_missing_checkpoint_is_named_by_every_command(folder):
    (folder / "verdicts/sft/same_problems/seed3.jsonl.gz").unlink()
    refused_by_all(folder, r"no verdicts for checkpoint sft/same_problems/seed3 \(.*seed3\.jsonl\.gz\)")


def test_mcnemar_needs_one_greedy_completion_everywhere(folder):
    edit(folder, "rl/parallel/python/seed2", without(reading="greedy"))
    with pytest.raises(UserError, match="rl/parallel/python/seed2 has no greedy verdicts in python"):
        build(folder)
    for path in (folder / "verdicts").rglob("*.jsonl.gz"):
        rows = [row for row in read_rows(path) if row["reading"] == "sampled"]
        write_rows(path, rows + [{**row, "reading": "greedy"} for row in rows if row["sample"] < 2])
    with pytest.raises(UserError, match="needs 1 greedy completion per problem, python has 2: sample greedily once"):
        build(folder)
    assert [path.name for path in folder.iterdir()] == ["verdicts"]


def test_a_plan_that_cannot_be_is_refused(folder):
    with pytest.raises(UserError, match="names something twice: 1 1"):
        build(folder, seeds=[1, 1])
    with pytest.raises(UserError, match="RL is done in python, which is not evaluated"):
        build(folder, languages=["perl", "lua"])


def test_points_label_the_inits_and_an_oracle_has_none(folder):
    rows = build(folder, inits=["same_problems", "parallel"], points=["0 %", "100 %"])
    assert [row["point"] for row in rows] == ["0 %"] * 3 + ["100 %"] * 3 + [""] * 3
    with pytest.raises(UserError, match="1 points for 2 inits"):
        build(folder, inits=["same_problems", "parallel"], points=["0 %"])


def test_show_table_prints_numbers_mark_and_path(folder, capsys):
    rows = build(folder, mark="plumbing only")
    capsys.readouterr()
    show_table.main([str(folder / "table.csv"), "--reading", "sampled"])
    text = capsys.readouterr().out
    lua = pick(rows, init="parallel", source="python", target="lua")
    assert f"{100 * float(lua['pass_at_1_before']):.1f} → {100 * float(lua['pass_at_1_after']):.1f}" in text
    assert f"{100 * float(lua['gain']):+.1f} [" in text
    assert "MARK: plumbing only" in text
    assert "seeds: 3, problems: 60, completions per problem: 4 (sampled)" in text
    assert text.splitlines()[-1] == str(folder / "table.csv")
    assert all(len(line) <= 120 for line in text.splitlines()[:-1])
    control = next(line for line in text.split("init same_problems")[1].splitlines() if "lua" in line)
    assert control.split()[-3] == "-"  # no comparison with itself


def test_show_table_refuses_another_table(folder):
    build(folder)
    with pytest.raises(UserError, match="not a transfer table, it has no column init"):
        show_table.main([str(folder / "contrasts.csv")])


def test_p_values_are_adjusted_over_the_targets_of_one_init_and_source(folder):
    rows = build(folder)
    for init in ("base", "same_problems"):
        group = [row for row in rows if (row["init"], row["source"]) == (init, "python")]
        adjusted = holm([float(row["p_value"]) for row in group])
        assert [float(row["p_holm"]) for row in group] == pytest.approx(adjusted, abs=4e-4)
        assert any(row["p_holm"] != row["p_value"] for row in group)
