"""What Snakemake itself costs for a large experiment: `make benchmark-scale`.

In: benchmarks/grid.yaml, 10 seeds x 8 mixtures x 4 source PLs x 20 PLs. Out: a table of wall and CPU seconds: the plan
of a fresh tree, the plan of a finished tree (nothing to be done), and the start of one job, which every job of a
cluster pays. The finished tree is real to Snakemake: every planned output exists, with the metadata of its job.
Status 1 when a plan takes more CPU than it may.
"""

import argparse
import gzip
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGET = "results/transfer_table.csv"
CONFIG = "benchmarks/grid.yaml"
MOST_S = 30  # of one core, for a plan


def measure(tree, *options):
    """Run Snakemake in `tree`; return its output, wall seconds and CPU seconds."""
    argv = [sys.executable, "-m", "snakemake", *options, "--configfile", CONFIG]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(argv, cwd=tree, capture_output=True, text=True)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return done.stdout + done.stderr, wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def copy_repository(tree):
    """Copy what git tracks into `tree`."""
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    archive = subprocess.run(
        ["tar", "c", "--null", "-T", "-"], cwd=ROOT, input=files, capture_output=True, check=True
    ).stdout
    subprocess.run(["tar", "x", "-C", tree], input=archive, check=True)


def finish(tree, plan):
    """Make every output of a plan, and let Snakemake note that its jobs have been run."""
    for line in re.findall(r"^    output: (.+)$", plan, re.MULTILINE):
        for name in line.split(", "):
            path = tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            content = f"{name}\n".encode()
            path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    measure(tree, "--touch", "--cores", "1", TARGET)


def rows(tree):
    """Yield what is measured: words, wall seconds, CPU seconds, jobs."""
    plan, *cost = measure(tree, "--dry-run", TARGET)
    jobs = int(re.search(r"^total +(\d+)", plan, re.MULTILINE)[1])
    yield "plan of a fresh tree", *cost, jobs
    submit = "echo {rule} >>submitted; echo 1 #"  # without the script that follows
    profile = ("--workflow-profile", "profiles/generic/lsf", "--immediate-submit", "--notemp")
    _, *cost = measure(tree, TARGET, *profile, "--cluster-generic-submit-cmd", submit)
    yield "submission to a cluster", *cost, len((tree / "submitted").read_text().splitlines())
    shutil.rmtree(tree / ".snakemake")
    finish(tree, plan)
    nothing, *cost = measure(tree, "--dry-run", TARGET)
    assert "Nothing to be done" in nothing, nothing[-2000:]
    yield "plan of a finished tree", *cost, 0
    one = ("--target-jobs", "score:checkpoint=base", "--allowed-rules", "score", "--mode", "remote", "--force",
           "--no-hooks", "--nolock", "--cores", "1", "--dry-run")  # fmt: skip
    _, *cost = measure(tree, *one)
    yield "start of one job", *cost, 1


def main(argv=None):
    """Print the table; return 1 when a plan costs too much."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        copy_repository(folder)
        worst = 0
        print(f"{'':24} {'jobs':>6} {'wall s':>8} {'CPU s':>8}")
        for name, wall, cpu, jobs in rows(Path(folder)):
            print(f"{name:24} {jobs:6} {wall:8.1f} {cpu:8.1f}", flush=True)
            worst = max(worst, cpu if name.startswith("plan") else 0)
    print(f"a plan may take {MOST_S} CPU s")
    return int(worst > MOST_S)


if __name__ == "__main__":
    sys.exit(main())
