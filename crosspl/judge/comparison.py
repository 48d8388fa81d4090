"""Compare a program's output with the expected one, on the host.

In: two byte strings and a mode, chosen by the problem's data, never by the output. Out: whether they agree. `tokens`
splits on ASCII whitespace; `lines` strips the end of each line and blank lines at the end; `unordered_lines` is `lines`
in any order; `exact` is equality; `float` is `tokens` with a tolerance for numbers that are written with a point or an
exponent on the expected side (integers stay exact); `yes_no` is `float`, and the words yes and no in any case.
"""

import math

MODES = ("tokens", "lines", "unordered_lines", "exact", "float", "yes_no")
TOLERANCE = 1e-6  # absolute or relative


def agree(actual, expected, mode="tokens"):
    """Return True when `actual` is an accepted output."""
    if mode == "exact":
        return actual == expected
    if mode == "lines":
        return split_lines(actual) == split_lines(expected)
    if mode == "unordered_lines":
        return sorted(split_lines(actual)) == sorted(split_lines(expected))
    if mode == "float":
        return floats_agree(actual.split(), expected.split())
    if mode == "yes_no":
        return floats_agree(answers(actual), answers(expected))
    return actual.split() == expected.split()


def split_lines(data):
    """Return the lines without trailing whitespace and without blank lines at the end."""
    return [line.rstrip() for line in data.rstrip().split(b"\n")]


def answers(data):
    """Return the tokens; yes and no in lower case: judges of contests accept YES, Yes and yes alike."""
    return [token.lower() if token.lower() in (b"yes", b"no") else token for token in data.split()]


def floats_agree(actual, expected):
    """Return True when every token agrees, numbers with a fraction within the tolerance."""
    return len(actual) == len(expected) and all(map(token_agrees, actual, expected))


def token_agrees(actual, expected):
    """Return True for equal tokens, or for numbers close enough to a fractional expected number."""
    if actual == expected:
        return True
    if b"_" in actual or not any(mark in expected.lower() for mark in (b".", b"e")):
        return False
    try:
        found, wanted = float(actual), float(expected)
    except ValueError:
        return False
    if not math.isfinite(found) or not math.isfinite(wanted):
        return False
    return abs(found - wanted) <= TOLERANCE * max(1.0, abs(wanted))
