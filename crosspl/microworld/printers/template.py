"""How printers turn an AST into code: templates of one PL in one style, as data, and the two ways to join them.

In a template ``<k>`` stands for the op's argument and, in nested styles, ``<a>`` for the expression it is applied to.
"""

import re
from dataclasses import dataclass, field

from crosspl.microworld.operations import Ast


@dataclass(frozen=True)
class Statements:
    """A style with one statement per op, in the order of the AST, between a fixed beginning and a fixed end."""

    before: str
    ops: dict[str, str]
    after: str = ""

    def render(self, ast: Ast) -> str:
        """The program, without a newline at its end."""
        return self.before + "\n".join(fill(self.ops[op], k) for op, k in ast) + self.after


@dataclass(frozen=True)
class Expression:
    """A style with one expression that holds all ops, the reducer outermost, and only those helpers it calls."""

    before: str
    ops: dict[str, str]
    after: str
    start: str
    helpers: dict[str, str] = field(default_factory=dict)
    opening: str = ""

    def render(self, ast: Ast) -> str:
        """The program, without a newline at its end: opening, helpers, then the expression in its fixed frame."""
        expression = self.start
        for op, k in ast:
            expression = fill(self.ops[op], k).replace("<a>", expression)
        needed = [line + "\n" for name, line in self.helpers.items() if re.search(rf"\b{name}\(", expression)]
        return self.opening + "".join(needed) + self.before + expression + self.after


def fill(template: str, k: int | None) -> str:
    """The template with its argument put in."""
    return template.replace("<k>", str(k))
