"""The queue behind the stand-ins for LSF and PBS: it runs jobs on this machine, and kills those over their memory.

In: a folder (QUEUE_FOLDER) and jobs. Out: one JSON file per job, {number}.json: what was asked for, state, exit status.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

TOO_MUCH_MEMORY = 137  # the exit status of a job that was killed for it


def start(job, argv, cwd, environment, output):
    """Start `argv` and return the job's number; `job` is what was asked for, of which `memory_mb` is enforced."""
    folder = Path(os.environ["QUEUE_FOLDER"])
    number = next(n for n in range(101, 10_000) if not (folder / f"{n}.json").exists())
    write(number, job | {"state": "waiting"})
    spec = {"number": number, "argv": argv, "cwd": str(cwd), "output": output.replace("%J", str(number))}
    daemon = [sys.executable, __file__, json.dumps(spec), json.dumps(environment(number))]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.Popen(daemon, start_new_session=True, **quiet)
    return number


def read(number):
    """Return a job, or None when the queue never had it."""
    path = Path(os.environ["QUEUE_FOLDER"]) / f"{number}.json"
    return json.loads(path.read_text()) if path.exists() else None


def write(number, job):
    """Keep a job."""
    path = Path(os.environ["QUEUE_FOLDER"]) / f"{number}.json"
    path.with_suffix(".new").write_text(json.dumps(job))
    path.with_suffix(".new").rename(path)


def kill(number):
    """End a job as queues do: SIGTERM, then SIGKILL, to all of its processes."""
    job = read(number)
    for process in family(job.get("pid")):
        process.terminate()
    for process in psutil.wait_procs(family(job.get("pid")), timeout=3)[1]:
        process.kill()
    write(number, read(number) | {"state": "done", "status": 143})


def family(pid):
    """Return a process and its descendants."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except (psutil.NoSuchProcess, TypeError):
        return []


def memory_mb(processes):
    """Return the resident memory of processes, without those that have just ended."""
    used = 0
    for process in processes:
        try:
            used += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return used / 1e6


def supervise(spec, environment):
    """Run one job to its end; what it prints goes to its output file."""
    number = spec["number"]
    if read(number)["state"] == "done":  # killed before it started
        return
    with open(Path(spec["cwd"]) / spec["output"], "a") as stream:
        process = subprocess.Popen(
            spec["argv"], cwd=spec["cwd"], env=environment, stdout=stream, stderr=stream, start_new_session=True
        )
        job = read(number) | {"state": "running", "pid": process.pid}
        write(number, job)
        status = None
        while process.poll() is None:
            if memory_mb(family(process.pid)) > job["memory_mb"]:
                status = TOO_MUCH_MEMORY
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(0.05)
    if read(number)["state"] != "done":
        write(number, job | {"state": "done", "status": process.returncode if status is None else status})


if __name__ == "__main__":
    supervise(*map(json.loads, sys.argv[1:]))
