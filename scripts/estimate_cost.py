"""What an experiment costs before it starts: jobs and CPU time per rule, from nothing.

In: config files, later ones over earlier ones. Out: a printed table for the transfer table and for the report.
"""

import argparse

from crosspl.cost_estimate import cost_lines, report_costs, transfer_table_costs
from crosspl.errors import run_command
from crosspl.workflow import read_config


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configs", nargs="+", metavar="CONFIG.yaml", help="config.yaml, then overlays")
    parser.add_argument("--cores", type=int, default=2, help="cores for the estimate of the wall time (2)")
    args = parser.parse_args(argv)
    config = read_config(args.configs)
    for line, costs in zip(cost_lines(config, args.cores), (transfer_table_costs(config), report_costs(config))):
        print(line)
        for cost in costs:
            print(f"  {cost.rule:20} {cost.jobs:5} jobs {cost.cpu_s:9.0f} CPU s")


if __name__ == "__main__":
    run_command(main)
