"""One box: a sandbox (crosspl.judge.tiers) with the supervisor in it, fed one input at a time.

In: limits, argv, environment, files, inputs. Out: a `Result` per input: exit, CPU of the whole process tree, wall,
peak memory, output. Raises `BoxError` when the box itself fails (it could not start, it died, it hung); the judge
turns that into the verdict JE. Nothing here runs a program as uid 0.
"""

import math
import os
import struct
import subprocess
import threading
import time
from dataclasses import dataclass, field

from crosspl.judge import tiers

JOB = struct.Struct("<10Q")
REPLY = struct.Struct("<8Q")
SIZE = struct.Struct("<I")
END_OF_JOB = 0xFFFFFFFF
WALL_CAP, CPU_CAP, NO_EXEC, DIRTY, MEMORY_CAP, TOO_LARGE = 1, 2, 4, 8, 16, 32
SLACK_S = 60  # the box may be this much later than its own wall cap before the host kills it
ENVIRONMENT = {
    "HOME": "/box", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
}  # fmt: skip
STARTING = threading.Lock()  # held while a process of ours is not yet in `deadlines`, so that none passes for an orphan


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
    memory_together: int = 0  # resident bytes of all its processes


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

    bwrap: str | None
    supervisor: str
    seccomp: bytes
    prefix: str | None = None  # a conda environment that holds the toolchains
    tier: str = "bwrap"
    spare: int = 0  # processes that the other boxes may need


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
        limits.output, limits.processes, limits.stderr_kept, int(return_files), limits.memory_together,
    )  # fmt: skip
    parts = [head, pack_strings(argv), pack_strings([f"{k}={v}" for k, v in environment.items()])]
    parts.append(SIZE.pack(len(files)))
    for name, (mode, data) in files.items():
        encoded = os.fsencode(name)
        parts += [SIZE.pack(len(encoded)), encoded, SIZE.pack(mode), SIZE.pack(len(data)), data]
    return b"".join(parts)


class Box:
    """A running box. `deadlines` (shared with the watchdog) maps its process to the time when it has hung."""

    def __init__(self, setup, deadlines, binds, limits, argv, env, files, return_files=False):
        if os.geteuid() == 0:
            raise BoxError("refused: a box is never started as uid 0")
        self.wall_s, self.deadlines, self.folder = limits.wall_s, deadlines, None
        environment = {"PATH": tiers.search_path(setup.prefix), **ENVIRONMENT, **env}
        if setup.tier in tiers.FALLBACKS:
            self.folder = tiers.make_folder()
            argv, environment = tiers.relocate(self.folder, binds, argv, {"TMPDIR": "/tmp", **environment})
            limits = tiers.share_processes(limits, setup.spare)
        self.header = pack_job(limits, argv, environment, files, return_files)
        self._start(setup, binds)

    def _start(self, setup, binds):
        read_end, write_end = os.pipe()
        try:
            os.write(write_end, setup.seccomp)  # about 1 KB, so the pipe holds it
            os.close(write_end)
            command = (tiers.fallback_command if self.folder else tiers.bwrap_command)(
                setup, binds, read_end, *([self.folder] if self.folder else [])
            )
            with STARTING:
                self.process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    pass_fds=(read_end,), cwd="/", start_new_session=bool(self.folder),
                    env={"PATH": tiers.search_path(setup.prefix)} if self.folder else None,
                )  # fmt: skip
                self.deadlines[self.process] = time.monotonic() + SLACK_S
        finally:
            os.close(read_end)

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
                name = os.fsdecode(self._blob())
                mode = self._size()
                result.files[name] = (mode, self._blob())
            return result
        except (OSError, EOFError) as error:
            raise BoxError(self._reason(error)) from None

    def close(self):
        """End the box and everything in it."""
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
        self.deadlines.pop(self.process, None)
        self.process.stdout.close()
        self.process.stderr.close()
        if self.folder and os.path.exists(self.folder):
            with STARTING:
                tiers.remove_folder(self.folder)

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
