"""Which answers are written in another PL than the one asked for.

In: judge rows, their verdicts. Out: one bool per row. An answer is in the wrong language when it is not right, does not
parse in the PL asked for, and parses in another configured PL: found by that PL's own parser, not by a label.
"""

from crosspl.judge.parsers import parses

UNPARSED = {"CE", "RE", "WA"}  # verdicts of answers that may not be programs of the PL at all


def wrong_language(judge, rows, verdicts):
    """Return [bool] for judge `rows`; a PL without a parser program is told by the compiler's verdict."""
    suspects = {}
    for row, verdict in zip(rows, verdicts):
        if verdict in UNPARSED and row["code"]:
            suspects.setdefault(row["language"], set()).add(row["code"])
    strange = set()
    for language, codes in suspects.items():
        foreign = _unparsed(judge, language, sorted(codes), rows, verdicts)
        for other in judge.entries:
            if other != language and foreign and judge.entries[other]["parser"]:
                found = parses(judge, other, foreign)
                strange |= {(language, code) for code, yes in zip(foreign, found) if yes}
                foreign = [code for code, yes in zip(foreign, found) if not yes]
    return [(row["language"], row["code"]) in strange for row in rows]


def _unparsed(judge, language, codes, rows, verdicts):
    """Return those of `codes` that are no program of `language`."""
    if judge.entries[language]["parser"]:
        return [code for code, yes in zip(codes, parses(judge, language, codes)) if not yes]
    failed = {row["code"] for row, verdict in zip(rows, verdicts) if row["language"] == language and verdict == "CE"}
    return [code for code in codes if code in failed]
