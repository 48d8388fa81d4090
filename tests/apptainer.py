"""A real Apptainer for the tests, a base image without a registry, and namespaces to run it in.

In: what tests/get_apptainer.sh installed. Out: environments and argv in which `apptainer` works here; skips that name
what is missing. As a command, `python apptainer.py ARGV...`, it runs ARGV as uid 0 of a new user namespace in which
every uid is itself: there root has all capabilities, also where a container runtime took some away outside, which
Apptainer needs to build.
"""

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

CACHE = Path("/var/cache/crosspl")
CLONE_NEWNS, CLONE_NEWUSER, CAP_SYS_RESOURCE = 0x20000, 0x10000000, 24
NAMESPACE = [sys.executable, __file__]
ORDINARY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


def apptainer_environment(**more):
    """Return the environment of commands that call `apptainer`; skip the test where there is none."""
    import pytest
    from workflow_run import environment

    path = f"{CACHE / 'apptainer/usr/bin'}:{os.environ['PATH']}"
    if not shutil.which("apptainer", path=path):
        pytest.skip("no apptainer: tests/get_apptainer.sh installs one where it can")
    found = environment(**more)
    found["PATH"] = f"{Path(sys.executable).parent}:{path}"
    found["APPTAINER_MKSQUASHFS_ARGS"] = "-comp gzip -Xcompression-level 1"  # fast, where size does not matter
    if os.geteuid() == 0 and not all_capabilities():
        found["APPTAINER_DROP_CAPS"] = "CAP_SYS_RESOURCE"  # it asks for all but these
    return found


def all_capabilities():
    """Return whether this process has the one capability that runtimes like to take away."""
    status = Path("/proc/self/status").read_text()
    return bool(int(status.split("CapEff:")[1].split()[0], 16) >> CAP_SYS_RESOURCE & 1)


def builder():
    """Return what to put before `apptainer build`."""
    return NAMESPACE if os.geteuid() == 0 and not all_capabilities() else []


def base_image(env):
    """Return the path of a SIF with a minimal Debian 12, as docker://debian:bookworm-slim is one; made once."""
    import pytest
    from filelock import FileLock

    if os.geteuid() or not shutil.which("mmdebstrap"):
        pytest.skip("no mmdebstrap, or not root: no base image without a registry")
    base = CACHE / "debian-bookworm.sif"
    with FileLock(CACHE / "lock"):
        if not base.exists():
            tree = CACHE / "debian-bookworm"
            shutil.rmtree(tree, ignore_errors=True)
            no_devices = '--customize-hook=rm -rf "$1"/dev/*'  # Apptainer cannot copy them here
            run(["mmdebstrap", "--quiet", "--variant=minbase", no_devices, "bookworm", str(tree)], env)
            run([*builder(), "apptainer", "build", "--force", f"{base}.new", str(tree)], env)
            shutil.rmtree(tree)
            os.replace(f"{base}.new", base)
    return base


def run(argv, env, **options):
    """Run a command to its end and return its output; a failure is an AssertionError that shows it."""
    done = subprocess.run(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    assert done.returncode == 0, f"{argv}\n{done.stdout[-6000:]}"
    return done.stdout


def in_namespace(argv):
    """Run `argv` as uid 0 in new user and mount namespaces with the identity as id map; end as it ends."""
    ready, go = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER | CLONE_NEWNS):
            os._exit(70)
        os.write(ready[1], b"x")
        os.read(go[0], 1)
        os.setgid(0), os.setuid(0)
        os.execvp(argv[0], argv)
    os.close(ready[1])
    if os.read(ready[0], 1):
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{pid}/{name}").write_text("0 0 65536\n")
        os.write(go[1], b"x")
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


if __name__ == "__main__":
    in_namespace(sys.argv[1:])
