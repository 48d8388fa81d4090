"""Hostile input for compilers: bombs, files that are none of its business, odd objects, code that runs at compile time.

Each ends as CE or CTLE, or runs harmlessly where that is right, never as JE; a harmless program beside it and after it
is OK, and nothing of the boxes is left. The compilers' CPU limit is lowered, so that a bomb costs seconds, not minutes.
`staged` is a made-up language whose compiler runs the program, as Template Haskell and Nim do.
"""

import pytest
import yaml
from test_judge_hostile import nothing_left, private_judge, verdicts  # noqa: F401 (nothing_left is a fixture)

from crosspl.languages import load_language

CPU_S, JAVA_CPU_S = 2, 3  # for a compiler here
MAIN = "\nint main(void) { return 0; }"
REFUSED = {  # C that ends as CE or CTLE
    "a device": '#include "/dev/zero"' + MAIN,
    "endless null": "#embed </dev/zero>\n#error no embed" + MAIN,
    "passwords": '#include "/etc/passwd"' + MAIN,
    "environment of PID 1": '#include "/proc/1/environ"' + MAIN,
    "memory of PID 1": '#include "/proc/1/mem"' + MAIN,
    "itself": '#include "main.c"',
    "itself, exponentially": "#if __INCLUDE_LEVEL__ < 150\n#include __FILE__\n#include __FILE__\n#endif\nint x;",
    "a folder": '#include "/usr"' + MAIN,
    "a billion laughs": "#define A0 1+1\n"
    + "".join(f"#define A{n} A{n - 1}+A{n - 1}+A{n - 1}+A{n - 1}\n" for n in range(1, 30))
    + "int main(void) { return A29; }",
    "8 GB of data": "char a[8L << 30] = {1};" + MAIN,
    "200 GB of alignment": "char a[16] __attribute__((aligned(1 << 28))) = {1};" + MAIN,
    "1 TB for each thread": "__thread char a[1L << 40]; int main(void) { a[1] = 1; }",
    "filled section": 'asm(".data\\n.fill 2000000000\\n.text");' + MAIN,
    "repeated line": 'asm(".rept 1000000000\\nnop\\n.endr");' + MAIN,
    "macro of the assembler that calls itself": 'asm(".macro a\\na\\na\\n.endm\\na");' + MAIN,
    "assembled device": 'asm(".incbin \\"/dev/zero\\"");' + MAIN,
    "assembled passwords": 'asm(".incbin \\"/etc/passwd\\"");' + MAIN,
    "assembled supervisor": 'asm(".include \\"/supervisor\\"");' + MAIN,
    "precompiled header": '#pragma GCC pch_preprocess "/etc/passwd"' + MAIN,
    "no main": "int x;",
    "nothing": "/* */",
    "invalid bytes": "int main(void) { return \ud800\x00\x01; }",
    "endless comment": "/*" * 1_000_000,
    "endless string": 'char *a = "' + "x" * 1_000_000,
    "deep types": "int " + "(*" * 100_000 + "a;",
}
HARMLESS = {  # C that is compiled, and ends like this on no input, with 3 as the expected output
    "empty standard input": ('#include "/dev/stdin"\n#include <stdio.h>\nint main(void) { puts("3"); }', "OK"),
    "environment of the compiler": ('#include "/proc/self/environ"' + MAIN, "WA"),
    "plugin": ('#pragma GCC optimize("-fplugin=/tmp/x.so", "-fdump-tree-all=/box/x", "-o/box/x")' + MAIN, "WA"),
    "answer before main": ('#include <stdio.h>\n#include <stdlib.h>\n__attribute__((constructor)) void f(void) '
                           '{ puts("3"); fflush(stdout); _Exit(0); }\nint main(void) { abort(); }', "OK"),
    "loop before main": ("__attribute__((constructor)) void f(void) { for (;;) ; }" + MAIN, "TLE"),
    "main is data": ("int main;", "RE"),
    "2 GB of zeros": ("char a[1L << 31];" + MAIN, "RE"),
    "5 million digits": ("int main(void) { return " + "9" * 5_000_000 + "; }", "RE"),
    "10 MB of text": ('char a[] = "' + "x" * 10_000_000 + '";' + MAIN, "WA"),
    "other loader": ('asm(".section .interp,\\"a\\"\\n.ascii \\"/etc/passwd\\"\\n.text");' + MAIN, "RE"),
    "assembled environment": ('#include <stdio.h>\nasm(".globl a\\na: .incbin \\"/proc/self/environ\\"\\n.byte 0");\n'
                              'extern char a[]; int main(void) { puts(a); }', "WA"),
    "3 000 functions": ("".join(f"int f{n}(void) {{ return {n}; }}\n" for n in range(3_000)) + MAIN, None),
    "100 000 pragmas": ("#pragma GCC push_options\n" * 100_000 + MAIN, None),
    "deep parentheses": ("int main(void) { return " + "(" * 100_000 + "1" + ")" * 100_000 + "; }", None),
    "weak library": ("int puts(const char *s) { return 0; } void *malloc(unsigned long n) { return 0; }" + MAIN, "WA"),
}  # fmt: skip
CPP = [
    "template<int N, int M> struct F { static const long v = F<N-1, M>::v + F<N-1, M+1>::v + F<N-1, 2*M>::v; };"
    "template<int M> struct F<0, M> { static const long v = M; }; int main() { return F<400, 1>::v; }",
    "template<class T> struct A { static auto f() { return A<A<T>>::f(); } }; int main() { A<int>::f(); }",
    "constexpr long f(long n) { return n ? f(n - 1) + f(n - 1) : 1; } static_assert(f(400) > 0); int main() {}",
    '#include "/prepared/digests.json"\nint main() {}',
    '#include "/prepared/bits/stdc++.h.gch"\nint main() {}',
]  # fmt: skip
JAVA = {
    "deep nesting": "class Main { int x = " + "(" * 20_000 + "1" + ")" * 20_000 + "; }",
    "long sum": "class Main { String x = " + '"a" + x() + ' * 20_000 + '""; }',
    "code too large": "class Main { int[] x = {" + "1," * 100_000 + "}; }",
    "constant too long": 'class Main { String x = "' + "x" * 100_000 + '"; }',
    "name of a file": "class Main {} class " + "x" * 300 + " {}",
}  # fmt: skip
CLASS = "public class Main { public static void main(String[] a) { System.out.print(Helper.value%s); } }"
HELPER = CLASS + " class Helper { static int value = %d; }"
BOMB = "import java.util.*; class Main { <T> T f(T a, T b) { return a; } Object x = %s 1 %s; }"
BATCH = [  # in this order, two and two are compiled together
    (HELPER % ("", 3), ["OK", "OK"]),
    (CLASS % "", "CE"),
    (HELPER % (" + 0", 4), ["WA", "WA"]),
    (HELPER % (" ", 3), ["OK", "OK"]),
    (BOMB % ("f(Map.of(1, List.of()), " * 60, ")" * 60), "CTLE"),
    (HELPER % (" - 0", 3), ["OK", "OK"]),
]  # and then two whose first is no UTF-8
HALF = [HELPER % ("", 3) + "// \ud800", HELPER % (" * 1", 3)]
WRITE = 'import os\nopen("main", "w").write("#!/bin/sh\\necho 3\\n"); os.chmod("main", 0o755)\n'
STAGED = {  # what the program does while it is compiled, and what must come of it
    "many files": ("for n in range(5000): open(f'{n}\\n', 'w').close()", ["OK", "OK"]),
    "odd files": (
        "os.mkfifo('p'); os.symlink('/', 'l'); os.symlink('main', 'm')",
        ["OK", "OK"],
    ),
    "link of the source": ("os.remove('main.py'); os.symlink('/proc/1/environ', 'main.py')", ["OK", "OK"]),
    "daemon": ("if os.fork() == 0: os.setsid(); __import__('signal').pause()", ["OK", "OK"]),
    "loop": ("while True: pass", "CTLE"),
    "flood": ("while True: print('x' * 10000)", "CE"),
    "crash": ("os.abort()", "CE"),
}
HOLES = {  # the same; once judge errors, and worse
    "nothing made": ("os.remove('main')", "CE"),
    "not executable": ("os.chmod('main', 0o644)", "CE"),
    "no interpreter": ("open('main', 'w').write('#!/none')", ["RE", "RE"]),
    "invalid file name": ("open(b'\\xff', 'w')", ["OK", "OK"]),
    "limits of PID 1": ("import resource; resource.prlimit(1, resource.RLIMIT_AS, (0, 0))", "CE"),
    "holes in files": ("[os.truncate(os.open(f'{n}', 66), 64 << 20) for n in range(5)]", "CE"),
}


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    folder, keys = tmp_path_factory.mktemp("languages"), ["python", "c", "cpp", "java", "staged"]
    for key in keys:
        entry = load_language("python" if key == "staged" else key)
        entry = {name: value for name, value in entry.items() if value is not None and name != "key"}
        entry["compile_limits"]["cpu"] = JAVA_CPU_S if key == "java" else CPU_S
        if key == "staged":
            entry["compile_limits"]["wall"] = 2
            entry |= {"compile": entry["run"], "run": ["./main"]}
            entry["selftest"] = {"code": WRITE, "stdin": "", "stdout": "3"}
        (folder / f"{key}.yaml").write_text(yaml.safe_dump({"compile": None} | entry))
    with private_judge(tmp_path_factory.mktemp("judge"), keys, folder=folder) as judge:
        yield judge


