"""What an experiment costs before it starts: jobs, GPU-hours and core-hours per rule, from nothing, and disk.

In: config files, later ones over earlier ones; benchmarks/. Out: a printed table for the transfer table and for the
report, where the hours of GPUs are from, and what was assumed.
"""

import argparse
from pathlib import Path

from crosspl import cost_estimate as ce
from crosspl.disk_estimate import disk, total
from crosspl.errors import run_command
from crosspl.gpu_costs import plan, problems_of
from crosspl.gpu_rates import PUBLISHED, counted, figure
from crosspl.model_size import base_size
from crosspl.workflow import read_config

DOWNLOADED = "a model from the hub is downloaded to the hub's cache first, as large again, outside this folder"
THEIRS = "What others published are no measurements of this project; `make gpu-check` measures this machine's GPU."


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configs", nargs="+", metavar="CONFIG.yaml", help="config.yaml, then overlays")
    parser.add_argument("--cores", type=int, default=2, help="cores for the estimate of the wall time (2)")
    args = parser.parse_args(argv)
    config = read_config(args.configs)
    size, data = base_size(config), problems_of(config, "results")
    asked = {key: of(config) for key, of in ce.PRODUCTS.items()}
    plans = {key: plan(config, one, size, data) for key, one in asked.items()}
    for line, (key, found) in zip(ce.cost_lines(config, args.cores), plans.items()):
        print(headline(key, found.rows) if ce.on_gpus(config) else line)
        print("\n".join(table(found.rows)))
    print("\n".join(disks({key: disk(config, one, size, data[0]) for key, one in asked.items()})))
    if ce.on_gpus(config):
        print("\n".join(notes(config, size, plans)))


def notes(config, size, plans):
    """Return the lines that say where the numbers are from."""
    known = f"{counted(size.parameters)} {size.said}" if size.parameters else f"{size.said}; GPU-hours are left empty"
    rates, assumed = {}, []
    for found in plans.values():
        assumed += found.assumed
        for said, rules in found.rates.items():
            rates[said] = list(dict.fromkeys([*rates.get(said, []), *rules]))
    assumed += [DOWNLOADED] if config["base"]["from"] and not Path(config["base"]["from"]).expanduser().is_dir() else []
    lines = [f"base model: {known}"]
    where_from = [f"{', '.join(rules)}: {said}" for said, rules in rates.items()]
    for title, found in (("rates of GPUs", where_from), ("assumed", dict.fromkeys(assumed))):
        lines += [f"{title}:", *(f"  {line}" for line in found)] if found else []
    return [*lines, THEIRS] if any(PUBLISHED in said for said in rates) else lines


def headline(product, rows):
    """Return the first line of a product."""
    jobs, gpu_h, core_h = sum(row.jobs for row in rows), hours(rows, "gpu_h"), hours(rows, "core_h")
    return f"{product} from nothing: about {jobs} jobs, {gpu_h} GPU-hours, {core_h} core-hours"


def table(rows):
    """Return the lines of one product's table."""
    lines = [("rule", "jobs", "GPU-hours", "core-hours")]
    lines += [(row.rule, str(row.jobs), cell(row.gpu_h), cell(row.core_h)) for row in rows]
    lines += [("all", str(sum(row.jobs for row in rows)), hours(rows, "gpu_h"), hours(rows, "core_h"))]
    return [f"  {rule:20} {jobs:>5} {gpu_h:>14} {core_h:>14}" for rule, jobs, gpu_h, core_h in lines]


def cell(value):
    """Return hours as text: "-" for none at all, nothing where they are not known."""
    return "" if value is None else figure(value) if value else "-"


def hours(rows, column):
    """Return the sum of a column, "more than" it where something is not known, nothing where all is not."""
    values = [getattr(row, column) for row in rows]
    known = sum(filter(None, values))
    return cell(known) if None not in values else f"> {figure(known)}" if known else "unknown"


def disks(products):
    """Return the lines of the table of disk."""
    lines = [f"  {'disk':40} " + " ".join(f"{name:>14}" for name in products)]
    for name in next(iter(products.values())):
        lines.append(f"  {name:40} " + " ".join(f"{size_of(found[name]):>14}" for found in products.values()))
    sums = [("> " if None in found.values() else "") + size_of(total(found)) for found in products.values()]
    return [*lines, f"  {'all':40} " + " ".join(f"{value:>14}" for value in sums)]


def size_of(value):
    """Return bytes as text."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if value is not None and value >= size:
            return f"{value / size:.1f} {unit}"
    return "" if value is None else f"{value / 1e6:.2f} MB"


if __name__ == "__main__":
    run_command(main)
