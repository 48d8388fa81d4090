"""Run a command and say how much memory and CPU it took: `python -m benchmarks.used FILE MODULE [OPTION …]`.

In: a module that is a command. Out: JSON in FILE: peak_mib of its process, children_peak_mib of the largest that it
started and waited for (ru_maxrss of a process would begin with the size of the one that started it), cpu_s of all.
"""

import json
import resource
import runpy
import sys
from pathlib import Path


def main(argv):
    try:
        sys.argv = argv[1:]
        runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
    finally:
        lines = Path("/proc/self/status").read_text().splitlines()
        own = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
        usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        cpu = sum(one.ru_utime + one.ru_stime for one in usage)
        peaks = {"peak_mib": own >> 10, "children_peak_mib": usage[1].ru_maxrss >> 10}
        Path(argv[0]).write_text(json.dumps(peaks | {"cpu_s": cpu}))


if __name__ == "__main__":
    main(sys.argv[1:])
