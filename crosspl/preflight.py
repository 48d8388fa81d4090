"""Before a run: what would fail, or destroy something, hours later. After a failed one: whether a disk is full.

In: Snakemake's workflow. Out: nothing, or a UserError that says what to do.
"""

import logging
import os
import shutil
import sys
from pathlib import Path

from crosspl.errors import UserError

DISKS = ("results", "work", "logs", ".snakemake")
LEAST_FREE = 10 << 20  # bytes; the state of the smallest experiment takes more
AHEAD_S = 2.0  # a file server's times are not exact
CONFIGS = Path("results/.configfiles")  # which files the results were configured by
TRAINED = ("train_base", "train_sft", "train_rl")
PROBLEMS = "results/problems.jsonl.gz"  # what models were trained on


def check_run(workflow):
    """Raise a UserError where a disk is full, inputs are from the future, or models of another config would go."""
    logging.raiseExceptions = False  # else every line that Snakemake logs to a full disk leaves a traceback
    if disks := full_disks():
        raise UserError(f"{'; '.join(disks)}: free some space and run again")
    jobs = list(workflow.dag.needrun_jobs())
    check_times({str(path) for job in jobs for path in job.input if not (path.is_storage or path.is_ancient)})
    check_configs(
        workflow.configfiles,
        {str(path) for job in jobs if job.rule.name in TRAINED for path in job.output},
        any(PROBLEMS in job.output for job in jobs),
    )


def report_full_disk():
    """After a failed run, return whether a disk is full, and say it: Snakemake's own words for it are many."""
    disks = full_disks()
    if disks:
        print(f"error: {'; '.join(disks)}: free some space and run again. What was finished is kept.", file=sys.stderr)
    return bool(disks)


def full_disks():
    """Return what to say of every folder of the run whose disk is full."""
    free = {name: shutil.disk_usage(name).free for name in DISKS if os.path.exists(name)}
    return [f"the disk of {name}/ is full ({left >> 10} KiB left)" for name, left in free.items() if left < LEAST_FREE]


def check_times(paths):
    """Raise a UserError for files from the future: Snakemake would delete what is made from them, as older."""
    now = _now()
    ahead = {path: os.stat(path).st_mtime - now for path in paths if os.path.exists(path)}
    late = sorted(path for path, seconds in ahead.items() if seconds > AHEAD_S)
    if late:
        raise UserError(
            f"{len(late)} files are from the future, such as {late[0]} by {ahead[late[0]]:.0f} s: set the clock of "
            f"this machine or of the file server. If they are right, type: touch {' '.join(late[:20])}"
            + (" (and run again for the others)" if len(late) > 20 else "")
        )


def _now():
    """Return the time by the clock of the file system, which on a file server is not ours."""
    path = Path(f"work/.clock.{os.getpid()}")
    path.parent.mkdir(exist_ok=True)
    try:
        path.write_text("")
        return path.stat().st_mtime
    finally:
        path.unlink(missing_ok=True)


def check_configs(files, trained, problems=False):
    """Raise a UserError where a run with other config files would replace trained models, or their problems.

    In: the config files, the files that the run trains, whether it builds the problems. Runs that train keep which
    config files the models are of.
    """
    names = [os.path.relpath(file) for file in files]
    names = sorted(names, key=lambda name: name != "config.yaml")  # Snakemake lists it last, the others overlay it
    before = CONFIGS.read_text().splitlines() if CONFIGS.exists() else names
    replaced = sorted(path for path in trained if os.path.exists(path))
    if before != names and replaced:
        raise UserError(
            f"results/ holds models of {' + '.join(before)}, and this run is of {' + '.join(names)}: it would replace "
            f"{len(replaced)} of their files, such as {replaced[0]}. Name the same config files as before, "
            f"or use a clone of its own for each experiment; to replace them, first type: rm {CONFIGS}"
        )
    if before != names and problems and os.path.exists(PROBLEMS):
        raise UserError(
            f"results/ holds models of {' + '.join(before)}, and this run is of {' + '.join(names)}: it would replace "
            f"{PROBLEMS}, which they were trained on. Use a clone of its own for each set of problems; to replace it, "
            f"first type: rm {CONFIGS}"
        )
    if trained:
        CONFIGS.parent.mkdir(exist_ok=True)
        CONFIGS.write_text("\n".join(names) + "\n")
