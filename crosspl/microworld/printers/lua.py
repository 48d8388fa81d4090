"""The microworld in Lua: an AST and a style in, a program out (see the package).

Lua has no list tools besides ``table.*``, so ``pipeline`` changes the list in place, one short loop per stage.
"""

from crosspl.microworld.operations import Ast
from crosspl.microworld.printers.template import Expression, Statements

_READ = 'for l in io.lines() do\n  a={} for x in l:gmatch("%S+") do table.insert(a,tonumber(x)) end\n'

_PIPELINE = Statements(
    _READ,
    {
        "even": "  for i=#a,1,-1 do if a[i]%2~=0 then table.remove(a,i) end end",
        "odd": "  for i=#a,1,-1 do if a[i]%2~=1 then table.remove(a,i) end end",
        "div": "  for i=#a,1,-1 do if a[i]%<k>~=0 then table.remove(a,i) end end",
        "gt": "  for i=#a,1,-1 do if a[i]<=<k> then table.remove(a,i) end end",
        "lt": "  for i=#a,1,-1 do if a[i]>=<k> then table.remove(a,i) end end",
        "add": "  for i,x in ipairs(a) do a[i]=x+<k> end",
        "sub": "  for i,x in ipairs(a) do a[i]=x-<k> end",
        "mul": "  for i,x in ipairs(a) do a[i]=x*<k> end",
        "sq": "  for i,x in ipairs(a) do a[i]=x*x end",
        "mod": "  for i,x in ipairs(a) do a[i]=x%<k> end",
        "sort": "  table.sort(a)",
        "rsort": "  table.sort(a,function(x,y) return x>y end)",
        "rev": "  for i=1,#a do table.insert(a,i,table.remove(a)) end",
        "tail": "  table.remove(a,1)",
        "take": "  a={table.unpack(a,1,<k>)}",
        "sum": "  s=0 while #a>0 do s=s+table.remove(a) end print(s)",
        "max": "  table.sort(a) print(a[#a] or 0)",
        "min": "  table.sort(a) print(a[1] or 0)",
        "len": "  print(#a)",
        "last": "  print(a[#a] or 0)",
        "all": '  print(table.concat(a," "))',
    },
    "\nend",
)

_LOOP = Statements(
    _READ,
    {
        "even": "  b=a a={} for i,x in ipairs(b) do if x%2==0 then table.insert(a,x) end end",
        "odd": "  b=a a={} for i,x in ipairs(b) do if x%2==1 then table.insert(a,x) end end",
        "div": "  b=a a={} for i,x in ipairs(b) do if x%<k>==0 then table.insert(a,x) end end",
        "gt": "  b=a a={} for i,x in ipairs(b) do if x><k> then table.insert(a,x) end end",
        "lt": "  b=a a={} for i,x in ipairs(b) do if x<<k> then table.insert(a,x) end end",
        "add": "  b=a a={} for i,x in ipairs(b) do table.insert(a,x+<k>) end",
        "sub": "  b=a a={} for i,x in ipairs(b) do table.insert(a,x-<k>) end",
        "mul": "  b=a a={} for i,x in ipairs(b) do table.insert(a,x*<k>) end",
        "sq": "  b=a a={} for i,x in ipairs(b) do table.insert(a,x*x) end",
        "mod": "  b=a a={} for i,x in ipairs(b) do table.insert(a,x%<k>) end",
        "sort": "  table.sort(a)",
        "rsort": "  table.sort(a,function(x,y) return x>y end)",
        "rev": "  b=a a={} for i,x in ipairs(b) do table.insert(a,1,x) end",
        "tail": "  table.remove(a,1)",
        "take": "  while #a><k> do table.remove(a) end",
        "sum": "  s=0 for i,x in ipairs(a) do s=s+x end print(s)",
        "max": "  s=a[1] or 0 for i,x in ipairs(a) do if x>s then s=x end end print(s)",
        "min": "  s=a[1] or 0 for i,x in ipairs(a) do if x<s then s=x end end print(s)",
        "len": "  s=0 for i,x in ipairs(a) do s=s+1 end print(s)",
        "last": "  s=0 for i,x in ipairs(a) do s=x end print(s)",
        "all": '  s={} for i,x in ipairs(a) do table.insert(s,tostring(x)) end print(table.concat(s," "))',
    },
    "\nend",
)

_NESTED = Expression(
    helpers={
        "filter": (
            "local function filter(a,f) local b={} for i,x in ipairs(a) do "
            "if f(x) then table.insert(b,x) end end return b end"
        ),
        "map": "local function map(a,f) local b={} for i,x in ipairs(a) do table.insert(b,f(x)) end return b end",
        "sort": "local function sort(a,f) table.sort(a,f) return a end",
        "rev": "local function rev(a) local b={} for i,x in ipairs(a) do table.insert(b,1,x) end return b end",
        "sum": "local function sum(a) local s=0 for i,x in ipairs(a) do s=s+x end return s end",
        "max": "local function max(a) table.sort(a) return a[#a] or 0 end",
        "min": "local function min(a) table.sort(a) return a[1] or 0 end",
        "last": "local function last(a) return a[#a] or 0 end",
    },
    before=_READ + "  print(",
    ops={
        "even": "filter(<a>,function(x) return x%2==0 end)",
        "odd": "filter(<a>,function(x) return x%2==1 end)",
        "div": "filter(<a>,function(x) return x%<k>==0 end)",
        "gt": "filter(<a>,function(x) return x><k> end)",
        "lt": "filter(<a>,function(x) return x<<k> end)",
        "add": "map(<a>,function(x) return x+<k> end)",
        "sub": "map(<a>,function(x) return x-<k> end)",
        "mul": "map(<a>,function(x) return x*<k> end)",
        "sq": "map(<a>,function(x) return x*x end)",
        "mod": "map(<a>,function(x) return x%<k> end)",
        "sort": "sort(<a>)",
        "rsort": "sort(<a>,function(x,y) return x>y end)",
        "rev": "rev(<a>)",
        "tail": "{table.unpack(<a>,2)}",
        "take": "{table.unpack(<a>,1,<k>)}",
        "sum": "sum(<a>)",
        "max": "max(<a>)",
        "min": "min(<a>)",
        "len": "#<a>",
        "last": "last(<a>)",
        "all": 'table.concat(<a>," ")',
    },
    after=")\nend",
    start="a",
)

_STYLES = {"pipeline": _PIPELINE, "loop": _LOOP, "nested": _NESTED}
STYLES = tuple(_STYLES)


def render(ast: Ast, style: str) -> str:
    """The Lua program for the AST in that style, without a newline at its end."""
    return _STYLES[style].render(ast)
