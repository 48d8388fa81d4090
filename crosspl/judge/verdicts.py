"""From limits and measurements to verdicts.

In: a language entry, a row's limits, what the supervisor measured. Out: the box limits, and the verdict of one run.
CPU time decides TLE, measured peak memory decides MLE, never wall time and never messages. Order of the checks: JE (no
exec), TLE, ILE, OLE, MLE, RE, then the comparison (WA or OK).
"""

import signal

from crosspl.judge.box import CPU_CAP, MEMORY_CAP, NO_EXEC, WALL_CAP, Limits
from crosspl.judge.comparison import agree

VERDICTS = ("OK", "WA", "RE", "TLE", "ILE", "MLE", "OLE", "CE", "CTLE", "NC", "JE")
CPU_S, MEMORY_MIB, OUTPUT_KIB = 2.0, 512, 4096  # where the row does not say
WALL_S, WALL_FACTOR = 10.0, 5.0  # wall cap: whichever is larger; it only ends a run, it decides no TLE
NEAR = 1.3  # killed at so many times the CPU limit; a run that ended between 1 and 1.3 is run again alone
STARVED = 0.5  # share of the wall spent waiting for a CPU above which an ILE is run again alone
FROM_OUTSIDE = (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP)  # what a scheduler sends to all processes
TOGETHER = 2  # all processes of a program may hold so many times what one may
COMPILER_TOGETHER = 6 << 30
MEMORY_SHARE = 0.85  # a failed run that reached this share of its memory limit failed for memory


def run_limits(entry, wanted):
    """Return (Limits, memory limit in KiB) for one run of a program in language `entry`."""
    cpu = wanted.get("cpu_s", CPU_S) * entry["time_factor"] + entry["time_extra"]
    memory, mode = wanted.get("memory_mib", MEMORY_MIB), entry["memory"]["mode"]
    room = (memory + entry["memory"]["overhead"]) << 20
    limits = Limits(
        cpu_s=cpu,
        kill_s=cpu * NEAR,
        wall_s=wanted.get("wall_s", max(WALL_S, WALL_FACTOR * cpu)),
        address_space=room if mode == "as" else 0,
        data=room if mode in ("data", "heap") else 0,
        output=wanted.get("output_kib", OUTPUT_KIB) << 10,
        processes=entry["nproc"],
        memory_together=TOGETHER * room,
    )
    return limits, memory << 10  # without the runtime's own overhead, much of which is never resident


def compile_limits(entry):
    """Return the Limits of the compiler's box."""
    wanted = entry["compile_limits"]
    return Limits(
        cpu_s=wanted["cpu"],
        kill_s=wanted["cpu"],
        wall_s=wanted["wall"],
        address_space=(wanted["as"] or 0) << 20,
        output=wanted["out"] << 10,
        processes=max(64, entry["nproc"]),
        memory_together=COMPILER_TOGETHER,
    )


def failure(result, limits, memory_kib):
    """Return the verdict of a run that failed by itself, or None when it ended with status 0 inside its limits."""
    if result.flags & NO_EXEC:
        return "JE"
    if result.flags & CPU_CAP or result.cpu_s > limits.cpu_s or result.signal == signal.SIGXCPU:
        return "TLE"
    if result.flags & MEMORY_CAP:
        return "MLE"
    if result.flags & WALL_CAP:
        return "ILE"
    if result.signal == signal.SIGXFSZ or result.output_size >= limits.output:
        return "OLE"
    if result.status and result.peak_kib >= MEMORY_SHARE * memory_kib:
        return "MLE"
    return "RE" if result.status else None


def test_verdict(result, limits, memory_kib, accepted, comparison):
    """Return the verdict of one test; `accepted` lists the right outputs, None where status 0 is enough."""
    failed = failure(result, limits, memory_kib)
    if failed:
        return failed
    return "OK" if accepted is None or any(agree(result.stdout, one, comparison) for one in accepted) else "WA"


def is_doubtful(verdict, result, limits):
    """Return True when other load or a signal from outside may explain the verdict: the run is repeated alone."""
    if verdict == "RE":
        return result.signal in FROM_OUTSIDE
    if verdict == "TLE":
        return not result.flags & CPU_CAP and result.cpu_s <= NEAR * limits.cpu_s
    return verdict == "ILE" and is_starved(result)


def is_starved(result):
    """Return True when a run spent most of its wall time waiting for a CPU."""
    return result.delay_s > STARVED * result.wall_s
