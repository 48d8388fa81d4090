"""Gold programs of one PL through the prompt protocol and back: what is lost is published and not trained on.

In: problems.jsonl.gz, programs/{language}.jsonl.gz. Every program with verdict OK is written as an answer and extracted
again; what comes back otherwise than it was judged is judged again. Out: one row of counts; the lost programs.
More lost ones than --most-lost end the run, and nothing is written.
"""

import argparse
import contextlib
import json
import sys
from itertools import chain

from crosspl.errors import UserError, run_command
from crosspl.grouping import by_problem, with_problems
from crosspl.io import stream_rows, write_csv
from crosspl.judge.client import Judge, judged_languages
from crosspl.problems import checked, judge_row
from crosspl.protocol import PLAIN
from crosspl.round_trip import COLUMNS, LOST_COLUMNS, check_lost, come_back, table_row, wrong_reason

TOGETHER = 512  # programs handed to the judge at a time


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", required=True)
    parser.add_argument("--programs", required=True, help="verified programs of the PL")
    parser.add_argument("--language", required=True)
    parser.add_argument("--protocol", default=PLAIN, type=json.loads, help="style of prompts and PLs' names, JSON")
    parser.add_argument("--most-lost", default=0.0, type=float, help="share of programs that may be lost (0)")
    parser.add_argument("--jobs", type=int, default=4, help="boxes at a time")
    parser.add_argument("--cache", default="work/judge/verdicts.sqlite", help="verdict cache; '' for none")
    parser.add_argument("--output", required=True, help="table of counts")
    parser.add_argument("--lost", required=True, help="table of the lost programs")
    args = parser.parse_args(argv)
    counts, lost, changed = dict.fromkeys(("programs", "same", "judged"), 0), [], []
    ids, judges = of_the_problems(args)
    with contextlib.ExitStack() as stack:
        judge = None  # made when it is needed: where all programs come back as they were it is not
        for problem, program in chain(gold(args, ids), [(None, None)]):
            if program:
                counts["programs"] += 1
                back, reason = come_back(problem, args.language, program["code"], args.protocol)
                counts["same"] += back == program["code"]
                lost += [lost_row(program, reason)] if reason else []
                changed += [(problem, program, back)] if not reason and back != program["code"] else []
            if len(changed) == TOGETHER or (changed and not program):
                judge = judge or stack.enter_context(Judge(judges, jobs=args.jobs, cache=args.cache or None))
                counts["judged"] += len(changed)
                lost += judged_again(judge, args.language, changed)
                changed = []
    row = table_row(args.language, args.protocol["style"], **counts, lost=lost)
    check_lost(row, lost, args.most_lost)
    write_csv(args.output, COLUMNS, [row])
    write_csv(args.lost, LOST_COLUMNS, lost)
    print(f"{args.language}: {row['survived']} of {row['programs']} gold programs survive", file=sys.stderr)


def of_the_problems(args):
    """Return the problems' ids in their order, and the PLs of the judge."""
    ids, checked_by_program = [], False
    for problem in checked(stream_rows(args.problems), args.problems):
        ids.append(problem["id"])
        checked_by_program |= bool(problem.get("checker"))
    return ids, judged_languages([args.language], checked_by_program)


def gold(args, ids):
    """Yield (problem, verified program), in the order of the problems."""
    right = (row for row in stream_rows(args.programs) if row["verdict"] == "OK")
    for problem, programs in with_problems(by_problem(right, ids), stream_rows(args.problems)):
        yield from ((problem, program) for program in programs)


def judged_again(judge, language, changed):
    """Return the lost rows of the (problem, program, what comes back) that are wrong now."""
    rows = [judge_row(problem, language, back, program["id"]) for problem, program, back in changed]
    lost = []
    for (_, program, back), found in zip(changed, judge.judge(rows, stop_on_first_failure=True)):
        if found["verdict"] == "JE":
            raise UserError(f"program {program['id']} could not be judged (JE: {found['message']}); run again")
        if found["verdict"] != "OK":
            lost.append(lost_row(program, wrong_reason(program["code"], back, found["verdict"])))
    return lost


def lost_row(program, reason):
    """Return one row of the table of lost programs."""
    return dict(zip(LOST_COLUMNS, (program["language"], program["problem"], program["id"], reason)))


if __name__ == "__main__":
    run_command(main)
