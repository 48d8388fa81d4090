"""The tiers below bubblewrap: which is taken and recorded, and the attacks again in boxes without namespaces."""

import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from test_judge_attacks import PROBES, RIGHT, TRY, children_of, judge_one, row

from crosspl.errors import SandboxError, UserError
from crosspl.io import read_rows, write_rows
from crosspl.judge import tiers
from crosspl.judge.build import supervisor_path
from crosspl.judge.client import Judge

ROOT = Path(__file__).parent.parent
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mask /proc")
FORKS = """
#include <stdio.h>
#include <unistd.h>
int main(void) {
    if (fork() == 0) for (;;) { %s }
    usleep(200000);
    return puts("3") < 0;
}"""
BOMB, CHAIN = FORKS % "if (fork() == 0) setsid();", FORKS % "setsid(); if (fork() > 0) _exit(0);"
REFUSED = {
    "files outside": """
for path in {readable!r}:
    print(refused(lambda: open(path).read(), errno.EACCES))
for path in ["/", "/tmp", "/proc", "/etc", os.path.dirname(os.getcwd()), {folder!r}]:
    print(refused(lambda: os.listdir(path), errno.EACCES))
for path in ["/tmp/x", "/var/tmp/x", "/dev/shm/x", "/dev/zero", "/usr/x", "../x", {outside!r}, {folder!r} + "/x"]:
    print(refused(lambda: open(path, "w"), errno.EACCES))
print(refused(lambda: os.truncate({outside!r}, 0), errno.EACCES), refused(lambda: os.remove({outside!r})))
print(refused(lambda: os.link({outside!r}, "mine")), refused(lambda: os.rename("../tmp", "../x")))
os.symlink({outside!r}, "link")
print(refused(lambda: open("link"), errno.EACCES))""",
    "modes and times by path": """
for name in ["main.py", {outside!r}]:
    for action in [lambda: os.chmod(name, 0o777), lambda: os.utime(name, (1, 1)), lambda: os.chown(name, -1, -1),
                   lambda: os.setxattr(name, "user.a", b"")]:
        print(refused(action, errno.EPERM))
with open("own", "w") as stream:
    os.fchmod(stream.fileno(), 0o700)
    os.utime(stream.fileno())""",
    "sockets": """
for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, 40):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        print(refused(lambda: socket.socket(family, kind), errno.EPERM, errno.EAFNOSUPPORT))
print(refused(lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM), errno.EPERM))
a, b = socket.socketpair()
print(refused(lambda: a.connect("/run/x"), errno.EPERM))""",
    "other processes": """
for victim in ({launcher}, os.getppid()):
    for number in (0, signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
        print(refused(lambda: os.kill(victim, number), errno.EPERM))
    for name in ("cmdline", "environ", "mem", "maps"):
        print(refused(lambda: open(f"/proc/{{victim}}/{{name}}"), errno.EACCES))
    print(refused(lambda: __import__("resource").prlimit(victim, 0, (1, 1)), errno.EPERM))
    print(refused(lambda: os.setpriority(os.PRIO_PROCESS, victim, 19), errno.EPERM))
print(refused(lambda: os.setpriority(os.PRIO_USER, 0, 19), errno.EPERM))
for number in [29, 68, 64, 240, 101, 298, 321, 272, 165, 250]:
    print(refused(lambda: call(number, 0x10000000, 1, 0, 0, 0), errno.EPERM))""",
}
CONTAINED = {
    "fork bomb": ("""
count = 0
try:
    while count < 5000:
        if os.fork() == 0:
            time.sleep(60)
        count += 1
except OSError as error:
    print(error.errno == errno.EAGAIN, count < 500)""", "True True"),
    "kill everything": PROBES["kill everything"],
    "no uid 0, no new privileges": ("""
print(0 in os.getresuid() + os.getresgid(), libc.prctl(39, 0, 0, 0, 0), libc.prctl(21, 0, 0, 0, 0))""", "False 1 2"),
    "what programs need": ("""
open("a", "w").write("x"), os.rename("a", "b"), os.mkdir("c"), os.symlink("b", "d")
with __import__("tempfile").NamedTemporaryFile() as stream:
    print(stream.name.endswith("tmp"), os.path.dirname(stream.name) == os.environ["TMPDIR"])
print(open("/dev/stdin").read(), open("/dev/null").read(), os.environ["HOME"] == os.getcwd())
print(subprocess.run(["sh", "-c", "echo 3 | cat"], capture_output=True).stdout)""",
    "False True\n\n  True b'3\\n'"),
}  # fmt: skip
ENDINGS = [
    ("ILE", "import time; time.sleep(60)"),
    ("OLE", "while True: print('x' * 1000)"),
    ("OLE", "import sys\nwhile True: sys.stderr.write('x' * 1000)"),
    ("OLE", "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_DFL)\nopen('x', 'wb').write(bytes(5 << 20))"),
    ("TLE", "import signal\nfor n in (1, 2, 3, 15, 24): signal.signal(n, lambda *_: None)\nwhile True: pass"),
    ("MLE", "data = []\nwhile True: data.append(bytearray(1 << 20))"),
]


