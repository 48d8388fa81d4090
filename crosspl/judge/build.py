"""Make what all boxes share, once: the supervisor's binary and the files a language prepares for its compiler.

In: the .c files beside this module, a C compiler; files by content key. Out: paths that the uid of the boxes can read,
named by a hash of what they are made from.
"""

import hashlib
import json
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from crosspl.errors import SandboxError
from crosspl.io import atomic

DIGESTS = "digests.json"
SOURCES = [Path(__file__).with_name(name) for name in ("supervisor.c", "fallback.c")]


def shared_folder(work):
    """Return a folder for shared files: in `work`, or as root, who drops to another uid, in the temporary folder."""
    if os.geteuid():
        folder = Path(work).resolve() / "shared"
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    folder = Path(tempfile.gettempdir()) / "crosspl-judge-root"
    folder.mkdir(mode=0o755, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
        raise SandboxError(f"{folder} is not a folder that only root can write; remove it")
    return folder


def supervisor_path(work):
    """Return the supervisor's path, compiling it when it is not there."""
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in SOURCES)).hexdigest()[:16]
    path = shared_folder(work) / f"supervisor-{os.uname().machine}-{digest}"
    if not path.exists():
        with atomic(path) as temporary:
            compile_supervisor(temporary)
            temporary.chmod(0o755)
    return path


def prepared_path(work, key):
    """Return the folder of prepared files with this content key, and whether it is there, whole."""
    path = shared_folder(work) / f"prepared-{key}"
    try:
        good = json.loads((path / DIGESTS).read_text()) == digests(path)
    except (OSError, ValueError):
        good = False
    if not good:
        shutil.rmtree(path, ignore_errors=True)
    return path, good


def digests(folder):
    """Return {name: sha256} of the files below a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != DIGESTS:
            with open(path, "rb") as stream:
                found[str(path.relative_to(folder))] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


def write_prepared(path, files):
    """Write {name: (mode, bytes)} below `path`; complete or not at all, also when two processes do it."""
    temporary = Path(tempfile.mkdtemp(dir=path.parent))
    try:
        for name, (_, data) in files.items():
            target = temporary / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        (temporary / DIGESTS).write_text(json.dumps(digests(temporary)))
        for folder in [temporary, *(found for found in temporary.rglob("*") if found.is_dir())]:
            folder.chmod(0o755)
        temporary.rename(path)
    except OSError:
        if not path.exists():
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def compile_supervisor(target):
    """Compile, statically where the static C library is there (it starts faster), else dynamically."""
    compiler = next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
    if compiler is None:
        raise SandboxError("no C compiler for the judge's supervisor: apt-get install gcc (or conda install gcc)")
    said = ""
    for extra in (["-static"], []):
        done = subprocess.run([compiler, "-O2", *extra, "-o", target, *SOURCES], capture_output=True, text=True)
        if done.returncode == 0:
            return
        said = done.stderr.strip().splitlines()[-1:] or [f"status {done.returncode}"]
    raise SandboxError(f"{compiler} cannot compile the supervisor: {said[0]}; apt-get install libc6-dev")
