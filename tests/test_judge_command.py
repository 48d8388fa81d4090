"""The command and the caches: exit statuses, bad input, no sandbox, cache hits, damaged caches, equal rows."""

import gzip
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from crosspl.io import read_rows, write_rows
from crosspl.judge.build import supervisor_path
from crosspl.judge.cache import Artefacts, VerdictCache
from crosspl.judge.client import Judge
from crosspl.judge.seccomp import MACHINES, blob_path, make_blob

TESTS = [{"stdin": "1 2\n", "stdout": "3\n"}]
ROWS = [
    {"id": "right", "language": "lua", "code": "print(3)", "tests": TESTS},
    {"id": "same", "language": "lua", "code": "print(3)", "tests": TESTS, "harness": None, "limits": None},
    {"id": "wrong", "language": "lua", "code": "print(4)", "tests": TESTS},
]


def command(tmp_path, rows=ROWS, env=None, *options):
    programs, output = tmp_path / "programs.jsonl.gz", tmp_path / "verdicts.jsonl.gz"
    if rows is not None:
        write_rows(programs, rows)
    argv = ["--programs", programs, "--output", output, "--cache", tmp_path / "cache.sqlite", *options]
    done = subprocess.run([sys.executable, "-m", "scripts.judge", *argv], capture_output=True, text=True, env=env)
    return done, output


