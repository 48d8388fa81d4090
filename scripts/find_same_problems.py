"""Find the training problems that are eval problems in disguise, by statement, tests, programs and behaviour.

In: problems.jsonl.gz, verified programs of the training PLs. Out: same_problems.csv, one row per pair and signal;
excluded.csv, the problems that no SFT or RL data may hold, with reasons.
"""

import argparse
import sys

from crosspl.contamination.behaviour import Behaviours
from crosspl.contamination.fate import EXCLUDED_COLUMNS, SAME_COLUMNS, TRAINING, excluded_rows, same_rows
from crosspl.contamination.same_programs import same_programs
from crosspl.contamination.statements import same_statements
from crosspl.contamination.test_sets import same_tests
from crosspl.errors import run_command
from crosspl.io import read_rows, stream_rows, write_csv
from crosspl.judge.client import Judge, judged_languages
from crosspl.problems import check_problems


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", required=True)
    parser.add_argument("--programs", required=True, nargs="+", help="files of verified programs")
    parser.add_argument("--languages", required=True, nargs="+", help="their PLs")
    parser.add_argument("--jobs", type=int, default=4, help="boxes at a time")
    parser.add_argument("--cache", default="work/judge/verdicts.sqlite", help="verdict cache; '' for none")
    parser.add_argument("--same", required=True, help="output: pairs")
    parser.add_argument("--excluded", required=True, help="output: problems")
    args = parser.parse_args(argv)
    problems = {row["id"]: row for row in check_problems(read_rows(args.problems), args.problems)}
    training = [row for row in problems.values() if row["split"] in TRAINING]
    evaluation = [row for row in problems.values() if row["split"] == "eval"]
    programs = {key: [] for key in problems}
    for row in (row for path in args.programs for row in stream_rows(path)):
        if row["verdict"] == "OK" and row["problem"] in programs:
            programs[row["problem"]].append(row)
    languages = judged_languages(args.languages, any(row.get("checker") for row in problems.values()))
    with Judge(languages, jobs=args.jobs, cache=args.cache or None) as judge:
        same = same_rows(all_signals(judge, problems, training, evaluation, programs), problems)
    excluded = excluded_rows(same, problems)
    write_csv(args.same, SAME_COLUMNS, same)
    write_csv(args.excluded, EXCLUDED_COLUMNS, excluded)
    print(f"{len(excluded)} of {len(training)} training problems are excluded", file=sys.stderr)


def all_signals(judge, problems, training, evaluation, programs):
    """Yield (training id, eval id, signal, score, languages) of every pair that is the same problem by some signal."""
    for signal, function in (("statement", same_statements), ("tests", same_tests)):
        yield from ((one, other, signal, score, "") for one, other, score in function(training, evaluation))
    taught, held_out = ({row["id"]: programs[row["id"]] for row in rows} for rows in (training, evaluation))
    order = quickest(judge, sorted({row["language"] for rows in programs.values() for row in rows}))
    chosen = {key: min(rows, key=lambda row: order.index(row["language"])) for key, rows in programs.items() if rows}
    behaviours = Behaviours(judge, problems, chosen)
    for one, other, languages, bits in behaviours.same(taught, held_out):
        yield one, other, "behaviour", bits, languages
    comments = {key: entry["comment"] for key, entry in judge.entries.items()}
    found = list(same_programs(taught, held_out, comments, behaviours.differ))
    pairs = sorted({pair[:2] for pair in found})
    right = dict(zip(pairs, behaviours.right_for_each_other(pairs)))  # None, where nothing can be run: the text decides
    for one, other, language, score in found:
        if right[one, other] is not False:
            yield one, other, "program", score, language


def quickest(judge, languages):
    """Return the PLs in the order of the CPU time that their self-tests take: 2 ms of Perl, 11 of Python, 300 of Java.

    It decides only which of a problem's verified programs speaks for it.
    """
    tests = [judge.entries[key]["selftest"] | {"language": key} for key in languages]
    times = dict(zip(languages, (outcome["cpu_s"] for outcome in judge.run(tests))))
    return sorted(languages, key=lambda key: (bool(judge.entries[key]["compile"]), times[key]))


if __name__ == "__main__":
    run_command(main)
