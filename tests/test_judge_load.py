"""Verdicts do not depend on how many programs are judged at a time, and large input and output are handled whole.

Programs near the CPU limit are made from a loop whose cost is measured first, with every CPU busy, as it is when they
are judged. Between 0.8 and 1.3 times the limit a verdict may depend on noise; outside it may not.
"""

import os

import pytest
from test_import_humaneval_x import FOLDER, LANGUAGES, published, split

from crosspl.importers import humaneval_x
from crosspl.judge.client import Judge
from crosspl.problems import judge_row

LOOP = """
#include <stdio.h>
int main(void) {
    unsigned long a = %d;
    for (long i = 0; i < %dL; i++) a = a * 6364136223846793005UL + (a >> 33);
    puts(a ? "%s" : "0");
}
"""
LIMIT_S = 0.3
SHARES = (0.5, 0.8, 0.95, 1.05, 1.2, 1.4, 2.0)  # of the limit
OUTPUTS = [  # (code, expected output, comparison, verdict)
    (r"os.write(1, b'a\0b\0\n')", "a\0b\0\n", "exact", "OK"), (r"os.write(1, b'a\0b\0')", "a\0b\0\n", "exact", "WA"),
    (r"os.write(1, b'3\0')", "3", "tokens", "WA"), (r"os.write(1, b'\0 3')", "3", "tokens", "WA"),
    (r"os.write(1, b'\xed\xb3\xbf')", "\udcff", "exact", "OK"), (r"os.write(1, b'\xff')", "\udcff", "exact", "WA"),
    (r"os.write(1, b'\xff\xfe 3')", "3", "float", "WA"), (r"os.write(1, b'\xff')", "\ufffd", "lines", "WA"),
    ("os.write(1, b'3')", "3\n", "tokens", "OK"), ("os.write(1, b'3')", "3\n", "lines", "OK"),
    ("os.write(1, b'3')", "3\n", "exact", "WA"), ("pass", "", "exact", "OK"),
    ("os.write(1, b'\\n')", "", "lines", "OK"),
    ("os.write(1, b'x' * ((4 << 20) - 1))", "x" * ((4 << 20) - 1), "exact", "OK"),
    ("os.write(1, b'x' * (4 << 20))", "x" * (4 << 20), "exact", "OLE"),
    ("os.lseek(1, (4 << 20) - 2, 0); os.write(1, b'x')", "\0" * ((4 << 20) - 2) + "x", "exact", "OK"),
    ("os.write(1, b'3'); os.write(2, bytes((4 << 20) - 1))", "3", "exact", "OK"),
    ("os.write(1, b'3'); os.write(2, bytes(4 << 20))", "3", "exact", "OLE"),
    (r"os.write(1, b'3'); os.write(2, b'\xff\0\ud800' * 9); 1 / 0", "3", "exact", "RE"),
]  # fmt: skip


def row(language, code, tests, **limits):
    """Return a row of the judge."""
    return {"id": code[:20], "language": language, "code": code, "tests": tests, "limits": limits}


def three(language, code, **limits):
    """Return a row whose program has to print 3."""
    return row(language, code, [{"stdin": "", "stdout": "3"}], **limits)


def loops_per_second(judge):
    """Return how fast the loop is while all CPUs run it."""
    count, rows = 50_000_000, []
    for number in range(len(os.sched_getaffinity(0))):
        rows.append({"language": "c", "code": LOOP % (number + 1, count, "3"), "stdin": "", "limits": {"cpu_s": 60}})
    outcomes = judge.run(rows)
    assert {outcome["verdict"] for outcome in outcomes} == {"OK"}
    return count / max(outcome["cpu_s"] for outcome in outcomes)


