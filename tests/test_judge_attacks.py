"""Hostile programs in real boxes: contained, with the right verdict, and without effect on the next program.

A refusal probe is a program that prints what it was refused; contained means that it printed exactly that.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from crosspl.judge.box import Box, BoxError, Limits, Setup
from crosspl.judge.client import Judge

TRY = """
import ctypes, errno, os, signal, socket, subprocess, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def refused(action, *allowed):
    try:
        action()
    except OSError as error:
        return "refused" if not allowed or error.errno in allowed else errno.errorcode[error.errno]
    return "ALLOWED"
def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")
"""
REFUSED = {
    "read files outside": """
for path in ["/etc/passwd", "/root", "/home", "/var", "/run", "/work", "/srv", "/opt", "/mnt"]:
    print(refused(lambda: os.stat(path), errno.ENOENT))""",
    "write outside": """
for path in ["/x", "/usr/x", "/etc/x", "/dev/x", "/proc/sys/vm/swappiness", "/proc/sysrq-trigger", "/supervisor"]:
    print(refused(lambda: open(path, "w"), errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ETXTBSY))""",
    "look into the supervisor": """
for name in ["mem", "maps", "environ", "fd/0", "root/etc", "cwd"]:
    print(refused(lambda: os.listdir("/proc/1/" + name) if name == "cwd" else open("/proc/1/" + name),
                  errno.EACCES, errno.EPERM, errno.ENOENT))
print(refused(lambda: call(101, 16, 1, 0, 0)))""",
    "network": """
for address in [("127.0.0.1", 22), ("127.0.0.1", 53), ("8.8.8.8", 53)]:
    print(refused(lambda: socket.create_connection(address, 1)))
print(refused(lambda: socket.getaddrinfo("example.org", 80)))
for family, kind in [(socket.AF_INET, socket.SOCK_RAW), (17, 3), (16, 3), (40, 1), (38, 5), (31, 3)]:
    print(refused(lambda: socket.socket(family, kind), errno.EPERM, errno.EAFNOSUPPORT,
                  errno.EPROTONOSUPPORT))
print(refused(lambda: socket.socket(socket.AF_UNIX).connect("\\0/tmp/.X11-unix/X0")))""",
    "kernel interfaces": """
for number in [248, 249, 250, 425, 447, 321, 298, 323, 272, 308, 165, 166, 161]:
    print(refused(lambda: call(number, 0x10000000, 0, 0, 0, 0), errno.EPERM))
print(refused(lambda: call(56, 0x10000000 | 17, 0, 0, 0, 0), errno.EPERM))
print(refused(lambda: call(435, 0, 0), errno.ENOSYS))
print(refused(lambda: os.nice(-5)), refused(lambda: os.setuid(0)))""",
}
PROBES = {
    "fork bomb": ("""
count = 0
try:
    while count < 200:
        if os.fork() == 0:
            time.sleep(60)
        count += 1
except OSError as error:
    print(error.errno == errno.EAGAIN, count < 32)""", "True True"),
    "thread bomb": ("""
import threading
count = 0
try:
    while count < 200:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        count += 1
except RuntimeError:
    print(count < 32, flush=True)
    os._exit(0)""", "True"),
    "kill everything": ("""