def test_command_writes_verdicts_in_order(tmp_path):
    done, output = command(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    verdicts = [(row["id"], row["verdict"]) for row in read_rows(output)]
    assert verdicts == [("right", "OK"), ("same", "OK"), ("wrong", "WA")]


def test_bad_row_writes_nothing(tmp_path):
    done, output = command(tmp_path, [*ROWS, {"id": "x", "language": "lua", "code": "", "tests": [{"stdin": 1}]}])
    assert done.returncode == 2 and not output.exists()
    assert "row 4: tests[0].stdin" in done.stderr and "Traceback" not in done.stderr


def test_truncated_gzip_writes_nothing(tmp_path):
    data = gzip.compress("".join(json.dumps(row) + "\n" for row in ROWS * 100).encode())
    (tmp_path / "programs.jsonl.gz").write_bytes(data[: len(data) // 2])
    done, output = command(tmp_path, None)
    assert done.returncode == 2 and not output.exists()
    assert "truncated" in done.stderr and "Traceback" not in done.stderr


ONLY_BWRAP = {"CROSSPL_JUDGE_TIERS": "bwrap,bwrap-noproc"}


def test_no_bubblewrap_is_exit_3(tmp_path):
    supervisor_path("work/judge")  # as the command will find no C compiler
    done, output = command(tmp_path, ROWS, os.environ | ONLY_BWRAP | {"PATH": str(tmp_path)})
    assert done.returncode == 3 and not output.exists()
    assert "bwrap: bubblewrap (bwrap) is missing" in done.stderr and "apt-get install bubblewrap" in done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.splitlines()) <= 2


@pytest.fixture
def open_folder():
    """A folder that the uid of the boxes can reach; tmp_path is not."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield folder


def test_no_user_namespaces_is_exit_3(tmp_path, open_folder):
    fake = Path(open_folder, "bwrap")
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    done, _ = command(tmp_path, ROWS, os.environ | ONLY_BWRAP | {"PATH": f"{open_folder}:{os.environ['PATH']}"})
    assert done.returncode == 3 and "No permissions to create new namespace" in done.stderr


@pytest.fixture
def folder(tmp_path):
    return {"jobs": 1, "work": tmp_path, "cache": tmp_path / "cache.sqlite"}


def test_second_time_comes_from_the_cache(folder, monkeypatch):
    with Judge(["lua"], **folder) as judge:
        first = judge.judge(ROWS)
    with Judge(["lua"], **folder) as judge:
        monkeypatch.setattr(judge.connection, "exchange", lambda tasks: pytest.fail("ran") if tasks else iter(()))
        assert judge.judge(ROWS) == first
        monkeypatch.undo()
        assert judge.judge([ROWS[0] | {"limits": {"cpu_s": 1}}])[0]["verdict"] == "OK"


def test_equal_rows_are_judged_once(folder):
    seen = []
    with Judge(["lua"], **folder) as judge:
        exchange = judge.connection.exchange
        judge.connection.exchange = lambda tasks: seen.append(len(tasks)) or exchange(tasks)
        judge.judge(ROWS * 5)
    assert seen == [2]


def test_damaged_cache_is_set_aside(folder, tmp_path, capsys):
    folder["cache"].write_bytes(b"not a database" * 1000)
    with Judge(["lua"], **folder) as judge:
        assert [row["verdict"] for row in judge.judge(ROWS)] == ["OK", "OK", "WA"]
    assert len(list(tmp_path.glob("cache.sqlite.damaged-*"))) == 1 and "damaged" in capsys.readouterr().err
    assert sqlite3.connect(folder["cache"]).execute("select count(*) from verdicts").fetchone() == (2,)


def test_damaged_compiled_program_is_built_again(folder, tmp_path):
    row = {"id": "a", "language": "c", "code": "int main(void) { return 0; }", "tests": [{"stdin": "", "stdout": ""}]}
    folder["cache"] = None
    with Judge(["c"], **folder) as judge:
        assert judge.judge([row])[0]["compile_s"] > 0
        assert judge.judge([row])[0]["compile_s"] is None
        for path in Path(tmp_path, "compiled").glob("*/*"):
            path.write_bytes(path.read_bytes()[:-20])
        assert judge.judge([row])[0]["verdict"] == "OK"


def test_precompiled_header_is_made_once_and_again_when_damaged(folder, open_folder, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", open_folder)
    code = "#include <bits/stdc++.h>\nint main() {{ std::cout << {}; }}"

    def header_after(number):
        """Judge a program and return the header that was used."""
        row = {"language": "cpp", "code": code.format(number), "tests": [{"stdin": "", "stdout": str(number)}]}
        with Judge(["cpp"], **folder) as judge:
            assert judge.judge([row])[0]["verdict"] == "OK"
        [header] = Path(judge.prepared["cpp"]).rglob("*.gch")
        return header

    header = header_after(1)
    made = header.stat().st_mtime_ns
    assert header_after(2).stat().st_mtime_ns == made
    with open(header, "r+b") as stream:
        stream.truncate(1 << 20)
    assert header_after(3).stat().st_size > 10 << 20
    argv = ["g++", "-O2", "-std=gnu++17", f"-I{header.parent.parent}", "-H", "-fsyntax-only", "-x", "c++", "-"]
    said = subprocess.run(argv, input=code.format(1), capture_output=True, text=True).stderr
    assert said.startswith(f"! {header}"), "the compiler takes the header"


def test_caches_are_bounded(tmp_path):
    path = tmp_path / "cache.sqlite"
    cache = VerdictCache(path)
    for n in range(2000):
        cache.add(f"key{n}", {"verdict": "OK", "message": "x" * 500})
    cache.close()
    size = path.stat().st_size
    cache = VerdictCache(path, limit=size // 2)
    assert path.stat().st_size < 0.6 * size
    assert set(cache.read(["key0", "key1999"])) == {"key1999"}, "the newest are kept"
    cache.close()
    artefacts = Artefacts(tmp_path)
    for n in range(10):
        artefacts.write(f"{n}" * 64, {"main": (0o755, os.urandom(10_000))})
        os.utime(artefacts._path(f"{n}" * 64), (n, n))
    assert artefacts.read("0" * 64), "and is now the one used last"
    artefacts = Artefacts(tmp_path, limit=60_000)
    left = [n for n in range(10) if artefacts.read(f"{n}" * 64)]
    assert left == [0, 9]


def test_judge_error_is_retried_and_never_cached(folder):
    with Judge(["lua"], **folder) as judge:
        tries = []

        def broken(tasks):
            tries.append(len(tasks))
            for number in range(len(tasks)):
                yield number, {"verdict": "JE", "tests": [], "compile_s": None, "message": "x", "again": False}

        working, judge.connection.exchange = judge.connection.exchange, broken
        assert judge.judge(ROWS[:1])[0]["verdict"] == "JE"
        assert tries == [1, 1, 1]
        judge.connection.exchange = working
        assert judge.judge(ROWS[:1])[0]["verdict"] == "OK"


def test_a_call_that_was_broken_off_does_not_disturb_the_next(folder):
    with Judge(["lua"], **folder | {"cache": None}) as judge:
        for done in judge.connection.exchange([judge._task(row, "tests", False) for row in ROWS]):
            assert done
            break
        assert [row["verdict"] for row in judge.judge(ROWS[::-1])] == ["WA", "OK", "OK"]


@pytest.mark.parametrize("machine", MACHINES)
def test_seccomp_blob_equals_its_regeneration(machine):
    pytest.importorskip("pyseccomp", reason="pyseccomp (build-time only) is not installed", exc_type=Exception)
    assert make_blob(machine) == blob_path(machine).read_bytes()
