"""Every default language in real boxes: right, wrong, failing, endless and uncompilable programs; parser programs."""

from pathlib import Path

import pytest

from crosspl.errors import UserError
from crosspl.judge.client import Judge
from crosspl.judge.parsers import parses
from crosspl.languages import load_language

LANGUAGES = ["python", "javascript", "perl", "ruby", "lua", "php", "c", "cpp", "java"]
LIMITS = {"cpu_s": 0.5, "memory_mib": 256}
JAVA = "public class Main { public static void main(String[] a) throws Exception { %s } }"
# language: (wrong answer, runtime error, endless, does not compile or parse, needs 2 GB in steps)
PROGRAMS = {
    "python": ("print(4)", "1/0", "while True: pass", "print(",
               "x = []\nwhile True: x.append('a' * 1000000 + str(len(x)))"),
    "javascript": ("console.log(4)", "throw new Error('x')", "for (;;);", "console.log((",
                   "const x = []; for (let i = 0;; i++) x.push(new Array(100000).fill(i + 0.5));"),
    "perl": ("print 4", "die", "1 while 1", "print (((", "my @x; push @x, 'a' x 1000000 while 1"),
    "ruby": ("puts 4", "raise 'x'", "loop {}", "puts((", "x = []\nloop { x << 'a' * 1_000_000 }"),
    "lua": ("print(4)", "error('x')", "while true do end", "print((",
            "local x = {} while true do x[#x + 1] = ('a'):rep(1000000) .. #x end"),
    "php": ("<?php echo 4;", "<?php throw new Exception('x');", "<?php while (true);", "<?php echo ((",
            "<?php $x = []; while (true) $x[] = str_repeat('a', 1000000);"),
    "c": ("#include <stdio.h>\nint main(void) { puts(\"4\"); }", "#include <stdlib.h>\nint main(void) { abort(); }",
          "int main(void) { volatile int x = 0; for (;;) x++; }", "int main(void) {",
          "#include <stdlib.h>\n#include <string.h>\nint main(void) { for (;;) { char *p = malloc(1 << 20);"
          " if (!p) return 1; memset(p, 1, 1 << 20); } }"),
    "cpp": ("#include <iostream>\nint main() { std::cout << 4; }", "int main() { throw 1; }",
            "int main() { volatile int x = 0; for (;;) x = x + 1; }", "int main() {",
            "#include <vector>\nint main() { std::vector<std::vector<char>> x;"
            " for (;;) x.emplace_back(1 << 20, 'a'); }"),
    "java": (JAVA % "System.out.println(4);", JAVA % "throw new Exception();", JAVA % "while (true);",
             JAVA % "int x = ;", JAVA % "java.util.List<byte[]> x = new java.util.ArrayList<>();"
             " while (true) x.add(new byte[1 << 20]);"),
}  # fmt: skip


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    with Judge(LANGUAGES, jobs=2, work=tmp_path_factory.mktemp("judge")) as judge:
        yield judge


def row(language, code, **more):
    tests = [{"stdin": "1 2\n", "stdout": "3\n"}, {"stdin": "4 -5\n", "stdout": "-1\n"}]
    return {"id": language, "language": language, "code": code, "tests": tests, "limits": LIMITS} | more


def test_verdicts_of_every_language(judge):
    rows, wanted = [], []
    for language, (wrong, failing, endless, broken, hungry) in PROGRAMS.items():
        compiled = load_language(language)["compile"]
        right = load_language(language)["selftest"]["code"]
        for code, verdict in [
            (right, "OK"), (wrong, "WA"), (failing, "RE"), (endless, "TLE"), (broken, "CE" if compiled else "RE"),
            (hungry, "MLE"), (" \n", "NC"),
        ]:  # fmt: skip
            limits = LIMITS if verdict != "MLE" else LIMITS | {"cpu_s": 10, "memory_mib": 128}
            rows.append(row(language, code, limits=limits))
            wanted.append((language, verdict))
    found = judge.judge(rows, stop_on_first_failure=True)
    assert [(r["id"], r["verdict"]) for r in found] == wanted
    for verdict in found:
        assert verdict["sandbox"] == "bwrap" and verdict["toolchain"]


@pytest.mark.parametrize("language", [key for key in LANGUAGES if load_language(key)["parser"]])
def test_parser_program(judge, language):
    right, broken = load_language(language)["selftest"]["code"], PROGRAMS[language][3]
    comment = load_language(language)["comment"]["line"]
    accents = right + f"{comment} \u00e9\u4e16\n"
    assert parses(judge, language, [right, broken, accents, right + "\n}", right]) == [True, False, True, False, True]


def test_parsers_run_nothing(judge):
    assert parses(judge, "perl", ["BEGIN { while (1) {} }", "} while (1) {} {", "while (1) {}"]) == [False, False, True]
    assert parses(judge, "python", ["import os; os._exit(3)", "(" * 5000, "print(1)"]) == [True, False, True]
    assert parses(judge, "php", ["print 1;", "<?php while (true);"]) == [False, True]
    assert parses(judge, "lua", ["", "\x1bLua", "while true do end"]) == [True, False, True]


def test_harness_needs_exit_status_0(judge):
    rows = [
        row("python", "def f(x): return x + 1", tests=None, harness="assert f(1) == 2"),
        row("python", "def f(x): return x + 2", tests=None, harness="assert f(1) == 2"),
        row("java", "class Solution { int f() { return 1; } }", tests=None,
            harness=JAVA % "if (new Solution().f() != 1) throw new AssertionError();"),
    ]  # fmt: skip
    assert [r["verdict"] for r in judge.judge(rows)] == ["OK", "RE", "OK"]


def test_all_tests_run_unless_stopped(judge):
    [everything] = judge.judge([row("lua", "print(3)")])
    assert [test["verdict"] for test in everything["tests"]] == ["OK", "WA"]
    [stopped] = judge.judge([row("lua", "print(4)")], stop_on_first_failure=True)
    assert [test["verdict"] for test in stopped["tests"]] == ["WA"]
    [slow] = judge.judge([row("lua", "while true do end", tests=[{"stdin": "", "stdout": ""}] * 5)])
    assert [test.get("skipped") for test in slow["tests"]] == [None] * 3 + [True] * 2


def test_run_returns_what_was_printed(judge):
    [outcome] = judge.run([{"id": "a", "language": "ruby", "code": "puts STDIN.read.upcase", "stdin": "h\u00e9\n"}])
    assert (outcome["id"], outcome["stdout"], outcome["verdict"]) == ("a", "H\u00c9\n", "OK")


def test_missing_toolchain_names_command_and_package(tmp_path):
    text = Path("languages/lua.yaml").read_text().replace("lua5.4, ", "lua9, ")
    (tmp_path / "lua.yaml").write_text(text)
    with pytest.raises(UserError, match=r"language lua: lua9 -v .*apt-get install lua5.4 or conda install lua=5.4"):
        Judge(["lua"], jobs=1, folder=tmp_path, work=tmp_path)


def test_failing_selftest_is_an_error(tmp_path):
    text = Path("languages/lua.yaml").read_text().replace('stdout: "3', 'stdout: "4')
    (tmp_path / "lua.yaml").write_text(text)
    with pytest.raises(UserError, match="language lua"):
        Judge(["lua"], jobs=1, folder=tmp_path, work=tmp_path)
