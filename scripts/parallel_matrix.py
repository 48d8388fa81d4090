"""The parallel matrix: problem × PL verdicts, the evidence that programs are parallel.

In: problems.jsonl.gz, programs/{language}.jsonl.gz of every PL. Out: one row per problem; per PL the verdict (OK when
any of its programs is, else the first program's; empty without a program) and how many of its programs are right.
Memory grows with the number of problems only.
"""

import argparse
import sys

from crosspl.errors import run_command
from crosspl.io import stream_rows, write_csv


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", required=True)
    parser.add_argument("--programs", required=True, nargs="+", help="one file per PL")
    parser.add_argument("--languages", required=True, nargs="+", help="the PLs of --programs, in the same order")
    parser.add_argument("--output", required=True)
    args = parser.parse_args(argv)
    found = {}  # (problem, PL): first verdict, right programs, all programs
    for language, path in zip(args.languages, args.programs):
        for row in stream_rows(path):
            counts = found.setdefault((row["problem"], language), [sys.intern(row["verdict"]), 0, 0])
            counts[1] += row["verdict"] == "OK"
            counts[2] += 1
    rows = [matrix_row(problem, args.languages, found) for problem in stream_rows(args.problems)]
    columns = ["problem", "family", "split", "difficulty", *args.languages]
    write_csv(args.output, columns + [f"{language}_right" for language in args.languages], rows)
    for language in args.languages:
        good = sum(row.get(language) == "OK" for row in rows)
        print(f"{language}: {good} of {len(rows)} problems have a right program")


def matrix_row(problem, languages, found):
    """Return the row of one problem."""
    row = {key: problem[key] for key in ("family", "split", "difficulty")} | {"problem": problem["id"]}
    for language in languages:
        if counts := found.get((problem["id"], language)):
            first, right, count = counts
            row[language] = "OK" if right else first
            row[f"{language}_right"] = f"{right} of {count}"
    return row


if __name__ == "__main__":
    run_command(main)
