"""Judge a checkpoint's completions.

In: completion rows, problems.jsonl.gz. Out: verdict rows {"problem", "family", "language", "reading", "sample",
"verdict", "wrong_language", "toolchain", "sandbox", "truncated", "tokens"}. A completion that the judge cannot judge
fails the job.
"""

import argparse

from crosspl.errors import UserError, run_command
from crosspl.io import read_rows, write_rows
from crosspl.judge.client import Judge
from crosspl.problems import check_problems, judge_row
from crosspl.progress import Progress
from crosspl.prompts import extract_code
from crosspl.wrong_language import wrong_language


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--completions", required=True)
    parser.add_argument("--problems", required=True)
    parser.add_argument("--languages", required=True, nargs="+", help="PLs that a wrong-language answer can be in")
    parser.add_argument("--title", default="judging", help="name in progress lines")
    parser.add_argument("--jobs", type=int, default=4, help="boxes at a time")
    parser.add_argument("--cache", default="work/judge/verdicts.sqlite", help="verdict cache; '' for none")
    parser.add_argument("--output", required=True)
    args = parser.parse_args(argv)
    problems = {p["id"]: p for p in check_problems(read_rows(args.problems), args.problems)}
    completions = read_rows(args.completions)
    rows = [
        judge_row(problems[c["problem"]], c["language"], extract_code(c["text"]), str(number))
        for number, c in enumerate(completions)
    ]
    progress = Progress(args.title, len(rows))
    with Judge(args.languages, jobs=args.jobs, cache=args.cache or None) as judge:
        verdicts = judge.judge(rows, stop_on_first_failure=True, progress=lambda done, _: progress.update(done))
        wrong = wrong_language(judge, rows, [row["verdict"] for row in verdicts])
    errors = sum(row["verdict"] == "JE" for row in verdicts)
    if errors > len(rows) / 1000:
        raise UserError(f"{args.completions}: {errors} of {len(rows)} answers could not be judged (JE); run again")
    write_rows(
        args.output,
        [
            {
                **{key: completion[key] for key in ("problem", "language", "reading", "sample", "truncated", "tokens")},
                "family": problems[completion["problem"]]["family"],
                "verdict": verdict["verdict"],
                "wrong_language": strange,
                "toolchain": verdict["toolchain"],
                "sandbox": verdict["sandbox"],
            }
            for completion, verdict, strange in zip(completions, verdicts, wrong)
        ],
    )


if __name__ == "__main__":
    run_command(main)
