"""The commands of conda that Snakemake calls, on a real solver and installer (py-rattler) and a channel made here.

In: a machine with CPython 3.11 (its standard library becomes the package python), bubblewrap, gcc and the languages'
runtimes; pip's wheel from the package index. Out: a file:// channel that stands for conda-forge, and a folder with
bin/conda and bin/activate. Solving, linking, activation and the pip section are real; what is in the packages is not
conda-forge's.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import rattler
import yaml
from rattler.exceptions import SolverError
from rattler.index import index_fs
from rattler_build import assemble_package

RUNTIMES = {  # package -> its command, this machine's command
    "bubblewrap": ("bwrap", "bwrap"), "gcc": ("gcc", "gcc"), "lua": ("lua", "lua5.4"), "nodejs": ("node", "node"),
    "perl": ("perl", "perl"), "php": ("php", "php"), "ruby": ("ruby", "ruby"),
}  # fmt: skip
LEFT_OUT = ("site-packages", "test", "config-*", "idlelib", "lib2to3", "ensurepip", "tkinter", "__pycache__")
ACTIVATE = 'export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"\n'


def lacking():
    """Return what this machine lacks for a stand-in, or None."""
    if sys.version_info[:2] != (3, 11) or sysconfig.get_default_scheme() not in ("posix_prefix", "venv"):
        return "CPython 3.11 in the layout of python.org: the environments' Python is copied from the running one"
    missing = [command for _, command in RUNTIMES.values() if not shutil.which(command)]
    return f"{', '.join(missing)}: packages of the local channel are made from this machine's" if missing else None


def make_standin(folder, versions):
    """Make channel, bin/conda and bin/activate in `folder`; `versions`: {package: version}."""
    packages, channel = folder / "packages", folder / "channel"
    for name, version in versions.items():
        files = packages / name
        if name == "python":
            copy_python(files)
        elif name == "pip":
            fetch_pip(files, version)
        else:
            wrap(files / "bin", version, *RUNTIMES[name])
        kind = "noarch" if name == "pip" else "linux-64"
        assemble_package(
            name, version, kind, "0", channel / kind, files_dir=files, detect_prefix=False, compression_level=1,
            depends=["python >=3.9"] if name == "pip" else [], noarch="python" if name == "pip" else None,
        )  # fmt: skip
    asyncio.run(index_fs(channel))
    commands = folder / "base" / "bin"
    commands.mkdir(parents=True)
    (commands / "activate").write_text(ACTIVATE)
    script = f'#!/bin/sh\nCHANNEL="{channel.as_uri()}" exec "{sys.executable}" "{Path(__file__).resolve()}" "$@"\n'
    (commands / "conda").write_text(script)
    (commands / "conda").chmod(0o755)


def copy_python(target):
    """Copy the running Python's interpreter and standard library."""
    library = Path(sysconfig.get_path("stdlib"))
    shutil.copytree(library, target / "lib" / library.name, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (target / "bin").mkdir()
    shutil.copy2(os.path.realpath(sys._base_executable), target / "bin" / "python3.11")
    for name in ("python", "python3"):
        (target / "bin" / name).symlink_to("python3.11")
    for path in Path(sysconfig.get_config_var("LIBDIR")).glob("libpython3.11.so*"):
        shutil.copy2(path, target / "lib", follow_symlinks=False)


def fetch_pip(target, version):
    """Unpack pip's wheel; OSError when the index is not reached."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", target, f"pip=={version}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        reached = "from versions: none" not in done.stderr
        raise OSError(done.stderr if reached else f"no package index is reached, and pip {version} comes from there")
    [wheel] = target.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(target / "site-packages")
    wheel.unlink()


def wrap(target, version, name, command):
    """Write a command `name` that starts this machine's `command`, and says its package's version when asked."""
    target.mkdir(parents=True)
    path = target / name
    said = f'[ "$*" = -v ] && echo "{name} {version} of the local channel" && exit\n' if name == "lua" else ""
    path.write_text(f'#!/bin/sh\n{said}exec {shutil.which(command)} "$@"\n')
    path.chmod(0o755)


def conda(arguments):
    """Do what one conda command line asks for."""

    def option(name):
        return arguments[arguments.index(name) + 1]

    if arguments[:2] == ["info", "--json"]:
        base = Path(shutil.which("conda")).parent.parent
        print(json.dumps({"conda_prefix": str(base), "platform": "linux-64", "conda_version": "24.7.1"}))
    elif arguments == ["--version"]:
        print("conda 24.7.1")
    elif arguments[:1] == ["config"]:
        print(json.dumps({"get": {"channel_priority": "strict"}}))
    elif arguments[:1] == ["clean"]:
        pass  # the cache lies beside the channel and goes with it
    elif arguments[:2] == ["env", "create"]:
        create(yaml.safe_load(Path(option("--file")).read_text()), Path(option("--prefix")))
    else:
        raise ValueError(f"the stand-in has no: conda {' '.join(arguments)}")


def create(environment, prefix):
    """Solve and install the conda packages, then pip's."""
    channels = {"conda-forge": [os.environ["CHANNEL"]], "nodefaults": []}
    sources = [source for name in environment["channels"] for source in channels[name]]
    specs = [rattler.MatchSpec(line, strict=True) for line in environment["dependencies"] if isinstance(line, str)]
    asyncio.run(install(sources, specs, prefix))
    for line in environment["dependencies"]:
        if isinstance(line, dict):
            requirements = prefix / "requirements.txt"
            requirements.write_text("\n".join(line["pip"]))
            command = [
                prefix / "bin/python",
                "-m",
                "pip",
                "install",
                "-q",
                "-U",
                "-r",
                requirements,
                "--exists-action=b",
            ]
            if subprocess.run(command).returncode:
                raise OSError("pip failed")


async def install(sources, specs, prefix):
    """Link what the solver finds into `prefix`."""
    virtual = rattler.VirtualPackage.detect()
    records = await rattler.solve(sources, specs, platforms=["linux-64", "noarch"], virtual_packages=virtual)
    await rattler.install(
        records,
        prefix,
        cache_dir=Path(os.environ["CHANNEL"].removeprefix("file://")).parent / "cache",
        show_progress=False,
    )


def main(arguments):
    if arguments[0] == "make-standin":
        make_standin(Path(arguments[1]), dict(word.split("==") for word in arguments[2:]))
    else:
        conda(arguments)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
        status = 0
    except (OSError, SolverError, ValueError) as error:
        status = f"{type(error).__name__}: {error}"
    print("" if status == 0 else status, end="", file=sys.stderr)
    sys.stdout.flush()
    os._exit(int(status != 0))  # py-rattler's threads now and then crash a Python that ends in the ordinary way
