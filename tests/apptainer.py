"""A real Apptainer for the tests, a base image without a registry, and namespaces to run it in.

In: what tests/get_apptainer.sh installed. Out: environment variables and argv with which `apptainer` works here, built
images; skips that name what is missing.

As a command, `python apptainer.py ARGV...`, it runs ARGV as uid 0 of a new user namespace in which every uid is itself.
There root has all capabilities, as Apptainer needs for building, also where a runtime took one away outside.
"""

import ctypes
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

CACHE = Path("/var/cache/crosspl")
KEEP_LOGS = ("--slurm-keep-successful-logs",)
CLONE_NEWNS, CLONE_NEWUSER, CAP_SYS_RESOURCE = 0x20000, 0x10000000, 24
AS_IT_IS = ["env", "-u", "APPTAINER_DROP_CAPS"]
NAMESPACE = [*AS_IT_IS, sys.executable, __file__]
ORDINARY = [*AS_IT_IS, "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


def settings():
    """Return the environment variables with which `apptainer` works here; skip the test where there is none."""
    import pytest

    path = f"{CACHE / 'apptainer/usr/bin'}:{os.environ['PATH']}"
    if not shutil.which("apptainer", path=path):
        pytest.skip("no apptainer: tests/get_apptainer.sh installs one where it can")
    found = {"PATH": path, "APPTAINER_MKSQUASHFS_ARGS": "-comp gzip -Xcompression-level 1"}  # large, but fast
    if os.geteuid() == 0 and not all_capabilities():
        found["APPTAINER_DROP_CAPS"] = "CAP_SYS_RESOURCE"  # else it asks for it
    return found


def skip_without_fuse(prefix):
    """Skip a test that runs as an ordinary user where these may not mount images."""
    import pytest

    if prefix == ORDINARY and not (Path("/dev/fuse").exists() and os.stat("/dev/fuse").st_mode & 0o6 == 0o6):
        pytest.skip("ordinary users may not open /dev/fuse here (chmod 666 /dev/fuse, as udev does)")


def all_capabilities():
    """Return whether this process has the one capability that runtimes like to take away."""
    status = Path("/proc/self/status").read_text()
    return bool(int(status.split("CapEff:")[1].split()[0], 16) >> CAP_SYS_RESOURCE & 1)


def builder():
    """Return what to put before `apptainer build`."""
    return NAMESPACE if os.geteuid() == 0 and not all_capabilities() else []


def base_image():
    """Return the path of a SIF with a minimal Debian 12, like docker://debian:bookworm-slim; made once per machine."""
    import pytest
    from filelock import FileLock

    if os.geteuid() or not shutil.which("mmdebstrap"):
        pytest.skip("no mmdebstrap, or not root: no base image without a registry")
    base = CACHE / "debian-bookworm.sif"
    with FileLock(CACHE / "lock"):
        if not base.exists():
            tree = CACHE / "debian-bookworm"
            shutil.rmtree(tree, ignore_errors=True)
            run(["mmdebstrap", "--quiet", "--variant=minbase", "bookworm", str(tree)])
            shutil.rmtree(tree / "dev")  # device nodes, which a user namespace cannot copy
            (tree / "dev").mkdir()
            run([*builder(), "apptainer", "build", "--force", f"{base}.new", str(tree)])
            shutil.rmtree(tree)
            os.replace(f"{base}.new", base)
    return base


def build_image(tree, requirements):
    """Build the image of a repository copy by `make container`, on the local base, with a file of pinned packages.

    local.yaml, an overlay, says so.
    """
    from workflow_run import environment

    (tree / "local.yaml").write_text(f"container: {{base: {base_image()}, requirements: {requirements}}}\n")
    wheels = download_wheels(tree, requirements)
    offline = {"APPTAINERENV_PIP_NO_INDEX": "1", "APPTAINERENV_PIP_FIND_LINKS": "/mnt"}
    env = environment(APPTAINER_BIND=f"{wheels}:/mnt", **offline)
    make = ["make", "--old-file=setup", f"BIN={Path(sys.executable).parent}", "container", "CONFIG=local.yaml"]
    return run([*builder(), *make], cwd=tree, env=env)


def download_wheels(tree, requirements):
    """Return a folder with what `requirements` needs, downloaded by this Python's pip, which knows from where."""
    import pytest

    if sys.version_info[:2] != (3, 11):
        pytest.skip("this Python is not 3.11 as Debian 12's is: other wheels")
    wheels = tree / "work/wheels"
    run([sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(wheels), "-r", requirements], cwd=tree)
    return wheels


def data_requirements(tree):
    """Write small.lock: the pins of what the judge needs, and the data rules without imported data. Return its name."""
    *_, python = yaml.safe_load((tree / "envs/judge.yaml").read_text())["dependencies"]
    (tree / "small.lock").write_text("".join(f"{pin}\n" for pin in python["pip"]))
    return "small.lock"


def copy_with_image(tree, target):
    """Copy the repository, and what makes it use the image of `tree`; return `target`."""
    from workflow_run import copy_repository

    target.mkdir()
    copy_repository(target)
    for path in [tree / "local.yaml", *tree.glob("*.lock")]:
        shutil.copy(path, target)
    for image in tree.glob("envs/container/*.sif"):
        (target / "envs/container" / image.name).symlink_to(image)
    return target


def assert_jobs_in_image(folder, jobs):
    """Assert that a Slurm run with KEEP_LOGS left a log of every job, and that each ran its commands in an image."""
    logs = [path.read_text() for path in folder.glob("logs/slurm/**/*.log")]
    assert len(logs) == jobs and all("Activating singularity image" in text for text in logs)
    records = [json.loads(path.read_text()) for path in folder.glob("results/provenance/**/*.json")]
    images = {attempt["machine"].get("image") for record in records for attempt in record["attempts"]}
    assert images == {path.name for path in folder.glob("**/crosspl-*.sif")}


def run(argv, **options):
    """Run a command to its end and return its output; a failure is an AssertionError that shows it."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
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
