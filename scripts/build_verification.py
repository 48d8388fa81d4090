"""Build the items of code verification in one PL: pairs of a correct and an incorrect program, labelled by the judge.

In: problems.jsonl.gz, programs/{language}.jsonl.gz with verdicts, the problem source. Out: items, in
verification/{language}.jsonl.gz; per split what they are, and what gives a label away, in verification/{language}.csv.
Incorrect programs are near misses where the source has them, else submissions that give a wrong answer, else mutants of
right programs, else submissions that fail otherwise.
"""

import argparse
import json
import sys
from collections import Counter

from crosspl.building import most_different
from crosspl.errors import UserError, run_command
from crosspl.giveaway import by_length, by_words
from crosspl.grouping import by_problem, with_problems
from crosspl.io import read_rows, stream_rows, write_csv, write_rows
from crosspl.judge.client import Judge, judged_languages
from crosspl.mutants import mutants
from crosspl.pairing import (
    MUTANT,
    NEAR_MISS,
    NOT_RUN,
    ORDER,
    SUBMISSION,
    Texts,
    correct_programs,
    items,
    partners,
    without_partner,
    wrong_programs,
)
from crosspl.problems import SOURCES, checked, judge_row, load_source
from crosspl.progress import Counted

TOGETHER = 64  # problems
VERDICTS = ("WA", "RE", "TLE", "ILE", "MLE", "OLE")
COLUMNS = ("language", "split", "problems", "with_items", "correct", "incorrect",
           "near_misses", "mutants", "submissions", *VERDICTS,
           "judged", "passed", "not_run", "in_two_splits", "auc_length", "auc_words")  # fmt: skip


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True, choices=sorted(SOURCES))
    parser.add_argument("--problems", required=True)
    parser.add_argument("--programs", required=True, help="judged programs of the PL")
    parser.add_argument("--language", required=True)
    parser.add_argument("--pairs", type=json.loads, help="per problem, at most; null: all")
    parser.add_argument("--mutants", type=int, default=4, help="judged per right program without a wrong one (4)")
    parser.add_argument("--jobs", type=int, default=4, help="boxes at a time")
    parser.add_argument("--cache", default="work/judge/verdicts.sqlite", help="verdict cache; '' for none")
    parser.add_argument("--output", required=True)
    parser.add_argument("--table", required=True)
    args = parser.parse_args(argv)
    ids, by_program = {split: [] for split in ORDER}, False
    for problem in checked(stream_rows(args.problems), args.problems):
        ids[problem["split"]].append(problem["id"])
        by_program |= bool(problem.get("checker"))
    made = near_misses(args)
    texts, counts, found = Texts(), {split: Counter() for split in ORDER}, {}
    with Judge(judged_languages([args.language], by_program), jobs=args.jobs, cache=args.cache or None) as judge:
        for split in ORDER:
            builder = Builder(judge, args.language, args, made, counts[split])
            groups = with_problems(by_problem(stream_rows(args.programs), ids[split]), stream_rows(args.problems))
            found[split] = [
                item for problem, pairs in builder.pairs(groups) for item in builder.items(problem, pairs, texts)
            ]
    write_rows(args.output, [item for split in ORDER for item in found[split]])
    write_csv(
        args.table, COLUMNS, [row_of(args.language, split, len(ids[split]), found, counts[split]) for split in ORDER]
    )
    print(f"{args.language}: {sum(map(len, found.values()))} items of code verification", file=sys.stderr)


def near_misses(args):
    """Return {problem: wrong programs} of a source that has them; {} of the others."""
    source, made = load_source(args.source), {}
    for row in (
        source.wrong_programs(read_rows(args.problems), args.language) if hasattr(source, "wrong_programs") else ()
    ):
        made.setdefault(row["problem"], []).append(row)
    return made


