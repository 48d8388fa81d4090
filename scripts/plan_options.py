"""Print the options that say what an experiment was run with, as the commands that read its verdicts take them.

In: config files, later ones over earlier ones. Out: one line, e.g. for `python -m scripts.power --effect 3.3 $(…)`.
"""

import argparse

from crosspl.errors import run_command
from crosspl.experiment import table_plan
from crosspl.workflow import read_config


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configs", nargs="+", metavar="CONFIG.yaml", help="config.yaml, then overlays")
    args = parser.parse_args(argv)
    config = read_config(args.configs)
    print(f"--verdicts results/verdicts {table_plan(config, mark=[])} --reading {config['statistics']['reading']}")


if __name__ == "__main__":
    run_command(main)
