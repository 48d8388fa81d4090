"""The microworld in Python: an AST and a style in, a program out (see the package)."""

from crosspl.microworld.operations import Ast
from crosspl.microworld.printers.template import Expression, Statements

_READ = "for l in open(0):\n    a=[int(x) for x in l.split()]\n"

_PIPELINE = Statements(
    _READ,
    {
        "even": "    a=[x for x in a if x%2==0]",
        "odd": "    a=[x for x in a if x%2==1]",
        "div": "    a=[x for x in a if x%<k>==0]",
        "gt": "    a=[x for x in a if x><k>]",
        "lt": "    a=[x for x in a if x<<k>]",
        "add": "    a=[x+<k> for x in a]",
        "sub": "    a=[x-<k> for x in a]",
        "mul": "    a=[x*<k> for x in a]",
        "sq": "    a=[x*x for x in a]",
        "mod": "    a=[x%<k> for x in a]",
        "sort": "    a=sorted(a)",
        "rsort": "    a=sorted(a)[::-1]",
        "rev": "    a=a[::-1]",
        "tail": "    a=a[1:]",
        "take": "    a=a[:<k>]",
        "sum": "    print(sum(a))",
        "max": "    print(max(a,default=0))",
        "min": "    print(min(a,default=0))",
        "len": "    print(len(a))",
        "last": "    print(a[-1] if a else 0)",
        "all": "    print(*a)",
    },
)

_LOOP = Statements(
    _READ,
    {
        "even": "    b=a;a=[]\n    for x in b:\n        if x%2==0:a.append(x)",
        "odd": "    b=a;a=[]\n    for x in b:\n        if x%2==1:a.append(x)",
        "div": "    b=a;a=[]\n    for x in b:\n        if x%<k>==0:a.append(x)",
        "gt": "    b=a;a=[]\n    for x in b:\n        if x><k>:a.append(x)",
        "lt": "    b=a;a=[]\n    for x in b:\n        if x<<k>:a.append(x)",
        "add": "    b=a;a=[]\n    for x in b:a.append(x+<k>)",
        "sub": "    b=a;a=[]\n    for x in b:a.append(x-<k>)",
        "mul": "    b=a;a=[]\n    for x in b:a.append(x*<k>)",
        "sq": "    b=a;a=[]\n    for x in b:a.append(x*x)",
        "mod": "    b=a;a=[]\n    for x in b:a.append(x%<k>)",
        "sort": "    a.sort()",
        "rsort": "    a.sort(reverse=True)",
        "rev": "    b=a;a=[]\n    for x in b:a.insert(0,x)",
        "tail": "    if a:a.pop(0)",
        "take": "    while len(a)><k>:a.pop()",
        "sum": "    s=0\n    for x in a:s+=x\n    print(s)",
        "max": "    s=a[0] if a else 0\n    for x in a:s=max(s,x)\n    print(s)",
        "min": "    s=a[0] if a else 0\n    for x in a:s=min(s,x)\n    print(s)",
        "len": "    s=0\n    for x in a:s+=1\n    print(s)",
        "last": "    s=0\n    for x in a:s=x\n    print(s)",
        "all": '    s=[]\n    for x in a:s.append(str(x))\n    print(" ".join(s))',
    },
)

_NESTED = Expression(
    before="def f(a):\n    return ",
    ops={
        "even": "filter(lambda x:x%2==0,<a>)",
        "odd": "filter(lambda x:x%2==1,<a>)",
        "div": "filter(lambda x:x%<k>==0,<a>)",
        "gt": "filter(lambda x:x><k>,<a>)",
        "lt": "filter(lambda x:x<<k>,<a>)",
        "add": "map(lambda x:x+<k>,<a>)",
        "sub": "map(lambda x:x-<k>,<a>)",
        "mul": "map(lambda x:x*<k>,<a>)",
        "sq": "map(lambda x:x*x,<a>)",
        "mod": "map(lambda x:x%<k>,<a>)",
        "sort": "sorted(<a>)",
        "rsort": "sorted(<a>,reverse=True)",
        "rev": "list(<a>)[::-1]",
        "tail": "list(<a>)[1:]",
        "take": "list(<a>)[:<k>]",
        "sum": "sum(<a>)",
        "max": "max(<a>,default=0)",
        "min": "min(<a>,default=0)",
        "len": "len(list(<a>))",
        "last": "([0]+list(<a>))[-1]",
        "all": '" ".join(map(str,<a>))',
    },
    after="\nfor l in open(0):\n    print(f(map(int,l.split())))",
    start="a",
)

_STYLES = {"pipeline": _PIPELINE, "loop": _LOOP, "nested": _NESTED}
STYLES = tuple(_STYLES)


def render(ast: Ast, style: str) -> str:
    """The Python program for the AST in that style, without a newline at its end."""
    return _STYLES[style].render(ast)
