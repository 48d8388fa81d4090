"""How all figures look, and how one becomes an SVG: equal tables give equal bytes.

In: matplotlib figures. Out: SVG texts that can stand alone or inside a page: no network, no date, ids of their own.
Colours are those of Okabe and Ito (2008); every colour goes with a marker and a line style, so none is needed to read.
"""

import io
import re
from html import escape
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

WIDTH = 9.2  # inches; the page scales figures to its column
GREY, LIGHT = "#5f6368", "#f3f4f6"
FONTS = "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif"  # narrower than what the layout measures
RC = {
    "svg.hashsalt": "crosspl", "svg.fonttype": "none", "font.family": "DejaVu Sans", "font.size": 8.5,
    "axes.titlesize": 8.5, "axes.titlelocation": "left", "axes.titleweight": "bold", "axes.labelsize": 8.5,
    "axes.labelcolor": "#333333", "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": "#8a8f98",
    "axes.linewidth": 0.7, "axes.axisbelow": True, "xtick.color": "#8a8f98", "ytick.color": "#8a8f98",
    "xtick.labelcolor": "#333333", "ytick.labelcolor": "#333333", "xtick.labelsize": 8, "ytick.labelsize": 8,
    "legend.frameon": False, "legend.fontsize": 8.5, "hatch.linewidth": 0.6, "grid.color": "#e3e5e8",
    "grid.linewidth": 0.6,
}  # fmt: skip


class Look(NamedTuple):
    """Colour, marker and line style of one series."""

    color: str
    marker: str
    line: object


KNOWN_LOOKS = {
    "base": Look("#000000", "o", "-"),
    "parallel": Look("#0072B2", "D", "-"),
    "same_problems": Look("#D55E00", "s", (0, (5, 2))),
    "same_programs": Look("#CC79A7", "^", (0, (3, 1, 1, 1))),
    "monolingual": Look("#009E73", "v", (0, (1, 1))),
}
OTHER_LOOKS = [
    Look("#E69F00", "P", (0, (5, 2))), Look("#56B4E9", "X", "-"), Look("#8C6D1F", "<", (0, (3, 1, 1, 1))),
    Look("#7A4FA3", ">", (0, (1, 1))), Look("#5f6368", "p", (0, (5, 2))), Look("#005A8D", "h", "-"),
]  # fmt: skip
LANGUAGE_LOOKS = [*KNOWN_LOOKS.values(), *OTHER_LOOKS]


def init_looks(names):
    """Return {init: Look}: the five of the default experiment always look the same, others take turns."""
    others = [name for name in names if name not in KNOWN_LOOKS]
    chosen = {name: OTHER_LOOKS[index % len(OTHER_LOOKS)] for index, name in enumerate(others)}
    return {name: KNOWN_LOOKS.get(name) or chosen[name] for name in names}


def cycle_looks(names):
    """Return {name: Look} for PLs or problems; beyond eleven, markers stay different from colours of before."""
    size = len(LANGUAGE_LOOKS)
    return {
        name: LANGUAGE_LOOKS[index % size]._replace(marker=LANGUAGE_LOOKS[(index + index // size) % size].marker)
        for index, name in enumerate(names)
    }


def canvas(height, rows=1, columns=1, **options):
    """Return (figure, array of axes [rows, columns]) as wide as the page's column."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.05, wspace=0.02)
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def dots_only(looks):
    """Return the looks for a figure whose lines are intervals, all of one style."""
    return {name: look._replace(line="-") for name, look in looks.items()}


def series_key(figure, looks, columns=6, extra=()):
    """Put the key of all series above the figure: line and marker in the series' colour."""
    entries = [(_handle(look), name) for name, look in looks.items()] + list(extra)
    columns = min(columns, len(entries))
    entries = [
        entry for start in range(columns) for entry in entries[start::columns]
    ]  # a legend fills its columns first
    handles, labels = zip(*entries)
    figure.legend(handles, labels, loc="outside upper left", ncols=columns, handlelength=2.6)


def _handle(look):
    """Return the key entry of a series."""
    from matplotlib.lines import Line2D

    return Line2D([], [], color=look.color, marker=look.marker, linestyle=look.line, markersize=5)


def box(color, hatch=""):
    """Return the key entry of a filled area."""
    return Patch(facecolor=color, hatch=hatch, edgecolor="white" if hatch else color, linewidth=0)


def reach(rows, at_least=0.01):
    """Return the half width of a symmetric axis for (value, low, high) rows: all values and three of four limits.

    A few intervals can be twenty times as wide as the rest (two seeds that disagree); they end in an arrow instead.
    """
    rows = np.array(rows, dtype=float).reshape(-1, 3)
    rows = rows[np.isfinite(rows[:, 0])]
    limits = np.abs(rows[:, 1:])[np.isfinite(rows[:, 1:])]
    inner = np.quantile(limits, 0.75) if len(limits) else 0
    return max(1.6 * np.abs(rows[:, 0]).max(initial=0), 1.12 * inner, at_least)


def interval_dot(axes, y, spread, look, limit, fill="full"):
    """Draw one (value, low, high) as a dot with its interval on height y; an arrow where it leaves ±limit.

    fill: full, none or left, matplotlib's fillstyle.
    """
    value, low, high = spread
    if not np.isfinite(value):
        return
    if np.isfinite(low) and np.isfinite(high):
        axes.plot([max(low, -limit), min(high, limit)], [y, y], color=look.color, linewidth=1.3, solid_capstyle="butt")
        for end, marker, leaves in ((-limit, "<", low < -limit), (limit, ">", high > limit)):
            if leaves:
                axes.plot(end, y, marker, color=look.color, markersize=3.5, clip_on=False)
    inside = "white" if fill == "none" else look.color
    axes.plot(value, y, look.marker, color=look.color, markersize=5, markerfacecolor=inside, markeredgewidth=1,
              fillstyle="left" if fill == "left" else "full", markerfacecoloralt="white")  # fmt: skip


def point_axis(axes, limit, label):
    """Make x a symmetric axis of points about 0."""
    axes.axvline(0, color="#8a8f98", linewidth=0.8, zorder=0)
    axes.set_xlim(-limit, limit)
    axes.grid(axis="x")
    axes.set_xlabel(label)
    axes.tick_params(axis="y", length=0, pad=8)  # room for the arrows
    axes.spines["left"].set_visible(False)


def groups(axes_list, names, size):
    """Label groups of `size` lines with `names` from the top down and shade every second one."""
    for axes in axes_list:
        for index in range(0, len(names), 2):
            axes.axhspan(index * size - 0.5, (index + 1) * size - 0.5, color=LIGHT, linewidth=0, zorder=-1)
        axes.set_yticks([index * size + (size - 1) / 2 for index in range(len(names))], names)
        axes.set_ylim(len(names) * size - 0.5, -0.5)


def svg(figure, name, alt):
    """Return the figure as an SVG text, with `alt` for who cannot see; ids start with `name`, so many fit a page."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r'(href="|url\()#', rf"\1#{name}-", text)
    text = text.replace("'DejaVu Sans'", FONTS)
    head = f'<svg role="img" aria-labelledby="{name}-alt" '
    return text.replace("<svg ", head, 1).replace(">", f'>\n <title id="{name}-alt">{escape(alt)}</title>', 1)
