"""Printers: one module per PL, each with ``STYLES`` (the same names in all) and ``render(ast, style) -> code``.

The code reads all of stdin, one list of ints a line, blanks between them, an empty line for an empty list, and prints
one result a line. The three styles are different programs, not different spellings: ``pipeline`` reassigns or changes
one list stage by stage with the PL's list tools, ``loop`` fills a new list per stage and accumulates the result,
``nested`` is one chained or nested expression. Lines that do not depend on the AST are the same in all programs of a
style, so that a small tokenizer learns them as few tokens. DESIGN section 7.
"""

from crosspl.microworld.printers import c, javascript, lua, perl, php, python, ruby

PRINTERS = {
    "python": python,
    "javascript": javascript,
    "perl": perl,
    "ruby": ruby,
    "lua": lua,
    "php": php,
    "c": c,
}

STYLES = python.STYLES
