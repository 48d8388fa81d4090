"""Small errors put into right programs: would the tests notice them?

In: source text, comment marks of its PL. Out: mutants, each with one operator, number or word changed as in mutation
testing (DeMillo et al. 1978). Some mutants do the same as their program, so not all can be noticed, by no tests.
"""

import random
import re

from crosspl.near_duplicates import comment_pattern

SWAPS = {
    "<=": "<", ">=": ">", "<": "<=", ">": ">=", "==": "!=", "!=": "==", "+": "-", "-": "+", "*": "+", "/": "*",
    "%": "*", "&&": "||", "||": "&&", "and": "or", "or": "and", "true": "false", "false": "true", "True": "False",
    "False": "True", "min": "max", "max": "min",
}  # fmt: skip
NOT_CODE = r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"  # texts
OTHER = r"<<|>>|->|=>|::|\+\+|--|\+=|-=|\*=|/=|//|\*\*|<>|#include.*"  # marks of two that are no operators here
TOKEN = r"<=|>=|==|!=|&&|\|\||[<>+\-*/%]|\w+"


def mutants(code, comment, count, seed):
    """Return at most `count` different mutants, drawn by `seed`; none for a program with nothing to change."""
    places = list(changes(code, comment))
    random.Random(seed).shuffle(places)
    return [code[:start] + new + code[end:] for start, end, new in places[:count]]


def changes(code, comment):
    """Yield (start, end, new text) for everything that can be changed, outside of comments and texts."""
    skipped = "|".join(filter(None, [comment_pattern(comment), NOT_CODE]))
    for found in re.finditer(f"(?P<skip>{skipped})|(?P<other>{OTHER})|(?P<token>{TOKEN})", code):
        text = found[0]
        if found["skip"]:
            continue
        if text in SWAPS:
            yield found.start(), found.end(), SWAPS[text]
        elif text.isdigit():
            yield found.start(), found.end(), str(int(text) + 1)
