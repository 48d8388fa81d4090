"""OORL in the report and in the config: the section with and without its tables, words from numbers, rows."""

import json
import re
from html import unescape

import oorl_experiment as made
import pytest
import report_tables
from test_experiment import merged

from crosspl import analysis_inputs as an
from crosspl import rl_plan as rp
from crosspl.errors import UserError
from crosspl.io import read_csv
from crosspl.oorl_rows import LADDER, parse_rows
from crosspl.plots.catalogue import drawings
from crosspl.plots.numbers import with_interval
from crosspl.report.oorl import findings, sentence
from crosspl.report.oorl_assumptions import assumptions
from crosspl.report.read import read_files, read_tables
from scripts import report

OFF = {"groups": "ir", "loss": "gepo", "weight": 0.01, "beta": 0.1, "lambda": 1, "responses": 2, "per_step": 1,
       "every": 1, "normalize": False}  # fmt: skip
VARIANTS = {
    "rl": (["base", "parallel"], {"groups": None}), "dpo": (["base"], {"loss": "dpo"}), "gepo": (["base"], {}),
    "sweep": (["base"], {"beta": 0.5}), "programs": (["base"], {"groups": "programs"}),
    "oorl": (["parallel", "same_problems"], {}), "dpoonly": (["parallel"], {"loss": "dpo"}),
}  # fmt: skip
ASKED = report_tables.CONFIG | {"translation": {"evaluate": ["python", "perl"]}}


def config_with(**variants):
    """config.yaml with RL on translation in these ways."""
    config = merged()
    config["translation"]["evaluate"] = ["python"]
    config["rl_variants"] = {
        name: {"inits": inits, "settings": {"task": "translation", "off_policy": OFF | changes}}
        for name, (inits, changes) in variants.items()
    }
    return config


def test_the_rows_of_a_config_are_those_of_its_settings():
    rows = rp.oorl_rows(config_with(**VARIANTS))
    assert rows == {
        "none": "base", "rl": "base__rl", "rl_dpo": "base__dpo", "rl_gepo": "base__gepo",
        "rl_gepo_programs": "base__programs", "parallel_oorl": "parallel__oorl",
        "same_problems_oorl": "same_problems__oorl",
    }  # fmt: skip
    assert list(rows)[: len(LADDER)] == list(LADDER)
    inits = rp.inits(config_with(**VARIANTS))
    assert [row.name for row in parse_rows([f"{name}={init}" for name, init in rows.items()], inits)][-4:] == [
        "parallel_sft", "parallel_oorl", "same_problems_sft", "same_problems_oorl",
    ]  # fmt: skip


def test_a_loss_of_weight_0_is_rl_alone_and_other_rl_is_no_row():
    assert rp.oorl_rows(config_with(zero=(["base"], {"weight": 0}))) == {"none": "base", "rl": "base__zero"}
    config = config_with(gepo=(["base"], {}))
    config["rl_variants"]["gepo"]["settings"]["task"] = "generation"
    assert rp.oorl_rows(config) == {}
    config["rl_variants"]["gepo"]["settings"] |= {"task": "translation", "weight": 0}
    assert rp.oorl_rows(config) == {}, "GEPO alone is not RL with GEPO"
    for text in ((), ("configs/study.yaml",), ("configs/smoke.yaml",)):
        assert rp.oorl_rows(merged(*text)) == {} and an.translation_tables(merged(*text)) == []


def test_tables_are_asked_for_where_the_config_says_so():
    config = config_with(gepo=(["base"], {}))
    names = {path.split("/")[-1] for path in an.translation_tables(config)}
    assert names == {"translation_table.csv", "steps.csv", "generation.csv", "translation_matrix.csv", "ablation.csv",
                     "comparison.csv"}  # fmt: skip
    assert set(an.translation_tables(config)) <= set(an.report_tables(config)) and an.paper_tables(config)
    assert an.oorl_checkpoints(config) == ["base", "rl/base__gepo/python/seed0", "rl/base__gepo/python/seed1"]
    assert an.translation_verdicts(config, ["base"]) == ["results/verdicts/translation/python/base.jsonl.gz"]
    config["rl_variants"] = {}
    assert an.translation_tables(config) == ["results/translation_table.csv"]


