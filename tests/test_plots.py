"""Figures: every table gives its figure, equal tables give equal bytes, nothing is loaded, empty cells stay empty."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
import report_tables

from crosspl.errors import UserError
from crosspl.plots import alignment, catalogue, numbers, runs, style, transfer
from crosspl.plots.catalogue import drawings
from crosspl.report.read import read_tables
from scripts import figures

NAMES = {
    "headline", "transfer_table_python", "transfer_table_greedy_python", "contrasts_python", "transfer_matrix",
    "sweep_dose", "sweep_languages", "alignment_mean_centred", "projection", "alignment_transfer", "ablation_python",
    "verdicts", "rl_curves_python", "losses", "calibration",
}  # fmt: skip


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    report_tables.write_all(folder)
    return read_tables(folder, report_tables.CONFIG)


@pytest.fixture(scope="module")
def drawn(tables):
    return drawings(tables)


def test_every_table_has_its_figure(drawn):
    assert {drawing.name for drawing in drawn} == NAMES and len(drawn) == len(NAMES)
    assert all(".csv" in drawing.source for drawing in drawn)


def test_no_tables_no_figures(tmp_path):
    assert drawings(read_tables(tmp_path, {})) == []


def test_equal_tables_give_equal_bytes(tables, drawn):
    few = {**tables, "sweeps": {}, "projections": {}, "histories": {}}
    again = {drawing.name: drawing.svg for drawing in drawings(few)}
    assert len(again) > 8
    assert again == {drawing.name: drawing.svg for drawing in drawn if drawing.name in again}


def test_svgs_stand_alone(drawn):
    ids = []
    for drawing in drawn:
        root = ElementTree.fromstring(drawing.svg)
        assert root.attrib["role"] == "img" and root[0].tag.endswith("title") and root[0].text == drawing.alt
        assert not re.search(r"<metadata|<image|<script|@import", drawing.svg)
        for target in re.findall(r'(?:href|src)="([^"]*)"|url\(([^)]*)\)', drawing.svg):
            assert "".join(target).startswith(f"#{drawing.name}-")
        found = re.findall(r'\bid="([^"]+)"', drawing.svg)
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', drawing.svg)) <= set(found)
        ids += found
    assert len(ids) == len(set(ids)), "figures in one page must not share ids"


def test_svg_text_is_text(drawn):
    [headline] = [drawing.svg for drawing in drawn if drawing.name == "headline"]
    assert "mean of unseen, parallel − same_problems</text>" in headline


def texts(svg):
    """Return the texts of an SVG."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_empty_cells_of_the_matrix_are_dashes_and_hatched(drawn, tables):
    [matrix] = [drawing.svg for drawing in drawn if drawing.name == "transfer_matrix"]
    rows = tables["transfer_matrix"]
    empty = sum(not row[name] for row in rows for name in ("gain", "normalized"))
    assert texts(matrix).count(numbers.MISSING) == empty > 0
    assert "<pattern" in matrix


def test_matrix_frames_only_what_excludes_zero(tables):
    rows = [row for row in tables["transfer_matrix"] if row["init"] == "base" and row["source"] == "python"]
    figure = transfer.heat_maps([row | {"gain": "0.05", "gain_low": low, "gain_high": "0.09", "normalized": ""}
                                 for row, low in zip(rows, ("0.01", "-0.01", "0.02", "-0.02"))])  # fmt: skip
    frames = [patch for patch in figure.axes[0].patches if not patch.get_fill()]
    bold = [text for text in figure.axes[0].texts if text.get_fontweight() == "bold"]
    assert len(frames) == len(bold) == 2


def test_an_interval_beyond_the_axis_ends_in_an_arrow():
    _, [[axes]] = style.canvas(1)
    style.interval_dot(axes, 0, (1.0, -50.0, 3.0), style.KNOWN_LOOKS["base"], 5.0)
    assert [line.get_marker() for line in axes.lines] == ["None", "<", "o"]
    assert list(axes.lines[0].get_xdata()) == [-5.0, 3.0]
    style.interval_dot(axes, 1, (np.nan, np.nan, np.nan), style.KNOWN_LOOKS["base"], 5.0)
    assert len(axes.lines) == 3


def test_reach():
    assert style.reach([]) == 0.01
    assert style.reach([(1.0, -2.0, 2.0)]) == pytest.approx(2.24)
    assert style.reach([(4.0, 3.0, 5.0), (np.nan, -90.0, 90.0)]) == pytest.approx(6.4)


def test_looks_are_stable_and_differ():
    looks = style.init_looks(["parallel", "dose_25", "base", "dose_50"])
    assert looks["parallel"] == style.KNOWN_LOOKS["parallel"] and looks["dose_25"] != looks["dose_50"]
    markers = [(look.color, look.marker) for look in style.cycle_looks([str(n) for n in range(30)]).values()]
    assert len(set(markers)) == 30


def test_ink_is_readable():
    assert transfer._ink((1, 1, 1, 1)) == "#111111" and transfer._ink((0.1, 0.0, 0.3, 1)) == "#ffffff"


