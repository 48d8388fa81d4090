"""More hostile programs through the judge's contract: refusals, misbehaviour after the right answer, odd output, state.

The first part of the attack table is in test_judge_attacks. A probe prints the answers that were no refusal. Every
attack has two equal tests, so the second one proves that the first left nothing; a harmless program is judged beside
it, and afterwards nothing of the boxes may be left on the machine.
"""

import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from test_judge_attacks import RIGHT, TRY, children_of

from crosspl.judge.client import Judge

BEGIN = f"""{TRY}
import ctypes, mmap, resource, stat, threading
print(sorted(os.listdir("/box")) + os.listdir("/tmp") + os.listdir("/dev/shm"), end=" ", flush=True)
def refused_all(actions, *allowed):
    answers = [refused(lambda: action(*arguments), *allowed) for action, *arguments in actions]
    print([(actions[n][1:], answer) for n, answer in enumerate(answers) if answer != "refused"])
def write(path, data):
    os.write(os.open(path, os.O_WRONLY), data)
def raise_limit(kind):
    hard = resource.getrlimit(kind)[1]
    if hard == resource.RLIM_INFINITY:
        raise OSError(errno.EPERM, "nothing to raise")
    if libc.setrlimit(kind, (ctypes.c_ulong * 2)(hard + 1, hard + 1)) < 0:
        raise OSError(ctypes.get_errno(), "refused")
"""
CLEAN = "['main.py'] "  # what every program finds in /box, /tmp and /dev/shm
REFUSED = {
    "files outside": """
names = "etc/passwd etc/shadow root home work var run srv boot sys opt mnt media lost+found"
refused_all([(os.stat, "/" + name) for name in names.split()], errno.ENOENT)""",
    "writing outside": """
none = errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ETXTBSY, errno.EXDEV, errno.EBUSY, errno.EINVAL
paths = ["/sys/power/state", "/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/swappiness",
         "/proc/self/oom_score_adj", "/proc/1/oom_score_adj", "/supervisor", "/usr/bin/python3", "/proc/self/uid_map"]
refused_all([(write, path, b"-1000") for path in paths] + [
    (os.mkdir, "/new"), (os.chmod, "/", 0o777), (os.chown, "/box", 0, 0), (os.unlink, "/supervisor"),
    (os.rename, "/supervisor", "/tmp/x"), (os.rename, "/box", "/tmp/x"), (os.symlink, "/", "/etc/x"),
    (os.link, "/usr/bin/python3", "/box/x"), (os.mknod, "/tmp/x", stat.S_IFBLK | 0o600, os.makedev(8, 0)),
    (os.mknod, "/box/x", stat.S_IFCHR | 0o600, os.makedev(1, 1))], *none)
assert os.statvfs("/usr").f_flag & os.statvfs("/").f_flag & os.ST_RDONLY
places = [at for top in ("/dev", "/box", "/etc", "/tmp") for at, _, _ in os.walk(top)] + ["/", "/usr", "/proc"]
found = {at for at in places if refused(lambda: open(at + "/new", "w")) == "ALLOWED"}
assert found == {"/box", "/dev/shm", "/tmp"}, found""",
    "the supervisor": """
names = "mem maps smaps environ auxv fd/0 fdinfo/0 root/box cwd/x io pagemap stack syscall personality ns/mnt exe"
actions = [(os.open, f"/proc/1/{top}{name}", os.O_RDONLY) for name in names.split() for top in ("", "task/1/")]
names = "mem comm clear_refs coredump_filter timerslack_ns uid_map gid_map setgroups oom_adj autogroup"
actions += [(write, "/proc/1/" + name, b"1") for name in names.split()]
one = os.pidfd_open(1)
actions += [(call, 101, 16, 1, 0, 0), (call, 101, 0x4206, 1, 0, 0), (call, 310, 1, 0, 0, 0, 0, 0),
            (call, 311, 1, 0, 0, 0, 0, 0), (call, 312, 1, os.getpid(), 0, 0, 0), (call, 438, one, 0, 0)]
refused_all(actions, errno.EACCES, errno.EPERM, errno.ENOENT)""",
    "system calls": """
numbers = [*range(163, 172), 101, 103, 135, 153, 155, 159, 161, 175, 176, 179, 212, 227, 246, 248, 249, 250, 272, 298,
           303, 304, 305, 308, 310, 311, 313, 320, 321, 323, *range(425, 434), 442, 447]
actions = [(call, number, 3, 0, 0, 0, 0) for number in numbers]
actions += [(call, 16, 0, code) for code in (0x5412, 1 << 32 | 0x5412)]  # TIOCSTI
flags = [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000]
refused_all(actions + [(call, number, flag | 17) for flag in flags for number in (56, 272)], errno.EPERM)""",
    "socket families": """
families = sorted(set(range(46)) - {1, 2, 10})
refused_all([(make, family, kind) for make in (socket.socket, socket.socketpair) for family in families
             for kind in (1, 2, 3, 5)], errno.EAFNOSUPPORT)""",
    "limits and priority": """
kinds = "CPU AS FSIZE NPROC NOFILE CORE NICE RTPRIO MSGQUEUE MEMLOCK SIGPENDING"
refused_all([(raise_limit, getattr(resource, "RLIMIT_" + kind)) for kind in kinds.split()] + [
    (os.nice, -5), (os.setuid, 0), (os.setgid, 0), (os.setgroups, [0]), (os.setpriority, 0, 1, -5),
    (os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1))], errno.EPERM, errno.EACCES, errno.EINVAL)""",
}  # fmt: skip
SUBTLE = {  # allowed after the right answer, and without effect on the verdict or the next test
    "affinity": "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})",
    "priority of the supervisor": """
os.setpriority(0, 1, 19); os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))""",
    "lowered limits": "os.nice(19)\nfor kind in (1, 6, 7): resource.setrlimit(kind, (8, 8))",
    "signals": """
for number in (9, 19, 6, 17, 13, 24, 25, 34, 64):
    os.kill(1, number); signal.pidfd_send_signal(os.pidfd_open(1), number); libc.syscall(234, 1, 1, number)""",
    "inherited files": "assert sorted(os.listdir('/proc/self/fd')) == ['0', '1', '2', '3']  # 3 is the listing",
    "other processes": "assert {int(name) for name in os.listdir('/proc') if name.isdigit()} == {1, os.getpid()}",
    "closed stdin": "os.close(0)",
    "closed stdout": "os.close(1); os._exit(0)",
    "no box": "os.remove('main.py'); os.chmod('/box', 0); os.chmod('/tmp', 0); os.chmod('/dev/shm', 0)",
    "program is a link": "os.remove('main.py'); os.symlink('/etc', 'main.py'); os.symlink('/box', '/tmp/loop')",
    "program is a folder": "os.remove('main.py'); os.makedirs('main.py/main.py'); os.chmod('main.py', 0)",
    "hard links": "for n in range(1000): os.link('main.py', str(n))\nopen('main.py', 'a').write('#')",
    "program changed": "open('main.py', 'r+').write('1/0')",
    "odd files": """
for folder in (b"/box/", b"/tmp/", b"/dev/shm/"):
    os.mkfifo(folder + b"pipe"); socket.socket(socket.AF_UNIX).bind(folder + b"socket")
    for name in (b"a\\nb", b"\\xff\\xfe", b" ", b"-rf", b"*", b"\\x01" * 255, "\u202e".encode()):
        os.mkdir(folder + name); open(folder + name + b"/" + name, "w")""",
    "deep folders": """
for top in ("/box", "/tmp"):
    os.chdir(top)
    for _ in range(100): os.mkdir("d" * 255); os.chdir("d" * 255)""",
    "many files": "for n in range(200_000): os.close(os.open(f'/tmp/{n}', os.O_CREAT))",
    "daemon": """
if os.fork() == 0:
    os.setsid(); signal.signal(signal.SIGTERM, signal.SIG_IGN); os.closerange(0, 3); signal.pause()""",
    "sockets": """
server = socket.create_server(("127.0.0.1", 4242)); socket.socket(socket.AF_UNIX).bind("\\0name")
if os.fork() == 0: server.accept()""",
}  # fmt: skip
AFTERWARDS = {  # what follows the right answer, and the verdict that the rules demand
    "RE": ["sys.exit(3)", "ctypes.string_at(0)", "os.abort()", "os.kill(os.getpid(), 9)", "1 / 0",
           "for n in range(300): open(f'/tmp/{n}', 'wb').write(bytes(1 << 20))", "while True: os.fork()",
           "while True: threading.Thread(target=signal.pause, daemon=True).start()"],
    "TLE": ["while True: pass", "os.close(1)\nwhile True: pass", "while True: os.getpid()",
            "n = 0\nwhile True: os.close(os.open(str(n := n + 1), os.O_CREAT))",
            "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass",
            "while os.fork(): os.wait()\nos._exit(0)", "os.fork(); os.fork()\nwhile True: pass"],
    "ILE": ["signal.pause()", "os.kill(os.getpid(), 19)", "os.mkfifo('p')\nopen('p')", "os.fork()\nsignal.pause()"],
    "OLE": ["while True: print('x' * 1000)", "while True: os.write(2, bytes(1000))", "os.ftruncate(1, 4 << 20)",
            "while True: os.write(1, bytes(1000)), os.write(2, bytes(1000))"],
    "MLE": ["x = []\nwhile True: x.append(bytearray(b'1' * (1 << 20)))"],
}  # fmt: skip
ENDING_LIMITS = {"TLE": {"cpu_s": 0.2, "wall_s": 60}, "ILE": {"wall_s": 1}, "MLE": {"memory_mib": 128}}
HOLES = {  # what programs could do to the judge or to their next test, before it was closed
    "limits of the supervisor": """
for kind in (resource.RLIMIT_NPROC, resource.RLIMIT_AS, resource.RLIMIT_FSIZE):
    try: resource.prlimit(1, kind, (0, 0))
    except PermissionError: continue
    print("changed")""",
    "deep folder over the program": """
os.remove("main.py"); os.mkdir("main.py"); os.chdir("main.py")
for _ in range(100): os.mkdir("d"); os.chdir("d")""",
    "full box that cannot be emptied": """
os.remove("main.py")
for _ in range(100): os.mkdir("d"); os.chdir("d")
try:
    for n in range(300): open(str(n), "wb").write(bytes(1 << 20))
except OSError: pass""",
    "program changed through a mapping": """
pass  # here
with open("main.py", "r+b") as stream:
    source = mmap.mmap(stream.fileno(), 0)
    at = source.find(b"pass" b"  # here")
    source[at : at + 4] = b"1/0 " """,
    "System V memory": """assert libc.shmget(42, 0, 0) < 0, 'old'
libc.shmget(42, 1 << 20, 0o1600)""",
}
SEARCH = """
import os, re
found = set()
def look(path):
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        for _ in range(20):
            found.update(re.findall(rb"needle-\\d+", os.read(handle, 1 << 16)))
        os.close(handle)
    except OSError: pass
for top, folders, files in os.walk("/"):
    if top == "/": folders.remove("usr")
    if top == "/proc": folders[:] = ["1", str(os.getpid()), "sysvipc", "sys"]
    if top.count("/") > 3 and "/task/" in top: folders.clear()
    for name in files + folders: look(f"{top}/{name}")
for top in ("/proc/1/fd/", "/proc/self/fd/"):
    for n in range(64): look(f"{top}{n}")
print(" ".join(sorted(x.decode() for x in found)) or "nothing")
"""
INT80 = 'int main(void) { long r; asm volatile("int $0x80" : "=a"(r) : "a"(20)); return 0; }'
X32 = "#include <unistd.h>\nint main(void) { syscall(0x40000000 | 39); return 0; }"


