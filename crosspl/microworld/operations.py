"""What a microworld problem means: the operations and their reference semantics.

In: an AST, a tuple of (op, k) pairs, such as ``(("gt", 3), ("sq", None), ("sum", None))``: any number of stages (the
world uses 1-3), then one reducer; and a list of ints. Out: the line that every correct program prints for that list.

Ints have no bound here; C programs hold them in 32 bits, so problems are filtered to |value| < 10**9. On negative
ints ``%`` differs between PLs (here: Python's), so problems are filtered to nonnegative ints before even, odd, div
and mod. DESIGN section 7.
"""

from collections.abc import Callable, Sequence

Ast = tuple[tuple[str, int | None], ...]

# Comprehensions rather than one generic filter and one generic map: splitting problems by meaning calls these some
# 300 000 times.
_STAGES: dict[str, Callable[[Sequence[int], int | None], list[int]]] = {
    "even": lambda a, k: [x for x in a if x % 2 == 0],
    "odd": lambda a, k: [x for x in a if x % 2 == 1],
    "div": lambda a, k: [x for x in a if x % k == 0],
    "gt": lambda a, k: [x for x in a if x > k],
    "lt": lambda a, k: [x for x in a if x < k],
    "add": lambda a, k: [x + k for x in a],
    "sub": lambda a, k: [x - k for x in a],
    "mul": lambda a, k: [x * k for x in a],
    "sq": lambda a, k: [x * x for x in a],
    "mod": lambda a, k: [x % k for x in a],
    "sort": lambda a, k: sorted(a),
    "rsort": lambda a, k: sorted(a, reverse=True),
    "rev": lambda a, k: list(a[::-1]),
    "tail": lambda a, k: list(a[1:]),
    "take": lambda a, k: list(a[:k]),
}

_REDUCERS: dict[str, Callable[[Sequence[int]], object]] = {
    "sum": sum,
    "max": lambda a: max(a, default=0),
    "min": lambda a: min(a, default=0),
    "len": len,
    "last": lambda a: a[-1] if a else 0,
    "all": lambda a: " ".join(map(str, a)),
}

STAGES = tuple(_STAGES)
REDUCERS = tuple(_REDUCERS)

# The ops that have an argument, each with the values that k can have.
ARGUMENTS = dict.fromkeys(("div", "gt", "lt", "add", "sub", "mul", "mod", "take"), range(2, 10))


def arguments(op: str) -> Sequence[int | None]:
    """All values of k that the op can have in an AST: ``(None,)`` for an op without argument."""
    return ARGUMENTS.get(op, (None,))


def apply_stage(op: str, k: int | None, values: Sequence[int]) -> list[int]:
    """The list after one stage, always a new one; `values` stays as it is. KeyError when there is no such stage."""
    return _STAGES[op](values, k)


def apply_reducer(op: str, values: Sequence[int]) -> str:
    """The line printed for the list. On an empty list: 0, for `all` an empty line. KeyError if no such op."""
    return str(_REDUCERS[op](values))


def run(ast: Ast, values: Sequence[int]) -> str:
    """The line, without its newline, that a correct program for `ast` prints for one input list."""
    for op, k in ast[:-1]:
        values = _STAGES[op](values, k)
    return str(_REDUCERS[ast[-1][0]](values))
