"""Which lines tests executed, by real interpreters and compilers in real boxes, and the mask of an answer's tokens.

Each program says itself which of its lines are not to be executed: by `# no` or `// no` at their end.
"""

import json
import platform
import random
import shutil
from pathlib import Path

import pytest
import yaml
from executed_programs_c import CPP, NO_TRACE_C, C
from executed_programs_python import NO_TRACE_PYTHON, PYTHON

from crosspl.errors import UserError
from crosspl.executed_lines import TRACED, token_mask, traced_with, unexecuted_lines
from crosspl.judge.client import Judge

LIMITS = {"cpu_s": 0.4, "memory_mib": 256}
LACKING = [name for name in ("gcc", "g++", "bash") if not shutil.which(name)]
LACKING += [] if platform.machine() == "x86_64" else ["x86-64"]


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    with Judge(["python"], jobs=2, work=tmp_path_factory.mktemp("judge")) as judge:
        yield judge


@pytest.fixture(scope="module")
def compiling(tmp_path_factory):
    if LACKING:
        pytest.skip(f"C and C++ are traced with {', '.join(LACKING)}, not here")
    with Judge(["bash"], jobs=2, work=tmp_path_factory.mktemp("judge")) as judge:
        yield judge


def row(language, code, *inputs, **limits):
    return {
        "language": language, "code": code, "limits": LIMITS | limits,
        "tests": [{"stdin": text, "stdout": "3\n"} for text in inputs or [""]],
    }  # fmt: skip


def said(code):
    return {number for number, line in enumerate(code.split("\n"), 1) if line.rstrip("\r").endswith((" no", "/no"))}


def check(judge, language, programs, *inputs):
    """All programs in one call: each of them leaves the others alone."""
    found = unexecuted_lines(judge, [row(language, code, *inputs) for code in programs.values()])
    assert dict(zip(programs, found)) == {name: said(code) for name, code in programs.items()}


def test_python(judge):
    check(judge, "python", PYTHON, "3\n")


def test_python_is_as_without_tracing(judge):
    """What a program sees of itself, and what reading its input gives; a difference would leave the last line."""
    code = """\
import __main__, inspect, os, sys
names = ["__annotations__", "__builtins__", "__cached__", "__doc__", "__file__", "__loader__", "__name__"]
names += ["__package__", "__spec__", "__main__", "inspect", "os", "sys", "names", "f"]
def f(x=lambda: (yield)):
    return [y for y in [x] if y]
assert __name__ == "__main__" and __main__.f is f and __doc__ is None, 1
assert sorted(set(globals()) - {"__annotations__"}) == sorted(set(names) - {"__annotations__"}), 2
assert input() == "1 2" and sys.stdin.read() == "3" and sys.stdin.buffer.read() == b"", 3
assert sys.argv == ["main.py"] and os.path.samefile(__file__, "main.py"), 4
assert inspect.getsource(f).startswith("def f(x") and open(__file__).read().endswith("print('end')"), 5
assert sys.getrecursionlimit() == 1000 and f.__code__.co_varnames == ("x",) and f() is not None, 6
assert f.__code__.co_firstlineno == 4 and sys.flags.no_user_site, 7
class A:
    assert set(locals()) == {"__module__", "__qualname__"}, 8
print('end')"""
    first, second = unexecuted_lines(judge, [row("python", code, "1 2\n3"), row("python", code, "1 2\n4")])
    assert (first, second) == (set(), {5, 9, 10, 11, 12, 13, 14, 15})
    [plain] = judge.run([{"language": "python", "code": code, "stdin": "1 2\n3"}])
    assert plain["stdout"] == "end\n", plain


def test_a_line_that_any_test_executed_is_executed(judge):
    code = "x = int(input())\nif x == 1:\n    print(1)\nelif x == 2:\n    print(2)\nelse:\n    print(3)\n"
    inputs = ["1\n", "2\n", "x\n"]
    found = unexecuted_lines(judge, [row("python", code, *inputs[:n]) for n in (1, 2, 3)])
    found += unexecuted_lines(judge, [row("python", code, inputs[2])])
    assert found == [{4, 5, 7}, {7}, {7}, {2, 3, 4, 5, 7}]


def test_python_without_trace_is_none_and_its_neighbours_have_theirs(judge):
    rows = [row("python", code, "1\n", "2\n", wall_s=1) for code in NO_TRACE_PYTHON.values()]
    good = row("python", "if 0:\n    1\n")
    others = [row("lua", "print(1)"), row("python", "x = 1") | {"tests": []}]
    found = unexecuted_lines(judge, [good, *rows, good, *others, good | {"limits": None}])
    assert dict(zip(NO_TRACE_PYTHON, found[1:])) == dict.fromkeys(NO_TRACE_PYTHON)
    assert found[:1] + found[len(rows) + 1 :] == [{2}, {2}, None, None, {2}]
    assert unexecuted_lines(judge, []) == [] and unexecuted_lines(judge, others) == [None, None]


def test_forged_reports_are_never_an_error(judge):
    forge = "import os\nfd = os.open(f'/proc/{os.getppid()}/fd/1', 2)\nos.write(fd, %r)\nos.kill(os.getppid(), 9)"
    texts = (b"", b"[[], []]", b"[[1, 99, -1, 10000000000], [1]]", b"[1]", b"{}", b"[[[]], [[]]]", b"\xff", b"[" * 9**5)
    for lines in unexecuted_lines(judge, [row("python", forge % text) for text in texts]):
        assert lines is None or lines <= {1, 2, 3, 4}


