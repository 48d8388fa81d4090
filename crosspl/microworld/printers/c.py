"""The microworld in C: an AST and a style in, a program out (see the package).

C has no list tools, so ``pipeline`` changes one array in place, ``loop`` fills a second array per stage and swaps the
two, and ``nested`` calls one small function per op, each taking and giving the length of the global array.
int holds every value and every sum only because problems with large ones are filtered out: of two-digit inputs, three
``sq`` overflow, and so does the sum after two ``sq`` and a ``mul``. A line may have up to BUFSIZ - 2 (8190) characters.
"""

from crosspl.microworld.operations import Ast
from crosspl.microworld.printers.template import Expression, Statements

_DECLARE = "#include <stdio.h>\n#include <stdlib.h>\nchar l[BUFSIZ],*p,*q;\n"
_READ = "int main(){while(fgets(l,BUFSIZ,stdin)){\n    n=0;for(p=l;x=strtol(p,&q,10),p!=q;p=q)a[n++]=x;\n"

_PIPELINE = Statements(
    _DECLARE + "int a[BUFSIZ],i,j,n,x;\n" + _READ,
    {
        "even": "    for(i=j=0;i<n;i++)if(a[i]%2==0)a[j++]=a[i];n=j;",
        "odd": "    for(i=j=0;i<n;i++)if(a[i]%2==1)a[j++]=a[i];n=j;",
        "div": "    for(i=j=0;i<n;i++)if(a[i]%<k>==0)a[j++]=a[i];n=j;",
        "gt": "    for(i=j=0;i<n;i++)if(a[i]><k>)a[j++]=a[i];n=j;",
        "lt": "    for(i=j=0;i<n;i++)if(a[i]<<k>)a[j++]=a[i];n=j;",
        "add": "    for(i=0;i<n;i++)a[i]+=<k>;",
        "sub": "    for(i=0;i<n;i++)a[i]-=<k>;",
        "mul": "    for(i=0;i<n;i++)a[i]*=<k>;",
        "sq": "    for(i=0;i<n;i++)a[i]*=a[i];",
        "mod": "    for(i=0;i<n;i++)a[i]%=<k>;",
        "sort": "    for(i=0;i<n;i++)for(j=0;j<i;j++)if(a[j]>a[i])x=a[i],a[i]=a[j],a[j]=x;",
        "rsort": "    for(i=0;i<n;i++)for(j=0;j<i;j++)if(a[j]<a[i])x=a[i],a[i]=a[j],a[j]=x;",
        "rev": "    for(i=0,j=n-1;i<j;i++,j--)x=a[i],a[i]=a[j],a[j]=x;",
        "tail": "    for(i=1;i<n;i++)a[i-1]=a[i];if(n)n--;",
        "take": "    if(n><k>)n=<k>;",
        "sum": '    for(i=x=0;i<n;i++)x+=a[i];printf("%d\\n",x);',
        "max": '    x=n?a[0]:0;for(i=0;i<n;i++)if(a[i]>x)x=a[i];printf("%d\\n",x);',
        "min": '    x=n?a[0]:0;for(i=0;i<n;i++)if(a[i]<x)x=a[i];printf("%d\\n",x);',
        "len": '    printf("%d\\n",n);',
        "last": '    printf("%d\\n",n?a[n-1]:0);',
        "all": '    for(i=0;i<n;i++)printf(i?" %d":"%d",a[i]);puts("");',
    },
    "\n}}",
)

_LOOP = Statements(
    _DECLARE + "int u[BUFSIZ],v[BUFSIZ],*a=u,*b=v,*t,i,j,m,n,x;\n" + _READ,
    {
        "even": "    t=a;a=b;b=t;m=n;for(i=n=0;i<m;i++)if(b[i]%2==0)a[n++]=b[i];",
        "odd": "    t=a;a=b;b=t;m=n;for(i=n=0;i<m;i++)if(b[i]%2==1)a[n++]=b[i];",
        "div": "    t=a;a=b;b=t;m=n;for(i=n=0;i<m;i++)if(b[i]%<k>==0)a[n++]=b[i];",
        "gt": "    t=a;a=b;b=t;m=n;for(i=n=0;i<m;i++)if(b[i]><k>)a[n++]=b[i];",
        "lt": "    t=a;a=b;b=t;m=n;for(i=n=0;i<m;i++)if(b[i]<<k>)a[n++]=b[i];",
        "add": "    t=a;a=b;b=t;m=n;for(i=n=0;i<m;i++)a[n++]=b[i]+<k>;",
        "sub": "    t=a;a=b;b=t;m=n;for(i=n=0;i<m;i++)a[n++]=b[i]-<k>;",
        "mul": "    t=a;a=b;b=t;m=n;for(i=n=0;i<m;i++)a[n++]=b[i]*<k>;",
        "sq": "    t=a;a=b;b=t;m=n;for(i=n=0;i<m;i++)a[n++]=b[i]*b[i];",
        "mod": "    t=a;a=b;b=t;m=n;for(i=n=0;i<m;i++)a[n++]=b[i]%<k>;",
        "sort": "    t=a;a=b;b=t;m=n;for(i=n=0;i<m;i++){for(j=n++;j&&a[j-1]>b[i];j--)a[j]=a[j-1];a[j]=b[i];}",
        "rsort": "    t=a;a=b;b=t;m=n;for(i=n=0;i<m;i++){for(j=n++;j&&a[j-1]<b[i];j--)a[j]=a[j-1];a[j]=b[i];}",
        "rev": "    t=a;a=b;b=t;m=n;for(i=n=0;i<m;i++)a[n++]=b[m-1-i];",
        "tail": "    t=a;a=b;b=t;m=n;for(i=n=0;i<m;i++)if(i>0)a[n++]=b[i];",
        "take": "    t=a;a=b;b=t;m=n;for(i=n=0;i<m;i++)if(i<<k>)a[n++]=b[i];",
        "sum": '    x=0;for(i=0;i<n;i++)x+=a[i];printf("%d\\n",x);',
        "max": '    x=n?a[0]:0;for(i=0;i<n;i++)if(a[i]>x)x=a[i];printf("%d\\n",x);',
        "min": '    x=n?a[0]:0;for(i=0;i<n;i++)if(a[i]<x)x=a[i];printf("%d\\n",x);',
        "len": '    x=0;for(i=0;i<n;i++)x++;printf("%d\\n",x);',
        "last": '    x=0;for(i=0;i<n;i++)x=a[i];printf("%d\\n",x);',
        "all": '    for(i=0;i<n;i++){if(i>0)printf(" ");printf("%d",a[i]);}printf("\\n");',
    },
    "\n}}",
)

