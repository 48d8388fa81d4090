"""Stand-ins for LSF's bsub, bjobs and bkill. They refuse what LSF's own would refuse, and really run the jobs.

Syntax after IBM's reference of bsub (-J, -n, -W, -M, -R, -gpu), bjobs (-noheader -o) and bkill, LSF 10.1.
"""

import os
import re
import sys

import stand_in_queue as queue

SIZE = r"\d+(?:[KMGT]B?)?"
OPTIONS = {  # option, what its value must look like
    "-J": r"[^\s\[\]/]{1,511}",
    "-n": r"\d+(,\d+)?",
    "-W": r"(\d+:)?\d+",
    "-M": rf"{SIZE}!?",
    "-R": r"\w+\[[^\[\]]+\]( \w+\[[^\[\]]+\])*",
    "-gpu": r"num=\d+(/task|/host)?(:mode=(shared|exclusive_process))?(:mps=(yes|no))?(:j_exclusive=(yes|no))?",
    "-o": r"\S+",
    "-q": r"normal|gpu",
    "-P": r"\S+",
}
SECTIONS = {"rusage": rf"(mem|swp|tmp)={SIZE}(/(host|job|task))?", "span": r"hosts=1|ptile=\d+", "select": r".+"}
SHOWN = {"waiting": "PEND", "running": "RUN"}


def refuse(text):
    """End as bsub does when it takes no job."""
    sys.exit(f"{text}. Job not submitted.")


def parse(argv):
    """Return the options and the command of a bsub command line."""
    options = {}
    while argv and argv[0].startswith("-"):
        name, value, *argv = argv
        if name not in OPTIONS:
            refuse(f"{name}: Illegal option")
        if not re.fullmatch(OPTIONS[name], value):
            refuse(f"{value}: Bad argument for {name}")
        options[name] = value
    return options, argv


def megabytes(size):
    """Return a size with its unit in MB; bare numbers are KB."""
    number, unit = re.fullmatch(r"(\d+)([KMGT]?)B?!?", size).groups()
    return int(number) * {"": 1e-3, "K": 1e-3, "M": 1, "G": 1e3, "T": 1e6}[unit]


def bsub(argv):
    """Submit a command; its environment and folder are those of bsub."""
    options, command = parse(argv)
    if not command or not os.access(command[0], os.X_OK):
        refuse("No command is specified")
    for section, content in re.findall(r"(\w+)\[([^\]]+)\]", options.get("-R", "")):
        if section not in SECTIONS or not re.fullmatch(SECTIONS[section], content):
            refuse(f"Bad resource requirement syntax: {section}[{content}]")
    job = {"asked": options, "memory_mb": megabytes(options["-M"])}
    number = queue.start(
        job, command, os.getcwd(), lambda number: dict(os.environ, LSB_JOBID=str(number)), options["-o"]
    )
    print(f"Job <{number}> is submitted to queue <{options.get('-q', 'normal')}>.")


def bjobs(argv):
    """Show the state of a job."""
    if argv[:3] != ["-noheader", "-o", "stat"] or len(argv) != 4:
        sys.exit(f"bjobs: {argv}")
    job = queue.read(argv[3])
    if job is None:
        print(f"Job <{argv[3]}> is not found", file=sys.stderr)
        sys.exit(255)
    print(SHOWN.get(job["state"], "EXIT" if job.get("status") else "DONE"))


def bkill(argv):
    """Kill jobs."""
    for number in argv:
        queue.kill(int(number))
        print(f"Job <{number}> is being terminated")


if __name__ == "__main__":
    {"bsub": bsub, "bjobs": bjobs, "bkill": bkill}[sys.argv[1]](sys.argv[2:])
