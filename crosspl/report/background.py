"""The sections of the page behind the results: answers, learning curves, fairness, assumptions, cost, provenance.

In: the tables (crosspl/report/read.py), Drawings, config. Out: Sections.
"""

import hashlib
import json
from importlib import metadata
from pathlib import Path

from crosspl.plots.numbers import count, decimal, number, percent
from crosspl.plots.runs import CURVES, logged_curves, stage_name
from crosspl.report.assumptions import assumptions
from crosspl.report.blocks import Listing, Section, Text, column, missing, raw, table, word
from crosspl.report.read import read_files

PACKAGES = ("snakemake", "torch", "transformers", "trl", "peft", "tokenizers", "numpy", "scipy", "matplotlib", "jinja2")


def answers(tables, pictures):
    """Return what the answers look like: verdicts per PL and model, wrong PL, no program, truncation."""
    lead = (
        "Every answer was run on the tests of its problem. A judge error says nothing about the program and is "
        "left out."
    )
    rows = [row for rows in tables["pass_at_1"].values() for row in rows]
    if not rows:
        return Section("verdicts", "What the answers look like", lead, [missing("pass_at_1/base.csv")])
    columns = [
        ("model", "l", lambda row: stage_name(row["checkpoint"])),
        ("seed", "r", lambda row: row["checkpoint"].rpartition("seed")[2] if "seed" in row["checkpoint"] else ""),
        word("PL", "language"), word("reading", "reading"), column("pass@1", "pass_at_1", percent),
        ("interval", "r", lambda row: f"[{percent(row['low'])}, {percent(row['high'])}]"),
        column("wrong PL %", "wrong_language_rate", percent),
        column("no program %", "extraction_failure_rate", percent), column("truncated %", "truncated_rate", percent),
        *(column(name, name, count) for name in ("OK", "WA", "RE", "TLE", "CE", "NC", "JE")),
    ]  # fmt: skip
    numbers = table("pass@1 and verdicts of every model", "pass_at_1/**.csv", rows, columns, folded=True)
    return Section("verdicts", "What the answers look like", lead, [*pictures("verdicts"), numbers])


def curves(tables, pictures):
    """Return the learning curves, and which of the usual ones this run did not log."""
    rl = {name: rows for name, rows in tables["histories"].items() if name.startswith("rl/") and rows}
    blocks = pictures("rl_curves")
    if rl:
        absent = [title.removesuffix(", %") for title in CURVES if title not in logged_curves(rl)]
        if absent:
            blocks.append(Text(f"Not in the history of these runs: {', '.join(absent)}.", "note"))
    else:
        blocks.append(missing("transfer_table.csv"))
    return Section("curves", "Learning curves", "What the trainers logged.", blocks + pictures("losses"))


def fairness(tables, pictures):
    """Return why the comparison is fair: matching, exclusion, contamination, calibration."""
    lead = (
        "A difference means something only if nothing else differs, no unseen PL slipped into training, no "
        "evaluation problem was trained on, and the intervals cover what they promise."
    )
    blocks = matching(tables["sft_data/matching"]) + exclusion(tables["audit/exclusion"])
    rows = tables["audit/contamination"]
    if rows:
        blocks += [
            Text(checked("Contamination", rows, "training sets share no evaluation problem, program or statement")),
            raw("audit/contamination.csv", rows),
        ]
    else:
        blocks.append(missing("audit/contamination.csv"))
    rows = tables["audit/content"]
    if rows:
        what = "programs of the training sets are in the PL of their label, by its own parser"
        blocks += [Text(checked("Content", rows, what)), raw("audit/content.csv", rows)]
    else:
        blocks.append(missing("audit/content.csv"))
    blocks += round_trips(tables["audit/round_trip"])
    if tables["calibration"]:
        blocks += [*pictures("calibration"), raw("calibration.csv", tables["calibration"])]
    else:
        blocks.append(Text("Calibration of intervals and tests: not measured yet. This builds it: "
                           "snakemake results/calibration.csv", "missing"))  # fmt: skip
    return Section("fairness", "Is the comparison fair?", lead, blocks)


def checked(title, rows, what):
    """Return "Contamination: 7 of 7 training sets share no …"."""
    good = sum(row["ok"] == "yes" for row in rows)
    total = sum(row["ok"].lower() in ("yes", "no") for row in rows)
    return f"{title}: {good} of {total} {what}."


def matching(rows):
    """Return the matching table: one line per mixture, one column per quantity; then every declared match."""
    if not rows:
        return [missing("sft_data/matching.csv")]
    values = {(row["mixture"], row["quantity"]): row["value"] for row in rows}
    for row in rows:
        values.setdefault((row.get("other"), row["quantity"]), row.get("other_value"))
    mixtures = list(dict.fromkeys(name for name, _ in values if name))
    quantities = list(dict.fromkeys(quantity for _, quantity in values))
    columns = [("mixture", "l", lambda name: name)] + [
        (quantity.replace("language_shares:", "share of ").replace("_", " "), "r", quantity_cell(values, quantity))
        for quantity in quantities
    ]
    what = "declared matches between mixtures are within 1 %; one that is not ends the run"
    return [
        Text(checked("Matching", rows, what)),
        table("What the mixtures hold", "sft_data/matching.csv", mixtures, columns),
        raw("sft_data/matching.csv", rows),
    ]


