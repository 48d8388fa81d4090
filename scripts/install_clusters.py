"""Install what the tests need to bring up Slurm and Grid Engine on this machine, without starting any service.

In: nothing. Out: nothing but installed packages, by apt when this user may; otherwise the line to type and exit
status 2.
"""

import argparse
import os
import shutil
import subprocess

from crosspl.errors import run_command
from scripts.install_runtimes import install

PACKAGES = {  # command -> package
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "sbatch": "slurm-client",
    "slurmdbd": "slurmdbd",
    "munged": "munge",
    "mariadbd": "mariadb-server",
    "ip": "iproute2",
    "qsub": "gridengine-client",
    "sge_qmaster": "gridengine-master",
    "sge_execd": "gridengine-exec",
}
PLUGINS = "slurm-wlm-basic-plugins"
SERVICES = {"slurmctld": "slurmctld", "slurmd": "slurmd", "slurmdbd": "slurmdbd", "munge": "munge",
            "mariadb-server": "mariadb", "gridengine-master": "gridengine-master",
            "gridengine-exec": "gridengine-exec"}  # fmt: skip
POLICY = "/usr/sbin/policy-rc.d"  # asked by package scripts whether they may start a service; 101 means no


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args(argv)
    missing = lacking_packages()
    if not missing:
        print("Slurm and Grid Engine for the tests are there")
        return
    has_policy = os.path.exists(POLICY)
    if not has_policy:
        as_root("sh", "-c", f"printf '#!/bin/sh\\nexit 101\\n' > {POLICY} && chmod 755 {POLICY}")
    try:
        install({"apt": [*missing, PLUGINS], "npm": [], "conda": []})
    finally:
        if not has_policy:
            as_root("rm", "-f", POLICY)
    if shutil.which("systemctl"):  # nor at the next boot
        as_root("systemctl", "--quiet", "disable", *(SERVICES[name] for name in missing if name in SERVICES))


def as_root(*argv):
    """Run a command as root where this user may; `install` says what to do where he may not."""
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if not sudo or shutil.which("sudo"):
        subprocess.run([*sudo, *argv], check=False, stderr=subprocess.DEVNULL)


def lacking_packages():
    """Return the packages whose commands are not here."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin:/usr/lib/gridengine"
    return sorted({package for command, package in PACKAGES.items() if not shutil.which(command, path=path)})


if __name__ == "__main__":
    run_command(main)
