"""Make the supervisor binary: compiled once per source, kept under the judge's work folder.

In: supervisor.c beside this module, a C compiler. Out: the path of an executable, named by the hash of its source.
"""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from crosspl.errors import SandboxError
from crosspl.io import atomic

SOURCE = Path(__file__).with_name("supervisor.c")


def supervisor_path(work):
    """Return the supervisor's path, compiling it when it is not there."""
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    path = Path(work).resolve() / f"supervisor-{os.uname().machine}-{digest}"
    if not path.exists():
        with atomic(path) as temporary:
            compile_supervisor(temporary)
            temporary.chmod(0o755)
    return path


def compile_supervisor(target):
    """Compile, statically where the static C library is there (it starts faster), else dynamically."""
    compiler = next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
    if compiler is None:
        raise SandboxError("no C compiler for the judge's supervisor: apt-get install gcc (or conda install gcc)")
    said = ""
    for extra in (["-static"], []):
        done = subprocess.run([compiler, "-O2", *extra, "-o", target, SOURCE], capture_output=True, text=True)
        if done.returncode == 0:
            return
        said = done.stderr.strip().splitlines()[-1:] or [f"status {done.returncode}"]
    raise SandboxError(f"{compiler} cannot compile {SOURCE.name}: {said[0]}; apt-get install libc6-dev")
