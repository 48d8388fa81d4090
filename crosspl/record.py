"""What a command leaves about itself in a workflow: what it read and wrote, with what code, where, and what it used.

In: notes by the modules that read, write, train, sample and judge; the environment variable CROSSPL_RECORDS, the folder
of the records (without it nothing is kept). Out: one JSON file per finished command, named after its first output; a
file per attempt under work/attempts/ until then, so that the cost of killed attempts is not lost.
Every command depends on this module, so an edit here runs everything again: what reads records is elsewhere
(crosspl.manifest and what builds on it).
"""

import contextlib
import hashlib
import json
import os
import platform
import resource
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from crosspl.provenance import LOCAL, code, file_hash

FOLDER, REVISION = "CROSSPL_RECORDS", "CROSSPL_REVISION"
ATTEMPTS = Path("work/attempts")
OWN_STATE = ("work", "logs")  # folders whose files are no data: what is kept there is keyed by its content
BEAT_S = 10.0

_command, _attempt = {}, {}  # of this process; empty outside a workflow


def record_settings(folder):
    """Return the shell assignments that make commands leave records in `folder`, for an `export`.

    The revision is for commands that run where there is no git, such as in a container.
    """
    found = _revision()
    revision = " ".join([found["commit"], *found["changed"]]) if found["commit"] else ""
    return f"{FOLDER}={shlex.quote(folder)} {REVISION}={shlex.quote(revision)}"


def start():
    """Begin the record of this process's command when a workflow asks for records."""
    if os.environ.get(FOLDER) and os.environ.get("RANK", "0") == "0":  # of several processes the first one
        script = _name(sys.argv[0])
        _command.update(script=script, argv=sys.argv[1:], inputs={}, outputs={})
        _command.update(code=_hashes(code(script, *_loaded())), revision=_revision())
        folder = ATTEMPTS / hashlib.sha256(json.dumps([script, *sys.argv[1:]]).encode()).hexdigest()[:16]
        _attempt.update(started=time.time() - _age(), status="running")
        _command["attempt"] = folder / f"{time.time_ns()}-{os.getpid()}.json"
        _keep_attempt()


def read(path, data=None):
    """Note that the file at `path`, of content `data`, was read."""
    if _command and (name := _data_name(path)) and name not in _command["inputs"]:
        _command["inputs"][name] = hashlib.sha256(data).hexdigest() if data is not None else file_hash(path)


def wrote(path):
    """Note that the file at `path` is written."""
    if _command and (name := _data_name(path)):
        _command["outputs"][name] = None  # hashed at the end


def note(**facts):
    """Note dicts of facts about this command, such as toolchains={"lua": "5.4.4"}."""
    if _command:
        for name, fact in facts.items():
            _command[name] = _command.get(name, {}) | fact


def count(**amounts):
    """Add to the amounts of work of this attempt, such as generated_tokens=12."""
    for name, amount in amounts.items() if _command else ():
        _attempt[name] = _attempt.get(name, 0) + amount


def beat():
    """Keep what the attempt has used so far, every few seconds: it may be killed."""
    if _command and time.monotonic() - _command["beat"] > BEAT_S:
        _keep_attempt()


def drop():
    """Forget this process's command, which another process will begin again."""
    if _command:
        shutil.rmtree(_command["attempt"].parent, ignore_errors=True)
    _command.clear()
    _attempt.clear()


def end(error):
    """Write the record of a command that ended with exception `error`; SystemExit without a status is success."""
    if not _command:
        return
    status = 0 if isinstance(error, SystemExit) and not error.code else getattr(error, "code", 1)
    _attempt["status"] = "done" if status == 0 else f"exit {status}"
    try:
        if status == 0 and _command["outputs"]:
            _write_record()
        elif status == 0:  # it made no data, as the command that writes the manifest
            shutil.rmtree(_command["attempt"].parent, ignore_errors=True)
        else:
            _keep_attempt()
    except (OSError, ValueError) as problem:  # a full disk, or what nobody foresaw: the result itself is there
        print(f"warning: no record could be written of what this command made: {problem}", file=sys.stderr)
    _command.clear()
    _attempt.clear()


def used():
    """Return what this process and the children it waited for used so far; a GPU counts when it holds memory of ours.

    peak_mib is of the largest process, peak_gpu_mib of the fullest GPU. Times in seconds.
    """
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    gpus, wall = _gpu_memory(), _age()
    return {
        "wall_s": round(wall, 2),
        "cpu_s": round(sum(one.ru_utime + one.ru_stime for one in usage), 2),
        "gpu_s": round(wall * len(gpus) * int(os.environ.get("WORLD_SIZE", 1)), 2),
        "peak_mib": max(one.ru_maxrss for one in usage) // 1024,
        "peak_gpu_mib": max(gpus, default=0) // 2**20,
    }


