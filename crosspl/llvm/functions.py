"""LLVM IR text taken apart: functions, their instructions, operands; values renamed and numbered anew.

In: cleaned IR. Out: plain lists of strings that, joined, are the text again. Only what mutants need is understood.
"""

import re

NAME = r'%(?:"[^"]*"|[-a-zA-Z$._0-9]+)'
TOKEN = re.compile(rf'c?"[^"]*"|{NAME}|^\d+(?=:$)')  # a text, a name, the place of a numbered label
OPENING, CLOSING = "([{<", ")]}>"
RESULT = re.compile(rf"  ({NAME}) = (.*)", re.DOTALL)


def functions(text):
    """Yield (start, end) of the bodies of a module's functions, as places in its list of lines."""
    start = None
    for place, line in enumerate(text.split("\n")):
        if line.startswith("define "):
            start = place + 1
        elif line == "}" and start is not None:
            yield start, place
            start = None


def instructions(lines, start, end):
    """Return (start, end) of each instruction of a body; some, such as switch, go over several lines."""
    found = []
    for place in range(start, end):
        line = lines[place]
        if re.match(r"  [^\s\]]", line):
            found.append((place, place + 1))
        elif line.startswith("  ") and found:
            found[-1] = (found[-1][0], place + 1)
    return found


def pieces(text, separator):
    """Return `text` cut at `separator` outside of brackets and texts in quotes."""
    found, depth, quoted, last = [], 0, False, 0
    for place, character in enumerate(text):
        quoted ^= character == '"'
        if not quoted:
            depth += (character in OPENING) - (character in CLOSING)
            if depth == 0 and text.startswith(separator, place):
                found.append(text[last:place])
                last = place + len(separator)
    return [*found, text[last:]]


def renamed(line, name_of):
    """Return a line in which `name_of(name)` stands for each name of a value and each number of a label."""

    def other(found):
        token = found[0]
        if token.isdigit():
            return name_of(f"%{token}")[1:]
        return name_of(token) if token.startswith("%") else token

    return TOKEN.sub(other, line)


def without_value(lines, name, operand=None):
    """Return the lines of a function without value `name`, whose instruction is gone: the later numbers move up.

    Where the value was used now stands `operand`, else the same name: for a number this is now another value.
    """

    def other(token):
        if token == name and operand:
            token = operand
        return moved_up(token, name)

    return [renamed(line, other) for line in lines]


def moved_up(token, name):
    """Return what a value is called when the numbered value `name` before it is gone."""
    if not (token[1:].isdigit() and name[1:].isdigit() and int(token[1:]) > int(name[1:])):
        return token
    return f"%{int(token[1:]) - 1}"
