"""The report: every section with and without its tables, equal bytes, nothing loaded, nothing invented."""

import json
import re
import subprocess
from html.parser import HTMLParser

import pytest
import report_tables
from report_tables import CONFIG, HEADLINE
from workflow_run import ROOT

from crosspl.errors import UserError
from crosspl.plots.numbers import with_interval
from crosspl.report.assumptions import assumptions
from crosspl.report.background import matching
from crosspl.report.blocks import raw, table, word
from crosspl.report.page import FOLDER, captions, linked, page
from crosspl.report.read import read_files, read_tables
from scripts import report

SECTIONS = [
    "The answer", "What would falsify the hypothesis, and did it?", "Gains in every PL", "Against the controls",
    "Transfer matrix", "Latent space", "Removing the PL direction", "Sweeps", "What the answers look like",
    "Learning curves", "Is the comparison fair?", "Assumptions", "Cost", "Config, versions, files",
]  # fmt: skip
TARGETS = [
    "headline.csv", "transfer_table.csv", "contrasts.csv", "transfer_matrix.csv", "alignment_summary.csv",
    "alignment/base.projection.csv", "alignment_transfer.csv", "ablation.csv", "sweeps/dose.csv", "pass_at_1/base.csv",
    "sft_data/matching.csv", "audit/exclusion.csv", "audit/contamination.csv", "calibration.csv", "cost.csv",
]  # fmt: skip


def written(folder, config=CONFIG):
    """Return the page that the command writes."""
    output = folder.parent / "report.html"
    report.main(["--results", str(folder), "--config", json.dumps(config), "--output", str(output)])
    return output.read_text()


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    folder = tmp_path_factory.mktemp("full") / "results"
    report_tables.write_all(folder)
    return folder


@pytest.fixture(scope="module")
def full_page(full):
    return written(full)


@pytest.fixture(scope="module")
def empty_page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("empty") / "results"
    folder.mkdir()
    return written(folder, {})