def test_targets_by_role():
    pairs = [("lua", "unseen"), ("perl", "sft"), ("perl", "unseen"), ("python", "source")]
    rows = [{"target": target, "role": role} for target, role in pairs]
    assert transfer.targets_by_role(rows) == {"python": "source", "perl": "sft or unseen", "lua": "unseen"}


def test_sweep_series():
    one_per_point = [{"init": "dose_0", "point": "0"}, {"init": "dose_50", "point": "50"}]
    assert list(transfer._sweep_series(one_per_point)) == ["one init per point"]
    several = [{"init": init, "point": point} for init in ("base", "parallel") for point in ("0", "50")]
    assert list(transfer._sweep_series(several)) == ["base", "parallel"]


def test_methods_are_told_apart():
    rows = [{"init": "base", "rl_method": "grpo"}, {"init": "base", "rl_method": "gepo"}]
    assert [row["init"] for row in catalogue.by_method(rows)] == ["base · grpo", "base · gepo"]
    assert catalogue.by_method(rows[:1]) == rows[:1]


def test_one_space_looks_at_no_value():
    rows = [{"metric": metric, "layer": layer} for metric in ("cosine", "retrieval") for layer in ("0", "10", "2")]
    assert numbers.one_space(rows) == [{"metric": "retrieval", "layer": "2"}]
    assert numbers.one_space([]) == []


def test_verdicts_pool_the_seeds_of_one_reading():
    row = report_tables.score_row("sft/parallel/seed0", "lua")
    rows = [{key: str(value) for key, value in row.items()}]
    counts = runs.verdict_counts({"sft/parallel/seed0": rows, "sft/parallel/seed1": rows}, "sampled")
    assert list(counts) == [("lua", "SFT parallel")]
    assert counts["lua", "SFT parallel"]["right"] == 20 and counts["lua", "SFT parallel"]["wrong answer"] == 40
    assert runs.verdict_counts({"base": rows}, "greedy") == {}


def test_only_logged_curves_are_drawn():
    histories = {
        "rl/base/python/seed0": [{"step": "1", "reward": "0.5", "entropy": "", "completions/clipped_ratio": "0"}]
    }
    assert runs.logged_curves(histories) == {"reward": "reward", "truncated answers, %": "completions/clipped_ratio"}


def test_lexical_baselines_belong_to_their_own_centring():
    def row(stage, centred, pooling=""):
        return {"stage": stage, "centred": centred, "pooling": pooling}

    rows = [row("base", "yes", "mean"), row("base", "no", "mean"), row("lexical", "yes"), row("lexical", "no")]
    found = catalogue.alignment_variants(rows)
    assert list(found) == [("mean", "yes"), ("mean", "no")]
    assert [item["centred"] for item in found["mean", "no"]] == ["no", "no"]


def test_doses_and_gains_in_percent():
    row = {"dose": "0.5", "alignment": "0.4", "source_gain": "0.02"}
    assert [alignment._scaled(row, name) for name in ("dose", "alignment", "source_gain")] == [50, 0.4, 2]


@pytest.mark.parametrize("form, text, shown", [
    (numbers.percent, "0.1234", "12.3"), (numbers.percent, "", "–"), (numbers.percent, None, "–"),
    (numbers.points, "-0.05", "−5.0"), (numbers.points, "0.05", "+5.0"), (numbers.points, "-0.0001", "+0.0"),
    (numbers.plain, "-0.456", "−0.46"), (numbers.p_value, "0.0001", "≤ 0.0001"), (numbers.p_value, "0.04", "0.0400"),
    (numbers.p_value, "", "–"), (numbers.count, "12.0", "12"), (numbers.count, "", "–"),
])  # fmt: skip
def test_numbers(form, text, shown):
    assert form(text) == shown


def test_intervals_in_words():
    row = {"gain": "0.012", "gain_low": "-0.003", "gain_high": "0.027"}
    assert numbers.with_interval(row, "gain", "gain_low", "gain_high") == "+1.2 [−0.3, +2.7]"
    assert numbers.with_interval(row | {"gain_low": ""}, "gain", "gain_low", "gain_high") == "+1.2"
    assert numbers.with_interval({}, "gain", "gain_low", "gain_high") == "–"


def test_the_command_writes_what_can_be_drawn(tmp_path, capsys):
    results = tmp_path / "results"
    report_tables.write(results, "headline", report_tables.TABLES["headline"], [report_tables.HEADLINE])
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "old.svg").write_text("<svg/>")
    figures.main(["--results", str(results), "--output", str(tmp_path / "figures")])
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["headline.svg"]
    assert "headline.svg from headline.csv" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_config_that_is_none(text):
    with pytest.raises(UserError, match="--config"):
        figures.parse_config(text)


def test_an_oracle_makes_its_language_no_seen_one():
    rows = [
        {"init": "base", "source": "lua", "target": "lua", "role": "source"},
        {"init": "base", "source": "python", "target": "lua", "role": "unseen"},
        {"init": "parallel", "source": "python", "target": "python", "role": "source"},
        {"init": "parallel", "source": "python", "target": "perl", "role": "sft"},
    ]
    assert transfer.seen_targets(rows) == {"python", "perl"}
