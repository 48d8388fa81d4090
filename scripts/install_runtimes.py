"""Install the language runtimes and the sandbox that a config needs, or say in one line what to install.

In: config files (later ones are laid over earlier ones), languages by name, or --all for every language file. Out:
nothing but installed packages: by apt and npm when this user may, otherwise the line to type, also for conda, and exit
status 2.
"""

import argparse
import os
import shutil
import subprocess

from crosspl.errors import UserError, run_command
from crosspl.groups_inputs import group_languages
from crosspl.judge.tiers import lacking_commands
from crosspl.languages import install_commands, known_languages, load_languages
from crosspl.workflow import read_config

SANDBOX = {"bwrap": "bubblewrap", "cc": "gcc"}  # command -> package; cc compiles the judge's supervisor
LIBC_HEADERS = "libc6-dev"  # gcc alone does not bring them


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", nargs="+", default=["config.yaml"], help="config files")
    parser.add_argument("--languages", nargs="+", metavar="KEY", help="these languages, instead of a config's")
    parser.add_argument("--all", action="store_true", help="every language in languages/")
    args = parser.parse_args(argv)
    entries = load_languages(known_languages() if args.all else args.languages or configured(args.config))
    missing = [entry for entry in entries.values() if lacking_commands(entry)]
    lacking = sorted({package for command, package in SANDBOX.items() if not shutil.which(command)})
    if not missing and not lacking:
        print(f"all runtimes are there: {', '.join(entries)}, bubblewrap")
        return
    more = [*lacking, *([LIBC_HEADERS] if "gcc" in lacking else [])]
    packages = {kind: packages_of(missing, kind) for kind in ("apt", "npm", "conda")}
    install({**packages, "apt": packages["apt"] + more, "conda": packages["conda"] + lacking})


def packages_of(entries, kind):
    """Return the packages of one kind that the language entries name."""
    return sorted({package for entry in entries for package in entry["packages"].get(kind, [])})


def configured(paths):
    """Return the PLs that the config names in any role, those of single mixtures, translation and groups too."""
    config = read_config(paths)
    lists = [*config["languages"].values()]
    lists += [variant.get("languages", []) for variant in config["mixtures"]["variants"].values()]
    lists += [group_languages(config), *(config["translation"][key] for key in ("from", "into", "evaluate"))]
    return list(dict.fromkeys(name for names in lists for name in names))


def install(packages):
    """Install as root or with password-less sudo; otherwise raise a UserError with the line to type."""
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    may = shutil.which("apt-get") and (not sudo or subprocess.run([*sudo, "true"], capture_output=True).returncode == 0)
    wanted = " ".join(packages["apt"] + packages["npm"])
    if not may:
        lines = " && ".join(" ".join(command) for command in install_commands(packages))
        conda = f", or: conda install -c conda-forge {' '.join(packages['conda'])}" if packages["conda"] else ""
        raise UserError(f"missing: {wanted}. Install them: {lines}{conda}")
    print(f"installing {wanted}", flush=True)
    quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
    if packages["apt"]:
        subprocess.run([*sudo, "apt-get", "-qq", "update"], check=False, **quiet)
    flags = {"apt-get": ["-qq", "-y", "--no-install-recommends"], "npm": ["--silent"]}
    for name, *rest in install_commands(packages):
        if subprocess.run([*sudo, name, *flags[name], *rest], **quiet).returncode:
            raise UserError(f"{name} {' '.join(rest)} failed; see its message above")


if __name__ == "__main__":
    run_command(main)
