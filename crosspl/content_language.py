"""Which training rows hold code that is not in the PL of their label, told by the content.

In: a judge, {PL: programs}; statements. Out: the programs that are no programs of their PL; PLs of the fenced blocks of
statements. A program counts as one of its PL when that PL's own parser takes it, or the compiler where there is none.
Every program in SFT data has run in its PL before, so not one may fail: the threshold is one row. Which alternatives
were measured, and how: docs/contamination.md.
"""

import re

from crosspl.judge.parsers import parses

COLUMNS = ("training_set", "language", "programs", "not_in_it", "blocks", "foreign_blocks", "ok")
REFUSED = {"CE", "CTLE", "NC"}
FENCE = re.compile(r"^(?:```|~~~)[ \t]*(\w[\w+#-]*)[^\n]*\n", re.MULTILINE)


def not_in_language(judge, language, codes):
    """Return the sorted different texts among `codes` that are no programs of `language`."""
    codes = sorted(set(codes))
    if not codes:
        return []
    if judge.entries[language]["parser"]:
        taken = parses(judge, language, codes)
    else:
        taken = [verdict not in REFUSED for verdict in compiled(judge, language, codes)]
    return [code for code, yes in zip(codes, taken) if not yes]


def compiled(judge, language, codes):
    """Return the verdicts of programs on an empty input: of a PL without a parser only a refusal is of interest."""
    rows = [{"id": str(n), "language": language, "code": code, "tests": [{"stdin": "", "stdout": ""}]}
            for n, code in enumerate(codes)]  # fmt: skip
    return [row["verdict"] for row in judge.judge(rows, stop_on_first_failure=True)]


def fenced(statement):
    """Return the tags of the fenced blocks of a statement, in lower case."""
    return [tag.lower() for tag in FENCE.findall(statement or "")]


def likely(judges, language, code):
    """Return the first PL other than `language` whose judge takes `code` for its own, or None. judges: {PL: judge}."""
    return next((key for key, judge in judges.items() if key != language and parses(judge, key, [code])[0]), None)