class Builder:
    """Judges what may be wrong and pairs it with what is right; counts what is left out."""

    def __init__(self, judge, language, args, made, counts):
        self.judge, self.language, self.made, self.counts = judge, language, made, counts
        self.most, self.tried = args.pairs, args.mutants
        self.comment = judge.entries[language]["comment"]
        self.progress = Counted(f"judging programs that may be wrong, {language}")

    def pairs(self, groups):
        """Yield (problem, pairs) of all groups (problem, its judged programs)."""
        chunk = []
        for group in groups:
            chunk.append(group)
            if len(chunk) == TOGETHER:
                yield from self.paired(chunk)
                chunk = []
        yield from self.paired(chunk)

    def paired(self, chunk):
        """Return [(problem, pairs)] of some groups."""
        entries = [(problem, self.chosen(rows), wrong_programs(rows)) for problem, rows in chunk]
        found = [partners(right, [row for row in wrong if row["verdict"] == "WA"], self.comment)
                 if not self.made else [] for _, right, wrong in entries]  # fmt: skip
        single = [(problem, program) for (problem, right, _), pairs in zip(entries, found)
                  for program in without_partner(right, pairs)]  # fmt: skip
        judged = self.judged([(problem, row) for problem, one in single for row in self.candidates(problem, one)])
        for (problem, right, wrong), pairs in zip(entries, found):
            for rows in (judged.get(problem["id"], []), [] if self.made else wrong):
                taken = {id(row) for _, row in pairs}
                rest = [row for row in rows if id(row) not in taken]
                pairs += partners(without_partner(right, pairs), rest, self.comment)
        return [(problem, pairs) for (problem, _, _), pairs in zip(entries, found)]

    def chosen(self, rows):
        """Return the right programs of a problem, at most as many as pairs are wanted, the most different ones."""
        return most_different(correct_programs(rows), self.most, self.comment)

    def candidates(self, problem, program):
        """Return programs that may be wrong, made from a right one: a near miss in its style, or mutants of it."""
        common = {"language": self.language, "style": program.get("style", ""), "of": program["id"]}
        if self.made:
            like = [row for row in self.made.get(problem["id"], []) if row["style"] == program["style"]]
            return [row | common | {"how": NEAR_MISS} for row in like]
        texts = mutants(program["code"], self.comment, self.tried, program["id"])
        return [common | {"code": code, "how": MUTANT} for code in texts]

    def judged(self, wanted):
        """Return {problem: its wrong programs that give a wrong answer} of (problem, program)s."""
        rows = [
            judge_row(problem, self.language, row["code"], str(place)) for place, (problem, row) in enumerate(wanted)
        ]
        verdicts = self.judge.judge(rows, stop_on_first_failure=True, progress=lambda *_: self.progress.update())
        if errors := [row for row in verdicts if row["verdict"] == "JE"]:
            raise UserError(f"{len(errors)} programs could not be judged (JE: {errors[0]['message']}); run again")
        found = {}
        for (problem, row), verdict in zip(wanted, (row["verdict"] for row in verdicts)):
            self.counts["judged"] += 1
            self.counts["passed"] += verdict == "OK"
            self.counts["not_run"] += verdict in NOT_RUN
            if verdict == "WA":
                found.setdefault(problem["id"], []).append(row | {"verdict": verdict})
        return found

    def items(self, problem, pairs, texts):
        """Return the items of a problem."""
        made = items(problem, pairs, texts)
        self.counts["in_two_splits"] += len(pairs) - len(made) // 2
        return made


def row_of(language, split, problems, found, counts):
    """Return a row of the table."""
    made = found[split]
    how, verdicts = Counter(item["how"] for item in made), Counter(item["verdict"] for item in made)
    labels = Counter(item["label"] for item in made)
    length, text = by_length(made), None if split == "sft" else by_words(made, found["sft"])
    return {
        "language": language, "split": split, "problems": problems, "with_items": len({row["problem"] for row in made}),
        "correct": labels["correct"], "incorrect": labels["incorrect"],
        "near_misses": how[NEAR_MISS], "mutants": how[MUTANT], "submissions": how[SUBMISSION],
        **{name: verdicts[name] for name in VERDICTS},
        **{name: counts[name] for name in ("judged", "passed", "not_run", "in_two_splits")},
        "auc_length": length if length is None else round(length, 4),
        "auc_words": text if text is None else round(text, 4),
    }  # fmt: skip


if __name__ == "__main__":
    run_command(main)
