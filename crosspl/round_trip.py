"""Whether gold programs come back as they were: written as an answer, and extracted from it again.

In: a problem, a verified program of it, a protocol. Out: what comes back, and why a program is lost; counts per PL.
What comes back as it was needs no judge: its verdict is known.
"""

from collections import Counter

from crosspl.errors import UserError
from crosspl.protocol import gold_answer, program_of

COLUMNS = ("language", "style", "programs", "same", "judged_again", "survived", "lost", "reasons")
LOST_COLUMNS = ("language", "problem", "program", "reason")


def come_back(problem, language, code, protocol):
    """Return (what comes back of the program `code`, why it is lost); one of them is None."""
    answer = gold_answer(problem, language, code, protocol)
    if answer is None:
        return None, "does not begin with the prompt of its problem"
    found = program_of(answer, problem, language, protocol)
    return (found.code, None) if found.extracted else (None, "no program is found in its answer")


def wrong_reason(code, back, verdict):
    """Return why a program that came back otherwise is lost, in words."""
    what = "without the blanks at its end" if code.rstrip() == back else "as another text (a stop text is in it?)"
    return f"comes back {what} and is {verdict}"


def table_row(language, style, programs, same, judged, lost):
    """Return the row of one PL; lost: LOST_COLUMNS rows."""
    reasons = Counter(row["reason"] for row in lost).most_common()
    return {
        "language": language, "style": style, "programs": programs, "same": same, "judged_again": judged,
        "survived": programs - len(lost), "lost": len(lost),
        "reasons": "; ".join(f"{count} {reason}" for reason, count in reasons),
    }  # fmt: skip


def check_lost(row, lost, most):
    """Raise a UserError that names the first lost program when more than the share `most` of a PL's are lost."""
    if len(lost) > most * row["programs"]:
        first = lost[0]
        raise UserError(
            f"{first['language']}: program {first['program']} of problem {first['problem']} {first['reason']}, with "
            f"{row['style']} prompts; {len(lost)} of {row['programs']} gold programs are lost. Take another "
            "prompts.style, or allow a share by prompts.most_lost: they are left out of training (docs/prompts.md)"
        )
