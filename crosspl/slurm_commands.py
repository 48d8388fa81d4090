"""Slurm's own commands.

In: a command line. Out: what it prints, or a UserError.
"""

import os
import subprocess

from crosspl.errors import UserError


def output(*argv):
    """Return what a Slurm command prints without SLURM_CONF, which the plugin takes from the steps of its jobs."""
    env = {name: value for name, value in os.environ.items() if name != "SLURM_CONF"}
    try:
        done = subprocess.run(argv, capture_output=True, text=True, env=env)
    except FileNotFoundError:
        raise UserError(f"no command {argv[0]} here: is this a login node of a Slurm cluster?") from None
    if done.returncode and "SLURM_CONF" in os.environ:
        raise UserError(
            f"Slurm's configuration is found through SLURM_CONF={os.environ['SLURM_CONF']} only, which jobs would not "
            "see: ask the administrators to have it in /etc/slurm as well"
        )
    if done.returncode:
        raise UserError(f"{argv[0]}: {done.stderr.strip()}: is this a login node of the cluster?")
    return done.stdout


def answer(*argv):
    """Return what a Slurm command prints, None where it fails."""
    try:
        return output(*argv)
    except UserError:
        return None
