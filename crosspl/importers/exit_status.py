"""Tests of published benchmarks as harnesses: source after a program that ends with a status but 0 when it fails.

In: the PL, what programs begin with, the test as published. Out: the harness, or None when a failing test could not be
told from a passing one. The benchmarks' own evaluations pass flags (`java -ea`, `-unittest`), use test runners (`go
test`, `cargo test`) or look for words in the output; the judge looks at the exit status only. Without what is added
here many tests could not fail.
"""

import re

# console.assert only prints. defineProperty, unlike an assignment, also fails loudly when the code has frozen console.
FATAL_ASSERT = """;Object.defineProperty(console, "assert", {value: (condition, ...message) => {
  if (!condition) throw new Error(message.join(" ") || "console.assert failed")
}})
"""

JAVA_MAIN = """
class Main {
    public static void main(String[] arguments) throws Exception {
        Main.class.getClassLoader().setDefaultAssertionStatus(true);
        NAME.main(arguments);
    }
}
"""
# Functions of the file come before those of Kotlin's library, whose asserts need a flag of the JVM.
KOTLIN_ASSERT = """
fun assert(value: Boolean) { if (!value) throw AssertionError() }
fun assert(value: Boolean, message: () -> Any) { if (!value) throw AssertionError(message()) }
"""
CSHARP_ASSERT = """
static class Asserted {
    public static void That(bool value, params object[] message) {
        if (!value) throw new System.Exception("assertion failed");
    }
}
"""
GO_MAIN = """
func main() {
    all := func(string, string) (bool, error) { return true, nil }
    testing.Main(all, []testing.InternalTest{TESTS}, nil, nil)
}
"""
# rackunit only prints what failed, and ends with status 0.
RACKET_LOG = "\n((dynamic-require 'rackunit/log 'test-log) #:exit? #t)\n"

# What a test must have, one of them, to be able to fail. Of PLs that are not here no test is known to fail.
CAN_FAIL = {
    "c": r"\bassert\s*\(|\babort\(|\bexit\(|return [1-9-]",
    "common_lisp": r"\(assert\b|\(error\b",
    "cpp": r"\bassert\s*\(|\babort\(|\bexit\(|return [1-9-]|throw\b",
    "csharp": r"\bDebug\.Assert\(|throw new",
    "d": r"\bassert\s*\(",
    "elixir": r"\bassert|\brefute",
    "erlang": r"=|\?assert",
    "go": r"\bassert|\bt\.(?:Error|Fatal|Fail)",
    "haskell": r"\berror\b|\bexitFailure\b|\bassert\b|\bexitWith\b",
    "java": r"\bassert\b|throw new|System\.exit",
    "javascript": r"\bassert\b|throw\b|process\.exit",
    "kotlin": r"\bassert\b|\bcheck\(|\brequire\(|throw\b",
    "lua": r"\bassert|\berror\b|os\.exit",
    "ocaml": r"\bassert\b|failwith|raise",
    "pascal": r"(?i)\bassert\(|\bhalt\b|\braise\b",
    "perl": r"\bdie\b|\bexit\b|\bok\(|\bis\(|\bis_deeply\b",
    "php": r"\bexit\(|\bassert\(|throw new|\bdie\(",
    "python": r"\bassert|\braise\b|exit\(",
    "r": r"\bstopifnot\b|\bstop\(|\bquit\(",
    "racket": r"\(check-|\(error\b|\(raise\b",
    "ruby": r"\braise\b|\bassert|\bexit\b|\babort\b",
    "rust": r"\bassert|panic!",
    "scala": r"\bassert\b|\brequire\b|throw\b",
    "bash": r"\bexit\b|\breturn\b|set -e",
    "tcl": r"\berror\b|\bexit\b",
    "typescript": r"\bassert\b|throw\b|process\.exit",
}


def harness_of(language, opening, test):
    """Return the harness made of `test` for programs that begin with `opening`, or None when it could not fail."""
    if language not in CAN_FAIL or not re.search(CAN_FAIL[language], test):
        return None
    make = MAKERS.get(language)
    return make(opening, test) if make else test


def csharp_harness(opening, test):
    """Return the test with asserts of its own: those of Debug are left out by the compiler unless a flag is set."""
    return re.sub(r"\b(?:System\.Diagnostics\.)?Debug\.Assert\(", "Asserted.That(", test) + CSHARP_ASSERT


def d_harness(opening, test):
    """Return the test with its unittest block as a function that main calls: blocks run with a flag only."""
    test, blocks = re.subn(r"^unittest\b", "void tested()", test, flags=re.M)
    test, mains = re.subn(r"^void main\(\)\s*\{\s*\}", "void main() { tested(); }", test, flags=re.M)
    return test if blocks == mains == 1 else None


def erlang_harness(opening, test):
    """Return the test and the main that the judge calls; the opening exports it."""
    return f"{test}\nmain() -> test().\n" if "main/0" in opening else None


def go_harness(opening, test):
    """Return the test and a main that runs all its functions, as `go test` does."""
    names = re.findall(r"^func (Test\w*)\(", test, re.M)
    tests = ", ".join(f'{{"{name}", {name}}}' for name in names)
    return test + GO_MAIN.replace("TESTS", tests) if names else None


def java_harness(opening, test):
    """Return the test and a class Main that starts the program's class with asserts on."""
    names = re.findall(r"^(?:final )?class (\w+)", opening, re.M)
    return test + JAVA_MAIN.replace("NAME", names[-1]) if names and "void main(" in test else None


def javascript_harness(opening, test):
    """Return the test with a console.assert that fails; Node.js only prints."""
    return f"{FATAL_ASSERT};\n{test}"  # or a test that begins with ( would be its argument


def kotlin_harness(opening, test):
    """Return the test with asserts that need no flag, without the call of main by which a script would start."""
    return re.sub(r"^main\(\)\s*$", "", test, flags=re.M) + KOTLIN_ASSERT if "fun main(" in test else None


def lua_harness(opening, test):
    """Return the test, if what it defines is called."""
    names = re.findall(r"^(?:local )?function (\w+)\(", test, re.M)
    return None if names and all(len(re.findall(rf"\b{name}\b", test)) == 1 for name in names) else test


def racket_harness(opening, test):
    """Return the test and what ends with status 1 when a check failed."""
    return test + RACKET_LOG


def rust_harness(opening, test):
    """Return the test module as an ordinary one and a main that calls its tests, as `cargo test` does."""
    if "#[test]" not in test:
        return test if "fn main(" in test else None
    module, names = re.search(r"^\s*mod (\w+)", test, re.M), re.findall(r"#\[test\]\s*(?://.*\s*)?fn (\w+)\(", test)
    if not module or not names:
        return None
    calls = "".join(f"    {module[1]}::{name}();\n" for name in names)
    return test.replace("#[cfg(test)]", "").replace("#[test]", "pub") + f"\nfn main() {{\n{calls}}}\n"


def typescript_harness(opening, test):
    """Return the test with a console.assert that fails; Node.js only prints."""
    return javascript_harness(opening, test)


MAKERS = {
    "csharp": csharp_harness, "d": d_harness, "erlang": erlang_harness, "go": go_harness, "java": java_harness,
    "javascript": javascript_harness, "kotlin": kotlin_harness, "lua": lua_harness, "racket": racket_harness,
    "rust": rust_harness, "typescript": typescript_harness,
}  # fmt: skip
