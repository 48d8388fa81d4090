"""The launcher: a small process that starts the boxes, several at a time, as an ordinary uid.

In (stdin): frames of marshalled values: first the configuration, then tasks. Out (stdout): first {"error": reason or
None} of a probe box, then one frame per task, in order of completion. As root it drops to a free uid before the first
box. It ends with its parent (end of file, or another parent), and all boxes end with it.
"""

import marshal
import os
import pwd
import queue
import struct
import sys
import threading
import time

from crosspl.judge.box import Box, BoxError, Limits, Setup
from crosspl.judge.programs import Context, judge_program

FRAME = struct.Struct("<Q")


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


def probe(context):
    """Return None when a box works here, or else the reason."""
    try:
        box = Box(context.setup, context.deadlines, [], Limits(5, 5, 30), ["true"], {}, {})
        try:
            result = box.run(b"")
        finally:
            box.close()
    except (BoxError, OSError) as error:
        return str(error)
    return None if result.status == 0 else f"true ended with status {result.status} in the box"


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
    source, output, parent = sys.stdin.buffer, sys.stdout.buffer, os.getppid()
    config = receive(source)
    context = Context(Setup(**config["setup"]), config["languages"])
    try:
        drop_root()
        reason = probe(context)
    except (BoxError, OSError) as error:
        reason = str(error)
    send(output, {"error": reason})
    tasks, lock = queue.SimpleQueue(), threading.Lock()
    threading.Thread(target=watch, args=(context, parent), daemon=True).start()
    for _ in range(config["jobs"]):
        threading.Thread(target=work, args=(context, tasks, output, lock), daemon=True).start()
    try:
        while True:
            tasks.put(receive(source))
    except EOFError:
        os._exit(0)


if __name__ == "__main__":
    main()
