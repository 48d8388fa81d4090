"""Judge one program: compile it in its own box, run it on its tests in another, compare on the host.

In: a task (a row of the judge plus, maybe, files compiled before) and the shared `Context`. Out: the verdict as a dict
with `again` (repeat alone) and `built` (newly compiled files, for the cache). A failing box ends as the verdict JE.
"""

import json
from dataclasses import dataclass, field

from crosspl.judge.batches import compile_batch
from crosspl.judge.box import CPU_CAP, DIRTY, MEMORY_CAP, NO_EXEC, WALL_CAP, Box, BoxError, Setup
from crosspl.judge.verdicts import (
    FROM_OUTSIDE,
    compile_limits,
    failure,
    is_doubtful,
    is_starved,
    run_limits,
    test_verdict,
)

TIMEOUTS_UNTIL_SKIP = 3  # after so many TLE or ILE the remaining tests count as TLE without a run
MESSAGE_CHARACTERS = 500
PREPARE_LIMITS = {"cpu": 120, "wall": 600, "out": 256 << 10}
CHECKER_LIMITS = {"cpu_s": 10, "memory_mib": 1024}
CHECKER_REFUSES = 3  # not 1, with which an uncaught exception ends: a checker that breaks is a judge error


@dataclass
class Context:
    """What every program of one launcher shares."""

    setup: Setup
    languages: dict
    deadlines: dict = field(default_factory=dict)


def judge_program(context, task):
    """Return the verdict of one program, JE when its box failed."""
    try:
        if task["kind"] == "batch":
            entry = context.languages[task["language"]]
            return compile_batch(entry, task, lambda *what: compile_files(context, *what)[0])
        if task["kind"] == "prepare":
            return prepare(context, task)
        if task["kind"] == "run":
            return run_once(context, task)
        return judge_tests(context, task)
    except BoxError as error:
        return {"verdict": "JE", "tests": [], "compile_s": None, "message": str(error), "again": False, "built": None}


def judge_tests(context, task):
    """Compile and run all tests of one program."""
    entry = context.languages[task["language"]]
    outcome = {"verdict": "OK", "tests": [], "compile_s": None, "message": "", "again": False, "built": None}
    if not task["code"].strip():
        return outcome | {"verdict": "NC"}
    if not build(context, entry, task, outcome):
        return outcome
    harness = task["harness"] is not None
    tests = [("", None)] if harness else [(test["stdin"], test["stdout"]) for test in task["tests"]]
    run_tests(context, entry, task, tests, outcome)
    failing = [test["verdict"] for test in outcome["tests"] if test["verdict"] != "OK"]
    outcome["verdict"] = "JE" if "JE" in failing else failing[0] if failing else "OK"
    return outcome


def build(context, entry, task, outcome):
    """Put the files to run into task["files"]; return False when the compiler refused (verdict in `outcome`)."""
    source = task["code"] if task.get("harness") is None else task["code"] + "\n" + task["harness"]
    files = {entry["source"]: (0o644, source.encode(errors="surrogatepass"))}
    task["files"] = files
    if not entry["compile"]:
        return True
    if task.get("built"):
        task["files"], outcome["compile_s"] = task["built"], task["compile_s"]
        return True
    result, limits = compile_files(context, entry, files, task["prepared"])
    outcome["compile_s"] = round(result.cpu_s, 3)
    if result.flags & NO_EXEC:
        raise BoxError(f"{entry['compile'][0]} cannot be run in the box")
    if result.status or result.flags:
        over = result.flags & (CPU_CAP | WALL_CAP | MEMORY_CAP) or result.cpu_s > limits.cpu_s
        outcome["verdict"] = "CTLE" if over else "CE"
        outcome["again"] = is_starved(result) if result.flags & WALL_CAP else result.signal in FROM_OUTSIDE and not over
        outcome["message"] = text_of(result.stderr or result.stdout)
        return False
    result.files.pop(entry["source"], None)
    if not is_runnable(entry, result.files):
        outcome |= {"verdict": "CE", "message": f"the compiler left no {entry['run'][0]} that can be run"}
        return False
    task["files"] = outcome["built"] = result.files
    return True


def is_runnable(entry, files):
    """Return whether what is to run is there, when it is a file of the program's own."""
    command = entry["run"][0]
    return not command.startswith("./") or bool(files.get(command[2:], (0, b""))[0] & 0o100)


def compile_files(context, entry, files, prepared=None):
    """Run the compiler in its own box and return (Result with the files it left, its Limits)."""
    limits = compile_limits(entry)
    binds = [*entry["binds"], *([(prepared, "/prepared")] if prepared else [])]
    box = Box(context.setup, context.deadlines, binds, limits, entry["compile"], entry["env"], files, True)
    try:
        return box.run(b""), limits
    finally:
        box.close()