def test_a_config_without_translation_is_one_line():
    config = merged()
    with pytest.raises(UserError, match=r"translation\.evaluate: names no PL") as raised:
        an.check_translation(config)
    assert "\n" not in str(raised.value)
    with pytest.raises(UserError, match="about RL on translation; name some in rl_variants"):
        an.check_oorl(config)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A results folder with every table of the report and those of OORL."""
    folder = tmp_path_factory.mktemp("report") / "results"
    report_tables.write_all(folder)
    made.write_experiment(folder.parent, gains=made.GAINS | {"base__dpo": 0.21}, problems={"": 30})
    made.build(folder.parent, output=folder / "oorl", mark="plumbing only", seeds=made.SEEDS[:2], margin=0.02)
    return folder


def section(folder, config):
    """The text of the section OORL and GEPO, None without one."""
    output = folder.parent / "report.html"
    report.main(["--results", str(folder), "--config", json.dumps(config), "--output", str(output)])
    found = re.search(r'<section id="oorl".*?</section>', output.read_text(), re.DOTALL)
    return found and unescape(re.sub(r"<[^>]+>", " ", found[0]))


def test_the_section_says_what_came_out_and_what_cannot_be_told(results):
    text, tables = section(results, ASKED), read_tables(results, ASKED)
    for row in tables["oorl/steps"]:
        if row["target"] == "mean" and row["from"] in ("", "all") and row["against"]:
            assert sentence(row) in text
    for row in tables["oorl/generation"]:
        assert f"{row['avg']} [{row['avg_low']}, {row['avg_high']}]" in text
    assert "76.31" in text and "docs/reference/oorl_table2.csv" in text, "the paper's table beside ours"
    assert "Defaults in force: assumed" in text and "beta of GEPO" in text
    assert "2 training seeds: the noise between training runs is hardly known" in text
    assert "our order is none < rl" in text and "the paper’s is none < rl ~ rl_dpo < rl_gepo" in text
    undecided = [row for row in tables["oorl/steps"] if row["conclusion"] == "undecided" and row["target"] == "mean"
                 and row["from"] in ("", "all")]  # fmt: skip
    assert undecided and f"What cannot be told: {len(undecided)} of 16 steps" in text
    assert tables["mark"] == "plumbing only"


def test_the_section_is_absent_where_nothing_is_translated(results, tmp_path):
    off = report_tables.CONFIG | {"translation": {"evaluate": []}}
    assert section(results, off) is None, "tables of an earlier config are not shown"
    assert not [name for name in read_files(results, read_tables(results, off)) if "oorl" in name]
    assert not [drawing for drawing in drawings(read_tables(results, off)) if "oorl" in drawing.name]
    (tmp_path / "results").mkdir()
    assert section(tmp_path / "results", {}) is None
    assert "snakemake results/translation_table.csv" in section(tmp_path / "results", off | ASKED)
    assert "snakemake results/oorl/steps.csv" in section(tmp_path / "results", config_with(gepo=(["base"], {})))


def test_the_figure_is_drawn_and_equal_tables_give_equal_bytes(results):
    first, second = (
        [drawing for drawing in drawings(read_tables(results, ASKED)) if drawing.caption == "oorl_steps"] for _ in "ab"
    )
    assert [drawing.name for drawing in first] == ["oorl_steps_python"] and first == second
    assert "programs translated" in first[0].svg and "from perl" in first[0].svg and len(first[0].svg) < 120_000
    alone = read_tables(results, ASKED) | {"oorl/steps": []}
    assert "oorl_steps" not in {drawing.caption for drawing in drawings(alone)}


STEP = {"task": "generation", "source": "python", "row": "rl_gepo", "against": "rl", "difference": "0.0120",
        "difference_low": "0.0010", "difference_high": "0.0230", "p_value": "0.0300", "p_holm": "0.0600",
        "margin": "0.0330", "mde": "0.0160", "conclusion": "undecided", "target": "mean", "from": "",
        "seeds": "3"}  # fmt: skip


@pytest.mark.parametrize(
    "changes, said",
    [
        (
            {},
            "undecided: the run would have found 1.6 points (power 80 %); that the interval leaves out 0 does not hold",
        ),
        ({"p_value": "0.2", "p_holm": "0.2"}, "undecided: the run would have found 1.6 points (power 80 %)."),
        ({"conclusion": "equivalent"}, "equivalent: a difference of 3.3 points is ruled out."),
        ({"conclusion": "difference within the margin"}, "a difference, but smaller than the margin of 3.3."),
        ({"conclusion": "difference"}, "[+0.1, +2.3] points, a difference."),
        ({"row": "parallel_oorl", "against": "parallel_sft"}, "SFT parallel + RL + GEPO minus SFT parallel is +1.2"),
    ],
)
def test_a_step_in_words(changes, said):
    row = STEP | changes
    assert said in sentence(row)
    assert with_interval(row, "difference", "difference_low", "difference_high") in sentence(row)


def test_three_seeds_and_decided_steps_need_no_caveat():
    decided = STEP | {"conclusion": "difference"}
    assert [kind for _, kind in findings([decided], [])] == [""]
    assert [kind for _, kind in findings([decided | {"seeds": "1"}], [])] == ["", "caveat"]


def test_the_assumptions_show_the_settings_of_the_rows():
    rows = {name: run for name, _, run, _ in assumptions(config_with(**VARIANTS))}
    assert rows["beta of GEPO"] == "0.1" and rows["weight of GEPO beside RL"] == "0.01"
    assert rows["off-policy data"] == "ir or programs" and rows["log-probability of an answer"] == "sum"
    assert rows["groups per RL step"] == "1 every 1" and rows["benchmark of translation"].startswith("from python into")
    assert {name: run for name, _, run, _ in assumptions({})}["beta of GEPO"] == "–"
    assert len(read_csv(made.PAPER)) == 4
