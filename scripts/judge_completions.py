"""Judge a checkpoint's completions.

In: completion rows, problems.jsonl.gz. Out: verdict rows {"problem", "family", "language", "reading", "sample",
"verdict", "extracted", "wrong_language", "toolchain", "sandbox", "truncated", "tokens"}. A completion that the judge
cannot judge fails the job; one without a program is judged as it is, and counted.
"""

import argparse
import json

from crosspl.errors import UserError, run_command
from crosspl.io import read_rows, write_rows
from crosspl.judge.client import Judge, judged_languages
from crosspl.problems import check_problems, judge_row
from crosspl.progress import Progress
from crosspl.protocol import PLAIN, program_of
from crosspl.verification import answer_of, verdict_of
from crosspl.wrong_language import wrong_language


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--completions", required=True)
    parser.add_argument("--problems", required=True)
    parser.add_argument("--items", nargs="*", default=[], help="items of code verification: nothing is executed")
    parser.add_argument("--languages", required=True, nargs="+", help="PLs that a wrong-language answer can be in")
    parser.add_argument("--protocol", default=PLAIN, type=json.loads, help="style of prompts and the PLs' names, JSON")
    parser.add_argument("--title", default="judging", help="name in progress lines")
    parser.add_argument("--jobs", type=int, default=4, help="boxes at a time")
    parser.add_argument("--cache", default="work/judge/verdicts.sqlite", help="verdict cache; '' for none")
    parser.add_argument("--output", required=True)
    args = parser.parse_args(argv)
    problems = {p["id"]: p for p in check_problems(read_rows(args.problems), args.problems)}
    completions = read_rows(args.completions)
    if args.items:
        return write_rows(args.output, answered(completions, [row for path in args.items for row in read_rows(path)]))
    found = [program_of(c["text"], problems[c["problem"]], c["language"], args.protocol) for c in completions]
    rows = [
        judge_row(problems[c["problem"]], c["language"], program.code, str(number))
        for number, (c, program) in enumerate(zip(completions, found))
    ]
    progress = Progress(args.title, len(rows))
    languages = judged_languages(args.languages, any(row["checker"] for row in rows))
    with Judge(languages, jobs=args.jobs, cache=args.cache or None) as judge:
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
                "extracted": program.extracted,
                "wrong_language": strange,
                "toolchain": verdict["toolchain"],
                "sandbox": verdict["sandbox"],
            }
            for completion, program, verdict, strange in zip(completions, found, verdicts, wrong)
        ],
    )


def answered(completions, items):
    """Yield the verdict rows of answers to questions, with the label that they should have given and what they say."""
    by_id = {(item["language"], item["id"]): item for item in items}
    for completion in completions:
        item = by_id[completion["language"], completion["problem"]]
        answer = answer_of(completion["text"])
        yield {
            **{key: completion[key] for key in ("problem", "language", "reading", "sample", "truncated", "tokens")},
            "family": item["family"],
            "verdict": verdict_of(completion["text"], item["label"]),
            "wrong_language": False,
            "label": item["label"],
            "answer": answer,
            "extracted": answer is not None,
        }


if __name__ == "__main__":
    run_command(main)
