"""The parallel matrix: problem × PL verdicts, the evidence that programs are parallel.

In: problems.jsonl.gz, programs/{language}.jsonl.gz of every PL. Out: one row per problem; per PL the verdict (OK when
any of its programs is, else the first program's; empty without a program) and how many of its programs are right.
"""

import argparse

from crosspl.errors import run_command
from crosspl.io import read_rows, write_csv


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", required=True)
    parser.add_argument("--programs", required=True, nargs="+", help="one file per PL")
    parser.add_argument("--languages", required=True, nargs="+", help="the PLs of --programs, in the same order")
    parser.add_argument("--output", required=True)
    args = parser.parse_args(argv)
    verdicts = {}
    for language, path in zip(args.languages, args.programs):
        for row in read_rows(path):
            verdicts.setdefault((row["problem"], language), []).append(row["verdict"])
    rows = [matrix_row(problem, args.languages, verdicts) for problem in read_rows(args.problems)]
    columns = ["problem", "family", "split", "difficulty", *args.languages]
    write_csv(args.output, columns + [f"{language}_right" for language in args.languages], rows)
    for language in args.languages:
        good = sum(row[language] == "OK" for row in rows)
        print(f"{language}: {good} of {len(rows)} problems have a right program")


def matrix_row(problem, languages, verdicts):
    """Return the row of one problem."""
    row = {key: problem[key] for key in ("family", "split", "difficulty")} | {"problem": problem["id"]}
    for language in languages:
        found = verdicts.get((problem["id"], language), [])
        if found:
            row[language] = "OK" if "OK" in found else found[0]
            row[f"{language}_right"] = f"{found.count('OK')} of {len(found)}"
    return row


if __name__ == "__main__":
    run_command(main)
