"""Build and verify the candidate programs of one PL: every chosen program is judged on all tests of its problem.

In: problems.jsonl.gz, a PL, the problem source, programs by a teacher. Out: programs/{language}.jsonl.gz, the judged
candidates with their verdicts; programs/{language}.csv, how many programs and problems were left after each stage. One
shard of problems is in memory at a time.
"""

import argparse
import json
import sys
import time
from itertools import chain

from crosspl.building import COLUMNS, Choice, Stages, to_judge, to_keep
from crosspl.errors import UserError, run_command
from crosspl.grouping import by_problem, with_problems
from crosspl.io import stream_rows, write_csv, write_rows
from crosspl.judge.client import Judge, judged_languages
from crosspl.problems import SOURCES, checked, judge_row, load_source
from crosspl.progress import Counted

TOGETHER = 512  # programs handed to the judge at a time


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True, choices=sorted(SOURCES))
    parser.add_argument("--settings", required=True, type=json.loads, help="the source's settings, JSON")
    parser.add_argument("--choice", default={}, type=json.loads, help="which candidates are judged and kept, JSON")
    parser.add_argument("--problems", required=True, help="problem rows")
    parser.add_argument("--language", required=True)
    parser.add_argument("--answers", help="candidates by a teacher (translate_programs); the source's come first")
    parser.add_argument("--jobs", type=int, default=4, help="boxes at a time")
    parser.add_argument("--cache", default="work/judge/verdicts.sqlite", help="verdict cache; '' for none")
    parser.add_argument("--output", required=True)
    parser.add_argument("--stages", required=True, help="table of what was left after each stage")
    args = parser.parse_args(argv)
    start, ids, checked_by_program = time.monotonic(), [], False
    for problem in checked(stream_rows(args.problems), args.problems):
        ids.append(problem["id"])
        checked_by_program |= bool(problem.get("checker"))
    candidates = load_source(args.source).candidate_programs(stream_rows(args.problems), args.language, args.settings)
    candidates = chain(candidates, stream_rows(args.answers) if args.answers else ())
    stages = Stages()
    languages = judged_languages([args.language], checked_by_program)
    with Judge(languages, jobs=args.jobs, cache=args.cache or None) as judge:
        groups = with_problems(by_problem(candidates, ids), stream_rows(args.problems))
        write_rows(args.output, verified(judge, groups, args.language, Choice(**args.choice), stages))
    write_csv(args.stages, COLUMNS, stages.rows(args.language))
    count, seconds = stages.programs["candidates"], time.monotonic() - start
    print(f"{args.language}: {stages.programs['right']} of {stages.programs['judged']} candidate programs are right; "
          f"{count} candidates in {seconds:.0f} s, {count / seconds:.0f} per second", file=sys.stderr)  # fmt: skip


def verified(judge, groups, language, choice, stages):
    """Yield the kept program rows of all groups, with their verdicts."""
    comment, chunk, size = judge.entries[language]["comment"], [], 0
    progress = Counted(f"judging {language}")
    for problem, candidates in groups:
        chosen = to_judge(candidates, choice, comment, stages)
        chunk.append((problem, chosen))
        size += len(chosen)
        if size >= TOGETHER:
            yield from judged(judge, chunk, language, choice, comment, stages, progress)
            chunk, size = [], 0
    yield from judged(judge, chunk, language, choice, comment, stages, progress)


def judged(judge, chunk, language, choice, comment, stages, progress):
    """Yield the kept program rows of some groups."""
    rows = [judge_row(problem, language, row["code"], row["id"]) for problem, chosen in chunk for row in chosen]
    verdicts = iter(judge.judge(rows, stop_on_first_failure=True, progress=lambda *_: progress.update()))
    for _, chosen in chunk:
        yield from to_keep([program | outcome(next(verdicts)) for program in chosen], choice, comment, stages)


def outcome(verdict):
    """Return what a program row says of its verdict; UserError where the judge failed."""
    if verdict["verdict"] == "JE":
        raise UserError(f"program {verdict['id']} could not be judged (JE: {verdict['message']}); run again")
    return {name: verdict[name] for name in ("verdict", "message", "toolchain", "sandbox")}


if __name__ == "__main__":
    run_command(main)
