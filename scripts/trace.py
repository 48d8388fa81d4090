"""Print all that a file of the results, or one row or cell of a table, was made from, down to data rows and corpus.

In: results/manifest.json and the files it names. Out: for every command of the chain what it made and read, with hashes
that are compared with the files as they are now, when, at which revision, settings, seeds, versions, machine and cost.
Exit status 2 when the chain has a gap: something missing, changed, of another version, or of an unknown revision.
"""

import argparse
import os
import signal

from crosspl.errors import UserError, run_command
from crosspl.manifest import NAME, cost_of, load
from crosspl.trace import cell_of, chain, described, gaps, maker, shared
from crosspl.trace_rows import describe

INTERVALS = ("low", "high", "p_value", "p_holm", "mde")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="results/transfer_table.csv, or any other file that the workflow made")
    parser.add_argument("--row", type=int, metavar="N", help="of a table; row 1 is the first below the header")
    parser.add_argument("--column", metavar="NAME", help="of that row, e.g. gain; without it the whole row")
    parser.add_argument("--rows", action="store_true", help="name every data row, not only how many there are")
    parser.add_argument("--manifest", metavar="JSON", help=f"default: results/{NAME}")
    args = parser.parse_args(argv)
    if args.column and args.row is None:
        raise UserError("--column needs --row")
    manifest = load(args.manifest or f"results/{NAME}")
    path = os.path.relpath(args.file)
    maker(manifest, path)
    cell = cell_of(manifest, path, args.row, args.column) if args.row is not None else None
    names = chain(manifest, path, cell)
    lines = [*title(path, args, cell), *described(manifest, names, cell, path, lambda p: describe(p, cell, args.rows))]
    print("\n".join([*lines, "", *shared(manifest, names), ""]))
    found = gaps(manifest, names, path, cell)
    for line in found:
        print(f"gap: {line}")
    if found:
        raise UserError(f"the chain of {path} does not hold: {len(found)} gaps, listed above")
    costs = [cost_of(manifest["commands"][name]) for name in names]
    print(f"The chain holds: {len(names)} commands, every file has the hash that its maker and its readers noted. "
          + "Together they cost {:.0f} CPU s and {:.0f} GPU s.".format(
              *(sum(cost[key] for cost in costs) for key in ("cpu_s", "gpu_s"))))  # fmt: skip


def title(path, args, cell):
    """Return what is traced."""
    if cell is None:
        return [path]
    row = cell.row
    shown = [args.column] if args.column else [name for name in row if row[name]]
    lines = [f"{path}, row {args.row}: init {row['init']}, RL in {row['source']}, target {row['target']}"]
    lines += ["  " + ", ".join(f"{name} {row[name]}" for name in shown)]
    lines += [f"  {role}: {', '.join(names)}" for role, names in cell.checkpoints.items()]
    if any(name.endswith(INTERVALS) for name in shown):
        lines.append("  (intervals and p-values also use the noise between seeds in all rows, p_holm all targets)")
    return lines


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends the command quietly
    run_command(main)
