"""Install the language runtimes and the sandbox that a config needs, or say in one line what to install.

In: config files (later ones are laid over earlier ones), or --all for every language file. Out: nothing but installed
packages: by apt when this user may, otherwise the line to type, for apt and for conda, and exit status 2.
"""

import argparse
import os
import shutil
import subprocess

import yaml

from crosspl.errors import UserError, run_command
from crosspl.languages import known_languages, load_languages

SANDBOX = {"bwrap": "bubblewrap", "cc": "gcc"}  # command -> package; cc compiles the judge's supervisor
LIBC_HEADERS = "libc6-dev"  # gcc alone does not bring them


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", nargs="+", default=["config.yaml"], help="config files")
    parser.add_argument("--all", action="store_true", help="every language in languages/")
    args = parser.parse_args(argv)
    entries = load_languages(known_languages() if args.all else configured(args.config))
    commands = {entry[kind][0]: entry for entry in entries.values() for kind in ("version", "run", "compile")
                if entry[kind] and not entry[kind][0].startswith("./")}  # fmt: skip
    missing = {command: entry for command, entry in commands.items() if not shutil.which(command)}
    apt = sorted({package for entry in missing.values() for package in entry["packages"]["apt"]})
    conda = sorted({package for entry in missing.values() for package in entry["packages"].get("conda", [])})
    lacking = sorted({package for command, package in SANDBOX.items() if not shutil.which(command)})
    apt, conda = [*apt, *lacking, *([LIBC_HEADERS] if "gcc" in lacking else [])], [*conda, *lacking]
    if not apt:
        print(f"all runtimes are there: {', '.join(entries)}, bubblewrap")
    else:
        install(apt, conda)


def configured(paths):
    """Return the PLs that the config names in any role."""
    languages = {}
    for path in paths:
        with open(path) as stream:
            languages |= (yaml.safe_load(stream) or {}).get("languages", {})
    return list(dict.fromkeys(name for names in languages.values() for name in names))


def install(apt, conda):
    """Install by apt as root or with password-less sudo; otherwise raise a UserError with the line to type."""
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    may = shutil.which("apt-get") and (not sudo or subprocess.run([*sudo, "true"], capture_output=True).returncode == 0)
    if not may:
        raise UserError(
            f"missing: {' '.join(apt)}. Install them: apt-get install {' '.join(apt)}"
            + (f", or: conda install -c conda-forge {' '.join(conda)}" if conda else "")
        )
    print(f"installing {' '.join(apt)}", flush=True)
    quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
    subprocess.run([*sudo, "apt-get", "-qq", "update"], check=False, **quiet)
    command = [*sudo, "apt-get", "-qq", "install", "-y", "--no-install-recommends", *apt]
    if subprocess.run(command, **quiet).returncode:
        raise UserError(f"apt-get could not install {' '.join(apt)}; see its message above")


if __name__ == "__main__":
    run_command(main)