def traces(judge):
    """Return all that boxes might leave on this machine: processes, mounts, temporary files, control groups."""
    launcher = judge.connection.process.pid
    processes, groups = set(children_of(launcher)), set()
    if os.geteuid() == 0:  # then the uid of the boxes, which is the launcher's, is no one else's
        uid = os.stat(f"/proc/{launcher}").st_uid
        processes |= {int(name) for name in owned_by(uid, "/proc") if name.isdigit()} - {launcher}
        groups = {path for top, *_ in os.walk("/sys/fs/cgroup") for path in owned_by(uid, top)}
    mounts = {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    files = {str(path) for path in Path(tempfile.gettempdir()).rglob("*")}
    return {"processes": processes, "mounts": mounts, "files": files, "groups": groups}


def owned_by(uid, folder):
    """Return the names in a folder that belong to `uid`."""
    names = []
    for entry in os.scandir(folder):
        with suppress(OSError):  # it may be gone
            names += [entry.name] if entry.stat().st_uid == uid else []
    return names


@contextmanager
def private_judge(work, languages, **options):
    """Give a judge whose temporary folder is its own, so that whatever is left there can be seen."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        os.chmod(folder, 0o755)
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        with Judge(languages, jobs=4, work=work, **options) as judge:
            yield judge


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    with private_judge(tmp_path_factory.mktemp("judge"), ["python", "c"]) as judge:
        yield judge


@pytest.fixture(autouse=True)
def nothing_left(judge):
    before = traces(judge)
    assert not before["processes"] and len(os.listdir(tempfile.gettempdir())) <= 1, "no more than the shared folder"
    yield
    assert traces(judge) == before


def attack(code, stdout, language="python", **limits):
    """Return a row with two equal tests."""
    limits = {"cpu_s": 10, "memory_mib": 512, "wall_s": 60} | limits
    tests = [{"stdin": "", "stdout": stdout}] * 2
    return {"id": "attack", "language": language, "code": code, "tests": tests, "limits": limits}


def verdicts(judge, rows):
    """Judge `rows`, with a harmless program beside them and one after them; return the verdicts of their tests."""
    *found, right = judge.judge([*rows, RIGHT])
    assert [right["verdict"], judge.judge([RIGHT])[0]["verdict"]] == ["OK", "OK"]
    return [[test["verdict"] for test in row["tests"]] or [row["verdict"], row["message"]] for row in found]


x86_64 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="the system-call numbers are those of x86_64")


@x86_64
def test_refusals(judge):
    rows = [attack(BEGIN + code, CLEAN + "[]") for code in REFUSED.values()]
    found = dict(zip(REFUSED, verdicts(judge, rows)))
    assert found == {name: ["OK", "OK"] for name in REFUSED}, judge.run([row | {"stdin": ""} for row in rows])


def test_subtle(judge):
    rows = [attack(f"{BEGIN}print(3, flush=True)\n{code}", CLEAN + "3") for code in SUBTLE.values()]
    assert dict(zip(SUBTLE, verdicts(judge, rows))) == {name: ["OK", "OK"] for name in SUBTLE}


def test_misbehaviour_after_the_right_answer(judge):
    cases = [(wanted, code) for wanted, codes in AFTERWARDS.items() for code in codes]
    rows = [attack(f"{BEGIN}print(3, flush=True)\n{code}", CLEAN + "3", **ENDING_LIMITS.get(wanted, {}))
            for wanted, code in cases]  # fmt: skip
    found = verdicts(judge, rows)
    assert [(case, verdict) for case, verdict in zip(cases, found) if verdict != [case[0]] * 2] == []


@pytest.mark.parametrize("code", HOLES.values(), ids=HOLES)
def test_closed_holes(judge, code):
    assert verdicts(judge, [attack(f"{BEGIN}print(3, flush=True)\n{code}", CLEAN + "3")]) == [["OK", "OK"]]


@x86_64
def test_system_calls_of_other_instruction_sets_kill(judge):
    assert verdicts(judge, [attack(code, "", "c") for code in (INT80, X32)]) == [["RE", "RE"]] * 2


def test_boxes_do_not_share_the_process_limit(judge):
    code = """
count = 0
try:
    while True:
        if os.fork() == 0: signal.pause()
        count += 1
except OSError: time.sleep(0.5)
print(count > 4)"""
    rows = [attack(f"{BEGIN}{code} # {number}", CLEAN + "True") for number in range(4)]
    assert verdicts(judge, rows) == [["OK", "OK"]] * 4


def test_the_expected_output_is_nowhere(judge):
    """The program finds what stands in its stdin, so the search works; it does not find what is expected."""
    secret = "needle-4242"
    tests = [{"stdin": text, "stdout": secret} for text in ("", secret, "")]
    tests.append({"stdin": "", "stdout": "nothing"})
    assert verdicts(judge, [attack(SEARCH, "") | {"tests": tests}]) == [["WA", "OK", "WA", "OK"]]
