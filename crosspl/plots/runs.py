"""Figures of what happened inside a run: verdicts, learning curves, calibration of the statistics.

In: rows of pass_at_1/**.csv, of the history.csv of base, SFT and RL, and of calibration.csv. Out: matplotlib figures.
"""

import numpy as np

from crosspl.plots.numbers import number
from crosspl.plots.style import Look, box, canvas, init_looks, series_key
from crosspl.plots.transfer import unique
from crosspl.statistics import LEVEL, POWER

VERDICTS = {  # label: (verdicts, colour, hatch)
    "right": (("OK",), "#0072B2", ""),
    "wrong answer": (("WA",), "#f0c987", ""),
    "run-time error": (("RE",), "#D55E00", "///"),
    "out of time": (("TLE", "ILE"), "#CC79A7", "xxx"),
    "out of memory or output": (("MLE", "OLE"), "#7A4FA3", "..."),
    "does not compile": (("CE", "CTLE"), "#009E73", "\\\\\\"),
    "no code": (("NC",), "#5f6368", "|||"),
    "judge error": (("JE",), "#000000", "---"),
}
CURVES = {  # title: columns that a trainer may log it under, the first found is drawn
    "reward": ("reward",),
    "entropy": ("entropy",),
    "KL from init, nats": ("kl",),
    "truncated answers, %": ("completions/clipped_ratio", "clipped_ratio"),
    "answers in the wrong PL, %": ("wrong_language_rate", "wrong_language", "verdict/wrong_language"),
    "groups of one reward, %": ("frac_reward_zero_std",),
    "GEPO: winners ahead of losers, %": ("gepo/accuracy",),
    "GEPO: variance of winners, nats²": ("gepo/variance",),
}


def stage_name(checkpoint):
    """Return the group of a checkpoint: its name without the seed, as people say it."""
    parts = checkpoint.split("/")
    if parts[0] == "sft":
        return f"SFT {parts[1]}"
    return f"RL in {parts[2]} from {parts[1]}" if parts[0] == "rl" else checkpoint


