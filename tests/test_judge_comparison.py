"""Comparison modes, limits and verdict rules, without any box."""

import os

import pytest

from crosspl.errors import UserError
from crosspl.judge.box import CPU_CAP, NO_EXEC, WALL_CAP, Result
from crosspl.judge.comparison import agree
from crosspl.judge.rows import check_rows
from crosspl.judge.verdicts import failure, is_doubtful, run_limits
from crosspl.judge.verdicts import test_verdict as verdict_of
from crosspl.languages import load_language


@pytest.mark.parametrize(
    ("mode", "actual", "expected", "same"),
    [
        ("tokens", b"1  2\r\n", b"1\n2", True),
        ("tokens", b"Yes", b"yes", False),
        ("tokens", b"12", b"1 2", False),
        ("tokens", b"", b"", True),
        ("tokens", b"1.0", b"1.00", False),
        ("lines", b"a b  \n\n\n", b"a b\n", True),
        ("lines", b"a\nb", b"a b", False),
        ("lines", b" a", b"a", False),
        ("unordered_lines", b"b \na\n\n", b"a\nb\n", True),
        ("unordered_lines", b"a\na\nb", b"a\nb\nb", False),
        ("exact", b"a", b"a\n", False),
        ("float", b"0.3333333", b"0.33333333", True),
        ("float", b"1000000.5", b"1000001.0", True),
        ("float", b"0.34", b"0.33", False),
        ("float", b"100000000000000000", b"100000000000000001", False),
        ("float", b"nan", b"1.0", False),
        ("float", b"inf", b"1.0", False),
        ("float", b"inf", b"inf", True),
        ("float", b"x 1.0", b"y 1.0", False),
        ("float", b"1.0 2.0", b"1.0", False),
        ("float", b"1_0.0", b"10.0", False),
        ("float", b"1", b"1.0", True),
        ("yes_no", b"Yes\n1 nO", b"YES 1 NO", True),
        ("yes_no", b"yes", b"no", False),
        ("yes_no", b"Yesterday", b"yesterday", False),
        ("yes_no", b"0.3333333 A", b"0.33333333 A", True),
        ("yes_no", b"a", b"A", False),
    ],
)
def test_comparison(mode, actual, expected, same):
    assert agree(actual, expected, mode) is same


def measured(status=0, cpu=0.1, wall=0.1, delay=0.0, peak=1000, flags=0, size=2, stdout=b"1\n"):
    return Result(status, cpu, wall, delay, peak, 0, flags, size, stdout, b"")


LIMITS, MEMORY = run_limits(load_language("python"), {"cpu_s": 2, "memory_mib": 192})


def test_verdict_rules():
    assert verdict_of(measured(), LIMITS, MEMORY, [b"1"], "tokens") == "OK"
    assert verdict_of(measured(), LIMITS, MEMORY, [b"2"], "tokens") == "WA"
    assert verdict_of(measured(status=256), LIMITS, MEMORY, b"1", "tokens") == "RE"
    assert verdict_of(measured(), LIMITS, MEMORY, None, "tokens") == "OK"
    assert failure(measured(cpu=2.1), LIMITS, MEMORY) == "TLE"
    assert failure(measured(wall=9, delay=8.8), LIMITS, MEMORY) is None  # wall time never decides
    assert failure(measured(flags=WALL_CAP, status=9), LIMITS, MEMORY) == "ILE"
    assert failure(measured(status=25), LIMITS, MEMORY) == "OLE"
    assert failure(measured(size=LIMITS.output), LIMITS, MEMORY) == "OLE"
    assert failure(measured(status=256, peak=MEMORY), LIMITS, MEMORY) == "MLE"
    assert failure(measured(status=0, peak=MEMORY), LIMITS, MEMORY) is None
    assert failure(measured(flags=NO_EXEC, status=2), LIMITS, MEMORY) == "JE"
    assert os.WIFSIGNALED(9)


def test_only_near_or_starved_runs_are_repeated():
    assert is_doubtful("TLE", measured(cpu=2.4), LIMITS)
    assert not is_doubtful("TLE", measured(cpu=2.7, flags=CPU_CAP), LIMITS)
    assert is_doubtful("ILE", measured(wall=10, delay=6), LIMITS)
    assert not is_doubtful("ILE", measured(wall=10, delay=1), LIMITS)


GOOD = {"id": "a", "language": "lua", "code": "", "tests": [{"stdin": "", "stdout": ""}]}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"language": "cobol"}, "language"),
        ({"code": 1}, "code"),
        ({"tests": []}, "tests"),
        ({"tests": [{"stdin": ""}]}, r"tests\[0\].stdout"),
        ({"harness": "x"}, "harness"),
        ({"limits": {"cpu": 1}}, "limits.cpu"),
        ({"limits": {"cpu_s": -1}}, "limits.cpu_s"),
        ({"limits": {"memory_mib": 0.5}}, "limits.memory_mib"),
        ({"comparison": "sets"}, "comparison"),
        ({"code": None}, "code: must be a string"),
        ({"code": "x" * (50 << 20)}, "code: 50 MiB; at most 16 MiB"),
        ({"tests": [{"stdin": "", "stdout": []}]}, r"tests\[0\].stdout"),
        ({"tests": [{"stdin": "", "stdout": ["a", 1]}]}, r"tests\[0\].stdout"),
        ({"limits": {"cpu_s": 1e9}}, "limits.cpu_s: at most 3600"),
        ({"limits": {"cpu_s": float("nan")}}, "limits.cpu_s: must be a positive number"),
        ({"limits": {"memory_mib": 10**12}}, "limits.memory_mib: at most"),
        ({"checker": "exit(0)"}, "checker: .*add python"),
    ],
)
def test_bad_rows_name_row_and_field(change, field):
    check_rows([GOOD], ["lua"])
    with pytest.raises(UserError, match=f"row 2: {field}"):
        check_rows([GOOD, GOOD | change], ["lua"])
