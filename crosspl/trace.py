"""All that a cell of a table was made from: checkpoints, verdicts, completions, adapters, data, base model, corpus.

In: a manifest (crosspl.manifest), a table, a row, a column. Out: the commands of the chain in order, and lines in words
about each, with its gaps: files that are missing, changed or made anew, without a record, of an unknown revision.
"""

import json
import textwrap
from typing import NamedTuple

from crosspl.checkpoints import after_name, before_name
from crosspl.errors import UserError
from crosspl.io import read_csv
from crosspl.manifest import again, block_of, cost_of, first_output, misfits, options_of, revision_of, upstream, when
from crosspl.verify import difference, made_here

CONTROL = "same_problems"  # of the columns gain_vs_same_problems
PACKAGES = ("torch", "transformers", "trl", "peft", "tokenizers", "datasets", "accelerate", "vllm", "numpy")
WIDTH = 120
LABELS = (
    "from", "init", "rl_method", "source", "target", "role", "seeds", "seed", "layer", "direction", "mark", "point",
)  # fmt: skip
COUNTED = ("problems", "samples")  # over all checkpoints of a table
BEFORE, AFTER = ("before RL",), ("after RL",)
GAIN = BEFORE + AFTER
VERSUS = (*GAIN, "control before RL", "control after RL")
ORACLE = ("oracle", "base")
DECIDED_BY = {  # column: the roles of the checkpoints whose verdicts decide it
    "pass_at_1_base": ("base",), "pass_at_1_before": BEFORE, "before_low": BEFORE, "before_high": BEFORE,
    "pass_at_1_after": AFTER, "after_low": AFTER, "after_high": AFTER, "wrong_language_rate": AFTER,
    "gain": GAIN, "gain_low": GAIN, "gain_high": GAIN, "p_value": GAIN, "p_holm": GAIN, "mde": GAIN,
    "gained": GAIN, "lost": GAIN, "p_mcnemar": GAIN,
    "gain_vs_same_problems": VERSUS, "gain_vs_same_problems_low": VERSUS, "gain_vs_same_problems_high": VERSUS,
    "oracle_after": ("oracle",), "oracle_share": ORACLE + GAIN,
    "oracle_gain": ORACLE, "oracle_gain_low": ORACLE, "oracle_gain_high": ORACLE,
    "normalized": ORACLE + GAIN, "normalized_low": ORACLE + GAIN, "normalized_high": ORACLE + GAIN,
}  # fmt: skip
CHANGE = ("ablated", "compared with")
ABLATION_DECIDED_BY = {  # the same of the table with the column `direction`
    "pass_at_1_intact": CHANGE[1:], "wrong_language_intact": CHANGE[1:],
    "pass_at_1_ablated": CHANGE[:1], "wrong_language_ablated": CHANGE[:1],
    "change": CHANGE, "low": CHANGE, "high": CHANGE, "p_value": CHANGE, "p_holm": CHANGE,
}  # fmt: skip
HIDDEN = ("--output", "--title", "--problems", "--programs", "--inputs")  # said by the files that were read and written


class Cell(NamedTuple):
    """A row of a table, the reading that it is of, and the checkpoints behind it, by what they are to it."""

    row: dict
    reading: str
    checkpoints: dict


def cell_of(manifest, table, number, column):
    """Return the Cell of row `number` (1 is the first below the header) of `table`; of one column when it is named."""
    rows = read_csv(table)
    if not 1 <= number <= len(rows):
        raise UserError(f"{table}: no row {number}; it has rows 1 to {len(rows)} below the header")
    row = rows[number - 1]
    if column and column not in row:
        raise UserError(f"{table}: no column {column!r}; it has {', '.join(row)}")
    if not {"init", "source", "target"} <= row.keys():
        raise UserError(f"{table}: its rows are not of one init, source and target; trace the file without --row")
    if column and not row[column]:
        raise UserError(f"{table}, row {number}: {column} is empty, it was not computed")
    if column in COUNTED:
        raise UserError(f"{table}: {column} counts what all its checkpoints have; trace the file without --row")
    if unknown := [name for name in ([column] if column else row) if name not in (*LABELS, *COUNTED, *deciding(row))]:
        raise UserError(f"{table}: it is not known what decides {unknown[0]}; trace the file without --row")
    options = options_of(maker(manifest, table))
    reading = "greedy" if "p_mcnemar" in row else options["--reading"][0]
    return Cell(row, reading, behind(row, column, [int(seed) for seed in options["--seeds"]]))


