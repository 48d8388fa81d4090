"""Print a table in the terminal, numbers in percent; "-" where the table has an empty cell.

In: transfer_table.csv, a block per init and source; or a table of pass@1, a block per checkpoint. Out: text of at most
120 columns.
"""

import argparse
import signal

from crosspl.errors import UserError, run_command
from crosspl.io import read_csv
from crosspl.judge.verdicts import VERDICTS
from crosspl.workflow import read_config

HEADER = [
    "target", "role", "before → after [95 %]", "gain [95 %]", "p_holm", "vs same_problems", "MDE", "wrong %",
]  # fmt: skip
NEEDED = [
    "init", "rl_method", "source", "target", "role", "seeds", "problems", "samples", "pass_at_1_before",
    "pass_at_1_after", "after_low", "after_high", "gain", "gain_low", "gain_high", "p_holm", "gain_vs_same_problems",
    "gain_vs_same_problems_low", "gain_vs_same_problems_high", "wrong_language_rate", "mde",
]  # fmt: skip

SCORE_HEADER = ["language", "reading", "pass@1 [95 %]", "problems", "answers", "cut off %", "wrong %", "not right"]
SCORES = [
    "checkpoint", "language", "reading", "problems", "samples", "pass_at_1", "low", "high", "wrong_language_rate",
    "truncated_rate", "mark", *VERDICTS,
]  # fmt: skip


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", metavar="TABLE.csv")
    parser.add_argument("--reading", default="", help="reading named in the legend: sampled or greedy")
    parser.add_argument("--config", nargs="+", default=[], help="config files that name the reading, later ones on top")
    args = parser.parse_args(argv)
    rows = read_csv(args.table)
    if not rows:
        raise UserError(f"{args.table}: the table has no rows. Build it again.")
    if rows[0].keys() >= set(SCORES):
        print("\n".join([*score_blocks(rows), *score_legend(rows), args.table]))
        return
    missing = [column for column in NEEDED if column not in rows[0]]
    if missing:
        raise UserError(f"{args.table}: not a transfer table, it has no column {missing[0]}")
    print("\n".join([*blocks(rows), *legend(rows, args.reading or primary_reading(args.config)), args.table]))


def primary_reading(paths):
    """Return the primary reading of the merged config files; "" without one."""
    return read_config(paths)["statistics"]["reading"] if paths else ""


def blocks(rows):
    """Return the lines of all blocks, columns equally wide in all of them."""
    groups = {}
    for row in rows:
        title = "init {init} · RL in {source} · {rl_method}".format(**row)
        title = f"translation from {row['from']} · {title}" if "from" in row else title
        groups.setdefault(title, []).append(cells(row))
    return grouped(groups, HEADER)


def grouped(groups, header):
    """Return the lines of {title: list of cells}."""
    widths = [max(map(len, column)) for column in zip(header, *(line for group in groups.values() for line in group))]
    lines = []
    for title, group in groups.items():
        lines += [title, aligned(header, widths), *(aligned(line, widths) for line in group), ""]
    return lines


def score_blocks(rows):
    """Return the lines of a table of pass@1."""
    groups = {}
    for row in rows:
        groups.setdefault(row["checkpoint"], []).append(score_cells(row))
    return grouped(groups, SCORE_HEADER)


def score_cells(row):
    """Return the texts of one line of a table of pass@1."""
    wrong = [f"{row[name]} {name}" for name in VERDICTS if name != "OK" and int(row[name])]
    return [
        row["language"], row["reading"], percent(row["pass_at_1"]) + limits(row["low"], row["high"], percent),
        row["problems"], row["samples"], percent(row["truncated_rate"]), percent(row["wrong_language_rate"]),
        ", ".join(wrong) or "-",
    ]  # fmt: skip


def score_legend(rows):
    """Return lines on how the numbers of a table of pass@1 were made."""
    lines = ["pass@1 in percent, [95 %] over families of problems; answers: per problem; cut off: ended by max_tokens;"]
    lines += ["wrong: in another PL than asked; not right: answers by verdict (docs/judge.md)"]
    return lines + [f"MARK: {mark}" for mark in sorted({row["mark"] for row in rows} - {""})]


def cells(row):
    """Return the texts of one line."""
    return [
        row["target"], row["role"],
        f"{percent(row['pass_at_1_before'])} → {percent(row['pass_at_1_after'])}"
        + limits(row["after_low"], row["after_high"], percent),
        points(row["gain"]) + limits(row["gain_low"], row["gain_high"], points),
        row["p_holm"] or "-",
        points(row["gain_vs_same_problems"])
        + limits(row["gain_vs_same_problems_low"], row["gain_vs_same_problems_high"], points),
        percent(row["mde"]), percent(row["wrong_language_rate"]),
    ]  # fmt: skip


def percent(text):
    """Return a fraction as percent with one decimal, "-" for an empty cell."""
    return f"{100 * float(text):.1f}" if text else "-"


def points(text):
    """Return a signed difference in points with one decimal, "-" for an empty cell."""
    return f"{round(100 * float(text), 1) + 0.0:+.1f}" if text else "-"


def limits(low, high, form):
    """Return " [low, high]", or nothing where there is no interval."""
    return f" [{form(low)}, {form(high)}]" if low and high else ""


def aligned(texts, widths):
    """Return one line: names to the left, numbers to the right."""
    parts = [text.ljust(width) if i < 2 else text.rjust(width) for i, (text, width) in enumerate(zip(texts, widths))]
    return ("  " + "  ".join(parts)).rstrip()


def legend(rows, reading):
    """Return two lines on how the numbers were made, and a third for a mark or for a single seed."""
    counts = [span(row[name] for row in rows) for name in ("seeds", "problems", "samples")]
    reading = f" ({reading})" if reading else ""
    lines = [
        "pass@1 in percent; seeds: {}, problems: {}, completions per problem: {}{}".format(*counts, reading),
        "[95 %]: paired by problem, clustered by family, crossed with seeds; p_holm: over targets; MDE: at power 80 %",
    ]
    if any(row["seeds"] == "1" for row in rows):
        lines.append("1 seed: the intervals leave out the noise between training runs")
    marks = sorted({row["rl_method"].split(" [", 1)[1].rstrip("]") for row in rows if " [" in row["rl_method"]})
    return lines + [f"MARK: {mark}" for mark in marks]


def span(texts):
    """Return "3", or "120-164" when rows differ."""
    numbers = sorted({int(text) for text in texts})
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends the command quietly
    run_command(main)
