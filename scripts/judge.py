"""Judge programs: python -m scripts.judge --programs IN.jsonl[.gz] --output OUT.jsonl.gz

In: one row per program {"id", "language", "code", "tests" or "harness", "limits"}. Out: one verdict row per program, in
the same order. Exit status 0: every program has a verdict; 1: a judge error (JE) remains; 2: bad input, nothing is
written; 3: no sandbox.
"""

import argparse
import os
import sys
import time

from crosspl.errors import UserError, run_command
from crosspl.io import read_rows, write_rows
from crosspl.judge.client import Judge, judged_languages
from crosspl.judge.rows import check_rows
from crosspl.languages import known_languages

PROGRESS_S = 5


def parse_arguments(argv):
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description="Run programs in a sandbox and say what they did.")
    parser.add_argument("--programs", required=True, help="JSON Lines, plain or gzip")
    parser.add_argument("--output", required=True, help="verdict rows, in the same order")
    parser.add_argument("--jobs", type=int, help="programs at a time (default: the CPUs of this job)")
    parser.add_argument("--stop-on-first-failure", action="store_true", help="run no test after the first failing one")
    parser.add_argument("--cache", default="work/judge/verdicts.sqlite", help="verdict cache; '' for none")
    parser.add_argument(
        "--i-understand-unsandboxed", action="store_true",
        help="where no sandbox can be made, run programs with limits alone: they read and write what you may",
    )  # fmt: skip
    return parser.parse_args(argv)


def make_progress():
    """Return a progress function that prints a line every few seconds."""
    start = last = time.monotonic()

    def progress(done, total):
        nonlocal last
        now = time.monotonic()
        if now - last >= PROGRESS_S:
            last = now
            print(f"judged {done} of {total} programs, {done / (now - start):.0f} per second", file=sys.stderr)

    return progress


def main(argv=None):
    """Judge and write; return the exit status."""
    options = parse_arguments(argv)
    jobs = options.jobs if options.jobs is not None else int(os.environ.get("SLURM_CPUS_PER_TASK", 0)) or None
    if jobs is not None and jobs < 1:
        raise UserError(f"--jobs: must be at least 1, is {jobs}")
    rows = read_rows(options.programs)
    check_rows(rows, known_languages(), f"{options.programs}, row")
    languages = judged_languages(sorted({row["language"] for row in rows}), any(row.get("checker") for row in rows))
    unsandboxed = options.i_understand_unsandboxed
    with Judge(languages, jobs=jobs, cache=options.cache or None, unsandboxed=unsandboxed) as judge:
        verdicts = judge.judge(rows, options.stop_on_first_failure, make_progress())
    write_rows(options.output, verdicts)
    errors = [row["id"] for row in verdicts if row["verdict"] == "JE"]
    if errors:
        print(f"error: {len(errors)} programs could not be judged (JE), first {errors[0]}; run again", file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    run_command(main)