def compiled(judge, language, codes):
    """Judge programs that should print 3; return "CE" (or "CTLE"), or the verdicts of two tests, for each."""
    tests = [{"stdin": "", "stdout": "3"}] * 2
    rows = [{"id": "x", "language": language, "code": code, "tests": tests, "limits": {"cpu_s": 1}} for code in codes]
    return [found[0] if found[0] in ("CE", "CTLE") else found for found in verdicts(judge, rows)]


def test_c_that_no_compiler_should_accept(judge):
    found = dict(zip(REFUSED, compiled(judge, "c", REFUSED.values())))
    assert {name: verdict for name, verdict in found.items() if verdict not in ("CE", "CTLE")} == {}


def test_c_that_is_harmless(judge):
    found = dict(zip(HARMLESS, compiled(judge, "c", [code for code, _ in HARMLESS.values()])))
    for name, (_, wanted) in HARMLESS.items():
        allowed = [[wanted] * 2] if wanted else [["WA", "WA"], ["RE", "RE"], "CE", "CTLE"]
        assert found[name] in allowed, (name, found[name])


def test_cpp_bombs(judge):
    assert set(compiled(judge, "cpp", CPP)) <= {"CE", "CTLE"}


def test_java_bombs(judge):
    found = dict(zip(JAVA, compiled(judge, "java", JAVA.values())))
    assert {name: v for name, v in found.items() if v not in ("CE", "CTLE")} == {}


