"""Build and verify the candidate programs of one PL: every program is judged on all tests of its problem.

In: problems.jsonl.gz, a PL. Out: programs/{language}.jsonl.gz, all candidates with their verdicts.
"""

import argparse
import json
import sys

from crosspl.errors import UserError, run_command
from crosspl.io import read_rows, write_rows
from crosspl.judge.client import Judge
from crosspl.problems import SOURCES, check_problems, judge_row, load_source
from crosspl.progress import Progress


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True, choices=sorted(SOURCES))
    parser.add_argument("--settings", required=True, type=json.loads, help="the source's settings, JSON")
    parser.add_argument("--problems", required=True, help="problem rows")
    parser.add_argument("--language", required=True)
    parser.add_argument("--jobs", type=int, default=4, help="boxes at a time")
    parser.add_argument("--cache", default="work/judge/verdicts.sqlite", help="verdict cache; '' for none")
    parser.add_argument("--output", required=True)
    args = parser.parse_args(argv)
    problems = check_problems(read_rows(args.problems), args.problems)
    programs = load_source(args.source).candidate_programs(problems, args.language, args.settings)
    by_id = {problem["id"]: problem for problem in problems}
    rows = [judge_row(by_id[p["problem"]], args.language, p["code"], p["id"]) for p in programs]
    progress = Progress(f"judging {args.language}", len(rows))
    with Judge([args.language], jobs=args.jobs, cache=args.cache or None) as judge:
        verdicts = judge.judge(rows, stop_on_first_failure=True, progress=lambda done, _: progress.update(done))
    errors = [row["id"] for row in verdicts if row["verdict"] == "JE"]
    if errors:
        raise UserError(f"{len(errors)} programs could not be judged (JE), first {errors[0]}; run again")
    rows = [
        program
        | {"verdict": v["verdict"], "message": v["message"], "toolchain": v["toolchain"], "sandbox": v["sandbox"]}
        for program, v in zip(programs, verdicts)
    ]
    write_rows(args.output, rows)
    good = sum(row["verdict"] == "OK" for row in rows)
    print(f"{args.language}: {good} of {len(rows)} candidate programs are right", file=sys.stderr)


if __name__ == "__main__":
    run_command(main)
