"""Near misses: a problem's tree with one operation or one constant changed, the same wrong program in every PL.

In: trees of the microworld, and its functions that say what a tree does. Out: one near miss per problem, which prints
something else on its tests. It is a fair problem itself, drawn like right ones: the text of a program alone does not
tell whether it is wrong. No behaviour, right or wrong, is in two splits.
"""

import random

from crosspl.microworld import operations


def neighbours(ast):
    """Return every tree that differs in one constant, or in one operation that takes as many constants."""
    found = []
    for place, (op, k) in enumerate(ast):
        ops = operations.STAGES if place < len(ast) - 1 else operations.REDUCERS
        others = [(op, other) for other in operations.arguments(op)]
        others += [(other, k) for other in ops if (other in operations.ARGUMENTS) == (op in operations.ARGUMENTS)]
        found += [(*ast[:place], other, *ast[place + 1 :]) for other in others if other != (op, k)]
    return found


def near_miss(ast, family, family_of, wanted):
    """Return (tree, family) of a neighbour that is a fair problem of another family and `wanted`, or None."""
    candidates = neighbours(ast)
    random.Random(f"near miss of {family}").shuffle(candidates)
    for candidate in candidates:
        other = family_of(candidate)
        if other and other != family and wanted(candidate, other):
            return candidate, other
    return None


def near_misses(problems, family_of, outputs_of):
    """Return ({problem: tree}, {family: split}), the families of near misses included; some problems have none."""
    found, splits = {}, {row["family"]: row["split"] for row in problems}
    for row in problems:
        own = row["split"]

        def wanted(ast, family, own=own, tests=row["tests"]):
            return splits.get(family, own) == own and fails(ast, tests, outputs_of)

        chosen = near_miss(tuple((op, k) for op, k in row["ast"]), row["family"], family_of, wanted)
        if chosen:
            found[row["id"]] = chosen[0]
            splits[chosen[1]] = own
    return found, splits


def fails(ast, tests, outputs_of):
    """Return whether programs for `ast` print something else than the tests want, as far as all PLs agree."""
    for test in tests:
        for line, wanted in zip(test["stdin"].split("\n")[:-1], test["stdout"].split("\n")[:-1]):
            outputs = outputs_of(ast, [[int(word) for word in line.split()]])
            if outputs and outputs != [wanted]:
                return True
    return False
