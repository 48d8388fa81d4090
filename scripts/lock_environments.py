"""Pin what the packages of envs/ need in turn, so that an environment made tomorrow is today's.

In: the pins in envs/*.yaml above their line `# what these need` and in envs/gpu/*.in; requirements.lock. Out: the lines
below it and envs/gpu/*.lock. Versions that are there stay while they fit. By uv, which reads the packages' metadata and
downloads none of them.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

from crosspl.errors import UserError, run_command
from crosspl.io import read_text, write_text

NEEDED = "      # what these need\n"
ITEM = "      - "
CPU_LOCK, TRAIN_LOCK = "requirements.lock", "envs/gpu/train.lock"
OLDEST_GLIBC = "2_28"  # of RHEL 8
GPU = {  # name below envs/gpu/: oldest glibc, files whose versions are taken
    "train": (OLDEST_GLIBC, [CPU_LOCK]),
    "vllm": ("2_31", []),  # llguidance has no older wheels; transformers and numpy are not those of requirements.lock
}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that fit")
    args = parser.parse_args(argv)
    for name in GPU:
        path = Path(f"envs/gpu/{name}.lock")
        write_text(path, gpu_lock(name, "" if args.upgrade or not path.exists() else read_text(path)))
    for path in sorted(Path("envs").glob("*.yaml")):
        write_text(path, with_needed(read_text(path)))


def gpu_lock(name, previous):
    """Return the text of envs/gpu/{name}.lock, keeping the versions of the text `previous` where they fit."""
    glibc, constraints = GPU[name]
    lines = compile_pins(read_text(f"envs/gpu/{name}.in"), glibc, constraints, previous)
    platform = f"Linux x86_64, glibc {glibc.replace('_', '.')} or newer"
    return f"# Made by `make lock` from {name}.in for Python 3.11, {platform}.\n{lines}"


def with_needed(text):
    """Return a conda environment's text with the pip packages that its own ones need."""
    head = text.partition(NEEDED)[0]
    named = pip_lines(head)
    pins = compile_pins("\n".join(named), OLDEST_GLIBC, [CPU_LOCK, TRAIN_LOCK])
    names = {name_of(line) for line in named}
    return head + NEEDED + "".join(f"{ITEM}{line}\n" for line in pins.splitlines() if name_of(line) not in names)


def pip_lines(text):
    """Return the packages of a conda environment's pip section, without comments."""
    lines = [line for line in text.splitlines(keepends=True) if line.startswith(ITEM)]
    return [line.removeprefix(ITEM).split("#")[0].strip() for line in lines]


def name_of(pin):
    """Return the normal form of the name in `name==version`."""
    return pin.split("==")[0].strip().lower().replace("_", "-")


def compile_pins(requirements, glibc, constraints, previous=""):
    """Return one line `name==version` for all that `requirements` need, for Python 3.11 on x86_64 Linux."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "out"
        output.write_text(previous)
        command = ["uv", "pip", "compile", "-", "--quiet", "--no-header", "--no-annotate", "--only-binary", ":all:"]
        command += ["--python-version", "3.11", "--python-platform", f"x86_64-manylinux_{glibc}", "-o", str(output)]
        command += [word for file in constraints for word in ("--constraints", file)]
        try:
            done = subprocess.run(command, input=requirements, capture_output=True, text=True)
        except FileNotFoundError:
            raise UserError("uv is not there: make setup, or pip install uv") from None
        if done.returncode:
            raise UserError(f"uv: {' '.join(done.stderr.split())}")
        return output.read_text()


if __name__ == "__main__":
    run_command(main)