def deciding(row):
    """Return {column: roles} for the table that a row is of."""
    return ABLATION_DECIDED_BY if "direction" in row else DECIDED_BY


def behind(row, column, seeds):
    """Return {role: checkpoints} of a cell; without a column those of all columns that are filled."""
    parts, roles = checkpoints(row, [int(row["seed"])] if "seed" in row else seeds), deciding(row)
    wanted = {role for name in ([column] if column else row) if row[name] for role in roles.get(name, ())}
    return {role: list(dict.fromkeys(names)) for role, names in parts.items() if role in wanted}


def checkpoints(row, seeds):
    """Return {role: checkpoints} of a row, by seed."""
    init, source, target = row["init"], row["source"], row["target"]
    after = [after_name(init, source, seed) for seed in seeds]
    if "direction" in row:  # such as "language", or "language - random"
        ablated, _, other = row["direction"].partition(" - ")
        return {
            "ablated": [f"ablated/{ablated}/{name}" for name in after],
            "compared with": [f"ablated/{other}/{name}" if other else name for name in after],
        }
    return {
        "before RL": [before_name(init, seed) for seed in seeds],
        "after RL": after,
        "control before RL": [before_name(CONTROL, seed) for seed in seeds],
        "control after RL": [after_name(CONTROL, source, seed) for seed in seeds],
        "oracle": [after_name("base", target, seed) for seed in seeds],
        "base": ["base"],
    }


def maker(manifest, path):
    """Return the command that made a file; UserError without a record of it."""
    if path not in manifest["artifacts"]:
        remedy = again(manifest["results"], path)
        raise UserError(f"{path}: there is no record of how it was made; make it again: {remedy}")
    return manifest["commands"][manifest["artifacts"][path]["command"]]


def chain(manifest, table, cell):
    """Return the names of the commands behind a file, or behind a cell of it, nearest first."""
    makers = {path: artifact["command"] for path, artifact in manifest["artifacts"].items()}
    if cell is None:
        return upstream(manifest["commands"], makers, [table])
    maker(manifest, table)
    paths = verdicts(manifest, cell)
    for path in paths:
        maker(manifest, path)
    return [makers[table], *upstream(manifest["commands"], makers, paths)]


def verdicts(manifest, cell):
    """Return the files of verdicts behind a cell."""
    folder = f"{manifest['results']}/verdicts/" + (f"translation/{cell.row['from']}/" if "from" in cell.row else "")
    return [f"{folder}{name}.jsonl.gz" for group in cell.checkpoints.values() for name in group]


def gaps(manifest, names, table, cell):
    """Return one line per place where the chain does not hold."""
    lines = []
    for name in names:
        command = manifest["commands"][name]
        for path, digest in command["outputs"].items():
            if manifest["artifacts"].get(path, {}).get("command") == name and (found := difference(path, digest)):
                lines.append(f"{path}: {found}")
        if not command["revision"]["commit"]:
            lines.append(f"{first_output(command)}: made at an unknown revision, for there was no git repository")
    chosen = dict(manifest, commands=restricted(manifest, table, cell))
    if cell:
        read = manifest["commands"][manifest["artifacts"][table]["command"]]["inputs"]
        lines += [f"{table}: its command did not read {path}" for path in verdicts(manifest, cell) if path not in read]
    return lines + misfits(chosen, names)


def restricted(manifest, table, cell):
    """Return the commands, with the table's own reading only the verdicts of the cell."""
    if cell is None:
        return manifest["commands"]
    name = manifest["artifacts"][table]["command"]
    wanted = verdicts(manifest, cell)
    table_command = manifest["commands"][name]
    inputs = {path: digest for path, digest in table_command["inputs"].items() if path in wanted}
    return manifest["commands"] | {name: table_command | {"inputs": inputs}}


