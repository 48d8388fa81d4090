"""What an experiment cost: wall, CPU and GPU seconds, memory, tokens, programs, per artifact and summed per stage.

In: results/ with its records, the products whose making is counted (default: those of results/manifest.json). Out: a
table of the stages and commands, the most expensive first; on request cost.csv with every artifact.
"""

import argparse
import signal

from crosspl.cost import COLUMNS, cost_rows, stages
from crosspl.errors import UserError, run_command
from crosspl.io import write_csv
from crosspl.manifest import NAME, collect, load

SHOWN = {"commands": "jobs", "wall_s": "wall s", "cpu_s": "CPU s", "gpu_s": "GPU s", "peak_mib": "MiB",
         "peak_gpu_mib": "GPU MiB", "trained_tokens": "trained on", "generated_tokens": "generated",
         "programs_judged": "judged"}  # fmt: skip


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", default="results", metavar="DIR")
    parser.add_argument("--products", nargs="+", metavar="FILE", help="count what these were made by")
    parser.add_argument("--output", metavar="CSV", help="write the table there as well")
    args = parser.parse_args(argv)
    products = args.products or load(f"{args.results}/{NAME}")["products"]
    manifest = collect(args.results, products)
    if not manifest["commands"]:
        raise UserError(f"{args.results}: no records of how {products[:1]} was made; run the workflow first")
    rows = cost_rows(manifest, stages())
    if args.output:
        write_csv(args.output, COLUMNS, rows)
    print(f"{'':34}" + "".join(f"{name:>11}" for name in SHOWN.values()))
    for row in rows:
        if row["level"] in ("all", "stage", "command"):
            name = {"all": "all", "stage": row.get("stage"), "command": f"  {row.get('command')}"}[row["level"]]
            print(f"{row['level'] + ' ' + name:34}" + "".join(f"{row[column]:11.0f}" for column in SHOWN))


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends the command quietly
    run_command(main)
