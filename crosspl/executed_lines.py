"""Which lines of a program did its tests not execute, and which tokens of an answer stand on such lines?

In: a judge, programs with tests. Out: sets of line numbers; from these and the places of an answer's tokens a mask of
0 and 1. It is for the fine-grained optimization of StepCoder (Dou et al. 2024, arXiv 2402.01391, section 3.3): only
tokens that the tests executed enter the policy loss.

Programs run in the judge's boxes, beside what reports on them. A program can forge its report, but only its own: it
can harm its own mask, and nothing else.
"""

import json
import math
import re
from itertools import pairwise
from pathlib import Path

from crosspl.judge.verdicts import CPU_S, MEMORY_MIB
from crosspl.languages import load_language
from crosspl.tracers import c_lines, python_lines

TRACED = ("python", "c", "cpp")  # PLs with a tracer
LIMITS = {"cpu_s": CPU_S, "memory_mib": MEMORY_MIB}  # where a row does not say
SLOWER = 3  # a Python program with marks
OUTPUT_KIB = 1 << 16  # what the program prints is thrown away; this is for the report, and a compiler's files
OVERHEAD_MIB = 64  # of the marks and of making them
LONE_CR = re.compile(r"\r(?!\n)")  # the end of a line in Python, and not in C


def traced_with(language):
    """Return the PLs that a judge must hold to trace programs in `language`."""
    return ["python"] if language == "python" else ["bash"] if language in TRACED else []


def unexecuted_lines(judge, rows):
    """Return for each of `rows` the set of lines (from 1) that hold code which no test executed, or None.

    rows: {"language", "code", "tests": [{"stdin"}, …], "limits": {…} or None}. None: there is no trace, because the PL
    has no tracer, the program has no tests or no code, is not compiled, or the box failed or hit its wall limit in one
    of the tests. What ends the program itself, also the CPU limit (a multiple of the row's, for it is slower with
    marks), leaves a trace. In Python a statement over several lines is executed as a whole, but for the parts that need
    not run. In C and C++ a function of which the compiler makes no code (a template or method that nobody calls) and a
    line of nothing but brackets hold none. `judge` must hold traced_with() of the rows' PLs.
    """
    wanted = [judge_rows(row) for row in rows]
    outcomes = iter(judge.run([one for ones in wanted for one in ones]) if any(wanted) else ())
    return [result(row, [next(outcomes) for _ in ones]) for row, ones in zip(rows, wanted)]


def judge_rows(row):
    """Return the rows for Judge.run that trace one row; none where it cannot be traced."""
    language, tests = row["language"], row["tests"]
    if language not in TRACED or not tests or LONE_CR.search(row["code"]):
        return []
    limits = LIMITS | (row.get("limits") or {}) | {"output_kib": OUTPUT_KIB}
    if language == "python":
        return [python_row(row["code"], test, limits) for test in tests]
    one = c_lines.row_of(load_language(language), row, limits)
    return [one] if one else []


def python_row(source, test, limits):
    """Return the row that traces one test of a Python program."""
    cpu_s = math.ceil(SLOWER * limits["cpu_s"]) + 1
    tracer = Path(python_lines.__file__).read_text()
    code = f"{tracer}\n\ntrace({source.encode(errors='surrogatepass')!r}, {cpu_s})\n"
    # the box ends nothing that the tracer ends, at cpu_s: both processes have as much
    limits = limits | {"cpu_s": 2 * cpu_s, "memory_mib": limits["memory_mib"] + OVERHEAD_MIB}
    if "wall_s" in limits:
        limits["wall_s"] += cpu_s
    return {"id": None, "language": "python", "code": code, "stdin": test["stdin"], "limits": limits}


def result(row, outcomes):
    """Return what `unexecuted_lines` says of one row, from the outcomes of its rows for Judge.run."""
    printed = [outcome.get("stdout", "") for outcome in outcomes]
    try:
        code, executed = read_python(printed) if row["language"] == "python" else c_lines.read(printed, row)
    except (LookupError, RecursionError, TypeError, ValueError):  # there is no report, or none of ours
        return None
    if code and not all(executed):  # something always is, unless a program never began
        return None
    return {line for line in code.difference(*executed) if line in range(1, row["code"].count("\n") + 2)}


def read_python(printed):
    """Return (lines with code, [lines executed by each test]) of what the rows of a Python program printed."""
    reports = [json.loads(text) for text in printed]
    return set(reports[0][0]), [set(executed) for _, executed in reports]


def token_mask(code, completion, offsets, unexecuted, start, opening_lines=0):
    """Return for each token of an answer 1 or 0: 0 when all it says stands on lines that were not executed.

    code: what of the program is in the completion, from character `start` on (`completion.find(code)`; -1: all are 1).
    offsets: (begin, end) of each token in the completion. opening_lines: the line breaks before `code` in the program
    whose lines are in `unexecuted`. White space counts only in tokens of nothing else; a line has its line break. What
    is outside the program, empty tokens too, gets 1.
    """
    if start < 0 or not unexecuted:
        return [1] * len(offsets)
    breaks = [0, *(place + 1 for place, character in enumerate(code) if character == "\n"), len(code)]
    silent = [False] * len(completion)
    for number, (begin, end) in enumerate(pairwise(breaks), opening_lines + 1):
        if number in unexecuted:
            silent[start + begin : start + end] = [True] * (end - begin)
    return [int(not is_silent(completion, silent, begin, end)) for begin, end in offsets]


def is_silent(completion, silent, begin, end):
    """Return whether the token completion[begin:end] says nothing but what is `silent`."""
    places = range(begin, end)
    said = [place for place in places if not completion[place].isspace()] or places
    return bool(said) and all(silent[place] for place in said)