@pytest.fixture(scope="module")
def batch(judge):
    """Judge BATCH; return the verdicts and the CPU seconds of each compilation of two programs together."""
    exchange, seconds = judge.connection.exchange, []

    def watched(tasks):
        for number, outcome in exchange(tasks):
            if tasks[number]["kind"] == "batch":
                seconds.append(outcome["compile_s"] * len(tasks[number]["sources"]))
            yield number, outcome

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge.connection, "exchange", watched)
        return compiled(judge, "java", [*(code for code, _ in BATCH), *HALF]), seconds


def test_programs_that_are_compiled_together_do_not_meet(batch):
    verdicts_of_all, seconds = batch
    assert verdicts_of_all[:-2] == [wanted for _, wanted in BATCH]
    assert len(seconds) == 4


def test_a_batch_refuses_what_the_compiler_refuses_alone(batch):
    assert batch[0][-2:] == ["CE", ["OK", "OK"]]


def test_a_bomb_costs_a_batch_no_more_than_the_limit_of_one_program(batch):
    assert max(batch[1]) < 1.5 * JAVA_CPU_S


def test_code_that_runs_while_it_is_compiled(judge):
    found = compiled(judge, "staged", [WRITE + code for code, _ in STAGED.values()])
    assert dict(zip(STAGED, found)) == {name: wanted for name, (_, wanted) in STAGED.items()}


@pytest.mark.parametrize(("code", "wanted"), HOLES.values(), ids=HOLES)
def test_closed_holes(judge, code, wanted):
    assert compiled(judge, "staged", [WRITE + code]) == [wanted]


def test_a_compiler_that_only_waits_is_not_run_twice(judge, monkeypatch):
    exchange, sizes = judge.connection.exchange, []
    monkeypatch.setattr(judge.connection, "exchange", lambda tasks: sizes.append(len(tasks)) or exchange(tasks))
    tests = [{"stdin": "", "stdout": ""}]
    row = {"id": "x", "language": "staged", "code": "import signal; signal.pause()", "tests": tests}
    assert [judge.judge([row])[0]["verdict"], sizes] == ["CTLE", [1]]
