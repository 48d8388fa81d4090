"""Ask a teacher model for programs in one PL, where too few people have written one that is right.

In: problems, verified programs of any PLs (build_programs), settings of the teacher (config block `teacher`). Out:
candidate programs that nobody has judged (build_programs --answers); a table of what was asked and what came. Every
answer is kept below --cache: an interrupted command goes on, and what was answered is never asked again.
"""

import argparse
import json
import sys
from collections import Counter, defaultdict

from crosspl import record
from crosspl.errors import run_command
from crosspl.io import stream_rows, write_csv, write_rows
from crosspl.languages import load_languages
from crosspl.problems import checked
from crosspl.teacher import candidates as cd
from crosspl.teacher.answers import FOLDER, key_of
from crosspl.teacher.calls import Question, ask_all
from crosspl.teacher.endpoint import endpoint
from crosspl.teacher.settings import check_settings

SAMPLING = ("temperature", "top_p", "max_tokens", "seed", "extra")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", required=True)
    parser.add_argument("--programs", required=True, nargs="+", help="verified programs, of the target PL too")
    parser.add_argument("--language", required=True, help="the PL that programs are wanted in")
    parser.add_argument("--settings", required=True, type=json.loads, help="the config's block `teacher`, JSON")
    parser.add_argument("--calls", type=json.loads, help="instead of the block's own `calls`, JSON")
    parser.add_argument("--cache", default=FOLDER, help="folder of all answers")
    parser.add_argument("--output", required=True)
    parser.add_argument("--table", required=True, help="what was asked and what came")
    args = parser.parse_args(argv)
    settings = check_settings(args.settings | ({"calls": args.calls} if args.calls else {}))
    entries = load_languages([*settings["from"], args.language])
    wishes = read_wishes(args, settings)
    counts = defaultdict(Counter)
    answered = answers(wishes, entries, args.language, settings, args.cache, counts)
    model = model_name(settings)
    fences = entries[args.language]["fence"]
    write_rows(args.output, list(cd.candidates(zip(wishes, answered), args.language, fences, counts, model)))
    rows = cd.table(counts, args.language)
    write_csv(args.table, cd.COLUMNS, rows)
    print(f"{args.language}: {sum(row['extracted'] for row in rows)} candidate programs by {model}", file=sys.stderr)


def read_wishes(args, settings):
    """Return the Wishes for the PL."""
    problems = cd.in_question(checked(stream_rows(args.problems), args.problems), args.language, settings["splits"])
    rows = (row for path in args.programs for row in stream_rows(path))
    most = max(settings["samples"].values())
    return cd.wishes(problems, *cd.sort_programs(rows, problems, args.language, most), settings)


def model_name(settings):
    """Return the name of the teacher in keys and rows."""
    if settings["calls"]["base_url"]:
        return settings["model"]
    from crosspl.teacher.local import name_of  # needs torch

    return name_of(settings["model"])


def teacher(settings):
    """Return the function that asks the teacher, and the settings of the calls."""
    sampling, calls = {name: settings[name] for name in SAMPLING}, settings["calls"]
    if calls["base_url"]:
        return endpoint(settings["model"], sampling, calls), calls
    from crosspl.teacher.local import local

    return local(settings["model"], sampling), calls | {"concurrency": 1}


def answers(wishes, entries, language, settings, folder, counts):
    """Return the answers to the wishes, None where there is none; the first steps of bridges come before all else."""
    if not wishes:
        return []
    name, sampling = model_name(settings), {key: settings[key] for key in SAMPLING}
    record.note(teacher={"model": name})
    ask, calls = teacher(settings)

    def question(messages, sample, what):
        asked = {"model": name, "messages": messages, "sampling": sampling, "sample": sample}
        return Question(key_of(**asked), asked, what)

    def ask_these(questions, title):
        return ask_all([one for one in questions if one], ask, folder, calls, counts, f"asking for {title}")

    firsts = [question(cd.comment_messages(wish, entries), 0, "comment") if wish.prompt == "bridge" else None
              for wish in wishes]  # fmt: skip
    found = ask_these(firsts, "comments")
    commented = {key: one["text"] for key, one in found.items() if cd.complete(one, counts["comment"])}
    questions = [
        question(cd.messages_of(wish, entries, language, first and commented[first.key]), wish.sample, wish.prompt)
        if first is None or first.key in commented
        else None
        for wish, first in zip(wishes, firsts)
    ]
    found = ask_these(questions, language)
    return [found.get(one.key) if one else None for one in questions]


if __name__ == "__main__":
    run_command(main)
