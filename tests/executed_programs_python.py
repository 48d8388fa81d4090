"""Python programs for test_executed_lines.py; lines that are not to be executed end with `# no`.

In: an input of "3". Out: PYTHON, programs by name; NO_TRACE_PYTHON, programs of which no trace can be had.
"""

PYTHON = {
    "nothing": "",
    "comments only": "# a comment\n\n'''a docstring'''\n",
    "branches": """\
\"\"\"Docstring.
Of two lines.\"\"\"
from __future__ import annotations
import sys

if len(sys.argv) == 1:  # a comment
    x = 1
elif f(2):  # no
    x = 2  # no
else:
    x = 3  # no
'a comment, too'
if x == 1: y = 2
while x > 5:
    x -= 1  # no
else:
    y = 3
for i in []:
    pass  # no
assert (
    x
), "never"
""",
    "functions": """\
def never(a, b=1):
    "Docstring."
    global c
    def inner():  # no
        return a  # no
    return inner()  # no

def outer(a):
    def inner():
        return a
        print(a)  # no
    return inner

@(lambda f: f)
def wrapped(
    a,
    b=2,
):
    return b

outer(1)()
wrapped(1)
lambda: 1 / 0
async def later():
    await x  # no
""",
    "generators": """\
def count():
    yield 1
    yield 2
    yield 3  # no

for value in count():
    if value == 2:
        break
else:
    print(value)  # no
unused = (1 / 0 for x in [1])
halves = [
    x  # no
    / 2  # no
    for x in range(3)
    if x
    > 5  # then nothing is taken
]
""",
    "classes": """\
class A:
    \"\"\"Docstring.\"\"\"
    x: int = 1
    if x == 2:
        y = 3  # no

    def f(self):
        return 1  # no

    @property
    def g(self):
        return 2

    class B:
        z = 4

A().g
""",
    "parts of statements": """\
x = 1
y = (
    x
    if x
    else f(x)  # no
)
z = (
    x
    or f(  # no
        x  # no
    )
).bit_length()
f = [
    1,
    lambda:
        g(  # no
            x,  # no
        ),
]
s = f"{x}" 'a' \\
    'b'
""",
    "exceptions": """\
import sys
def f():
    try:
        return 1
    finally:
        print(1)
    print(2)  # no
try:
    f()
    1 / 0
    f()  # no
except ValueError:
    pass  # no
except (OSError,
        ZeroDivisionError) as error:
    print(3)
except TypeError:  # no
    pass  # no
except:  # no
    pass  # no
else:
    f()  # no
finally:
    print(4)
try:
    sys.exit(3)
except:
    print(5)
with open("main.py") as stream:
    raise KeyError
    print(6)  # no
print(7)  # no
""",
    "match": """\
match 3:
    case 1:
        print(1)  # no
    case x if x > 5:
        print(2)  # no
    case [*_] | {"a": _}:
        print(3)  # no
    case 3:
        print(4)
    case y if (  # no
        y  # no
    ):
        print(5)  # no
    case _:  # no
        print(6)  # no
""",
    "exit": "import sys\ndef f():\n    sys.exit(1)\n    f()  # no\nf()\nprint(1)  # no\n",
    "hard exit": "import os\nif input() == '3':\n    os._exit(0)\nprint(1)  # no\n",
    "kill": "import os, signal\nprint(1)\nos.kill(os.getpid(), signal.SIGKILL)\nprint(1)  # no\n",
    "kill of the group": "import os\nprint(1)\nos.kill(0, 9)\nprint(1)  # no\n",
    "abort": "import os\nos.abort()\nprint(1)  # no\n",
    "loop": "x = input()\nwhile x:\n    x += ''\n    if not x:\n        print(1)  # no\nprint(2)  # no\n",
    "loop that catches all": """\
while True:
    try:
        while True:
            pass
    except:  # no
        1  # no
""",
    "loop in C": "x = 10 ** 8\nsum(range(x ** 3))\nprint(2)  # no\n",
    "recursion": """\
def f(n):
    return f(n + 1)
def g():
    try:
        f(0)
    except ValueError:
        return 1  # no
    except RecursionError:
        return 2
for i in range(3):
    g()
try:
    g()
finally:
    print(3)
f(0)
print(4)  # no
""",
    "deep recursion": """\
import sys, threading
sys.setrecursionlimit(10 ** 6)
threading.stack_size(1 << 26)
def f(n):
    if n < 0:
        return 1 / 0  # no
    return f(n - 1) if n else 0
def main():
    f(20000)
    print(1)
thread = threading.Thread(target=main)
thread.start()
thread.join()
""",
    "without tracing": """\
import sys
sys.settrace(None)
del sys.settrace
sys.stdout = None
if not sys:
    1  # no
x = 1
""",
    "report of its own": """\
import os, sys, json
if not sys:
    print(1)  # no
report = json.dumps([[1, 2, 3], [1, 2, 3]])
print(report, flush=True)
os.write(1, b"[[1, 2, 3], [1, 2, 3]]\\n" * 100)
os.write(2, b"[[1, 2, 3], [1, 2, 3]]")
sys.__stdout__.write(report)
os.system("echo '[[], []]'")
os.closerange(0, 100)
""",
    "unicode": "ä = 'ö\u2028\x0c\x85'; print(ä)\n\x0cif ä == 'ü':\n    print('\x0c')  # no\nprint('𝒳')\n",
    "latin": "# coding: latin-1\nif '\u00e4' == 'a':\n    pass  # no\nassert len('\u00e4') == 2\nx = 1\n",
    "CRLF": "if input() == '4':\r\n    print(1)  # no\r\nelse:\r\n    print('''a\r\n\r\nb''')\r\nprint(2)\r\n",
    "tabs, semicolons, no line break": """\
if 0:
	x = 1; y = 2 # no
	x = 1 if x else [ # no
		1] # no
x = 1; y = 2
def f(): return 1
x \\
	= 1""",
}  # fmt: skip

NO_TRACE_PYTHON = {
    "syntax": "x = 1\nif x\n    print(1)",
    "return outside a function": "x = 1\nreturn x",
    "null": "x = 1\0",
    "surrogate": "x = '\ud800'",
    "lone CR": "x = 1\rif x == 2:\r    print(1)\n",
    "kills what reports": "import os\nprint(1)\nos.kill(os.getppid(), 9)\nimport time\ntime.sleep(60)",
    "kills all": "import os\nos.kill(-1, 9)",
    "sleeps until the wall limit": "import time\ntime.sleep(60)",
    "deep": "x = " + "(" * 5000,
    "ends in a test, not in another": "import os, time\nif input() == '2': time.sleep(60)",
}
