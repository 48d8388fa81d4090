"""List the partitions of this Slurm cluster as profiles/slurm/partitions.yaml wants them.

In: what `sinfo` says. Out: YAML on the standard output: per partition the longest time, and the most that one node has.
Take out the partitions that you may not or do not want to use.
"""

import argparse

import yaml

from crosspl.cluster import SINFO, largest, read_nodes
from crosspl.errors import run_command
from crosspl.slurm_commands import output


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args(argv)
    print(yaml.safe_dump({"partitions": largest(read_nodes(output(*SINFO)))}, sort_keys=False), end="")


if __name__ == "__main__":
    run_command(main)
