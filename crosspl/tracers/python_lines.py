"""The tracer of Python programs. Its text runs in the judge's box, with a call of `trace` behind it.

In: a program's source, and the input of one test as standard input. Out: a line of JSON with the lines that hold code
and those that were executed. Only the standard library, of any Python 3.9 or later, may be used here.

The program is made anew with marks: before each statement, and around the parts of a statement that need not run (both
sides of a condition, bodies of lambda, …) and stand on lines of their own. sys.settrace would be simpler, but loops
take 7 times the CPU with it (2 times with marks), and Python gives it up at the first RecursionError. The marks are in
memory shared with a parent process, so whatever ends the program (CPU limit, os._exit, a crash) leaves them.
"""

import ast
import builtins
import json
import mmap
import os
import resource
import sys
import types

MARKS, MARK = " marks", " mark"  # among the builtins; with a space no program can say them
DEPTH = 20000  # of a syntax tree, in calls: more than the compiler takes


class Expressions(ast.NodeTransformer):
    """Collects the lines of expressions, and marks the parts that need not run and are not on the owner's one line."""

    def __init__(self, regions, lines):
        self.regions, self.lines = regions, lines

    def visit(self, node):
        if isinstance(node, ast.expr):
            self.lines.add(node.lineno)
        return super().visit(node)

    def apart(self, node, line=None):
        """Return `node` with a mark, as a region of its own unless all of it is on `line`."""
        if node.lineno == node.end_lineno == line:
            return self.visit(node)
        outer, self.lines = self.lines, {node.lineno}
        self.regions.append(self.lines)
        parts = ast.Tuple([call(self.regions, node), self.visit(node)], ast.Load())
        self.lines = outer
        return ast.copy_location(ast.Subscript(parts, ast.Constant(1), ast.Load()), node)

    def visit_JoinedStr(self, node):
        return node  # before Python 3.12 its parts do not know their lines

    def visit_Lambda(self, node):
        node.args, node.body = self.visit(node.args), self.apart(node.body, node.lineno)
        return node

    def visit_IfExp(self, node):
        node.test = self.visit(node.test)
        node.body, node.orelse = (self.apart(part, node.lineno) for part in (node.body, node.orelse))
        return node

    def visit_BoolOp(self, node):
        first, *others = node.values
        node.values = [self.visit(first), *(self.apart(part, node.lineno) for part in others)]
        return node

    def visit_comprehension(self, node):
        node.target, node.iter = self.visit(node.target), self.visit(node.iter)
        node.ifs = [self.apart(part, node.iter.lineno) for part in node.ifs]
        return node

    def comprehension(self, node):
        node.generators = [self.visit(part) for part in node.generators]
        for name in ("key", "value", "elt"):
            if hasattr(node, name):
                setattr(node, name, self.apart(getattr(node, name), node.lineno))
        return node

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = comprehension


def call(regions, node):
    """Return the expression that marks the latest region; it is None."""
    arguments = [ast.Constant(len(regions) - 1), ast.Constant(1)]
    return ast.copy_location(ast.Call(ast.Name(MARK, ast.Load()), arguments, []), node)


def assignment(regions, node):
    """Return the statement that marks the latest region. Unlike a call, it is no recursion."""
    target = ast.Subscript(ast.Name(MARKS, ast.Load()), ast.Constant(len(regions) - 1), ast.Store())
    return ast.copy_location(ast.Assign([target], ast.Constant(1)), node)


def marked(body, regions):
    """Return a list of statements with a mark before each. regions: of each mark, the lines that it stands for."""
    found = []
    for statement in body:
        if not is_silent(statement):
            regions.append({statement.lineno})
            found.append(assignment(regions, statement))
            mark_parts(statement, regions)
        found.append(statement)
    return found


def is_silent(statement):
    """Return whether nothing is executed: comments in the form of strings, declarations. Some must stay in front."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str)
    future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
    return future or isinstance(statement, (ast.Global, ast.Nonlocal))


def mark_parts(statement, regions):
    """Mark what is in a statement; its region is the latest."""
    header = Expressions(regions, regions[-1])
    for name, value in ast.iter_fields(statement):
        if not isinstance(value, list):
            setattr(statement, name, header.visit(value) if isinstance(value, ast.AST) else value)
        elif value and isinstance(value[0], ast.stmt):
            setattr(statement, name, marked(value, regions))
        elif value and isinstance(value[0], ast.ExceptHandler):
            for handler in value:
                mark_handler(handler, regions)
        elif value and isinstance(value[0], getattr(ast, "match_case", ())):
            statement.cases = [part for case in value for part in marked_case(case, regions)]
        else:
            value[:] = [header.visit(part) if isinstance(part, ast.AST) else part for part in value]


def mark_handler(handler, regions):
    """Mark `except X:`, which is executed when an exception comes to it, whether X is its type or not."""
    header = Expressions(regions, set())
    if handler.type:
        handler.type = header.apart(handler.type)
        handler.body = marked(handler.body, regions)
    else:
        regions.append({handler.lineno})
        handler.body = [assignment(regions, handler), *marked(handler.body, regions)]


def marked_case(case, regions):
    """Return a case of `match` behind a mark: a case that is never taken."""
    place = case.pattern
    regions.append({node.lineno for node in ast.walk(place) if hasattr(node, "lineno")})
    mark = ast.match_case(ast.copy_location(ast.MatchAs(), place), call(regions, place), [ast.Pass()])
    ast.copy_location(mark.body[0], place)
    if case.guard:
        case.guard = Expressions(regions, regions[-1]).apart(case.guard, place.end_lineno)
    case.body = marked(case.body, regions)
    return [mark, case]


def with_marks(source):
    """Return (the program with marks as a code object, its regions)."""
    tree, regions, limit = ast.parse(source), [], sys.getrecursionlimit()
    sys.setrecursionlimit(DEPTH)
    tree.body = marked(tree.body, regions)
    ast.fix_missing_locations(tree)
    sys.setrecursionlimit(limit)
    return compile(tree, os.path.abspath(sys.argv[0]), "exec", dont_inherit=True), regions


def run(program, source, marks, cpu_s):
    """Become the program: its file, its globals, its process group; what it prints goes nowhere."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
    os.close(nowhere)
    with open(sys.argv[0], "wb") as stream:
        stream.write(source)
    module = types.ModuleType("__main__")
    vars(module).update({name: value for name, value in globals().items() if name.startswith("__")}, __doc__=None)
    sys.modules["__main__"] = module
    vars(builtins).update({MARKS: marks, MARK: marks.__setitem__})
    exec(program, vars(module))


def trace(source, cpu_s):
    """Run the program in a process of its own and print the report; a syntax error ends this without a report."""
    program, regions = with_marks(source)
    marks = mmap.mmap(-1, len(regions) + 1)
    child = os.fork()
    if not child:
        return run(program, source, marks, cpu_s)
    os.waitpid(child, 0)
    executed = {line for region, mark in zip(regions, marks[:]) if mark for line in region}
    print(json.dumps([sorted(set().union(*regions)), sorted(executed)]))
