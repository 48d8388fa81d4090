"""Audit the content of one training set: every program is one of the PL that it is labelled with, by that PL's parser.

In: the rows of a mixture, or the problems of the RL split that are not excluded, whose statements may show code. Out:
its rows of content.csv; a violation ends the run with exit status 2 and is named with the PL that it seems to be in,
and nothing is written.
"""

import argparse
import contextlib

from crosspl.contamination.fate import without
from crosspl.content_language import COLUMNS, fenced, likely, not_in_language
from crosspl.errors import UserError, run_command
from crosspl.io import read_rows, write_csv
from crosspl.judge.client import Judge
from crosspl.languages import known_languages, language_of, load_language
from crosspl.problems import check_problems, of_split
from crosspl.protocol import PLAIN, program_of, programs_in
from crosspl.verification import items_of


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", required=True)
    parser.add_argument("--excluded", help="excluded.csv")
    parser.add_argument("--training-set", required=True, help="sft/{mixture} or rl/{source}")
    parser.add_argument("--data", help="rows of the mixture, items of RL; none: the problems of the RL split")
    parser.add_argument("--languages", required=True, nargs="+", help="the PLs that it may hold")
    parser.add_argument("--jobs", type=int, default=4, help="boxes at a time")
    parser.add_argument("--cache", default="work/judge/verdicts.sqlite", help="verdict cache; '' for none")
    parser.add_argument("--output", required=True)
    args = parser.parse_args(argv)
    problems = {row["id"]: row for row in check_problems(read_rows(args.problems), args.problems)}
    chosen = without(of_split(problems.values(), "rl"), args.excluded)
    if args.data:
        examples = read_rows(args.data)
        examples = items_of(chosen, examples) if args.training_set.startswith("rl/") else examples
        texts = {row["problem"]: problems[row["problem"]]["statement"] for row in examples}
    else:
        examples = []
        texts = {row["id"]: row["statement"] for row in chosen}
    programs = {language: [] for language in args.languages}
    for row in examples:
        for language, code in [*programs_in(row), *whole_answer(row, problems)]:
            programs.setdefault(language, []).append(code)
    blocks = [language_of(tag) for text in texts.values() for tag in fenced(text)]
    with Judge(list(programs), jobs=args.jobs, cache=args.cache or None) as judge:
        strange = {language: not_in_language(judge, language, codes) for language, codes in programs.items()}
    rows = []
    for language, codes in programs.items():
        foreign = [key for key in blocks if key and key not in args.languages] if language == args.languages[0] else []
        row = (args.training_set, language, len(codes), len(strange[language]), len(blocks), len(foreign))
        rows.append(dict(zip(COLUMNS, (*row, "NO" if strange[language] or foreign else "yes"))))
    if any(row["ok"] == "NO" for row in rows):
        raise UserError(f"{args.training_set}: {'; '.join(said(rows, strange, args))}. Nothing is trained on it")
    write_csv(args.output, COLUMNS, rows)


def whole_answer(row, problems):
    """Return [(PL, program)] of a plain answer that holds a bridge in comments: as it is judged it must parse, too."""
    if "bridge" not in row or not isinstance(row["completion"], str):
        return []
    found = program_of(row["completion"], problems[row["problem"]], row["language"], PLAIN)
    return [(row["language"], found.code)]


def said(rows, strange, args):
    """Yield what is wrong, in words."""
    for row in rows:
        if row["not_in_it"]:
            code = strange[row["language"]][0]
            other = named(row["language"], code, args)
            text = f"{row['not_in_it']} programs labelled {row['language']} do not parse in it"
            yield f"{text}, such as {code.strip()[:40]!r}" + (f", which is {other}" if other else "")
        if row["foreign_blocks"]:
            yield f"{row['foreign_blocks']} blocks of code in statements are marked as another PL"


def named(language, code, args):
    """Return the PL that parses a program, of those whose toolchains are here."""
    with contextlib.ExitStack() as stack:
        judges = {}
        for key in known_languages():
            if key != language and load_language(key)["parser"] and key not in ("tcl", "bash"):  # they take most texts
                with contextlib.suppress(UserError):
                    judges[key] = stack.enter_context(Judge([key], jobs=args.jobs))
        return likely(judges, language, code)


if __name__ == "__main__":
    run_command(main)
