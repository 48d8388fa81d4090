"""The microworld in Ruby: an AST and a style in, a program out (see the package)."""

from crosspl.microworld.operations import Ast
from crosspl.microworld.printers.template import Expression, Statements

_READ = "while l=gets\n  a=l.split.map(&:to_i)\n"

_PIPELINE = Statements(
    _READ,
    {
        "even": "  a=a.select{|x|x%2==0}",
        "odd": "  a=a.select{|x|x%2==1}",
        "div": "  a=a.select{|x|x%<k>==0}",
        "gt": "  a=a.select{|x|x><k>}",
        "lt": "  a=a.select{|x|x<<k>}",
        "add": "  a=a.map{|x|x+<k>}",
        "sub": "  a=a.map{|x|x-<k>}",
        "mul": "  a=a.map{|x|x*<k>}",
        "sq": "  a=a.map{|x|x*x}",
        "mod": "  a=a.map{|x|x%<k>}",
        "sort": "  a=a.sort",
        "rsort": "  a=a.sort.reverse",
        "rev": "  a=a.reverse",
        "tail": "  a=a.drop(1)",
        "take": "  a=a.take(<k>)",
        "sum": "  puts a.sum",
        "max": "  puts a.max||0",
        "min": "  puts a.min||0",
        "len": "  puts a.size",
        "last": "  puts a.last||0",
        "all": '  puts a.join(" ")',
    },
    "\nend",
)

_LOOP = Statements(
    _READ,
    {
        "even": "  b=a;a=[];for x in b do a.push(x) if x%2==0 end",
        "odd": "  b=a;a=[];for x in b do a.push(x) if x%2==1 end",
        "div": "  b=a;a=[];for x in b do a.push(x) if x%<k>==0 end",
        "gt": "  b=a;a=[];for x in b do a.push(x) if x><k> end",
        "lt": "  b=a;a=[];for x in b do a.push(x) if x<<k> end",
        "add": "  b=a;a=[];for x in b do a.push(x+<k>) end",
        "sub": "  b=a;a=[];for x in b do a.push(x-<k>) end",
        "mul": "  b=a;a=[];for x in b do a.push(x*<k>) end",
        "sq": "  b=a;a=[];for x in b do a.push(x*x) end",
        "mod": "  b=a;a=[];for x in b do a.push(x%<k>) end",
        "sort": "  a.sort!",
        "rsort": "  a.sort!{|x,y|y<=>x}",
        "rev": "  b=a;a=[];for x in b do a.unshift(x) end",
        "tail": "  a.shift",
        "take": "  while a.size><k> do a.pop end",
        "sum": "  s=0;for x in a do s+=x end;puts s",
        "max": "  s=a[0]||0;for x in a do s=x if x>s end;puts s",
        "min": "  s=a[0]||0;for x in a do s=x if x<s end;puts s",
        "len": "  s=0;for x in a do s+=1 end;puts s",
        "last": "  s=0;for x in a do s=x end;puts s",
        "all": '  s=[];for x in a do s.push(x.to_s) end;puts s.join(" ")',
    },
    "\nend",
)

_NESTED = Expression(
    before="f=->a{",
    ops={
        "even": "<a>.select{|x|x%2==0}",
        "odd": "<a>.select{|x|x%2==1}",
        "div": "<a>.select{|x|x%<k>==0}",
        "gt": "<a>.select{|x|x><k>}",
        "lt": "<a>.select{|x|x<<k>}",
        "add": "<a>.map{|x|x+<k>}",
        "sub": "<a>.map{|x|x-<k>}",
        "mul": "<a>.map{|x|x*<k>}",
        "sq": "<a>.map{|x|x*x}",
        "mod": "<a>.map{|x|x%<k>}",
        "sort": "<a>.sort",
        "rsort": "<a>.sort.reverse",
        "rev": "<a>.reverse",
        "tail": "<a>.drop(1)",
        "take": "<a>.take(<k>)",
        "sum": "<a>.sum",
        "max": "<a>.max||0",
        "min": "<a>.min||0",
        "len": "<a>.size",
        "last": "<a>.last||0",
        "all": '<a>.join(" ")',
    },
    after="}\nwhile l=gets\n  puts f[l.split.map(&:to_i)]\nend",
    start="a",
)

_STYLES = {"pipeline": _PIPELINE, "loop": _LOOP, "nested": _NESTED}
STYLES = tuple(_STYLES)


def render(ast: Ast, style: str) -> str:
    """The Ruby program for the AST in that style, without a newline at its end."""
    return _STYLES[style].render(ast)
