"""Print what each rule cost in the last run: jobs, wall seconds, CPU seconds of the rule's own processes.

In: results/benchmarks (Snakemake's benchmark files). Boxes of the judge are short-lived and mostly escape the sampling.
"""

import argparse
import csv
from collections import defaultdict
from pathlib import Path

from crosspl.errors import UserError, run_command


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="results/benchmarks")
    args = parser.parse_args(argv)
    folder = Path(args.folder)
    costs = defaultdict(list)
    for path in sorted(folder.rglob("*.tsv")):
        with open(path, newline="") as stream:
            [row] = csv.DictReader(stream, delimiter="\t")
        rule = path.relative_to(folder).parts[0].removesuffix(".tsv")
        costs[rule].append((float(row["s"]), float(row["cpu_time"]), float(row["max_rss"])))
    if not costs:
        raise UserError(f"{folder}: no benchmark files; run the workflow first")
    print(f"{'rule':20} {'jobs':>5} {'wall s':>8} {'CPU s':>8} {'max MiB':>8}")
    for rule, rows in sorted(costs.items(), key=lambda item: -sum(row[0] for row in item[1])):
        wall, cpu, memory = zip(*rows)
        print(f"{rule:20} {len(rows):5} {sum(wall):8.0f} {sum(cpu):8.0f} {max(memory):8.0f}")


if __name__ == "__main__":
    run_command(main)
