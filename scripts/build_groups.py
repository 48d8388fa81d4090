"""Build the groups of one form: equivalent and inequivalent answers to one question, as the judge found them.

In: problems.jsonl.gz, excluded.csv, programs/{language}.jsonl.gz with verdicts, the settings of the form. Out: groups,
in groups/{form}.jsonl.gz; what was left after each stage, and why the rest was dropped, in groups/{form}.csv.
"""

import argparse
import itertools
import json
import sys

from crosspl.contamination.fate import without
from crosspl.errors import UserError, run_command
from crosspl.grouping import by_problem
from crosspl.groups import ir, programs
from crosspl.groups.rows import FORMS, IR, check_groups
from crosspl.groups.stages import COLUMNS, Stages
from crosspl.io import read_rows, stream_rows, write_csv, write_rows
from crosspl.judge.client import Judge, judged_languages
from crosspl.problems import SOURCES, check_problems, load_source, of_split
from crosspl.progress import Progress

TOGETHER = 32  # problems


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--form", required=True, choices=FORMS)
    parser.add_argument("--settings", required=True, type=json.loads, help="the config's block groups.{form}, as JSON")
    parser.add_argument("--split", default="rl", help="whose problems (rl)")
    parser.add_argument("--source", required=True, choices=sorted(SOURCES))
    parser.add_argument("--problems", required=True)
    parser.add_argument("--excluded", help="problems that are eval problems: they are left out")
    parser.add_argument("--programs", required=True, nargs="+", help="judged programs of each PL")
    parser.add_argument("--jobs", type=int, default=4, help="boxes at a time")
    parser.add_argument("--cache", default="work/judge/verdicts.sqlite", help="verdict cache; '' for none")
    parser.add_argument("--output", required=True)
    parser.add_argument("--table", required=True)
    args = parser.parse_args(argv)
    form = ir if args.form == IR else programs
    every = check_problems(read_rows(args.problems), args.problems)
    asked, stages = of_split(every, args.split), Stages(form.STAGES)
    kept = without(asked, args.excluded)
    if not kept:
        raise UserError(f"{args.problems}: no problem of the split {args.split} to make groups of")
    if len(kept) < len(asked):
        stages.drop("problems", "is an eval problem", groups=len(asked) - len(kept))
    extra = () if args.form == IR else (near_misses(args, every),)
    languages = judged_languages(form.judged_in(args.settings), any(problem.get("checker") for problem in kept))
    progress, found = Progress(f"groups of form {args.form}, problems", len(kept)), []
    with Judge(languages, jobs=args.jobs, cache=args.cache or None) as judge:
        entries = with_programs(kept, args.programs)
        for done in range(0, len(kept), TOGETHER):
            found += form.groups(judge, list(itertools.islice(entries, TOGETHER)), args.settings, stages, *extra)
            progress.update(min(done + TOGETHER, len(kept)))
    write_rows(args.output, check_groups(found, args.output))
    write_csv(args.table, COLUMNS, stages.rows())
    print(f"{args.form}: {len(found)} groups of {len(kept)} problems", file=sys.stderr)


def with_programs(problems, paths):
    """Yield (problem, its program rows) for every problem, also one without any."""
    rows = itertools.chain.from_iterable(map(stream_rows, paths))
    groups = by_problem(rows, [problem["id"] for problem in problems])
    key, found = next(groups, (None, []))
    for problem in problems:
        if problem["id"] == key:
            yield problem, found
            key, found = next(groups, (None, []))
        else:
            yield problem, []


def near_misses(args, problems):
    """Return {(problem, PL): wrong programs} of a source that has them; {} of the others."""
    source, made = load_source(args.source), {}
    for language in args.settings["languages"] if hasattr(source, "wrong_programs") else ():
        for row in source.wrong_programs(problems, language):
            made.setdefault((row["problem"], language), []).append(row)
    return made


if __name__ == "__main__":
    run_command(main)
