"""How strong are the tests of imported problems? Wrong programs of people, and mutants of right ones, are judged.

In: imported problems and programs, PLs. Out: a table, one row per problem: how many wrong programs and mutants were
judged, how many the tests killed, and the kill rates, empty where there is nothing to divide by. Mutants are made of
the first program in each PL that the judge finds right. What is no program here (CE) says nothing of the tests and does
not count as judged. Some mutants do the same as their program, so a rate of 1 is not to be had everywhere.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

from crosspl.building import different, most_different
from crosspl.claims import REJECTED
from crosspl.errors import UserError, run_command
from crosspl.grouping import by_problem, with_problems
from crosspl.io import stream_rows, write_csv
from crosspl.judge.client import Judge, judged_languages
from crosspl.mutants import mutants
from crosspl.problems import checked, judge_row
from crosspl.progress import Counted

COLUMNS = ("problem", "tests", "wrong_judged", "wrong_killed", "mutants_made", "mutants_judged", "mutants_killed",
           "wrong_kill_rate", "mutant_kill_rate", "kill_rate")  # fmt: skip
TOGETHER = 64  # problems
TRIED = 3  # programs said to be right that are judged until one is, to make mutants of
BROKEN = ("CE", "CTLE", "NC")  # what is no program tells nothing


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", required=True)
    parser.add_argument("--programs", required=True, help="folder of {language}.jsonl.gz")
    parser.add_argument("--languages", required=True, nargs="+")
    parser.add_argument(
        "--wrong", type=int, default=4, help="wrong programs per problem and PL, the most different (4)"
    )
    parser.add_argument("--mutants", type=int, default=8, help="mutants per problem and PL (8)")
    parser.add_argument("--fewest-tests", type=int, default=1, help="problems with fewer are not measured (1)")
    parser.add_argument("--most-tests", type=int, help="only the first so many tests of each problem are used")
    parser.add_argument("--jobs", type=int, default=4, help="boxes at a time")
    parser.add_argument("--cache", default="work/judge/verdicts.sqlite", help="verdict cache; '' for none")
    parser.add_argument("--output", required=True)
    args = parser.parse_args(argv)
    found, by_program = {}, False  # problem: (tests, Counter)
    for problem in checked(problems_of(args), args.problems):
        found[problem["id"]] = len(problem["tests"] or []), Counter()
        by_program |= bool(problem.get("checker"))
    with Judge(judged_languages(args.languages, by_program), jobs=args.jobs, cache=args.cache or None) as judge:
        for language in args.languages:
            measure(judge, language, args, found)
    rows = [row_of(problem, *counts) for problem, counts in found.items()]
    write_csv(args.output, COLUMNS, rows)
    weak = sum(row["wrong_judged"] > row["wrong_killed"] for row in rows)
    unknown = sum(row["kill_rate"] is None for row in rows)
    print(f"{weak} of {len(rows)} problems have tests that pass a program that its source calls wrong; {unknown} could "
          "not be measured: no wrong program, and no right one to change", file=sys.stderr)  # fmt: skip


def problems_of(args):
    """Yield the problems that are measured, with the tests that are used."""
    for row in stream_rows(args.problems):
        tests = row["tests"] or []
        if row["harness"] or len(tests) >= args.fewest_tests:
            yield row | {"tests": tests[: args.most_tests]}


def measure(judge, language, args, found):
    """Add what the programs of one PL show to the counts of their problems."""
    path = Path(args.programs) / f"{language}.jsonl.gz"
    if not path.exists():
        return
    comment, progress = judge.entries[language]["comment"], Counted(f"strength of the tests, {language}")
    groups = with_problems(by_problem(stream_rows(path), list(found)), problems_of(args))
    for chunk in chunks(groups, TOGETHER):
        wrong = [(problem, row["code"]) for problem, rows in chunk for row in chosen_wrong(rows, comment, args.wrong)]
        tell(judge, language, wrong, "wrong", found, progress)
        bases = right_programs(judge, language, chunk, progress)
        changed = [(problem, mutant) for problem, code in bases
                   for mutant in mutants(code, comment, args.mutants, problem["id"])]  # fmt: skip
        for problem, _ in changed:
            found[problem["id"]][1]["mutants_made"] += 1
        tell(judge, language, changed, "mutants", found, progress)


def tell(judge, language, pairs, kind, found, progress):
    """Judge programs that should not pass, (problem, code) pairs, and count them."""
    for (problem, _), verdict in zip(pairs, verdicts(judge, language, pairs, progress)):
        if verdict not in BROKEN:
            found[problem["id"]][1][f"{kind}_judged"] += 1
            found[problem["id"]][1][f"{kind}_killed"] += verdict != "OK"


def chunks(items, size):
    """Yield lists of at most `size` items."""
    chunk = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    yield chunk


def chosen_wrong(rows, comment, count):
    """Return the programs of a problem that its source calls wrong, the most different ones."""
    return most_different(different([row for row in rows if row["claimed"] == REJECTED]), count, comment)


def right_programs(judge, language, chunk, progress):
    """Return (problem, code) of the first right program of each problem, among the first TRIED said to be right."""
    right, left = (
        [],
        [(problem, [row["code"] for row in rows if row["claimed"] != REJECTED]) for problem, rows in chunk],
    )
    for place in range(TRIED):
        left = [(problem, codes) for problem, codes in left if len(codes) > place]
        tried = [(problem, codes[place]) for problem, codes in left]
        good = [verdict == "OK" for verdict in verdicts(judge, language, tried, progress)]
        right += [pair for pair, is_right in zip(tried, good) if is_right]
        left = [one for one, is_right in zip(left, good) if not is_right]
    return right


def verdicts(judge, language, pairs, progress):
    """Return the verdicts of (problem, code) pairs; UserError where the judge failed."""
    rows = [judge_row(problem, language, code, problem["id"]) for problem, code in pairs]
    found = judge.judge(rows, stop_on_first_failure=True, progress=lambda *_: progress.update())
    if errors := [row for row in found if row["verdict"] == "JE"]:
        raise UserError(f"{len(errors)} programs could not be judged (JE: {errors[0]['message']}); run again")
    return [row["verdict"] for row in found]


def row_of(problem, tests, counts):
    """Return a row of the table."""
    numbers = {name: counts[name] for name in COLUMNS[2:7]}
    wrong, changed = ((counts[f"{kind}_killed"], counts[f"{kind}_judged"]) for kind in ("wrong", "mutants"))
    pairs = wrong, changed, (wrong[0] + changed[0], wrong[1] + changed[1])
    rates = [round(killed / judged, 4) if judged else None for killed, judged in pairs]
    return {"problem": problem, "tests": tests, **numbers, **dict(zip(COLUMNS[7:], rates))}


if __name__ == "__main__":
    run_command(main)
