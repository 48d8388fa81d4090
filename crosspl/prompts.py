"""Texts of prompts and answers: the prompt of the plain style, fenced blocks, stop texts.

In: a PL key and a problem's statement; out: the prompt string. In: what a model wrote; out: what of it is the program.
Pretraining, raw code and the teacher use these alone; everything about problems goes through crosspl.protocol. Chat
models put programs into fenced blocks, with the PL's name behind the fence (languages/*.yaml: fence); blocks are those
of CommonMark, section 4.5, but the last may end with the answer.
"""

import re

BLOCK = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)[^\n`]*\n(.*?)(?:^ {0,3}\1[`~]*[ \t]*\r?$|\Z)", re.M | re.S)


def format_prompt(language, statement):
    """Return the prompt; a None statement gives the prompt of raw code, which names only the PL."""
    return f"# {language}\n" if statement is None else f"# {language}\n# {statement}\n"


def fenced(code, mark):
    """Return code as a block marked with `mark`, with a fence that does not occur in it."""
    fence = "`" * (max(map(len, re.findall("`{3,}", code)), default=2) + 1)
    return f"{fence}{mark}\n{code.rstrip()}\n{fence}"


def to_translate(shown):
    """Return the words that stand where a statement would, in the plain style, for a program to be translated."""
    return f"translate from {shown['language']}\n{fenced(shown['code'], shown['language'])}"


def fenced_code(answer, fences):
    """Return the code of the last block marked with one of `fences`, else of the last one without a mark, or None."""
    blocks = [(mark.lower(), code) for _, mark, code in BLOCK.findall(answer)]
    names = [name.lower() for name in fences]
    chosen = [code for mark, code in blocks if mark in names] or [code for mark, code in blocks if not mark]
    return chosen[-1].rstrip() if chosen else None


def extract_code(completion, fences=()):
    """Return the program in a completion, without the blanks at its end.

    fences: what a PL's blocks may be marked with. Without them, or without such a block, it is all of the completion.
    """
    found = fenced_code(completion, fences) if fences else None
    return completion.rstrip() if found is None else found


def cut(text, stops):
    """Return what comes before the first of the texts `stops`."""
    return text[: min((place for place in map(text.find, stops) if place >= 0), default=len(text))]
