"""The microworld in PHP: an AST and a style in, a program out (see the package)."""

from crosspl.microworld.operations import Ast
from crosspl.microworld.printers.template import Expression, Statements

# The filter makes an empty line an empty list. The numbers stay numeric strings, which PHP counts with as with ints.
_READ = '<?php\nforeach(file("php://stdin") as $l){\n    $a=array_filter(explode(" ",trim($l)),"strlen");\n'

_PIPELINE = Statements(
    _READ,
    {
        "even": "    $a=array_filter($a,fn($x)=>$x%2==0);",
        "odd": "    $a=array_filter($a,fn($x)=>$x%2==1);",
        "div": "    $a=array_filter($a,fn($x)=>$x%<k>==0);",
        "gt": "    $a=array_filter($a,fn($x)=>$x><k>);",
        "lt": "    $a=array_filter($a,fn($x)=>$x<<k>);",
        "add": "    $a=array_map(fn($x)=>$x+<k>,$a);",
        "sub": "    $a=array_map(fn($x)=>$x-<k>,$a);",
        "mul": "    $a=array_map(fn($x)=>$x*<k>,$a);",
        "sq": "    $a=array_map(fn($x)=>$x*$x,$a);",
        "mod": "    $a=array_map(fn($x)=>$x%<k>,$a);",
        "sort": "    sort($a);",
        "rsort": "    rsort($a);",
        "rev": "    $a=array_reverse($a);",
        "tail": "    $a=array_slice($a,1);",
        "take": "    $a=array_slice($a,0,<k>);",
        "sum": '    echo array_sum($a),"\\n";',
        "max": '    echo $a?max($a):0,"\\n";',
        "min": '    echo $a?min($a):0,"\\n";',
        "len": '    echo count($a),"\\n";',
        "last": '    echo end($a)?:0,"\\n";',
        "all": '    echo implode(" ",$a),"\\n";',
    },
    "\n}",
)

_LOOP = Statements(
    _READ,
    {
        "even": "    $b=$a;$a=[];foreach($b as $x)if($x%2==0)$a[]=$x;",
        "odd": "    $b=$a;$a=[];foreach($b as $x)if($x%2==1)$a[]=$x;",
        "div": "    $b=$a;$a=[];foreach($b as $x)if($x%<k>==0)$a[]=$x;",
        "gt": "    $b=$a;$a=[];foreach($b as $x)if($x><k>)$a[]=$x;",
        "lt": "    $b=$a;$a=[];foreach($b as $x)if($x<<k>)$a[]=$x;",
        "add": "    $b=$a;$a=[];foreach($b as $x)$a[]=$x+<k>;",
        "sub": "    $b=$a;$a=[];foreach($b as $x)$a[]=$x-<k>;",
        "mul": "    $b=$a;$a=[];foreach($b as $x)$a[]=$x*<k>;",
        "sq": "    $b=$a;$a=[];foreach($b as $x)$a[]=$x*$x;",
        "mod": "    $b=$a;$a=[];foreach($b as $x)$a[]=$x%<k>;",
        "sort": "    sort($a);",
        "rsort": "    rsort($a);",
        "rev": "    $b=$a;$a=[];foreach($b as $x)array_unshift($a,$x);",
        "tail": "    array_shift($a);",
        "take": "    while(count($a)><k>)array_pop($a);",
        "sum": '    $s=0;foreach($a as $x)$s+=$x;echo "$s\\n";',
        "max": '    $s=$a[0]??0;foreach($a as $x)if($x>$s)$s=$x;echo "$s\\n";',
        "min": '    $s=$a[0]??0;foreach($a as $x)if($x<$s)$s=$x;echo "$s\\n";',
        "len": '    $s=0;foreach($a as $x)$s++;echo "$s\\n";',
        "last": '    $s=0;foreach($a as $x)$s=$x;echo "$s\\n";',
        "all": '    $s="";foreach($a as $x)$s.=" $x";echo trim($s),"\\n";',
    },
    "\n}",
)

# sort() changes its argument and returns true: the one tool that an expression cannot use without a helper.
_NESTED = Expression(
    opening="<?php\n",
    helpers={"sorted": "function sorted($a){sort($a);return $a;}"},
    before="function f($a){return ",
    ops={
        "even": "array_filter(<a>,fn($x)=>$x%2==0)",
        "odd": "array_filter(<a>,fn($x)=>$x%2==1)",
        "div": "array_filter(<a>,fn($x)=>$x%<k>==0)",
        "gt": "array_filter(<a>,fn($x)=>$x><k>)",
        "lt": "array_filter(<a>,fn($x)=>$x<<k>)",
        "add": "array_map(fn($x)=>$x+<k>,<a>)",
        "sub": "array_map(fn($x)=>$x-<k>,<a>)",
        "mul": "array_map(fn($x)=>$x*<k>,<a>)",
        "sq": "array_map(fn($x)=>$x*$x,<a>)",
        "mod": "array_map(fn($x)=>$x%<k>,<a>)",
        "sort": "sorted(<a>)",
        "rsort": "array_reverse(sorted(<a>))",
        "rev": "array_reverse(<a>)",
        "tail": "array_slice(<a>,1)",
        "take": "array_slice(<a>,0,<k>)",
        "sum": "array_sum(<a>)",
        "max": "max(<a>?:[0])",
        "min": "min(<a>?:[0])",
        "len": "count(<a>)",
        "last": "array_slice(<a>,-1)[0]??0",
        "all": 'implode(" ",<a>)',
    },
    after=(
        ';}\nforeach(file("php://stdin") as $l){\n    echo f(array_filter(explode(" ",trim($l)),"strlen")),"\\n";\n}'
    ),
    start="$a",
)

_STYLES = {"pipeline": _PIPELINE, "loop": _LOOP, "nested": _NESTED}
STYLES = tuple(_STYLES)


def render(ast: Ast, style: str) -> str:
    """The PHP program for the AST in that style, without a newline at its end."""
    return _STYLES[style].render(ast)