def _write_record():
    own = _command.pop("attempt")
    _command.pop("beat")
    outputs = {name: file_hash(name) for name in _command["outputs"] if os.path.isfile(name)}
    inputs = {name: digest for name, digest in sorted(_command["inputs"].items()) if name not in _command["outputs"]}
    _command.update(inputs=inputs, outputs=outputs, versions=_versions())
    _command["code"] |= _hashes(path for path in code(*_loaded()) if path not in _command["code"])
    root = os.environ[FOLDER]
    path = Path(root) / f"{next(iter(outputs)).removeprefix(os.path.dirname(root) + '/')}.json"
    _command["attempts"] = [*_before(path), *_unfinished(own), _so_far()]
    _write(path, _command)
    shutil.rmtree(own.parent, ignore_errors=True)


def _keep_attempt():
    _command["beat"] = time.monotonic()
    with contextlib.suppress(OSError):  # a full disk; the command itself will say so when it matters to it
        _write(_command["attempt"], _so_far())


def _so_far():
    return _attempt | {"ended": time.time(), "machine": _machine()} | used()


def _before(path):
    """Return the attempts of the record at `path` if it is of this very work: what they left under work/ was used."""
    record = _read_json(path)
    same = all(record.get(key) == _command[key] for key in ("script", "argv", "code", "inputs"))
    return record.get("attempts", []) if same else []


def _unfinished(own):
    """Return the attempts beside `own` of the same command that did not come to their end, as last seen."""
    found = [_read_json(path) for path in sorted(own.parent.glob("[0-9]*.json")) if path.name != own.name]
    return [attempt for attempt in found if {"ended", "machine"} <= attempt.keys()]


def _read_json(path):
    """Return the dict in a file; an empty one where a crash of the machine left something else."""
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(value, indent=1))
    os.replace(temporary, path)


def _name(path):
    name = os.path.relpath(path)
    results = os.path.dirname(os.environ.get(FOLDER, ""))
    if os.path.islink(results):  # to local copies of what is in storage
        copies = os.path.relpath(os.path.realpath(results)) + "/"
        name = f"{results}/{name.removeprefix(copies)}" if name.startswith(copies) else name
    return os.path.abspath(path) if name.startswith("..") else name


def _data_name(path):
    name = _name(path)
    return None if name.split("/")[0] in OWN_STATE else name


def _hashes(paths):
    return {str(path): file_hash(path) for path in paths}


def _loaded():
    """Return the files of the local modules that are loaded; some are loaded by name and no import shows them."""
    files = [module.__file__ for name, module in sys.modules.items() if name.startswith(tuple(f"{x}." for x in LOCAL))]
    return [_name(path) for path in files if path]


def _revision():
    """Return the commit and the files of the code that differ from it; without git what the workflow found, or None."""
    command = ["git", "--no-optional-locks", "status", "--porcelain=v2", "--branch", "--", *LOCAL, "Snakefile", "rules"]
    try:
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        commit, *changed = os.environ.get(REVISION, "").split() or [None]
        return {"commit": commit, "changed": changed}
    [commit] = [line.split()[-1] for line in lines if line.startswith("# branch.oid")]  # "(initial)" before the first
    return {"commit": commit, "changed": [line.split()[-1] for line in lines if not line.startswith("#")]}


def _versions():
    """Return Python's version and those of all installed packages, from the names of their metadata folders."""
    names = {path.name for folder in sys.path for path in Path(folder or ".").glob("*.dist-info")}
    return {"python": platform.python_version()} | dict(name[:-10].split("-", 1) for name in sorted(names))


def _machine():
    """Return what the command ran on."""
    models = [line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    machine = {
        "host": platform.node(),
        "system": platform.platform(),
        "cpu": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "memory_mib": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20,
    }
    if image := os.environ.get("APPTAINER_NAME"):
        machine["image"] = image
    torch = sys.modules.get("torch")
    if torch and torch.cuda.is_available():
        machine["gpus"] = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
        machine["gpu_driver"] = " ".join(next(iter(_lines("/proc/driver/nvidia/version")), "").split())
    return machine


def _gpu_memory():
    """Return the peak bytes of every GPU on which this process holds or held memory."""
    torch = sys.modules.get("torch")
    if not torch or not torch.cuda.is_initialized():
        return []
    peaks = [torch.cuda.max_memory_reserved(number) for number in range(torch.cuda.device_count())]
    return [peak for peak in peaks if peak]


def _lines(path):
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _age():
    """Return the seconds since this process started, imports included."""
    ticks = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(ticks) / os.sysconf("SC_CLK_TCK")
