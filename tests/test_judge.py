"""The judge's contract in real boxes: tests, harnesses, checkers, parsers, missing toolchains."""

import asyncio
from pathlib import Path

import pytest

from crosspl.errors import UserError
from crosspl.judge.client import Judge
from crosspl.judge.parsers import parses

LANGUAGES = ["python", "javascript", "perl", "ruby", "lua", "php", "c", "cpp", "java"]
LIMITS = {"cpu_s": 0.5, "memory_mib": 256}
JAVA = "public class Main { public static void main(String[] a) throws Exception { %s } }"


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    with Judge(LANGUAGES, jobs=2, work=tmp_path_factory.mktemp("judge")) as judge:
        yield judge


def row(language, code, **more):
    tests = [{"stdin": "1 2\n", "stdout": "3\n"}, {"stdin": "4 -5\n", "stdout": "-1\n"}]
    return {"id": language, "language": language, "code": code, "tests": tests, "limits": LIMITS} | more


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


def test_any_accepted_output_will_do(judge):
    tests = [{"stdin": "1", "stdout": ["one\n", "1\n"]}, {"stdin": "2", "stdout": "2\n"}]
    [good] = judge.judge([row("lua", "print(io.read('n'))", tests=tests)])
    [bad] = judge.judge([row("lua", "print(2)", tests=tests)])
    assert (good["verdict"], bad["verdict"]) == ("OK", "WA")


CHECKER = """
import json, sys
question = json.load(sys.stdin)
wanted = int(question["stdin"])
try:
    a, b = map(int, question["output"].split())
except ValueError:
    sys.exit(3)
sys.exit(0 if a * b == wanted and question["expected"] == "any" else 3)
"""


def test_checker_decides_in_a_box_of_its_own(judge):
    tests = [{"stdin": "6", "stdout": "any"}]
    rows = [
        row("lua", code, tests=tests, checker=CHECKER) for code in ("print(2, 3)", "print(3, 2)", "print(5)", "x()")
    ]
    assert [r["verdict"] for r in judge.judge(rows)] == ["OK", "OK", "WA", "RE"]
    [broken] = judge.judge([row("lua", "print(1)", tests=tests, checker="1/0")])
    assert broken["verdict"] == "JE" and "ZeroDivisionError" in broken["message"]


def test_async_calls_wait_for_each_other(judge):
    async def both():
        return await asyncio.gather(*(judge.judge_async([row("lua", f"print({n})")] * 3, True) for n in (3, 4)))

    first, second = asyncio.run(both())
    assert len(first) == len(second) == 3
    assert [test["verdict"] for test in first[0]["tests"]] == ["OK", "WA"]
    assert [test["verdict"] for test in second[0]["tests"]] == ["WA"]


def test_programs_compiled_together_get_the_verdicts_they_get_alone(judge):
    def with_tests(name, code):
        return row("java", code, id=name, tests=[{"stdin": "", "stdout": name}])

    rows = [
        with_tests("packages", "package a.b; " + JAVA % 'System.out.println("packages");'),
        with_tests("one", 'class B { static String f() { return "one"; } } ' + JAVA % "System.out.print(B.f());"),
        with_tests("two", JAVA % 'System.out.println(new Object() { public String toString() { return "two"; } });'),
        with_tests("broken", JAVA % "int x = ;"),
        with_tests("half", "class A {} " + JAVA % "undefined();"),
        with_tests("reach", JAVA % 'System.out.println(B.f());'),  # another program's class
        with_tests("huge", "class A { int[] x = {" + "1," * 200_000 + "}; } " + JAVA % ""),
        with_tests("three", JAVA % 'System.out.println("three");'),
    ]  # fmt: skip
    together = judge.judge(rows)
    assert [r["verdict"] for r in together] == ["OK", "OK", "OK", "CE", "CE", "CE", "CE", "OK"]
    alone = [judge.judge([one | {"code": one["code"] + "\n"}])[0] for one in rows]
    assert [r["verdict"] for r in alone] == [r["verdict"] for r in together]
    assert [r["message"] for r in alone] == [r["message"] for r in together]
    assert "undefined()" in together[4]["message"] and "symbol" in together[5]["message"]


JAVA_STARTS = "public static void main(String[] arguments) { System.out.println(%s); }"
JAVA_NAMES = {  # program that prints its key, and its verdict
    "public": ("import java.util.*;\npublic class Solution { %s }", "OK"),
    "final": ("public final class A { %s }", "OK"),
    "package": ("package x; public class Main { %s }", "OK"),
    "deep package": ("package com.site.x; import java.util.*; public class B { static class In {} %s }", "OK"),
    "not public": ("class H { } class Program { %s }", "OK"),
    "helper is Main": ("class Main { int value; } public class Task { %s }", "OK"),
    "helper first": ("class Reader { } public class Task { %s }", "OK"),
    "record": ("public record Task(int n) { %s }", "OK"),
    "in comments": ("// public class A {\n/* public class B { */ public class C { %s String s = \"class D\"; }", "OK"),
    "inherited": ("class Base { %s } public class Main extends Base { }", "OK"),
    "two public": ("public class A { %s } public class B { }", "CE"),
    "public beside Main": ("class Main { %s } public class B { }", "CE"),
    "no main": ("public class A { } // %s", "CE"),
}  # fmt: skip


def test_java_classes_of_any_name(judge):
    """As contest sites take them, whether compiled alone or together."""
    rows = [row("java", code % JAVA_STARTS % f'"{name}"', id=name, tests=[{"stdin": "", "stdout": name}])
            for name, (code, _) in JAVA_NAMES.items()]  # fmt: skip
    wanted = {name: verdict for name, (_, verdict) in JAVA_NAMES.items()}
    assert {r["id"]: r["verdict"] for r in judge.judge(rows)} == wanted
    alone = [judge.judge([one | {"code": one["code"] + "\n"}])[0] for one in rows[:4]]
    assert [r["verdict"] for r in alone] == ["OK"] * 4


def test_a_java_harness_is_always_what_is_run(judge):
    """No class of the answer takes its place."""
    harness = JAVA % "if (Answer.f() != 1) System.exit(1);"
    starts = JAVA_STARTS % "1"
    answers = ["class Answer { static int f() { return 1; } }", "class Answer { static int f() { return 2; } }"]
    answers.append(answers[1] + f" class Other {{ {starts} }}")
    answers.append(answers[1] + f" public class Other {{ {starts} }}")
    answers.append(answers[1] + f" class Main {{ {starts} }}")
    for test in (harness, harness.replace("public class", "class")):
        rows = [row("java", code, tests=None, harness=test) for code in answers]
        assert [r["verdict"] for r in judge.judge(rows)] == ["OK", "RE", "RE", "CE", "CE"]