def prepare(context, task):
    """Run a language's `prepare` command, once per toolchain; the files it leaves come back as "built"."""
    entry = context.languages[task["language"]]
    wanted = entry["prepare"]
    command = entry | {"compile": wanted["command"], "compile_limits": entry["compile_limits"] | PREPARE_LIMITS}
    files = {name: (0o644, text.encode()) for name, text in wanted["files"].items()}
    result, _ = compile_files(context, command, files)
    if result.status or result.flags:
        raise BoxError(f"{' '.join(wanted['command'])} failed: {text_of(result.stderr)}")
    return {"verdict": "OK", "again": False, "message": "", "built": result.files}


def run_command(entry, wanted):
    """Return the argv that runs a program, with the heap size filled in after the command's name."""
    memory = wanted.get("memory_mib", 512)
    heap = [argument.replace("{mem}", str(memory)) for argument in entry["heap_args"]]
    return [entry["run"][0], *heap, *entry["run"][1:]]


def run_tests(context, entry, task, tests, outcome):
    """Run the tests one after another, appending to outcome["tests"]; a box that could not be cleaned is replaced."""
    wanted = task["limits"] or {}
    limits, memory_kib = run_limits(entry, wanted)
    box, timeouts = None, 0
    try:
        for stdin, expected in tests:
            if timeouts >= TIMEOUTS_UNTIL_SKIP:
                outcome["tests"].append({"verdict": "TLE", "skipped": True})
                continue
            if box is None:
                box = open_box(context, entry, limits, run_command(entry, wanted), task["files"])
            result = box.run(stdin.encode(errors="surrogatepass"))
            accepted = None if expected is None or task["checker"] else encoded(expected)
            verdict = test_verdict(result, limits, memory_kib, accepted, task["comparison"])
            if result.flags & NO_EXEC and entry["run"][0].startswith("./"):
                verdict = "RE"  # the program's own file is nothing that can be executed
            if verdict == "OK" and task["checker"]:
                verdict = check(context, task["checker"], stdin, expected, result.stdout)
            outcome["tests"].append(report(verdict, result))
            outcome["again"] |= is_doubtful(verdict, result, limits)
            timeouts += verdict in ("TLE", "ILE")
            if verdict != "OK":
                outcome["message"] = outcome["message"] or text_of(result.stderr)
                if task["stop"]:
                    return
            if result.flags & DIRTY:
                box = box.close()
    finally:
        if box:
            box.close()


def encoded(expected):
    """Return one expected output, or a list of accepted ones, as a list of bytes."""
    several = [expected] if isinstance(expected, str) else expected
    return [one.encode(errors="surrogatepass") for one in several]


def check(context, checker, stdin, expected, output):
    """Return the verdict of a checker (Python source) on one output, in a box of its own that shares nothing.

    It reads {"stdin", "expected", "output"} as JSON and ends with status 0 for right, 3 for wrong.
    """
    entry = context.languages["python"]
    limits, _ = run_limits(entry, CHECKER_LIMITS)
    text = output.decode(errors="replace")
    question = json.dumps({"stdin": stdin, "expected": expected, "output": text})
    box = open_box(context, entry, limits, entry["run"], {entry["source"]: (0o644, checker.encode())})
    try:
        result = box.run(question.encode())
    finally:
        box.close()
    if result.flags or result.exit not in (0, CHECKER_REFUSES):
        raise BoxError(f"the checker ended with status {result.exit}: {text_of(result.stderr)[-200:]}")
    return "OK" if result.exit == 0 else "WA"


def open_box(context, entry, limits, argv, files):
    """Start the box of one program."""
    return Box(context.setup, context.deadlines, entry["binds"], limits, argv, entry["env"], files)


def report(verdict, result):
    """Return what the verdict row says of one test."""
    row = {
        "verdict": verdict,
        "cpu_s": round(result.cpu_s, 4),
        "wall_s": round(result.wall_s, 4),
        "peak_mib": round(result.peak_kib / 1024, 1),
        "exit": result.exit,
        "signal": result.signal or None,
    }
    if result.leftovers:
        row["leftovers"] = result.leftovers
    return row


def text_of(data):
    """Return the beginning of a message as text."""
    return data.decode(errors="replace").strip()[:MESSAGE_CHARACTERS]


def run_once(context, task):
    """Run one program (or task["argv"]) on one input and return its output, without comparing."""
    entry = context.languages[task["language"]]
    outcome = {"verdict": "OK", "compile_s": None, "message": "", "again": False, "built": None, "stdout": ""}
    argv = task.get("argv")
    if argv:
        task["files"] = {}
    elif not build(context, entry, task, outcome):
        return outcome
    wanted = task["limits"] or {}
    limits, memory_kib = run_limits(entry, wanted)
    box = open_box(context, entry, limits, argv or run_command(entry, wanted), task["files"])
    try:
        result = box.run(task["stdin"].encode(errors="surrogatepass"))
    finally:
        box.close()
    verdict = failure(result, limits, memory_kib) or "OK"
    outcome |= report(verdict, result) | {"stdout": result.stdout.decode(errors="replace")}
    outcome["message"] = text_of(result.stderr)
    outcome["again"] = is_doubtful(verdict, result, limits)
    return outcome
