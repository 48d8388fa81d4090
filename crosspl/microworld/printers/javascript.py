"""The microworld in JavaScript: an AST and a style in, a program out (see the package)."""

from crosspl.microworld.operations import Ast
from crosspl.microworld.printers.template import Expression, Statements

# split(" ") of an empty line is one empty string, which would count as a zero: hence the filter.
_READ = (
    'require("readline").createInterface(process.stdin).on("line",l=>{\n'
    '    let a=l.split(" ").filter(x=>x).map(Number);\n'
)

_PIPELINE = Statements(
    _READ,
    {
        "even": "    a=a.filter(x=>x%2==0);",
        "odd": "    a=a.filter(x=>x%2==1);",
        "div": "    a=a.filter(x=>x%<k>==0);",
        "gt": "    a=a.filter(x=>x><k>);",
        "lt": "    a=a.filter(x=>x<<k>);",
        "add": "    a=a.map(x=>x+<k>);",
        "sub": "    a=a.map(x=>x-<k>);",
        "mul": "    a=a.map(x=>x*<k>);",
        "sq": "    a=a.map(x=>x*x);",
        "mod": "    a=a.map(x=>x%<k>);",
        "sort": "    a.sort((x,y)=>x-y);",
        "rsort": "    a.sort((x,y)=>y-x);",
        "rev": "    a.reverse();",
        "tail": "    a=a.slice(1);",
        "take": "    a=a.slice(0,<k>);",
        "sum": "    console.log(a.reduce((s,x)=>s+x,0));",
        "max": "    console.log(a.length?Math.max(...a):0);",
        "min": "    console.log(a.length?Math.min(...a):0);",
        "len": "    console.log(a.length);",
        "last": "    console.log(a.pop()||0);",
        "all": '    console.log(a.join(" "));',
    },
    "\n});",
)

_LOOP = Statements(
    _READ,
    {
        "even": "    b=a;a=[];for(x of b)if(x%2==0)a.push(x);",
        "odd": "    b=a;a=[];for(x of b)if(x%2==1)a.push(x);",
        "div": "    b=a;a=[];for(x of b)if(x%<k>==0)a.push(x);",
        "gt": "    b=a;a=[];for(x of b)if(x><k>)a.push(x);",
        "lt": "    b=a;a=[];for(x of b)if(x<<k>)a.push(x);",
        "add": "    b=a;a=[];for(x of b)a.push(x+<k>);",
        "sub": "    b=a;a=[];for(x of b)a.push(x-<k>);",
        "mul": "    b=a;a=[];for(x of b)a.push(x*<k>);",
        "sq": "    b=a;a=[];for(x of b)a.push(x*x);",
        "mod": "    b=a;a=[];for(x of b)a.push(x%<k>);",
        "sort": "    a.sort((x,y)=>x-y);",
        "rsort": "    a.sort((x,y)=>y-x);",
        "rev": "    b=a;a=[];for(x of b)a.unshift(x);",
        "tail": "    a.shift();",
        "take": "    while(a.length><k>)a.pop();",
        "sum": "    s=0;for(x of a)s+=x;console.log(s);",
        "max": "    s=a[0]||0;for(x of a)if(x>s)s=x;console.log(s);",
        "min": "    s=a[0]||0;for(x of a)if(x<s)s=x;console.log(s);",
        "len": "    s=0;for(x of a)s++;console.log(s);",
        "last": "    s=0;for(x of a)s=x;console.log(s);",
        "all": '    s="";for(x of a)s+=" "+x;console.log(s.trim());',
    },
    "\n});",
)

_NESTED = Expression(
    before="const f=a=>",
    ops={
        "even": "<a>.filter(x=>x%2==0)",
        "odd": "<a>.filter(x=>x%2==1)",
        "div": "<a>.filter(x=>x%<k>==0)",
        "gt": "<a>.filter(x=>x><k>)",
        "lt": "<a>.filter(x=>x<<k>)",
        "add": "<a>.map(x=>x+<k>)",
        "sub": "<a>.map(x=>x-<k>)",
        "mul": "<a>.map(x=>x*<k>)",
        "sq": "<a>.map(x=>x*x)",
        "mod": "<a>.map(x=>x%<k>)",
        "sort": "<a>.sort((x,y)=>x-y)",
        "rsort": "<a>.sort((x,y)=>y-x)",
        "rev": "<a>.reverse()",
        "tail": "<a>.slice(1)",
        "take": "<a>.slice(0,<k>)",
        "sum": "<a>.reduce((s,x)=>s+x,0)",
        "max": "<a>.sort((x,y)=>x-y).pop()||0",
        "min": "<a>.sort((x,y)=>y-x).pop()||0",
        "len": "<a>.length",
        "last": "<a>.pop()||0",
        "all": '<a>.join(" ")',
    },
    after=';\nrequire("readline").createInterface(process.stdin).on("line",'
    'l=>console.log(f(l.split(" ").filter(x=>x).map(Number))));',
    start="a",
)

_STYLES = {"pipeline": _PIPELINE, "loop": _LOOP, "nested": _NESTED}
STYLES = tuple(_STYLES)


def render(ast: Ast, style: str) -> str:
    """The JavaScript program for the AST in that style, without a newline at its end."""
    return _STYLES[style].render(ast)
