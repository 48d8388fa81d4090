"""Stand-ins for the qsub, qstat and qdel of OpenPBS. They refuse what PBS's own would refuse, and really run the jobs.

Syntax after OpenPBS's man pages of qsub (-l select, -l walltime, -N, -j, -o, -S, -V), qstat (-f) and qdel. As there, a
job's script is copied when it is submitted, it starts in the home folder, and its shell is a login shell, which resets
PATH; a server without job history forgets a job when it ends.
"""

import os
import re
import shutil
import sys
from pathlib import Path

import stand_in_queue as queue

OPTIONS = {  # option, what its value must look like
    "-N": r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,235}",
    "-S": r"/\S+",
    "-j": r"oe|eo|n",
    "-o": r"(\S+:)?/\S+",
    "-l": r"select=\d+(:\w+=\w+)+|walltime=(\d+|(\d+:)?\d?\d:\d\d)",
    "-q": r"workq|gpu",
    "-A": r"\S+",
}
CHUNK = {"ncpus": r"\d+", "ngpus": r"\d+", "mem": r"\d+(b|kb|mb|gb|tb)", "host": r"\S+"}
UNITS = {"b": 1e-6, "kb": 1e-3, "mb": 1, "gb": 1e3, "tb": 1e6}
SHOWN = {"waiting": "Q", "running": "R"}


def parse(argv):
    """Return the options, the -l requests and the script of a qsub command line."""
    options, requests = {}, {}
    while argv and argv[0].startswith("-"):
        name, *argv = argv
        if name == "-V":
            continue
        value, *argv = argv
        if name not in OPTIONS:
            sys.exit(f"qsub: invalid option {name}")
        if not re.fullmatch(OPTIONS[name], value):
            sys.exit(f"qsub: illegal {name} value: {value}")
        if name == "-l":
            resource, _, rest = value.partition("=")
            requests[resource] = rest
        else:
            options[name] = value
    if len(argv) != 1 or not Path(argv[0]).is_file():
        sys.exit(f"qsub: script file {argv} cannot be loaded")
    return options, requests, Path(argv[0])


def chunk(text):
    """Return the resources of one chunk of a select statement."""
    parts = dict(part.split("=") for part in text.split(":")[1:])
    for name, value in parts.items():
        if name not in CHUNK or not re.fullmatch(CHUNK[name], value):
            sys.exit(f"qsub: Unknown resource: {name}={value}")
    return parts


def qsub(argv):
    """Submit a script."""
    options, requests, script = parse(argv)
    size, unit = re.fullmatch(r"(\d+)(\w+)", chunk(requests["select"])["mem"]).groups()
    job = {"asked": options | requests, "memory_mb": int(size) * UNITS[unit]}
    spooled = Path(os.environ["QUEUE_FOLDER"]) / f"{options['-N']}.{os.getpid()}.SC"
    shutil.copy(script, spooled)
    output = options["-o"] + f"/%J.{os.uname().nodename}.OU" if os.path.isdir(options["-o"]) else options["-o"]
    number = queue.start(job, [options["-S"], str(spooled)], Path.home(), login_environment, output)
    print(f"{number}.{os.uname().nodename}")


def login_environment(number):
    """Return what a job of `qsub -V` starts with."""
    path = "/usr/local/bin:/usr/bin:/bin"
    return dict(os.environ, PATH=path, PBS_JOBID=f"{number}.{os.uname().nodename}", PBS_O_WORKDIR=os.getcwd())


def qstat(argv):
    """Show a job; one that has ended is forgotten."""
    if argv[:1] != ["-f"] or len(argv) != 2:
        sys.exit(f"qstat: {argv}")
    job = queue.read(argv[1].partition(".")[0])
    if job is None or job["state"] == "done":
        print(f"qstat: Unknown Job Id {argv[1]}", file=sys.stderr)
        sys.exit(153)
    print(f"Job Id: {argv[1]}\n    job_state = {SHOWN[job['state']]}\n    server = stand-in\n")


def qdel(argv):
    """Delete jobs."""
    for job in argv:
        queue.kill(int(job.partition(".")[0]))


if __name__ == "__main__":
    {"qsub": qsub, "qstat": qstat, "qdel": qdel}[sys.argv[1]](sys.argv[2:])
