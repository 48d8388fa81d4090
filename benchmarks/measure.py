"""Measure CPU and say how busy and what the machine is.

In: an action to measure. Out: its wall and CPU seconds, all descendants included: from a cgroup v1 cpuacct group where
one can be made (as root), else machine-wide from /proc/stat minus what the machine used when the benchmark was idle.
The machine-wide figure is kept beside the group's: it has the kernel's own threads (tear-down of namespaces) too.
"""

import contextlib
import os
import platform
import subprocess
import time
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup/cpuacct")
BUSY_FIELDS = (1, 2, 3, 6, 7)  # of the first line of /proc/stat: user, nice, system, irq, softirq
BUSY_ABOVE = 0.10  # share of the measured cores that others used, above which the figures are doubtful
METHODS = {
    True: "cgroup v1 cpuacct of the benchmark, the judge and all descendants; kernel threads are not in it",
    False: "/proc/stat of the whole machine minus an idle baseline measured before each round",
}


@contextlib.contextmanager
def cpu_clock():
    """Yield a function that returns the CPU seconds of this process and all that it starts, or None without a group."""
    group = GROUPS / f"crosspl-benchmark-{os.getpid()}"
    try:
        before = GROUPS / own_group().lstrip("/")
        group.mkdir()
        (group / "cgroup.procs").write_text(str(os.getpid()))
    except (OSError, StopIteration):
        yield None
        return
    try:
        yield lambda: int((group / "cpuacct.usage").read_text()) / 1e9
    finally:
        (before / "cgroup.procs").write_text(str(os.getpid()))
        for _ in range(50):  # what was started may need a moment to end
            try:
                group.rmdir()
                break
            except OSError:
                time.sleep(0.1)


def own_group():
    """Return the path of this process's cpuacct group."""
    fields = (line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines())
    return next(path for _, names, path in fields if "cpuacct" in names.split(","))


def busy_seconds():
    """Return the CPU seconds that the whole machine has used."""
    with open("/proc/stat") as stream:
        fields = stream.readline().split()
    return sum(int(fields[place]) for place in BUSY_FIELDS) / os.sysconf("SC_CLK_TCK")


def idle_baseline(seconds):
    """Return how many cores the rest of the machine uses while we only wait."""
    busy, wall = busy_seconds(), time.monotonic()
    time.sleep(seconds)
    return (busy_seconds() - busy) / (time.monotonic() - wall)


def measure(action, clock, baseline):
    """Run `action` and return its wall, CPU and machine-wide seconds, and how many cores others used meanwhile."""
    wall, busy, own = time.monotonic(), busy_seconds(), clock() if clock else 0
    action()
    own, busy, wall = (clock() if clock else 0) - own, busy_seconds() - busy, time.monotonic() - wall
    machine = max(busy - baseline * wall, 0)
    others = max(busy - own, 0) / wall if clock else baseline
    return {"wall_s": wall, "cpu_s": own if clock else machine, "machine_s": machine, "others": others}


def machine_facts(toolchains):
    """Return what the figures depend on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith(("model name", "CPU part"))]
    bwrap = subprocess.run(["bwrap", "--version"], capture_output=True, text=True).stdout.strip()
    return {
        "cpu": models[0] if models else platform.machine(), "cores": os.cpu_count(),
        "kernel": platform.release(), "python": platform.python_version(), "bwrap": bwrap,
        "nice": os.getpriority(os.PRIO_PROCESS, 0), "toolchains": toolchains,
    }  # fmt: skip


def load():
    """Return the load average of the last minute."""
    return round(os.getloadavg()[0], 2)
