"""What an experiment cost: per artifact, per command, per stage, in all.

In: a manifest (crosspl.manifest), the rule files, which name the stages. Out: rows of cost.csv. Attempts that failed or
were killed are in the sums of what they were made for. Seconds are of the wall clock, of CPUs, of GPUs held (0: none);
peaks are the largest MiB of one process and of one GPU; an artifact stands for all files that its command wrote.
"""

import re
from pathlib import Path

from crosspl.manifest import cost_of, first_output

SUMS = ("wall_s", "cpu_s", "gpu_s", "trained_tokens", "generated_tokens", "programs_judged", "programs_run")
PEAKS = ("peak_mib", "peak_gpu_mib")
COLUMNS = ["level", "stage", "command", "artifact", "commands", "attempts", *SUMS[:3], *PEAKS, *SUMS[3:]]


def stages(folder="rules"):
    """Return {script: stage}: the name of the rule file that runs it, or "several"."""
    found = {}
    for path in sorted(Path(folder).glob("*.smk")):
        for name in set(re.findall(r"-m (scripts\.\w+)", path.read_text())):
            found[name] = "several" if name in found else path.stem
    return {name.replace(".", "/") + ".py": stage for name, stage in found.items()}


def cost_rows(manifest, stage_of):
    """Return the rows of all levels: all, stages, commands, artifacts; the most expensive first within a level."""
    artifacts = [_artifact(command, stage_of) for command in manifest["commands"].values()]
    return [row for level in ("all", "stage", "command") for row in _summed(artifacts, level)] + _sorted(artifacts)


def _artifact(command, stage_of):
    cost = cost_of(command)
    return {
        "level": "artifact",
        "stage": stage_of.get(command["script"], "other"),
        "command": Path(command["script"]).stem,
        "artifact": first_output(command),
        "commands": 1,
        "attempts": len(command["attempts"]),
        **{name: round(cost.get(name, 0), 2) for name in (*SUMS, *PEAKS)},
    }


def _summed(rows, level):
    """Return one row per group of `rows`: stage and command name the groups of their level."""
    names = {"all": (), "stage": ("stage",), "command": ("stage", "command")}[level]
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return _sorted(
        {"level": level, **dict(zip(names, key))}
        | {name: round(sum(row[name] for row in group), 2) for name in ("commands", "attempts", *SUMS)}
        | {name: max(row[name] for row in group) for name in PEAKS}
        for key, group in groups.items()
    )


def _sorted(rows):
    return sorted(rows, key=lambda row: -row["cpu_s"])
