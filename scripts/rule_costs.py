"""Print what each rule cost in the last run: jobs, wall seconds, CPU seconds of the jobs and their children.

In: results/benchmarks (Snakemake's benchmark files, for the wall) and logs (the last line of each is what its job used:
Snakemake looks at CPU time every 30 s only, too seldom for short jobs). Out: a table, the most expensive rule first.
"""

import argparse
import csv
import re
from collections import defaultdict
from pathlib import Path

from crosspl.errors import UserError, run_command
from crosspl.io import write_csv

COST = re.compile(r"^cost: ([0-9.]+) CPU s, ([0-9]+) MiB$", re.MULTILINE)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmarks", help="results/benchmarks")
    parser.add_argument("logs", help="logs")
    parser.add_argument("--output", metavar="CSV", help="write the table there as well")
    args = parser.parse_args(argv)
    costs = defaultdict(list)
    for path in sorted(Path(args.benchmarks).rglob("*.tsv")):
        job = path.relative_to(args.benchmarks).with_suffix("")
        with open(path, newline="") as stream:
            [row] = csv.DictReader(stream, delimiter="\t")
        log = Path(args.logs) / f"{job}.log"
        used = COST.findall(log.read_text()) if log.exists() else []
        if not used:
            raise UserError(f"{log}: does not say what the job used; run the job again")
        costs[job.parts[0]].append((float(row["s"]), *map(float, used[-1])))
    if not costs:
        raise UserError(f"{args.benchmarks}: no benchmark files; run the workflow first")
    if args.output:
        write_csv(args.output, ("rule", "jobs", "cpu_s", "wall_s", "max_mib"), table(costs))
    print(f"{'rule':20} {'jobs':>5} {'wall s':>8} {'CPU s':>8} {'max MiB':>8}")
    for rule, rows in sorted(costs.items(), key=lambda item: -sum(row[1] for row in item[1])):
        wall, cpu, memory = zip(*rows)
        print(f"{rule:20} {len(rows):5} {sum(wall):8.0f} {sum(cpu):8.0f} {max(memory):8.0f}")
    jobs = [row for rows in costs.values() for row in rows]
    print(f"{'all':20} {len(jobs):5} {sum(row[0] for row in jobs):8.0f} {sum(row[1] for row in jobs):8.0f}")


def table(costs):
    """Return the rows of cost.csv, the most expensive rule first."""
    rows = [
        {"rule": rule, "jobs": len(jobs), "cpu_s": round(sum(job[1] for job in jobs), 1),
         "wall_s": round(sum(job[0] for job in jobs), 1), "max_mib": int(max(job[2] for job in jobs))}
        for rule, jobs in costs.items()
    ]  # fmt: skip
    return sorted(rows, key=lambda row: -row["cpu_s"])


if __name__ == "__main__":
    run_command(main)