for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM):
    for victim in (1, os.getppid()):
        refused(lambda: os.kill(victim, number))
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.kill(-1, signal.SIGTERM)
    print("here", flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.wait()""", "here"),
    "fill the disks": ("""
for folder, most in [("/tmp", 257), ("/box", 257), ("/dev/shm", 65)]:
    done = 0
    try:
        for number in range(300):
            with open(f"{folder}/{number}", "wb") as stream:
                stream.write(bytes(1 << 20))
            done += 1
    except OSError as error:
        print(error.errno == errno.ENOSPC, done < most)""", "True True " * 3),
    "no uid 0": ("print(0 in os.getresuid() + os.getresgid())", "False"),
}  # fmt: skip
ENDINGS = {
    "ILE": ["import time; time.sleep(60)", "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"],
    "OLE": ["while True: print('x' * 1000)", "import sys\nwhile True: sys.stderr.write('x' * 1000)",
            "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_DFL)\nopen('/tmp/x', 'wb').write(bytes(5 << 20))"],
    "TLE": ["import signal\nfor n in (1, 2, 3, 15, 24): signal.signal(n, lambda *_: None)\nwhile True: pass"],
}  # fmt: skip
RIGHT = {"id": "right", "language": "python", "code": "print(3)", "tests": [{"stdin": "", "stdout": "3"}]}


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    with Judge(["python", "c", "lua"], jobs=4, work=tmp_path_factory.mktemp("judge")) as judge:
        yield judge


def row(code, stdout, language="python", **limits):
    limits = {"cpu_s": 2, "memory_mib": 512, "wall_s": 10} | limits
    tests = [{"stdin": "", "stdout": stdout}]
    return {"id": "attack", "language": language, "code": code, "tests": tests, "limits": limits}


def judge_one(judge, *rows):
    """Judge `rows` and a harmless program beside them; return the verdict rows."""
    *attacks, right = judge.judge([*rows, RIGHT])
    assert right["verdict"] == "OK"
    return attacks


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the probes use the system-call numbers of x86_64")
@pytest.mark.parametrize("name", REFUSED)
def test_refused(judge, name):
    [outcome] = judge.run([{"language": "python", "code": TRY + REFUSED[name], "stdin": ""}])
    answers = outcome["stdout"].split()
    assert answers and set(answers) == {"refused"}, outcome


@pytest.mark.parametrize("name", PROBES)
def test_contained(judge, name):
    code, wanted = PROBES[name]
    [verdict] = judge_one(judge, row(TRY + code, wanted, cpu_s=5))
    assert verdict["verdict"] == "OK", verdict


def test_endings(judge):
    rows = [row(code, "", cpu_s=0.5, wall_s=2) for codes in ENDINGS.values() for code in codes]
    wanted = [verdict for verdict, codes in ENDINGS.items() for _ in codes]
    assert [outcome["verdict"] for outcome in judge_one(judge, *rows)] == wanted


def test_verdict_does_not_depend_on_load(tmp_path):
    code = "local end_ = os.clock() + 0.2 while os.clock() < end_ do end print(3)"
    rows = [row(f"{code} -- {number}", "3", "lua", cpu_s=0.4) for number in range(8 * len(os.sched_getaffinity(0)))]
    with Judge(["lua"], jobs=8 * len(os.sched_getaffinity(0)), work=tmp_path) as judge:
        verdicts = judge.judge(rows)
    assert {verdict["verdict"] for verdict in verdicts} == {"OK"}
    assert max(verdict["tests"][0]["wall_s"] for verdict in verdicts) > 0.4, "the load was too small to prove anything"


def test_daemon_is_killed_and_does_not_block(judge):
    code = """
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.fork()
    end = time.process_time() + 0.2
    while time.process_time() < end: pass
    open(f"ready{os.getpid()}", "w")
    signal.pause()
while sum(name.startswith("ready") for name in os.listdir(".")) < 2: time.sleep(0.01)
print("done", flush=True)"""
    [verdict] = judge_one(judge, row(TRY + code, "done"))
    assert verdict["verdict"] == "OK" and verdict["tests"][0]["leftovers"] == 2
    assert verdict["tests"][0]["cpu_s"] > 0.35, "the CPU of leftovers counts"


def test_file_size_signal_reaches_programs_at_once(judge):
    flood = '#include <stdio.h>\nint main(void) { for (;;) puts("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"); }'
    rows = [row(flood, "", "c"), row("while true do io.write('xxxxxxxxxxxxxxxxx') end", "", "lua")]
    for verdict in judge_one(judge, *rows):
        assert verdict["verdict"] == "OLE" and verdict["tests"][0]["cpu_s"] < 1


def test_nothing_stays_between_tests(judge):
    code = """
import os
new = [n for f in ("/box", "/tmp", "/dev/shm") for n in os.listdir(f)]
print(new, len(open("/box/main.py").read()) < 2000)
for folder in ("/box", "/tmp", "/dev/shm"):
    os.makedirs(folder + "/a/b/c"); open(folder + "/a/b/x", "w").write("x"); os.chmod(folder + "/a/b", 0)
os.remove("/box/main.py"); open("/box/main.py", "w").write("print(1)" * 1000)
"""
    tests = [{"stdin": "", "stdout": "['main.py'] True"}] * 3
    [verdict] = judge_one(judge, row(code, "") | {"tests": tests})
    assert verdict["verdict"] == "OK", verdict


def test_folders_too_deep_to_clean_get_a_new_box(judge):
    code = """
import os
print(os.listdir("/tmp"))
os.chdir("/tmp")
for _ in range(200): os.mkdir("d"); os.chdir("d")
"""
    [verdict] = judge_one(judge, row(code, "") | {"tests": [{"stdin": "", "stdout": "[]"}] * 2})
    assert verdict["verdict"] == "OK", verdict


def test_expected_output_is_not_in_the_box(judge):
    code = """
import os, glob
secret = "17" + "4242" + "17"
found = []
for path in glob.glob("/box/**", recursive=True) + glob.glob("/proc/*/*") + glob.glob("/proc/*/fd/*") + glob.glob("/*"):
    try:
        if secret.encode() in open(path, "rb").read(10 ** 7):
            found.append(path)
    except (OSError, ValueError):
        pass
print(found, sorted(os.environ).count("STDOUT"))
"""
    [outcome] = judge_one(judge, row(code, "17424217", cpu_s=5))
    assert outcome["verdict"] == "WA"
    [printed] = judge.run([{"language": "python", "code": code, "stdin": "", "limits": {"cpu_s": 5}}])
    assert printed["stdout"] == "[] 0\n"


def children_of(pid):
    """Return the processes below `pid`."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            parent = int(Path(f"/proc/{name}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if parent == pid:
            found += [int(name), *children_of(int(name))]
    return found


def test_box_is_not_root_outside(judge):
    sleeper = row("import time; time.sleep(60)", "", wall_s=1.5)
    thread = threading.Thread(target=judge.judge, args=([sleeper],))
    thread.start()
    time.sleep(0.8)
    launcher = judge.connection.process.pid
    uids = {os.stat(f"/proc/{pid}").st_uid for pid in [launcher, *children_of(launcher)]}
    status = [Path(f"/proc/{pid}/status").read_text() for pid in children_of(launcher)]
    thread.join()
    assert len(status) >= 3, "bwrap, supervisor, program"
    for text in status:
        assert "0" not in text.split("Uid:")[1].splitlines()[0].split()
    assert os.geteuid() == 0 or 0 not in uids


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be refused as root")
def test_a_box_is_refused_as_root():
    with pytest.raises(BoxError, match="uid 0"):
        Box(Setup("bwrap", "x", b""), {}, [], Limits(1, 1, 1), ["true"], {}, {})


def test_everything_dies_with_the_parent(tmp_path):
    code = f"""
import sys
from crosspl.judge.client import Judge
judge = Judge(["python"], jobs=1, work={str(tmp_path)!r})
print(judge.connection.process.pid, flush=True)
tests = [{{"stdin": "", "stdout": ""}}]
row = {{"id": "x", "language": "python", "code": "import time; time.sleep(50)", "tests": tests}}
judge.judge([row | {{"limits": {{"wall_s": 50}}}}])
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    launcher = int(parent.stdout.readline())
    time.sleep(0.7)
    everyone = [launcher, *children_of(launcher)]
    assert len(everyone) >= 4
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    end = time.monotonic() + 15
    while time.monotonic() < end and any(alive(pid) for pid in everyone):
        time.sleep(0.1)
    assert not [pid for pid in everyone if alive(pid)]


def alive(pid):
    """Return whether the process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_killed_box_is_retried(judge):
    result = []
    attack = row("import time; time.sleep(1.5); print(3)", "3")
    thread = threading.Thread(target=lambda: result.extend(judge.judge([attack])))
    thread.start()
    time.sleep(0.7)
    for pid in children_of(judge.connection.process.pid):
        if alive(pid):
            os.kill(pid, signal.SIGKILL)
            break
    thread.join()
    assert result[0]["verdict"] == "OK"