@pytest.fixture(scope="module")
def open_folder():
    """A folder that every uid may write, as the temporary folder of the boxes."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        yield folder


@pytest.fixture(scope="module")
def judge(tmp_path_factory, open_folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(tiers.SETTING, "landlock")
        patch.setenv("TMPDIR", open_folder)
        try:
            judge = Judge(["python", "c"], jobs=2, work=tmp_path_factory.mktemp("judge"))
        except SandboxError as error:
            pytest.skip(str(error))
    with judge:
        yield judge
    assert os.listdir(open_folder) == [], "boxes leave no folder"


@pytest.fixture
def outside():
    """A file that everybody may read and write, were it not for the box."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        path = Path(folder, "outside")
        path.write_text("secret")
        path.chmod(0o666)
        yield str(path)
        assert path.read_text() == "secret" and os.listdir(folder) == ["outside"]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the probes use the system-call numbers of x86_64")
@pytest.mark.parametrize("name", REFUSED)
def test_refused(judge, outside, name):
    readable = ["/etc/passwd", "/etc/hosts", "/proc/1/status", "/proc/meminfo", outside, f"/proc/self/root{outside}"]
    names = {"folder": os.path.dirname(outside), "launcher": judge.connection.process.pid}
    code = REFUSED[name].format(outside=outside, readable=readable, **names)
    [outcome] = judge.run([{"language": "python", "code": TRY + code, "stdin": ""}])
    assert set(outcome["stdout"].split()) == {"refused"} and outcome["verdict"] == "OK", outcome


@pytest.mark.parametrize("name", CONTAINED)
def test_contained(judge, name):
    code, wanted = CONTAINED[name]
    [verdict] = judge_one(judge, row(TRY + code, wanted, cpu_s=5))
    assert verdict["verdict"] == "OK", verdict


@pytest.mark.parametrize("code", [BOMB, CHAIN], ids=["bomb", "chain"])
def test_processes_that_leave_their_session_are_all_found(judge, code):
    [verdict] = judge_one(judge, row(code, "3", "c", cpu_s=5))
    assert verdict["verdict"] == "OK", verdict
    assert children_of(judge.connection.process.pid) == []


def test_daemon_is_killed_and_counted(judge):
    code = """
read_end, write_end = os.pipe()
if os.fork() == 0:
    os.setsid(), os.fork(), os.write(write_end, b"x"), time.sleep(60)
os.read(read_end, 1), os.read(read_end, 1)
print("done")"""
    [verdict] = judge_one(judge, row(TRY + code, "done"))
    assert verdict["verdict"] == "OK" and verdict["tests"][0]["leftovers"] == 2
    assert children_of(judge.connection.process.pid) == []


def test_endings(judge):
    rows = [row(code, "", cpu_s=0.5, wall_s=2) for _, code in ENDINGS]
    verdicts = judge_one(judge, *rows)
    assert [outcome["verdict"] for outcome in verdicts] == [verdict for verdict, _ in ENDINGS]
    assert {outcome["sandbox"] for outcome in verdicts} == {"landlock"}


def test_nothing_stays_between_tests(judge):
    code = """
import os
print(sorted(os.listdir(".") + os.listdir(os.environ["TMPDIR"])), len(open("main.py").read()) < 2000)
for folder in (".", os.environ["TMPDIR"]):
    os.makedirs(folder + "/a/b/c"); open(folder + "/a/b/x", "w").write("x"); os.mkdir(folder + "/a/shut", 0)
    for _ in range(100): os.mkdir(folder + "/d"); folder += "/d"
os.remove("main.py"); open("main.py", "w").write("print(1)" * 1000)
"""
    [verdict] = judge_one(judge, row(code, "") | {"tests": [{"stdin": "", "stdout": "['main.py'] True"}] * 3})
    assert verdict["verdict"] == "OK", verdict


def running(judge, rows):
    """Judge `rows` in a thread; return it, its result, [supervisor, program] as pidfds when the program runs."""
    result = []
    thread = threading.Thread(target=lambda: result.extend(judge.judge(rows)))
    thread.start()
    launcher = judge.connection.process.pid
    while True:
        for pid in children_of(launcher):
            if b"main.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return thread, result, [os.pidfd_open(one) for one in children_of(launcher)]


def await_ends(handles):
    for handle in handles:
        select.select([handle], [], []), os.close(handle)


def test_program_of_a_killed_supervisor_is_killed_and_run_again(judge):
    thread, result, handles = running(judge, [row("import time; time.sleep(600)", "", wall_s=2)])
    signal.pidfd_send_signal(handles[0], signal.SIGKILL)
    await_ends(handles)
    thread.join()
    assert result[0]["verdict"] == "ILE", "of the second run; the first was a judge error"


