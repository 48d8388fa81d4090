"""Say what a run would do again and why, and about what it would cost; nothing is run.

In: the targets and options of a `snakemake` command, e.g. `results/report.html --configfile configs/smoke.yaml`. Out:
what changed since the last run (settings by name, files), the rules that run because of it, and what is kept.
`snakemake --dry-run` plans the same jobs, without the reasons in words.
"""

import argparse
import shlex

from crosspl.errors import run_command
from crosspl.explain import explain
from crosspl.planned import read_plan


def main(argv=None):
    usage = "python -m scripts.explain [TARGET ...] [OPTION OF SNAKEMAKE ...]"
    parser = argparse.ArgumentParser(
        usage=usage, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    _, options = parser.parse_known_args(argv)
    print(*explain(*read_plan(options), shlex.join(options)), sep="\n")


if __name__ == "__main__":
    run_command(main)