def test_programs_near_the_limit_with_1_and_16_jobs(tmp_path):
    verdicts, cases = {}, [(share, printed) for share in SHARES for printed in ("3", "4")]
    rows = None
    for jobs in (1, 16):
        with Judge(["c"], jobs=jobs, work=tmp_path) as judge:
            if rows is None:
                speed = loops_per_second(judge)
                codes = [LOOP % (7, share * LIMIT_S * speed, printed) for share, printed in cases]
                rows = [three("c", code, cpu_s=LIMIT_S) for code in codes]
            verdicts[jobs] = dict(zip(cases, (found["verdict"] for found in judge.judge(rows))))
    for share, printed in cases:
        right = "OK" if printed == "3" else "WA"
        allowed = {right} if share <= 0.8 else {"TLE"} if share >= 1.3 else {right, "TLE"}
        found = {jobs: verdicts[jobs][share, printed] for jobs in verdicts}
        assert set(found.values()) <= allowed, (share, printed, found)


def test_a_program_that_needs_its_full_cpu_is_not_idle_under_load(tmp_path, monkeypatch):
    """8 at a time on one CPU: the wall cap of 10 s comes when 1.3 of the 1.8 s are done, so it is run again alone."""
    spin = "local e = os.clock() + %s while os.clock() < e do end print(3) -- %d"
    rows = [three("lua", spin % (1.8, 0))] + [three("lua", spin % (1.4, n), cpu_s=10, wall_s=300) for n in range(1, 8)]
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(mine)})
    try:
        judge = Judge(["lua"], jobs=8, work=tmp_path)
    finally:
        os.sched_setaffinity(0, mine)
    with judge:
        exchange, sizes = judge.connection.exchange, []
        monkeypatch.setattr(judge.connection, "exchange", lambda tasks: sizes.append(len(tasks)) or exchange(tasks))
        verdicts = judge.judge(rows)
    assert [found["verdict"] for found in verdicts] == ["OK"] * 8
    assert sizes == [8, 1], "the load was too small to prove anything"


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    with Judge(["python"], jobs=2, work=tmp_path_factory.mktemp("judge")) as judge:
        yield judge


def test_odd_output(judge):
    tests = [[{"stdin": "", "stdout": wanted}] * 2 for _, wanted, *_ in OUTPUTS]
    rows = [row("python", f"import os\n{case[0]}", two) | {"comparison": case[2]} for case, two in zip(OUTPUTS, tests)]
    found = [[test["verdict"] for test in verdict["tests"]] for verdict in judge.judge(rows)]
    assert found == [[verdict] * 2 for *_, verdict in OUTPUTS]


@pytest.mark.parametrize(
    "code", ["import sys; print(len(sys.stdin.buffer.read()))", "import os; os.close(0); print(10**8)"]
)
def test_stdin_of_100_mb(judge, code):
    tests = [{"stdin": "x" * 10**8, "stdout": "100000000"}, {"stdin": "", "stdout": "0"}]
    found = [test["verdict"] for test in judge.judge([row("python", code, tests)])[0]["tests"]]
    assert found == ["OK", "OK" if "len" in code else "WA"]


@published
@pytest.mark.full
def test_humaneval_x_with_1_and_16_jobs(tmp_path):
    problems, programs = split(humaneval_x.read(FOLDER, "local"))
    by_id = {problem["id"]: problem for problem in problems}
    rows = [judge_row(by_id[one["problem"]], language, one["code"], one["id"])
            for language in LANGUAGES for one in programs[language]]  # fmt: skip
    verdicts = []
    for jobs in (1, 16):
        with Judge(LANGUAGES, jobs=jobs, work=tmp_path) as judge:
            verdicts.append([(found["id"], found["language"], found["verdict"]) for found in judge.judge(rows)])
    assert len(rows) == 164 * len(LANGUAGES) and set(verdicts[0]) ^ set(verdicts[1]) == set()


def test_memory_of_several_processes_counts_together(judge):
    """Each child stays below the limit of one process; together they pass twice that limit."""
    code = """
import os, signal
for _ in range(6):
    if not os.fork():
        x = b"x" * (90 << 20)
        signal.pause()
signal.pause()
"""
    limits = {"cpu_s": 20, "memory_mib": 64}
    [verdict] = judge.judge([row("python", code, [{"stdin": "", "stdout": ""}]) | {"limits": limits}])
    assert verdict["verdict"] == "MLE" and verdict["tests"][0]["leftovers"] >= 3