def quantity_cell(values, quantity):
    """Return a function of a mixture's name to one of its numbers: whole as it is, else three decimals."""

    def cell(mixture):
        value = number(values.get((mixture, quantity)))
        return count(value) if value == round(value) else decimal(value, 3)

    return lambda mixture: cell(mixture) if values.get((mixture, quantity)) else ""


def exclusion(rows):
    """Return the exclusion audit in a sentence and as a table."""
    if not rows:
        return [missing("audit/exclusion.csv")]
    what = "pairs of training set and PL are as planned; an excluded PL has no example there"
    return [Text(checked("Exclusion", rows, what)), raw("audit/exclusion.csv", rows)]


def round_trips(rows):
    """Return in a sentence and as a table what became of gold programs on the way through prompts and back."""
    if not rows:
        return [missing("audit/round_trip.csv")]
    survived, programs = (sum(int(row[name]) for row in rows) for name in ("survived", "programs"))
    said = f"Round trip: {survived} of {programs} gold programs come back right from an answer that says them."
    return [Text(said), raw("audit/round_trip.csv", rows)]


def assumed(tables, config):
    """Return the list of assumptions beside this run's own values."""
    lead = (
        "Of the paper (arXiv 2604.20835) no code, data or hyperparameters were public when this was written. What "
        "its abstract and third-party summaries leave open is assumed: by the project for an experiment of the "
        "paper’s size, beside it what this run did."
    )
    names = ("what the paper leaves open", "assumed", "this run", "why")
    columns = [(name, "l", lambda row, index=index: row[index]) for index, name in enumerate(names)]
    rows = assumptions(config, tables["manifests"])
    return Section("assumed", "Assumptions", lead, [table("Assumptions and this run", "the config", rows, columns)])


def cost(tables):
    """Return what the run cost: in all, per stage, and per command, the most expensive first."""
    rows = tables["cost"]
    if not rows:
        return Section("cost", "Cost", "", [missing("cost.csv")])
    columns = [
        column("jobs", "commands", count), column("CPU s", "cpu_s", count), column("wall s", "wall_s", count),
        column("GPU s", "gpu_s", count), column("largest memory, MiB", "peak_mib", count),
        column("of a GPU", "peak_gpu_mib", count), column("tokens trained on", "trained_tokens", count),
        column("generated", "generated_tokens", count), column("programs judged", "programs_judged", count),
    ]  # fmt: skip
    stages = [row | {"stage": row["stage"] or "all"} for row in rows if row["level"] in ("all", "stage")]
    commands = [row for row in rows if row["level"] == "command"]
    return Section("cost", "Cost", "", [
        table("Cost per stage", "cost.csv", stages, [word("stage", "stage"), *columns]),
        table("Cost per command", "cost.csv", commands, [word("command", "command"), *columns], folded=True),
    ])  # fmt: skip


def provenance(tables, config, results, revision):
    """Return config, versions, revision and the content hash of every table the page was made from."""
    trained = {}
    for manifest in tables["manifests"].values():
        for name, version in manifest.get("versions", {}).items():
            trained.setdefault(name, set()).add(version)
    rows = [(name, installed(name), ", ".join(sorted(trained.get(name, ())))) for name in PACKAGES]
    versions = table("Versions", "the environment and the models’ manifest.json", rows, [
        ("package", "l", lambda row: row[0]), ("in this environment", "l", lambda row: row[1]),
        ("trained the models", "l", lambda row: row[2]),
    ])  # fmt: skip
    names = read_files(results, tables)
    files = [(name, hashlib.sha256((Path(results) / name).read_bytes()).hexdigest()) for name in names]
    hashes = table("Files behind this page", "results/", files, [
        ("file", "l", lambda row: row[0]), ("SHA-256", "l", lambda row: row[1]),
    ], folded=True)  # fmt: skip
    blocks = [Text(f"Revision of the code: {revision}."), versions, hashes,
              Listing("The config of this run", json.dumps(config, indent=1, ensure_ascii=False))]  # fmt: skip
    for name in ("base", *[key for key in tables["manifests"] if key.startswith("rl/")][:1]):
        if name in tables["manifests"]:
            text = json.dumps(tables["manifests"][name], indent=1, ensure_ascii=False)
            blocks.append(Listing(f"manifest.json of {name}", text))
    return Section("provenance", "Config, versions, files", "", blocks)


def installed(package):
    """Return the installed version of a package, or that there is none."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
