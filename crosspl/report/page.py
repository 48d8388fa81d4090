"""The whole page: tables and figures in, one self-contained HTML text out.

In: tables (crosspl/report/read.py), Drawings (crosspl/plots/catalogue.py), config, revision. Out: HTML.
The template is report/template.html.j2; captions are report/*.rst, which `snakemake --report` shows too.
"""

import re
from html import escape
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from crosspl import record
from crosspl.io import read_text
from crosspl.plots.numbers import MISSING
from crosspl.report import background, oorl, sections
from crosspl.report.assumptions import setting
from crosspl.report.blocks import Picture
from crosspl.report.headline import numbered

FOLDER = Path(__file__).parents[2] / "report"


def page(tables, drawings, config, results, revision):
    """Return the HTML of the report; equal inputs give equal bytes."""

    def pictures(caption):
        found = [drawing for drawing in drawings if drawing.caption == caption]
        return [Picture(drawing, captions(caption), folded(drawing)) for drawing in found]

    parts = (sections.answer, sections.falsification, sections.transfer, sections.controls, sections.matrix,
             sections.latent, sections.intervention, sections.sweeps)  # fmt: skip
    listed = [part(tables, pictures) for part in parts] + oorl.sections(tables, pictures, config)
    listed += [part(tables, pictures) for part in (background.answers, background.curves, background.fairness)]
    listed += [background.assumed(tables, config), background.cost(tables),
               background.provenance(tables, config, results, revision)]  # fmt: skip
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"kind": lambda block: type(block).__name__, "linked": linked, "whole": whole}
    template = environment.get_template("template.html.j2")
    record.read(FOLDER / "template.html.j2")
    return template.render(sections=listed, mark=tables["mark"], facts=facts(tables, config))


def folded(drawing):
    """Return whether a figure is of the other reading, which stays closed until asked for."""
    return drawing.source.endswith(("_greedy.csv", "_sampled.csv"))


def facts(tables, config):
    """Return what this experiment is, in (name, value) pairs."""
    rows = tables["transfer_table"]
    first = rows[0] if rows else {}
    manifest = tables["manifests"].get("base", {})
    size = f"{manifest['parameters'] / 1e6:.2f} M parameters" if manifest.get("parameters") else MISSING
    answers = f"{numbered(first['samples'], 'answer')} each, {tables['reading']}" if first else ""
    return [
        ("RL in", setting(config, "languages.source")),
        ("PLs in SFT", setting(config, "languages.sft")),
        ("unseen PLs", setting(config, "languages.unseen")),
        ("base model", size),
        ("training seeds", setting(config, "seeds")),
        ("evaluation", f"{numbered(first['problems'], 'problem')} per PL, {answers}" if first else MISSING),
    ]


def captions(name):
    """Return the paragraphs of report/{name}.rst as HTML: ``code`` and nothing else of reStructuredText."""
    paragraphs = [" ".join(part.split()) for part in read_text(FOLDER / f"{name}.rst").split("\n\n")]
    return [Markup(re.sub(r"``(.+?)``", r"<code>\1</code>", escape(part))) for part in paragraphs if part]


def linked(text):
    """Return text with every "arXiv 2604.20835" as a plain link; everything else is escaped."""
    form = r'<a href="https://arxiv.org/abs/\1">arXiv \1</a>'
    return Markup(re.sub(r"arXiv (\d{4}\.\d{5})", form, str(escape(text))))


def whole(svg):
    """Return an SVG of our own making unescaped."""
    return Markup(svg)
