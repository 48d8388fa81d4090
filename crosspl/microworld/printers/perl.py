"""The microworld in Perl: an AST and a style in, a program out (see the package)."""

from crosspl.microworld.operations import Ast
from crosspl.microworld.printers.template import Expression, Statements

_READ = "while(<>){\n    @a=split;\n"

_PIPELINE = Statements(
    _READ,
    {
        "even": "    @a=grep{$_%2==0}@a;",
        "odd": "    @a=grep{$_%2==1}@a;",
        "div": "    @a=grep{$_%<k>==0}@a;",
        "gt": "    @a=grep{$_><k>}@a;",
        "lt": "    @a=grep{$_<<k>}@a;",
        "add": "    @a=map{$_+<k>}@a;",
        "sub": "    @a=map{$_-<k>}@a;",
        "mul": "    @a=map{$_*<k>}@a;",
        "sq": "    @a=map{$_*$_}@a;",
        "mod": "    @a=map{$_%<k>}@a;",
        "sort": "    @a=sort{$a<=>$b}@a;",
        "rsort": "    @a=sort{$b<=>$a}@a;",
        "rev": "    @a=reverse @a;",
        "tail": "    shift @a;",
        "take": "    @a=splice(@a,0,<k>);",
        "sum": '    $s=0;$s+=$_ for @a;print"$s\\n"',
        "max": '    @a=sort{$a<=>$b}@a;print $a[-1]//0,"\\n"',
        "min": '    @a=sort{$a<=>$b}@a;print $a[0]//0,"\\n"',
        "len": '    print @a+0,"\\n"',
        "last": '    print $a[-1]//0,"\\n"',
        "all": '    print"@a\\n"',
    },
    "\n}",
)

_LOOP = Statements(
    _READ,
    {
        "even": "    @b=@a;@a=();for $x(@b){push(@a,$x) if $x%2==0}",
        "odd": "    @b=@a;@a=();for $x(@b){push(@a,$x) if $x%2==1}",
        "div": "    @b=@a;@a=();for $x(@b){push(@a,$x) if $x%<k>==0}",
        "gt": "    @b=@a;@a=();for $x(@b){push(@a,$x) if $x><k>}",
        "lt": "    @b=@a;@a=();for $x(@b){push(@a,$x) if $x<<k>}",
        "add": "    @b=@a;@a=();for $x(@b){push(@a,$x+<k>)}",
        "sub": "    @b=@a;@a=();for $x(@b){push(@a,$x-<k>)}",
        "mul": "    @b=@a;@a=();for $x(@b){push(@a,$x*<k>)}",
        "sq": "    @b=@a;@a=();for $x(@b){push(@a,$x*$x)}",
        "mod": "    @b=@a;@a=();for $x(@b){push(@a,$x%<k>)}",
        "sort": "    @a=sort{$a<=>$b}@a;",
        "rsort": "    @a=sort{$b<=>$a}@a;",
        "rev": "    @b=@a;@a=();for $x(@b){unshift(@a,$x)}",
        "tail": "    shift(@a);",
        "take": "    while(@a><k>){pop(@a)}",
        "sum": '    $s=0;for $x(@a){$s+=$x}print"$s\\n"',
        "max": '    $s=$a[0]//0;for $x(@a){$s=$x if $x>$s}print"$s\\n"',
        "min": '    $s=$a[0]//0;for $x(@a){$s=$x if $x<$s}print"$s\\n"',
        "len": '    $s=0;for $x(@a){$s++}print"$s\\n"',
        "last": '    $s=0;for $x(@a){$s=$x}print"$s\\n"',
        "all": '    print join(" ",@a),"\\n"',
    },
    "\n}",
)

# No List::Util: its import line would cost more than the idioms that stand for sum, max, min, head and tail.
_NESTED = Expression(
    before="sub f{return ",
    ops={
        "even": "grep{$_%2==0}<a>",
        "odd": "grep{$_%2==1}<a>",
        "div": "grep{$_%<k>==0}<a>",
        "gt": "grep{$_><k>}<a>",
        "lt": "grep{$_<<k>}<a>",
        "add": "map{$_+<k>}<a>",
        "sub": "map{$_-<k>}<a>",
        "mul": "map{$_*<k>}<a>",
        "sq": "map{$_*$_}<a>",
        "mod": "map{$_%<k>}<a>",
        "sort": "sort{$a<=>$b}<a>",
        "rsort": "sort{$b<=>$a}<a>",
        "rev": "reverse(<a>)",
        "tail": "splice(@{[<a>]},1)",
        "take": "splice(@{[<a>]},0,<k>)",
        "sum": 'eval join("+",0,<a>)',
        "max": "(sort{$b<=>$a}<a>)[0]//0",
        "min": "(sort{$a<=>$b}<a>)[0]//0",
        "len": "scalar(()=<a>)",
        "last": "(0,<a>)[-1]",
        "all": 'join(" ",<a>)',
    },
    after='}\nprint f(split),"\\n" while <>;',
    start="@_",
)

_STYLES = {"pipeline": _PIPELINE, "loop": _LOOP, "nested": _NESTED}
STYLES = tuple(_STYLES)


def render(ast: Ast, style: str) -> str:
    """The Perl program for the AST in that style, without a newline at its end."""
    return _STYLES[style].render(ast)