def verdicts(by_checkpoint, reading, order=()):
    """Draw the verdicts of all answers as stacked shares: one panel per PL (in `order`), one bar per model."""
    counts = verdict_counts(by_checkpoint, reading)
    found, stages = unique(language for language, _ in counts), unique(stage for _, stage in counts)
    languages = unique([*(language for language in order if language in found), *found])
    used = {label: look for label, look in VERDICTS.items() if any(cell[label] for cell in counts.values())}
    columns = min(5, len(languages))
    lines = -(-len(languages) // columns)
    figure, axes = canvas(0.75 + lines * (0.45 + 0.19 * len(stages)), lines, columns, sharey=True, sharex=True)
    for panel, language in zip(axes.flat, languages):
        for y, stage in enumerate(stages):
            cell, left = counts.get((language, stage)), 0.0
            for label, (_, color, hatch) in used.items() if cell else ():
                share = 100 * cell[label] / sum(cell.values())
                panel.barh(y, share, left=left, height=0.78, color=color, hatch=hatch, edgecolor="white", linewidth=0.4)
                left += share
        panel.set_title(language)
        panel.set_xlim(0, 100)
        panel.set_ylim(len(stages) - 0.5, -0.5)
        panel.set_yticks(range(len(stages)), stages)
        panel.set_xticks([0, 50, 100])
        panel.tick_params(axis="y", length=0)
    for panel in list(axes.flat)[len(languages) :]:
        panel.set_visible(False)
    figure.supxlabel("share of all answers, %", fontsize=8.5, color="#333333")
    series_key(figure, {}, 4, [(box(color, hatch), label) for label, (_, color, hatch) in used.items()])
    return figure


def verdict_counts(by_checkpoint, reading):
    """Return {(language, stage): {label: answers}} of one reading, over all seeds."""
    counts = {}
    for checkpoint, rows in by_checkpoint.items():
        for row in rows:
            if row["reading"] == reading:
                cell = counts.setdefault((row["language"], stage_name(checkpoint)), dict.fromkeys(VERDICTS, 0))
                for label, (names, _, _) in VERDICTS.items():
                    cell[label] += sum(int(number(row.get(name)) or 0) for name in names)
    return counts


def logged_curves(histories):
    """Return {title: column} of the RL curves that at least one history has numbers for."""
    found = {}
    for title, columns in CURVES.items():
        for column in columns:
            if any(np.isfinite(number(row.get(column))) for rows in histories.values() for row in rows):
                found[title] = column
                break
    return found


def rl_curves(histories):
    """Draw what RL logged: thin lines are runs, thick ones the mean over the seeds of an init (one source PL)."""
    curves = logged_curves(histories)
    runs = {}
    for checkpoint, rows in histories.items():
        runs.setdefault(checkpoint.split("/")[1], []).append(rows)
    looks = init_looks(list(runs))
    columns = {1: 1, 2: 2, 4: 2}.get(len(curves), 3)
    lines = -(-len(curves) // columns)
    figure, axes = canvas(0.6 + 2.1 * lines, lines, columns)
    for panel, (title, column) in zip(axes.flat, curves.items()):
        scale = 100 if title.endswith("%") else 1
        for init, members in runs.items():
            _curves(panel, members, column, scale, looks[init])
        panel.set_title(title)
        panel.set_xlabel("optimizer step")
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.grid(axis="y")
    for panel in list(axes.flat)[len(curves) :]:
        panel.set_visible(False)
    series_key(figure, looks)
    return figure


def _curves(axes, members, column, scale, look):
    """Draw the runs of one init thinly and their mean per step thickly."""
    by_step = {}
    for rows in members:
        seen = [(number(row["step"]), scale * number(row.get(column))) for row in rows]
        seen = [(step, value) for step, value in seen if np.isfinite(value)]
        for step, value in seen:
            by_step.setdefault(step, []).append(value)
        axes.plot([step for step, _ in seen], [value for _, value in seen], color=look.color, linewidth=0.6, alpha=0.35)
    steps = sorted(by_step)
    axes.plot(steps, [np.mean(by_step[step]) for step in steps], color=look.color, linestyle=look.line, linewidth=1.5,
              marker=look.marker, markersize=3.5, markevery=max(1, len(steps) // 6))  # fmt: skip


def losses(histories):
    """Draw the training loss of the base model and of SFT."""
    stages = {}
    for checkpoint, rows in histories.items():
        stage, _, rest = checkpoint.partition("/")
        stages.setdefault(stage, {}).setdefault(rest.split("/")[0] or "base", []).append(rows)
    stages = {stage: stages[stage] for stage in ("base", "sft") if stage in stages}
    looks = init_looks(unique(name for runs in stages.values() for name in runs))
    figure, [axes] = canvas(2.5, 1, len(stages))
    for panel, (stage, runs) in zip(axes, stages.items()):
        for name, members in runs.items():
            _curves(panel, members, "loss", 1, looks[name])
        panel.set_title({"base": "pretraining of the base model: loss", "sft": "SFT: loss"}[stage])
        panel.set_xlabel("optimizer step")
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.grid(axis="y")
    series_key(figure, looks)
    return figure


def calibration(rows):
    """Draw how often the test rejects and the interval covers, per simulated scenario, beside what they promise."""
    look, promised = Look("#0072B2", "o", "-"), Look("#D55E00", "|", "none")
    figure, [axes] = canvas(0.9 + 0.24 * len(rows), 1, 2, sharey=True)
    for panel, name in zip(axes, ("rejected", "covered")):
        for y, row in enumerate(rows):
            value, low, high = (100 * number(row.get(name + suffix)) for suffix in ("", "_low", "_high"))
            panel.plot([low, high], [y, y], color=look.color, linewidth=1.4)
            panel.plot(value, y, look.marker, color=look.color, markersize=5)
            level = LEVEL if name == "covered" else POWER if number(row.get("effect")) > 0 else 1 - LEVEL
            panel.plot(100 * level, y, "|", color=promised.color, markersize=11, markeredgewidth=1.8)
        panel.grid(axis="x")
    axes[0].set_yticks(range(len(rows)), [scenario(row) for row in rows])
    axes[0].set_ylim(len(rows) - 0.5, -0.5)
    axes[0].set_xlabel("the test rejects, % of repetitions")
    axes[1].set_xlabel("the interval covers, % of repetitions")
    series_key(figure, {"simulated": look, "promised": promised})
    return figure


def scenario(row):
    """Return a scenario's label: its name, seeds, SDs and effect, as far as the table has them."""
    label = f"{row['scenario']}, {row['seeds']} seeds"
    if row.get("seed_sd"):
        label += f", SD {100 * number(row['seed_sd']):.0f} and {100 * number(row['problem_sd']):.0f}"
    effect = number(row.get("effect"))
    return f"{label}, effect {100 * effect:+.1f}" if np.isfinite(effect) and effect else label