# `by` and not `div`: stdlib.h has a div().
_NESTED = Expression(
    opening=_DECLARE + "int a[BUFSIZ],i,j,n,x;\n",
    helpers={
        "even": "int even(int n){for(i=j=0;i<n;i++)if(a[i]%2==0)a[j++]=a[i];return j;}",
        "odd": "int odd(int n){for(i=j=0;i<n;i++)if(a[i]%2==1)a[j++]=a[i];return j;}",
        "by": "int by(int n,int k){for(i=j=0;i<n;i++)if(a[i]%k==0)a[j++]=a[i];return j;}",
        "gt": "int gt(int n,int k){for(i=j=0;i<n;i++)if(a[i]>k)a[j++]=a[i];return j;}",
        "lt": "int lt(int n,int k){for(i=j=0;i<n;i++)if(a[i]<k)a[j++]=a[i];return j;}",
        "add": "int add(int n,int k){for(i=0;i<n;i++)a[i]+=k;return n;}",
        "sub": "int sub(int n,int k){for(i=0;i<n;i++)a[i]-=k;return n;}",
        "mul": "int mul(int n,int k){for(i=0;i<n;i++)a[i]*=k;return n;}",
        "sq": "int sq(int n){for(i=0;i<n;i++)a[i]*=a[i];return n;}",
        "mod": "int mod(int n,int k){for(i=0;i<n;i++)a[i]%=k;return n;}",
        "sort": "int sort(int n){for(i=0;i<n;i++)for(j=0;j<i;j++)if(a[j]>a[i])x=a[i],a[i]=a[j],a[j]=x;return n;}",
        "rev": "int rev(int n){for(i=0,j=n-1;i<j;i++,j--)x=a[i],a[i]=a[j],a[j]=x;return n;}",
        "tail": "int tail(int n){for(i=1;i<n;i++)a[i-1]=a[i];return n?n-1:0;}",
        "take": "int take(int n,int k){return n<k?n:k;}",
        "sum": "int sum(int n){for(i=x=0;i<n;i++)x+=a[i];return x;}",
        "max": "int max(int n){x=n?a[0]:0;for(i=0;i<n;i++)if(a[i]>x)x=a[i];return x;}",
        "min": "int min(int n){x=n?a[0]:0;for(i=0;i<n;i++)if(a[i]<x)x=a[i];return x;}",
        "last": "int last(int n){return n?a[n-1]:0;}",
        "all": 'int all(int n){for(i=0;i<n;i++)printf(i?" %d":"%d",a[i]);return puts("");}',
    },
    before=_READ + "    ",
    ops={
        "even": "even(<a>)",
        "odd": "odd(<a>)",
        "div": "by(<a>,<k>)",
        "gt": "gt(<a>,<k>)",
        "lt": "lt(<a>,<k>)",
        "add": "add(<a>,<k>)",
        "sub": "sub(<a>,<k>)",
        "mul": "mul(<a>,<k>)",
        "sq": "sq(<a>)",
        "mod": "mod(<a>,<k>)",
        "sort": "sort(<a>)",
        "rsort": "rev(sort(<a>))",
        "rev": "rev(<a>)",
        "tail": "tail(<a>)",
        "take": "take(<a>,<k>)",
        "sum": 'printf("%d\\n",sum(<a>))',
        "max": 'printf("%d\\n",max(<a>))',
        "min": 'printf("%d\\n",min(<a>))',
        "len": 'printf("%d\\n",<a>)',
        "last": 'printf("%d\\n",last(<a>))',
        "all": "all(<a>)",
    },
    after=";\n}}",
    start="n",
)

_STYLES = {"pipeline": _PIPELINE, "loop": _LOOP, "nested": _NESTED}
STYLES = tuple(_STYLES)


def render(ast: Ast, style: str) -> str:
    """The C program for the AST in that style, without a newline at its end."""
    return _STYLES[style].render(ast)
