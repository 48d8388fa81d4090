"""The launcher: a small process that starts the boxes, several at a time, as an ordinary uid.

In (stdin): frames of marshalled values: first the configuration, then tasks. Out (stdout): first the best tier whose
probe worked (or None) and why better ones did not, then one frame per task, in order of completion. As root it drops
to a free uid before the first box. It ends with its parent (end of file, or another parent), and all boxes with it.
"""

import marshal
import os
import pwd
import queue
import signal
import struct
import sys
import tempfile
import threading
import time

from crosspl.judge import tiers
from crosspl.judge.box import STARTING, Box, BoxError, Limits, Setup
from crosspl.judge.programs import Context, judge_program

FRAME = struct.Struct("<Q")
MOST_PROCESSES = 64  # of a compiler


def send(stream, value):
    """Write one frame."""
    data = marshal.dumps(value)
    stream.write(FRAME.pack(len(data)) + data)
    stream.flush()


def receive(stream):
    """Read one frame; EOFError at the end of the stream."""
    head = stream.read(FRAME.size)
    if len(head) < FRAME.size:
        raise EOFError
    size = FRAME.unpack(head)[0]
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return marshal.loads(data)


def free_uid():
    """Return a uid that has no account and no process."""
    used = {entry.pw_uid for entry in pwd.getpwall()}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                used.add(os.stat(f"/proc/{name}").st_uid)
            except OSError:
                continue
    start = 50000 + os.getpid() % 5000
    return next(uid for uid in range(start, 60000) if uid not in used)


def drop_root():
    """Become an ordinary user for good; modules are imported before, as that user may not read them."""
    if os.geteuid():
        return
    uid = free_uid()
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    if 0 in (*os.getresuid(), *os.getresgid()):
        raise BoxError("could not give up root")


def choose_tier(context, wanted):
    """Leave the first tier that works in context.setup; return it (or None) and {tier: reason} of those before."""
    reasons = {}
    for tier in wanted:
        context.setup.tier = tier
        try:
            reason = probe(context)
        except (BoxError, OSError) as error:
            reason = str(error)
        if reason is None:
            return tier, reasons
        reasons[tier] = reason
    return None, reasons


def probe(context):
    """Return None when a box works here and hides what is outside, or else the reason."""
    if context.setup.tier.startswith("bwrap") and not context.setup.bwrap:
        return "bubblewrap (bwrap) is missing"
    result = run_in_box(context, ["true"])
    if result.status or result.flags:
        return f"true ended with status {result.status} in the box"
    if context.setup.tier == "none":
        return None
    with tempfile.NamedTemporaryFile() as outside:
        outside.write(b"secret")
        outside.flush()
        for path in (outside.name, "/etc/passwd"):
            result = run_in_box(context, ["cat", path])
            if result.status == 0 or result.stdout:
                return f"programs in the box can read {path}"
    return None


def run_in_box(context, argv):
    """Return the Result of one command in a box of its own."""
    box = Box(context.setup, context.deadlines, [], Limits(5, 5, 30), argv, {}, {})
    try:
        return box.run(b"")
    finally:
        box.close()


def watch(context, parent):
    """Kill boxes that hang, and end with the parent."""
    while True:
        time.sleep(1)
        if os.getppid() != parent:
            os._exit(1)
        now = time.monotonic()
        for process, deadline in list(context.deadlines.items()):
            if now > deadline:
                process.kill()
        if context.setup.tier in tiers.FALLBACKS:
            with STARTING:
                tiers.kill_orphans({process.pid for process in context.deadlines})


def work(context, tasks, output, lock):
    """Judge tasks until the process ends. These threads live as long as the process: a box dies with its thread."""
    while True:
        number, task = tasks.get()
        try:
            outcome = judge_program(context, task)
        except Exception as error:  # a fault of the judge is the verdict JE, never a lost task
            outcome = {"verdict": "JE", "tests": [], "compile_s": None, "again": False, "built": None}
            outcome["message"] = f"{type(error).__name__}: {error}"
        with lock:
            send(output, (number, outcome))


def main():
    """Serve the parent until it is gone."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a scheduler tells all processes; the parent decides when to end
    source, output, parent = sys.stdin.buffer, sys.stdout.buffer, os.getppid()
    config = receive(source)
    languages, jobs = config["languages"], config["jobs"]
    context = Context(Setup(**config["setup"]), languages)
    context.setup.spare = (jobs - 1) * max([MOST_PROCESSES, *(entry["nproc"] for entry in languages.values())])
    try:
        drop_root()
        tier, reasons = choose_tier(context, config["tiers"])
        if tier in tiers.FALLBACKS:
            tiers.adopt_orphans()
    except (BoxError, OSError) as error:
        tier, reasons = None, {"judge": str(error)}
    send(output, {"tier": tier, "reasons": reasons})
    tasks, lock = queue.SimpleQueue(), threading.Lock()
    threading.Thread(target=watch, args=(context, parent), daemon=True).start()
    for _ in range(jobs):
        threading.Thread(target=work, args=(context, tasks, output, lock), daemon=True).start()
    try:
        while True:
            tasks.put(receive(source))
    except EOFError:
        os._exit(0)


if __name__ == "__main__":
    main()
