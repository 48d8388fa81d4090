"""The ways to keep a program in its box, best first: which may be tried, and what starts a box in each.

`bwrap`         bubblewrap: namespaces, a file tree of its own
`bwrap-noproc`  the same without /proc, where a masked /proc (Docker) forbids a new one: no /dev/stdin in the box
`landlock`      no namespaces: Landlock (version 4, Linux 6.7), system-call filters, a private folder
`none`          as before without Landlock: programs read and write what the user may. Only where the user asks for it

In: the Setup, binds, argv, environment, limits of a box. Out: the command that starts it, and in the last two, which
have no /box of their own, texts with the real paths put in. CROSSPL_JUDGE_TIERS="bwrap,landlock" restricts what is
tried.
"""

import ctypes
import dataclasses
import os
import re
import shutil
import subprocess
import tempfile

from crosspl.errors import UserError

TIERS = ("bwrap", "bwrap-noproc", "landlock")
FALLBACKS = ("landlock", "none")
SETTING = "CROSSPL_JUDGE_TIERS"
FIXED_BINDS = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d")
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ssl/openssl.cnf")  # Node ends when it may not read the last
SET_CHILD_SUBREAPER = 36


def allowed_tiers(unsandboxed):
    """Return the tiers to try, best first."""
    tiers = (*TIERS, "none") if unsandboxed else TIERS
    wanted = os.environ.get(SETTING, ",".join(tiers)).split(",")
    unknown = set(wanted) - {*TIERS, "none"}
    if unknown:
        raise UserError(f"{SETTING}: {min(unknown)!r} is none of {', '.join(TIERS)}")
    return [tier for tier in tiers if tier in wanted]


def search_path(prefix):
    """Return the PATH inside the boxes."""
    return (f"{prefix}/bin:" if prefix else "") + "/usr/local/bin:/usr/bin:/bin"


def lacking_commands(entry):
    """Return the commands of a language entry that no box on this machine would find, wherever else they are."""
    path = search_path(os.environ.get("CONDA_PREFIX"))
    commands = {entry[kind][0] for kind in ("version", "compile", "run") if entry[kind]}
    return sorted(name for name in commands if not name.startswith("./") and not shutil.which(name, path=path))


def bwrap_command(setup, binds, seccomp_fd):
    """Return the argv of one box. Everything is read-only but /box, /tmp and /dev/shm, which are sized tmpfs."""
    argv = [
        setup.bwrap, "--unshare-user", "--unshare-all", "--disable-userns", "--die-with-parent", "--new-session",
        "--as-pid-1", "--cap-drop", "ALL", "--hostname", "box",
        "--clearenv", "--setenv", "PATH", search_path(setup.prefix),
        "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin",
        "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
    ]  # fmt: skip
    for path in (*FIXED_BINDS, *binds):
        argv += ["--ro-bind-try", *(path if isinstance(path, tuple) else (path, path))]
    if setup.prefix:
        argv += ["--ro-bind", setup.prefix, setup.prefix]
    argv += [] if setup.tier == "bwrap-noproc" else ["--proc", "/proc"]
    argv += ["--dev", "/dev", "--size", str(64 << 20), "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
    for path in ("/tmp", "/box"):
        argv += ["--size", str(256 << 20), "--tmpfs", path]
    argv += ["--chdir", "/box", "--ro-bind", setup.supervisor, "/supervisor", "--remount-ro", "/"]
    return argv + ["--seccomp", str(seccomp_fd), "/supervisor"]


def fallback_command(setup, binds, seccomp_fd, folder):
    """Return the argv of a supervisor that keeps its programs in `folder` itself."""
    readable = [*SYSTEM, *FIXED_BINDS, *(path[0] if isinstance(path, tuple) else path for path in binds)]
    readable += [setup.prefix] if setup.prefix else []
    return [setup.supervisor, folder, setup.tier, str(seccomp_fd), *readable]


def make_folder():
    """Return a new private folder for one box."""
    folder = tempfile.mkdtemp(prefix="crosspl-box-")
    os.mkdir(f"{folder}/box")
    os.mkdir(f"{folder}/tmp")
    return folder


def remove_folder(folder):
    """Remove what a supervisor that was killed, or folders nested too deeply for it, left."""
    if os.path.isdir(folder):
        for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
            subprocess.run([*command, "--", folder], stderr=subprocess.DEVNULL, check=False)


def relocate(folder, binds, argv, environment):
    """Return argv and environment with the real paths in place of /box, /tmp and the binds that are renamed."""
    places = {"/box": f"{folder}/box", "/tmp": f"{folder}/tmp"}
    places |= {path[1]: path[0] for path in binds if isinstance(path, tuple)}
    pattern = re.compile(f"({'|'.join(map(re.escape, places))})(?![\\w.-])")

    def real(text):
        return pattern.sub(lambda found: places[found[0]], text)

    return [real(text) for text in argv], {name: real(text) for name, text in environment.items()}


def share_processes(limits, spare):
    """Return limits with room for what else runs: without namespaces RLIMIT_NPROC counts all threads of the uid."""
    if not limits.processes:
        return limits
    return dataclasses.replace(limits, processes=limits.processes + spare + threads_of(os.getuid()))


def threads_of(uid):
    """Return the number of threads that a uid has."""
    count = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{name}").st_uid == uid:
                count += len(os.listdir(f"/proc/{name}/task"))
        except OSError:
            continue
    return count


def adopt_orphans():
    """Make this process the parent of what a killed supervisor leaves behind."""
    ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def kill_orphans(known):
    """Kill the children of this process whose pid is not in `known`, and theirs, which then become its children."""
    while True:
        orphans = set()
        for thread in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{thread}/children") as stream:
                orphans |= {int(word) for word in stream.read().split()} - known
        if not orphans:
            return
        for pid in orphans:
            os.kill(pid, 9)
        for pid in orphans:
            os.waitpid(pid, 0)
