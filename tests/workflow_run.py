"""Run the workflow, or one of its commands, in a copy of the repository.

In: a folder, snakemake options. Out: finished processes, and the jobs that a dry run plans. Runs of the whole workflow
print their progress (seen with `pytest -s`).
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
SMOKE = "configs/smoke.yaml"
TABLE = "results/transfer_table.csv"
MATRIX = "results/parallel_matrix.csv"
NOTHING = "Nothing to be done"


def environment(**more):
    """Return the environment of a run: this Python's tools first, and only the copy's own modules."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1", **more}


def copy_repository(target, source=ROOT):
    """Copy what git tracks or would track from `source` into `target`, with new times; return `target`."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (source / name).is_file():  # else deleted, and not yet committed so
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, target / name)
    return target


def commit_all(tree):
    """Make a git repository of a copy, with one commit; return `tree`."""
    name = ["-c", "user.name=tests", "-c", "user.email=tests@localhost"]
    for argv in (["init", "-q"], ["add", "-A"], [*name, "commit", "-q", "-m", "copy"]):
        subprocess.run(["git", *argv], cwd=tree, check=True)
    return tree


def clone(tree, target):
    """Copy a whole tree with results, state and times; return `target`."""
    subprocess.run(["cp", "-a", tree, target], check=True)
    return target


def workflow_command(*options, configs=(SMOKE,), cores=2):
    """Return the argv of a workflow run."""
    return ["snakemake", "--cores", str(cores), *options, "--configfile", *map(str, configs)]


def snakemake(folder, *options, configs=(SMOKE,)):
    """Run a short snakemake command to its end."""
    return subprocess.run(
        workflow_command(*options, configs=configs), cwd=folder, env=environment(), capture_output=True, text=True
    )


def start_workflow(folder, log, *options, configs=(SMOKE,), own_group=False, **marks):
    """Start a run, output to `log`; in a process group of its own it can be killed as a whole."""
    with open(log, "w") as stream:
        return subprocess.Popen(
            workflow_command(*options, configs=configs), cwd=folder, env=environment(**marks),
            stdout=stream, stderr=subprocess.STDOUT, start_new_session=own_group,
        )  # fmt: skip


def run_workflow(folder, title, *options, configs=(SMOKE,)):
    """Run the workflow to its end, show its progress, and return its output; a failure is an AssertionError."""
    log, start = folder / "run.log", time.monotonic()
    process = start_workflow(folder, log, *options, configs=configs)
    try:
        with open(log) as stream:
            while process.poll() is None:
                show(title, stream)
                time.sleep(0.2)
            show(title, stream)
    finally:
        process.terminate()
        process.wait()
    text = log.read_text()
    assert process.returncode == 0, text[-8000:]
    print(f"{title}: done in {time.monotonic() - start:.0f} s", flush=True)
    return text


def show(title, stream):
    """Print the lines that say how far the run is."""
    for line in stream:
        if re.search(r"steps \(|to go$|^error", line):
            print(f"{title}: {line.rstrip()}", flush=True)


def planned(folder, *options, configs=(SMOKE,)):
    """Return the jobs that a dry run plans, without `all`: a set of (rule, wildcards)."""
    done = snakemake(folder, "--dry-run", *options, configs=configs)
    assert done.returncode == 0, done.stdout + done.stderr
    return planned_jobs(done.stdout + done.stderr)


def planned_jobs(text):
    """Return the jobs in the output of a dry run."""
    jobs = set()
    for block in re.split(r"\n(?=\[|(?:local)?rule )", text):
        if found := re.search(r"^(?:local)?rule (\w+):", block, re.MULTILINE):
            wildcards = re.search(r"^ +wildcards: (.+)$", block, re.MULTILINE)
            jobs.add((found[1], wildcards[1] if wildcards else ""))
    jobs = {job for job in jobs if job[0] != "all"}
    assert bool(jobs) != (NOTHING in text), text
    return jobs


def command(folder, script, *options, prefix=(), env=None):
    """Run one script of scripts/ by hand in `folder`."""
    argv = [*prefix, sys.executable, "-m", f"scripts.{script}", *map(str, options)]
    return subprocess.run(argv, cwd=folder, env=env or environment(), capture_output=True, text=True)


def files_below(folder):
    """Return {path: (time, bytes)} of the finished files below a folder."""
    paths = [path for path in Path(folder).rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {path.relative_to(folder): (path.stat().st_mtime_ns, path.read_bytes()) for path in paths}