def test_every_other_program_of_the_tests_is_executed_alike(judge):
    """The oracle is the interpreter's own trace: what it saw executed is never said to be unexecuted."""
    programs = [yaml.safe_load(Path("languages/python.yaml").read_text())["selftest"]["code"], *PYTHON.values()]
    endless = ("while", "kill", "exit", "range(x", "f(n", "abort", "settrace")
    programs = [code for code in programs if not any(word in code for word in endless)]
    oracle = """
import json, os, sys, threading
code, seen, out = compile(%r, "main.py", "exec"), set(), os.dup(1)
os.set_inheritable(out, False)
def local(frame, event, argument):
    if event == "line":
        seen.add(frame.f_lineno)
    return local
def tracer(frame, event, argument):
    return local if frame.f_code.co_filename == "main.py" else None
os.closerange = print
os.dup2(2, 1)
sys.settrace(tracer)
try:
    exec(code, {"__name__": "__main__"})
except BaseException:
    pass
sys.settrace(None)
os.write(out, json.dumps(sorted(seen)).encode())
"""
    outcomes = judge.run([{"language": "python", "code": oracle % code.encode(), "stdin": "3\n"} for code in programs])
    found = unexecuted_lines(judge, [row("python", code, "3\n") for code in programs])
    assert len(programs) > 10
    for code, outcome, lines in zip(programs, outcomes, found):
        assert not lines & set(json.loads(outcome["stdout"])), code


def test_c(compiling):
    check(compiling, "c", C, "3\n")


def test_cpp(compiling):
    check(compiling, "cpp", CPP, "3\n")


def test_c_without_trace_is_none_and_its_neighbours_have_theirs(compiling):
    code = "#include <stdio.h>\nint main(void) {\n    if (getchar() == 3)\n        return 1;\n    return 0;\n}"
    good = row("c", code, "1\n", "2\n")
    rows = [row("c", code, "1\n", "2\n") for code in NO_TRACE_C.values()]
    found = unexecuted_lines(compiling, [good, *rows, good, good | {"limits": None}])
    assert dict(zip(NO_TRACE_C, found[1:])) == dict.fromkeys(NO_TRACE_C)
    assert [found[0], *found[-2:]] == [{4}] * 3


def test_c_gets_the_inputs_of_its_tests_one_after_another(compiling):
    code = """\
#include <stdio.h>
int main(void) {
    int size = 0, c, sum = 0;
    while ((c = getchar()) != EOF) size++, sum += c;
    if (size == 0)
        return 0;
    if (size == 100000)
        return 1;
    if (size == 3 && sum == 0xc3 + 0xa4)
        return 2;
    if (size == 1)
        return 3;
    return 4;
}
"""
    inputs = ["", "x" * 100_000, "\0\u00e4", "\n"]
    found = unexecuted_lines(compiling, [row("c", code, *inputs[:n]) for n in (1, 2, 3, 4)])
    assert found == [set(range(first, 14)) for first in (7, 9, 11, 13)]


def test_what_a_judge_must_hold(judge):
    assert [traced_with(language) for language in (*TRACED, "lua")] == [["python"], ["bash"], ["bash"], []]
    with pytest.raises(UserError, match="bash"):
        unexecuted_lines(judge, [row("c", "int main(void) { }")])


def test_mask_of_an_answer():
    code = "if x:\n    a()\nelse:\n    b()\n"
    answer = f"So:\n```\n{code}```\n"
    words = [
        "So:\n",
        "```\n",
        "if x:\n",
        "    ",
        "a",
        "()\n    ",
        "",
        "\n",
        "else:\n",
        "    b",
        "()\n",
        "```",
        "\n",
        "",
    ]
    words = ["So:\n", "```\n", "if x:\n", "    ", "a", "()", "\nelse", ":\n    ", "b", "", "()\n", "```", "\n"]
    assert "".join(words) == answer
    offsets, place = [], 0
    for word in words:
        offsets.append((place, place + len(word)))
        place += len(word)
    begin = answer.find(code)
    assert token_mask(code, answer, offsets, {2}, begin) == [1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1]
    assert token_mask(code, answer, offsets, {4}, begin) == [1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1, 1]
    assert token_mask(code, answer, offsets, {2, 4}, begin, 2) == [1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1]
    for nothing in ((None, begin), (set(), begin), ({2}, -1)):
        assert token_mask(code, answer, offsets, *nothing) == [1] * len(words)


def test_mask_by_its_words_on_random_answers():
    """A token is 0 exactly when it has a character in the program and all that it says is on unexecuted lines."""
    chance = random.Random(0)

    def pick(length):
        return "".join(chance.choices("ab \n\t\r\x0c\u2028", k=chance.randrange(length)))

    for _ in range(2000):
        before, code, after = pick(6), pick(30), pick(6)
        completion, opening = before + code + after, chance.randrange(3)
        unexecuted = {n for n in range(9) if chance.random() < 0.5}
        cuts = sorted(chance.choices(range(len(completion) + 1), k=8))
        offsets = list(zip([0, *cuts], [*cuts, len(completion)]))
        mask = token_mask(code, completion, offsets, unexecuted, len(before), opening)
        for (begin, end), bit in zip(offsets, mask):
            lines = [
                code[: place - len(before)].count("\n") + opening + 1
                if len(before) <= place < len(before) + len(code)
                else None
                for place in range(begin, end)
            ]
            said = [line for line, letter in zip(lines, completion[begin:end]) if letter in "ab"] or lines
            assert bit == (not said or not set(said) <= unexecuted), (completion, begin, end)
        everywhere = token_mask(code, completion, offsets, set(range(40)), len(before), opening)
        assert len(mask) == len(offsets) and all(one >= other for one, other in zip(mask, everywhere))