class Outline(HTMLParser):
    """Collects headings, resources and open tags of a page."""

    void = ("meta", "link", "br", "img", "input", "hr")

    def __init__(self, text):
        super().__init__()
        self.headings, self.resources, self.ids, self.open, self.figures = [], [], [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.append(attributes.get("id"))
        self.figures += tag == "figure"
        self.resources += [(tag, value) for key, value in attributes.items() if key in ("src", "href", "xlink:href")]
        if tag not in self.void:
            self.open.append(tag)
        if tag in ("h1", "h2", "h3"):
            self.headings.append([tag, ""])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("h1", "h2", "h3"):
            self.headings[-1][1] += data


def test_every_section_with_all_tables(full_page):
    outline = Outline(full_page)
    assert [text for tag, text in outline.headings if tag == "h2"] == SECTIONS
    assert outline.headings[0][0] == "h1" and outline.open == []
    assert outline.figures == 15 and 'class="missing"' not in full_page
    ids = [name for name in outline.ids if name]
    assert len(ids) == len(set(ids))


def test_every_section_without_tables(empty_page):
    outline = Outline(empty_page)
    assert [text for tag, text in outline.headings if tag == "h2"] == SECTIONS and outline.figures == 0
    for target in TARGETS:
        assert f"snakemake results/{target}" in empty_page, target
    assert empty_page.count(">not measured</span>") == 5


def test_empty_files_are_as_good_as_none(full, tmp_path):
    folder = tmp_path / "results"
    for name, columns in report_tables.TABLES.items():
        report_tables.write(folder, name, columns, [])
    text = written(folder)
    assert "snakemake results/headline.csv" in text and Outline(text).figures == 0


def test_nothing_is_loaded(full_page):
    for tag, target in Outline(full_page).resources:
        assert target.startswith("#") or target == "data:," or (tag, target[:22]) == ("a", "https://arxiv.org/abs/")
    assert not re.search(r"<script|<img|<iframe|@import|@font-face", full_page)
    assert not re.search(r"url\((?!#)", full_page)


def test_equal_inputs_give_equal_bytes(full):
    tables = read_tables(full, CONFIG)
    assert page(tables, [], CONFIG, full, "abc") == page(tables, [], CONFIG, full, "abc")


def test_html_is_escaped(tmp_path):
    folder = tmp_path / "results"
    evil = "<script>alert(1)</script>"
    report_tables.write(folder, "headline", report_tables.TABLES["headline"],
                        [HEADLINE | {"source": evil, "mark": evil}, HEADLINE | {"control": evil}])  # fmt: skip
    text = written(folder, CONFIG | {"mark": "a & b"})
    assert "<script" not in text and "&lt;script&gt;" in text and "A &amp; b." in text


def test_an_empty_cell_is_a_dash():
    columns = [word("init", "init"), word("gain", "gain")]
    assert table("t", "f", [{"init": "base", "gain": ""}], columns).rows == [["base", "–"]]
    assert raw("f", [{"init": "base", "gain": ""}]).rows == [["base", "–"]]


def test_the_mark_is_on_top_and_beside_the_headline(full, full_page, tmp_path):
    assert 'class="banner"' not in full_page
    folder = tmp_path / "results"
    marked = HEADLINE | {"mark": "plumbing only"}
    report_tables.write(folder, "headline", report_tables.TABLES["headline"], [marked])
    text = written(folder)
    assert text.index('class="banner"') < text.index("<h1>") and "Plumbing only." in text
    assert "Marked “plumbing only”" in text[text.index('class="headline"') :]


def test_numbers_are_those_of_the_tables(full, full_page):
    [row] = [row for row in read_tables(full, CONFIG)["transfer_table"]
             if (row["init"], row["target"]) == ("parallel", "lua")]  # fmt: skip
    cell = with_interval(row, "gain", "gain_low", "gain_high")
    assert f'<td class="r">{cell}</td>' in full_page


def test_checkpoints_of_another_config_stay_out(full, full_page):
    tables = read_tables(full, CONFIG)
    assert "rl/parallel/python/seed0" in tables["histories"] and "rl/parallel/python/seed0" in tables["pass_at_1"]
    assert "rl/parallel/python/seed7" not in {**tables["histories"], **tables["pass_at_1"], **tables["manifests"]}
    assert "rl/parallel/python/seed7/history.csv" not in read_files(full, tables)
    assert "rl/parallel/python/seed7" in read_tables(full, CONFIG | {"seeds": [0, 7]})["histories"]


def test_versions_and_config_are_shown(full_page):
    assert "9.9" in full_page, "the torch that trained, from the manifests"
    assert "&#34;treatment&#34;: &#34;parallel&#34;" in full_page and "SHA-256" in full_page
    assert re.search(r"Revision of the code: ([0-9a-f]{40}|unknown)", full_page)


def test_what_was_not_logged_is_said(full_page):
    assert (
        "Not in the history of these runs: KL from init, nats, truncated answers, answers in the wrong PL" in full_page
    )


def test_revision_is_never_invented(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert report.revision() == "unknown"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert report.revision() == "unknown"


def test_a_table_without_a_column_is_named(tmp_path):
    report_tables.write(tmp_path, "headline", "treatment control", [{"treatment": "a", "control": "b"}])
    with pytest.raises(UserError, match=r"headline\.csv: has no column source"):
        read_tables(tmp_path, {})
    with pytest.raises(UserError, match="no such folder"):
        read_tables(tmp_path / "nowhere", {})


def test_every_assumption_has_this_runs_value():
    rows = assumptions(CONFIG, {"base": {"parameters": 467616}})
    by_name = {name: run for name, _, run, _ in rows}
    assert len(rows) == 17 and by_name["source PLs of RL"] == "python" and by_name["training seeds"] == "0, 1"
    assert "0.47 M parameters" in by_name["base model"] and by_name["code verification task"] == "not run"
    assert {name: run for name, _, run, _ in assumptions({}, {})}["source PLs of RL"] == "–"


def test_matching_reads_pairs_and_single_rows():
    pair = {"mixture": "a", "other": "b", "quantity": "tokens", "value": "101", "other_value": "100.5",
            "off_by": "0.01", "declared": "matched", "ok": "yes"}  # fmt: skip
    text, values, _ = matching([pair])
    assert text.text.startswith("Matching: 1 of 1") and values.rows == [["a", "101"], ["b", "100.500"]]
    _, values, _ = matching([{key: pair[key] for key in ("mixture", "quantity", "value", "ok")}])
    assert values.rows == [["a", "101"]]


def test_captions_are_plain_and_there_is_one_per_figure(full_page):
    assert str(captions("transfer_matrix")[1]).count("<code>base</code>") == 1
    for path in FOLDER.glob("*.rst"):
        assert captions(path.stem), path
    assert str(linked("see arXiv 2604.20835 <b>")) == (
        'see <a href="https://arxiv.org/abs/2604.20835">arXiv 2604.20835</a> &lt;b&gt;'
    )


def test_the_command_names_a_missing_folder():
    command = ["python", "-m", "scripts.report", "--results", "nowhere", "--config", "{}", "--output", "x.html"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "nowhere: no such folder" in done.stderr and "Traceback" not in done.stderr