def test_everything_dies_with_the_launcher(tmp_path, open_folder, judge, monkeypatch):
    monkeypatch.setenv(tiers.SETTING, "landlock")
    monkeypatch.setenv("TMPDIR", open_folder)
    judge = Judge(["python"], jobs=1, work=tmp_path)
    judge.judge = lambda rows: list(judge.connection.exchange([judge._task(rows[0], "tests", False)]))
    failed = []
    monkeypatch.setattr(threading, "excepthook", lambda args: failed.append(args.exc_type))
    thread, _, handles = running(judge, [row("import time; time.sleep(600)", "", wall_s=600)])
    judge.connection.process.kill()
    await_ends(handles)
    thread.join()
    judge.close()
    assert failed == [SandboxError]


def command(tmp_path, *options, before=(), **environment):
    """Run the command on one program; return the process and the tier in its verdict row."""
    programs, output = tmp_path / "in.jsonl.gz", tmp_path / "out.jsonl.gz"
    write_rows(programs, [RIGHT])
    argv = [*before, sys.executable, "-m", "scripts.judge", "--programs", programs, "--output", output, "--cache", ""]
    done = subprocess.run([*argv, *options], capture_output=True, text=True, env=os.environ | environment, cwd=ROOT)
    assert "Traceback" not in done.stderr
    [tier] = [row["sandbox"] for row in read_rows(output)] if done.returncode == 0 else [None]
    return done, tier


@AS_ROOT
def test_masked_proc_means_no_proc(tmp_path):
    script = 'mount --bind /dev/null /proc/version && exec "$@"'
    done, tier = command(tmp_path, before=["unshare", "--mount", "sh", "-c", script, "sh"])
    assert tier == "bwrap-noproc" and done.stderr.startswith("sandbox: bwrap-noproc (bwrap: Can't mount proc")


def test_no_new_privileges_keep_bubblewrap(tmp_path):
    assert command(tmp_path, before=["setpriv", "--no-new-privs"])[1] == "bwrap"


def test_landlock_where_bubblewrap_cannot(tmp_path, judge, open_folder):
    fake = Path(tempfile.mkdtemp(dir=open_folder), "bwrap")
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    fake.chmod(0o755), fake.parent.chmod(0o755)
    done, tier = command(tmp_path, PATH=f"{fake.parent}:{os.environ['PATH']}")
    assert (tier, done.stderr) == ("landlock", "sandbox: landlock (bwrap: No permissions to create new namespace)\n")
    fake.unlink(), fake.parent.rmdir()


def test_no_sandbox_needs_the_flag(tmp_path):
    done, _ = command(tmp_path, CROSSPL_JUDGE_TIERS="none")
    assert done.returncode == 3 and "CROSSPL_JUDGE_TIERS" in done.stderr
    done, tier = command(tmp_path, "--i-understand-unsandboxed", CROSSPL_JUDGE_TIERS="none")
    assert (tier, done.stderr) == ("none", "sandbox: none\n")
    assert command(tmp_path, "--i-understand-unsandboxed")[1] == "bwrap", (
        "the flag changes nothing where a sandbox works"
    )


def test_unknown_tier_is_named(monkeypatch):
    monkeypatch.setenv(tiers.SETTING, "bwrap,chroot")
    with pytest.raises(UserError, match="CROSSPL_JUDGE_TIERS: 'chroot' is none of bwrap, bwrap-noproc, landlock"):
        tiers.allowed_tiers(False)


def test_tiers_share_no_verdicts(tmp_path, judge, monkeypatch):
    seen = []
    for tier in ("bwrap", "landlock", "bwrap"):
        monkeypatch.setenv(tiers.SETTING, tier)
        with Judge(["python"], jobs=1, work=tmp_path, cache=tmp_path / "cache.sqlite") as other:
            exchange = other.connection.exchange
            other.connection.exchange = lambda tasks, run=exchange: seen.append(len(tasks)) or run(tasks)
            assert [row["sandbox"] for row in other.judge([RIGHT])] == [tier]
    assert seen == [1, 1, 0]


@AS_ROOT
def test_supervisor_runs_nothing_as_root(tmp_path):
    for tier in tiers.FALLBACKS:
        done = subprocess.run([supervisor_path(tmp_path), tmp_path, tier, "0", "/usr"], stdin=subprocess.DEVNULL)
        assert done.returncode == 84


def test_paths_of_the_box_become_real():
    argv = ["-I/prepared", "/tmp/x", "/tmpx", "-o=/box"]
    found = tiers.relocate("/tmp/f", [("/made/prepared", "/prepared"), "/etc/java"], argv, {"HOME": "/box"})
    assert found == (["-I/made/prepared", "/tmp/f/tmp/x", "/tmpx", "-o=/tmp/f/box"], {"HOME": "/tmp/f/box"})
