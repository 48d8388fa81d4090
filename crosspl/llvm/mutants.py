"""LLVM IR with one small error: losers of groups of equivalent and inequivalent IR (GEPO, arXiv 2505.12723, Figure 2).

In: cleaned IR, a seed. Out: mutants and what was changed in each. The paper shows two: an instruction is deleted and
what follows is numbered anew; the conversion before the result is gone. The other changes are ours. Some mutants do the
same as the original, most with a deleted name are no valid IR: only the judge can tell.
"""

import random
import re
from typing import NamedTuple

from crosspl.llvm.functions import NAME, RESULT, functions, instructions, pieces, without_value

DELETE, OPERANDS, PREDICATE, CONSTANT, CAST, BRANCH = KINDS = (
    "delete instruction", "swap operands", "flip predicate", "change constant", "drop cast", "swap branch targets",
)  # fmt: skip
ENDS = re.compile(r"(?:br|ret|switch|invoke|resume|unreachable|indirectbr|callbr|landingpad)\b")
NO_EFFECT = re.compile(r"@llvm\.(?:lifetime|assume|invariant)\b")
ORDERED = re.compile(r"(?:sub|[su]div|[su]rem|shl|[la]shr|fsub|fdiv|frem|[if]cmp [su]?o?[lg][te]|fcmp u[lg][te])\b")
COMPARES = re.compile(r"icmp (\w+) ")
FLIPS = {
    "eq": ("ne",), "ne": ("eq",), "slt": ("sge", "sle"), "sle": ("sgt", "slt"), "sgt": ("sle", "sge"),
    "sge": ("slt", "sgt"), "ult": ("uge", "ule"), "ule": ("ugt", "ult"), "ugt": ("ule", "uge"), "uge": ("ult", "ugt"),
}  # fmt: skip
NUMBER = re.compile(r'"[^"]*"|(?P<before>\bi(?:8|16|32|64) |, (?=-?\d+$)|\[ (?=-?\d+,))(?P<number>-?\d+)\b(?! x)')
CASTS = re.compile(
    r"(?:zext|sext|trunc|fpext|fptrunc|fpto[su]i|[su]itofp|ptrtoint|inttoptr|bitcast|addrspacecast) (.+)"
)
TARGETS = re.compile(rf"(br i1 .+), label ({NAME}), label ({NAME})")


class Change(NamedTuple):
    """One error. text: what the instruction becomes, None where it goes; operand: what then stands for its value."""

    kind: str
    text: str | None
    operand: str | None = None


class Mutant(NamedTuple):
    """A module with an error of a kind."""

    kind: str
    code: str


def mutants(code, count, seed):
    """Return at most `count` different Mutants of a module, of all kinds in turn, drawn by `seed`."""
    rng, lines = random.Random(f"{seed} mutants of IR"), code.split("\n")
    places = {kind: [] for kind in KINDS}
    for body in functions(code):
        for span in instructions(lines, *body):
            for change in changes("\n".join(lines[slice(*span)])):
                places[change.kind].append((body, span, change))
    for found in places.values():
        rng.shuffle(found)
    turns = [found for found in places.values() if found]
    rng.shuffle(turns)
    made = {}
    while turns and len(made) < count:
        for found in turns:
            body, span, change = found.pop()
            text = changed(lines, body, span, change)
            if text != code and len(made) < count:
                made.setdefault(text, change.kind)
        turns = [found for found in turns if found]
    return [Mutant(kind, text) for text, kind in made.items()]


def changed(lines, body, span, change):
    """Return the module with one instruction changed, or gone."""
    (start, end), (first, last) = body, span
    result = RESULT.match("\n".join(lines[first:last]))
    if change.text is not None:
        inside = [*lines[start:first], change.text, *lines[last:end]]
    else:
        inside = [*lines[start:first], *lines[last:end]]
        inside = without_value(inside, result[1], change.operand) if result else inside
    return "\n".join([*lines[:start], *inside, *lines[end:]])


def changes(instruction):
    """Yield every Change of one instruction (text with its blanks at the beginning)."""
    result = RESULT.fullmatch(instruction)
    head, text = (f"  {result[1]} = ", result[2]) if result else ("  ", instruction[2:])
    if NO_EFFECT.search(text):
        return
    if not ENDS.match(text):
        yield Change(DELETE, None)
    if cast := CASTS.fullmatch(text):
        yield Change(CAST, None, pieces(cast[1].rpartition(" to ")[0], " ")[-1])
    for kind, other in [*swaps(text), *flips(text), *numbers(text)]:
        yield Change(kind, head + other)


def swaps(text):
    """Yield (kind, instruction) with two operands or two targets the other way round."""
    parts = pieces(text, ", ")
    if ORDERED.match(text) and len(parts) == 2:
        *before, first = pieces(parts[0], " ")
        yield OPERANDS, f"{' '.join(before)} {parts[1]}, {first}"
    if text.startswith("select ") and len(parts) == 3:
        yield OPERANDS, ", ".join([parts[0], parts[2], parts[1]])
    if found := TARGETS.fullmatch(text):
        yield BRANCH, f"{found[1]}, label {found[3]}, label {found[2]}"


def flips(text):
    """Yield (kind, instruction) with the opposite predicate, and with one that differs where both are equal."""
    if found := COMPARES.match(text):
        for other in FLIPS[found[1]]:
            yield PREDICATE, f"icmp {other} {text[found.end() :]}"


def numbers(text):
    """Yield (kind, instruction) with a whole number one larger or one smaller."""
    for found in NUMBER.finditer(text):
        if found["number"]:
            for step in (1, -1):
                yield CONSTANT, f"{text[: found.start('number')]}{int(found['number']) + step}{text[found.end() :]}"