def described(manifest, names, cell, table, rows_of):
    """Return the lines about every command of a chain; `rows_of(path)` says what rows a file has."""
    commands = restricted(manifest, table, cell)
    numbers = {name: number for number, name in enumerate(names, 1)}
    lines = []
    for name in names:
        command = commands[name]
        lines += ["", f"{numbers[name]}. {command['script']} made"]
        for path, digest in command["outputs"].items():
            lines += [f"   {path}  sha256 {digest}", *(f"     {line}" for line in rows_of(path))]
        lines += [part for line in facts(manifest, command) for part in wrapped(line)]
        lines += [f"   from {line}" for line in origins(manifest, command, numbers)]
    return lines


def wrapped(line):
    """Return a long line as several."""
    return textwrap.wrap(line, WIDTH, initial_indent=" " * 3, subsequent_indent=" " * 5, break_on_hyphens=False)


def facts(manifest, command):
    """Return the lines on one command: settings, code, when and where, toolchains, cost."""
    last = command["attempts"][-1]
    lines = [f"{when(last['ended'])}, {revision_of(command)}, code {command['code']}, packages {command['versions']}, "
             f"machine {last['machine']}"]  # fmt: skip
    if command["seeds"]:
        lines.append(
            "seeds: " + ", ".join(f"{name} {' '.join(map(str, found))}" for name, found in command["seeds"].items())
        )
    settings = [f"{name[2:]} {said(values)}" for name, values in options_of(command).items() if name not in HIDDEN]
    lines += [f"settings: {'; '.join(settings)}"] if settings else []
    if command.get("toolchains"):
        tools = ", ".join(f"{name} ({version})" for name, version in command["toolchains"].items())
        lines.append(f"judged in sandbox {command['judge']['sandbox']} with {tools}")
    return [*lines, cost_line(command)]


def said(values):
    """Return an option's values in words; a JSON object is a block of the config, said key by key."""
    if block := block_of(values):
        return ", ".join(f"{key} {json.dumps(value)}" for key, value in block.items())
    return " ".join(values) or "yes"


def cost_line(command):
    """Return what a command used, in words."""
    cost = cost_of(command)
    work = [f"{cost[key]} {text}" for key, text in (
        ("trained_tokens", "tokens trained on"), ("generated_tokens", "tokens generated"),
        ("programs_judged", "programs judged"),
    ) if cost.get(key)]  # fmt: skip
    tries = len(command["attempts"])
    return (
        f"cost: {cost['wall_s']:.1f} s, {cost['cpu_s']:.1f} CPU s, {cost['gpu_s']:.1f} GPU s, {cost['peak_mib']} MiB"
        + "".join(f", {text}" for text in work)
        + (f", in {tries} attempts" if tries > 1 else "")
    )


def origins(manifest, command, numbers):
    """Return the files a command read: by the number of the command that made them, or with the hash of a source."""
    artifacts, lines = manifest["artifacts"], []
    for path, digest in command["inputs"].items():
        if path in artifacts:
            lines.append(f"{path} ({numbers.get(artifacts[path]['command'], '?')})")
        else:
            lines.append(f"{path}  sha256 {digest}" + (" (no record)" if made_here(manifest, path) else ""))
    return lines


def shared(manifest, names):
    """Return the lines on the code, packages and machines that the chain names by digest."""
    commands = [manifest["commands"][name] for name in names]
    lines = []
    for digest in dict.fromkeys(command["versions"] for command in commands):
        versions = manifest["versions"][digest]
        chosen = ", ".join(f"{name} {versions[name]}" for name in PACKAGES if name in versions)
        lines.append(f"packages {digest}: python {versions['python']}, {chosen} and {len(versions)} in all")
    for digest in dict.fromkeys(attempt["machine"] for command in commands for attempt in command["attempts"]):
        lines.append(f"machine {digest}: {json.dumps(manifest['machines'][digest], ensure_ascii=False)}")
    for digest in dict.fromkeys(command["code"] for command in commands):
        lines.append(f"code {digest}: {len(manifest['code'][digest])} files")
    return lines
