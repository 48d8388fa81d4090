"""One box: a bubblewrap sandbox with the supervisor as PID 1, fed one input at a time.

In: limits, argv, environment, files, inputs. Out: a `Result` per input: exit, CPU of the whole process tree, wall,
peak memory, output. Raises `BoxError` when the box itself fails (it could not start, it died, it hung); the judge
turns that into the verdict JE. Nothing here runs a program outside bubblewrap or as uid 0.
"""

import math
import os
import struct
import subprocess
import time
from dataclasses import dataclass, field

JOB = struct.Struct("<9Q")
REPLY = struct.Struct("<8Q")
SIZE = struct.Struct("<I")
END_OF_JOB = 0xFFFFFFFF
WALL_CAP, CPU_CAP, NO_EXEC, DIRTY = 1, 2, 4, 8
SLACK_S = 60  # the box may be this much later than its own wall cap before the host kills it
ENVIRONMENT = {
    "HOME": "/box", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
}  # fmt: skip
FIXED_BINDS = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d")


class BoxError(Exception):
    """The box failed, not the program in it."""


@dataclass
class Limits:
    """What one run may use. Zero means not limited, except for CPU and wall, which always are."""

    cpu_s: float  # the verdict; the box kills at `kill_s`
    kill_s: float
    wall_s: float
    address_space: int = 0  # bytes, as are the next two
    data: int = 0
    output: int = 4 << 20
    processes: int = 0
    stderr_kept: int = 4096


@dataclass
class Result:
    """What the supervisor measured for one input."""

    status: int  # as os.waitpid gives it; errno when `flags` has NO_EXEC
    cpu_s: float
    wall_s: float
    delay_s: float
    peak_kib: int
    leftovers: int
    flags: int
    output_size: int  # the larger of stdout and stderr, uncut
    stdout: bytes
    stderr: bytes
    files: dict = field(default_factory=dict)

    @property
    def signal(self):
        return os.WTERMSIG(self.status) if not self.flags & NO_EXEC and os.WIFSIGNALED(self.status) else 0

    @property
    def exit(self):
        return os.WEXITSTATUS(self.status) if not self.flags & NO_EXEC and os.WIFEXITED(self.status) else None


@dataclass
class Setup:
    """What all boxes of one judge share: found once, at the start."""

    bwrap: str
    supervisor: str
    seccomp: bytes
    prefix: str | None = None  # a conda environment that holds the toolchains


def search_path(prefix):
    """Return the PATH inside the boxes."""
    return (f"{prefix}/bin:" if prefix else "") + "/usr/local/bin:/usr/bin:/bin"


def bwrap_command(setup, binds, seccomp_fd):
    """Return the argv of one box. Everything is read-only but /box, /tmp and /dev/shm, which are sized tmpfs."""
    argv = [
        setup.bwrap, "--unshare-user", "--unshare-all", "--disable-userns", "--die-with-parent", "--new-session",
        "--as-pid-1", "--cap-drop", "ALL", "--hostname", "box",
        "--clearenv", "--setenv", "PATH", search_path(setup.prefix),
        "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin",
        "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
    ]  # fmt: skip
    for path in (*FIXED_BINDS, *binds):
        argv += ["--ro-bind-try", *(path if isinstance(path, tuple) else (path, path))]
    if setup.prefix:
        argv += ["--ro-bind", setup.prefix, setup.prefix]
    argv += ["--proc", "/proc", "--dev", "/dev", "--size", str(64 << 20), "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
    for path in ("/tmp", "/box"):
        argv += ["--size", str(256 << 20), "--tmpfs", path]
    argv += ["--chdir", "/box", "--ro-bind", setup.supervisor, "/supervisor", "--remount-ro", "/"]
    return argv + ["--seccomp", str(seccomp_fd), "/supervisor"]


def pack_strings(strings):
    """Return a counted list of sized strings, as the supervisor reads them."""
    parts = [SIZE.pack(len(strings))]
    for text in strings:
        data = text.encode()
        parts += [SIZE.pack(len(data)), data]
    return b"".join(parts)


def pack_job(limits, argv, environment, files, return_files):
    """Return the job header. `files` maps names below /box to (mode, bytes)."""
    cpu_seconds = math.ceil(limits.kill_s) + 1  # a second above the exact cap, which sees one process only
    head = JOB.pack(
        cpu_seconds, int(limits.kill_s * 1e6), int(limits.wall_s * 1e6), limits.address_space, limits.data,
        limits.output, limits.processes, limits.stderr_kept, int(return_files),
    )  # fmt: skip
    parts = [head, pack_strings(argv), pack_strings([f"{k}={v}" for k, v in environment.items()])]
    parts.append(SIZE.pack(len(files)))
    for name, (mode, data) in files.items():
        encoded = name.encode()
        parts += [SIZE.pack(len(encoded)), encoded, SIZE.pack(mode), SIZE.pack(len(data)), data]
    return b"".join(parts)


class Box:
    """A running box. `deadlines` (shared with the watchdog) maps its process to the time when it has hung."""

    def __init__(self, setup, deadlines, binds, limits, argv, env, files, return_files=False):
        if os.geteuid() == 0:
            raise BoxError("refused: a box is never started as uid 0")
        self.wall_s, self.return_files, self.deadlines = limits.wall_s, return_files, deadlines
        read_end, write_end = os.pipe()
        try:
            os.write(write_end, setup.seccomp)  # about 1 KB, so the pipe holds it
            os.close(write_end)
            self.process = subprocess.Popen(
                bwrap_command(setup, binds, read_end), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, pass_fds=(read_end,), cwd="/",
            )  # fmt: skip
        finally:
            os.close(read_end)
        environment = {"PATH": search_path(setup.prefix), **ENVIRONMENT, **env}
        self.deadlines[self.process] = time.monotonic() + SLACK_S
        self.header = pack_job(limits, argv, environment, files, return_files)

    def run(self, stdin):
        """Run the program on `stdin` (bytes) and return the Result."""
        self.deadlines[self.process] = time.monotonic() + self.wall_s + SLACK_S
        try:
            self.process.stdin.write(self.header + SIZE.pack(len(stdin)) + stdin)
            self.process.stdin.flush()
            self.header = b""
            values = REPLY.unpack(self._read(REPLY.size))
            status, cpu, wall, delay, peak, leftovers, flags, size = values
            result = Result(status, cpu / 1e6, wall / 1e6, delay / 1e6, peak, leftovers, flags, size,
                            self._blob(), self._blob())  # fmt: skip
            while self._size():
                name = self._blob().decode()
                mode = self._size()
                result.files[name] = (mode, self._blob())
            return result
        except (OSError, EOFError) as error:
            raise BoxError(self._reason(error)) from None

    def close(self):
        """End the box and everything in it."""
        self.deadlines.pop(self.process, None)
        try:
            self.process.stdin.write(SIZE.pack(END_OF_JOB))
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def _read(self, size):
        data = self.process.stdout.read(size)
        if len(data) < size:
            raise EOFError("the box ended early")
        return data

    def _size(self):
        return SIZE.unpack(self._read(4))[0]

    def _blob(self):
        return self._read(self._size())

    def _reason(self, error):
        """Return what bubblewrap said, or how the supervisor ended."""
        self.process.kill()
        said = self.process.stderr.read().decode(errors="replace").strip().splitlines()
        return said[-1] if said else f"{error} (status {self.process.wait()})"
