"""The tracer of C and C++ programs: a Bash program that compiles one with marks, runs its tests and prints the marks.

In: a PL's entry, a program with its tests, limits. Out: a row for Judge.run that prints the numbers of the lines with
code, then for each test a line with a character per line of the program, 1 for executed.

The compiler's assembly says where the code of a line begins (.loc); an instruction put there sets the line's mark in
memory that is a file (c_lines.c), so the marks stay when the program is killed. It changes no register and no flag. It
is of x86-64; on other machines there is no trace. gcov would not do: it counts some branches and infers the others,
which goes wrong where a loop or a segmentation fault keeps a branch from its end.
"""

import math
import re
from pathlib import Path

RUNTIME = Path(__file__).with_name("c_lines.c")
SLOWER = 3  # a program without optimization, with marks
PLAIN = ["-O0", "-g1", "-fkeep-static-functions"]  # functions that are never called are in the assembly, too
C_ONLY = ["-Dinline="]  # without optimization an inline function of C has no code
OPTIMIZE = re.compile(r"^[ \t]*#[ \t]*pragma[ \t]+GCC[ \t]+optimize\b.*$", re.MULTILINE)  # lines would be mixed up
RENUMBERED = re.compile(r"^[ \t]*#[ \t]*(line\b|\d)", re.MULTILINE)
NOT_CODE = re.compile(r"//.*|/\*.*?\*/|\b(?:else|do|try)\b")
MEMORY_MIB = 3072  # of the compiler
SCRIPT = r"""
set -e -o pipefail
[[ $(uname -m) == x86_64 ]]
head -c @SOURCE_SIZE@ > @SOURCE@
head -c @RUNTIME_SIZE@ > marks.c
ulimit -S -t @COMPILE_S@
@ASSEMBLE@
files=$(sed -nE 's/^\t\.file ([0-9]+) ("[^"]*" )?"@SOURCE@".*/\1/p' program.s | paste -s -d '|')
sed -nE "s/^\t\.loc ($files) ([0-9]+) .*/\2/p" program.s | sort -n -u | paste -s -d ' '
sed -i -E "s/^\t\.loc ($files) ([0-9]+) .*/&\n\tmovb \$49, crosspl_marks+\2(%rip)/" program.s
# an instruction before .cfi_startproc would be outside the function, and exceptions would find no handler
sed -i -E '/\tmovb \$49, crosspl_marks/ { N; s/^(.*)\n(\t\.cfi_startproc.*)$/\2\n\1/; P; D }' program.s
@LINK@
for size in @SIZES@; do
  head -c "$size" > input
  printf '%0*d\n' @MARKS@ 0 > marks
  (ulimit -t @CPU_S@; ulimit -v @MEMORY_KIB@; exec @RUN@ < input > /dev/null 2>&1) || true
  cat marks
done
"""


def row_of(entry, row, limits):
    """Return the row for Judge.run that traces `row`, or None where the program says what its lines are called."""
    if RENUMBERED.search(row["code"]):
        return None
    texts = [OPTIMIZE.sub("", row["code"]), RUNTIME.read_text(), *(test["stdin"] for test in row["tests"])]
    sizes = [len(text.encode(errors="surrogatepass")) for text in texts]
    assemble, link = commands(entry, lines_of(row["code"]))
    cpu_s, compile_s = math.ceil(SLOWER * limits["cpu_s"]) + 1, entry["compile_limits"]["cpu"]
    values = {
        "SOURCE": entry["source"], "RUN": entry["run"][0], "ASSEMBLE": assemble, "LINK": link,
        "SOURCE_SIZE": sizes[0], "RUNTIME_SIZE": sizes[1], "SIZES": " ".join(map(str, sizes[2:])),
        "MARKS": lines_of(row["code"]) + 1, "COMPILE_S": compile_s, "CPU_S": cpu_s,
        "MEMORY_KIB": (limits["memory_mib"] + entry["memory"]["overhead"]) << 10,
    }  # fmt: skip
    script = re.sub(r"@(\w+)@", lambda found: str(values[found[1]]), SCRIPT)
    together = limits | {
        "cpu_s": 2 * compile_s + len(row["tests"]) * cpu_s,
        "memory_mib": max(MEMORY_MIB, limits["memory_mib"]),
    }
    if "wall_s" in limits:
        together["wall_s"] += together["cpu_s"]
    return {"id": None, "language": "bash", "code": script, "stdin": "".join(texts), "limits": together}


def commands(entry, lines):
    """Return the command lines that make program.s, and of it with marks the program."""
    source, target = entry["source"], entry["compile"].index("-o") + 1
    options = [*PLAIN, *(C_ONLY if entry["key"] == "c" else [])]
    assemble = [*entry["compile"], *options, "-S"]
    assemble[target] = "program.s"
    link = ["program.s" if part == source else part for part in entry["compile"]]
    link[link.index("program.s") : link.index("program.s")] = ["marks.c", f"-DLINES={lines}", "-O0"]
    return " ".join(assemble), " ".join(link)


def lines_of(code):
    return code.count("\n") + 1


def read(printed, row):
    """Return (lines with code, [lines executed by each test]) of what the row printed; ValueError for anything else."""
    [text] = printed
    numbers, *marks, rest = text.split("\n")
    if len(marks) != len(row["tests"]) or rest:
        raise ValueError("not a report")
    code = set(map(int, numbers.split())) - wordless(row["code"])
    return code, [{n for n, mark in enumerate(line) if mark == "1"} for line in marks]


def wordless(code):
    """Return the lines without code of their own. A `}` may have some, for exceptions only: the ends of variables."""
    return {n for n, line in enumerate(code.split("\n"), 1) if not re.search(r"\w", NOT_CODE.sub("", line))}
