"""Evaluate any model in a folder: the command behind `make evaluate`.

In: the folder of a model, perhaps of an adapter on it; a benchmark's format and folder (without them the config's
problems); languages (without them the config's). Out: results/pass_at_1/external/{name}.csv, where name is that of the
folder, by a snakemake command that is printed; and the table on the screen. docs/evaluate.md.
"""

import argparse
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

from crosspl.errors import UserError, run_command
from scripts import show_table

OVERLAY = "configs/evaluate.yaml"


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="folder of a model of transformers")
    parser.add_argument("--adapter", help="folder of a LoRA adapter on it")
    parser.add_argument("--format", help="format of the benchmark: scripts.import_problems --help lists them")
    parser.add_argument("--benchmark", help="folder of the benchmark")
    parser.add_argument("--languages", nargs="*", default=[], metavar="KEY", help="PLs to evaluate")
    parser.add_argument("--config", nargs="*", default=[], help=f"config files over config.yaml and {OVERLAY}")
    parser.add_argument("--dry-run", action="store_true", help="say what would run")
    args = parser.parse_args(argv)
    if not args.model:
        raise UserError("no model: type make evaluate MODEL=/folder/of/the/model")
    if bool(args.format) != bool(args.benchmark):
        raise UserError("a benchmark has a format and a folder: BENCHMARK_FORMAT=multipl_e BENCHMARK=/folder")
    table = f"results/pass_at_1/external/{name_of(args.adapter or args.model)}.csv"
    command = ["snakemake", table, "--configfile", OVERLAY, *args.config, "--config", *settings(args)]
    print(shlex.join(command), flush=True)
    done = subprocess.run(command + ["--dry-run"] * args.dry_run)
    if done.returncode:
        sys.exit(done.returncode)
    if not args.dry_run:
        show_table.main([table])


def name_of(folder):
    """Return the name of a folder's checkpoint: the folder's own, or the model's in the hub's cache."""
    path = Path(folder).expanduser().absolute()
    if path.parent.name == "snapshots":  # models--ORGANISATION--NAME/snapshots/COMMIT
        path = path.parent.parent
    name = re.sub(r"[^A-Za-z0-9._-]", "_", path.name.rpartition("--")[2]).lstrip("._-")
    if not name:
        raise UserError(f"{folder}: a name with letters or digits is needed for the table; use a link with such a name")
    return name


def settings(args):
    """Return the arguments of --config; Snakemake takes all values in them for texts, and JSON for YAML."""
    entry = {"model": str(Path(args.model).expanduser().absolute())}
    if args.adapter:
        entry["adapter"] = str(Path(args.adapter).expanduser().absolute())
    found = {"external": {name_of(args.adapter or args.model): entry}}
    if args.format:
        folder = str(Path(args.benchmark).expanduser().absolute())
        found["problems"] = {"source": "imported", "imported": {"format": args.format, "from": folder}}
    if args.languages:
        first, *others = args.languages
        found["languages"] = {"source": [first], "sft": [first], "unseen": others}
    return [f"{key}={json.dumps(value)}" for key, value in found.items()]


if __name__ == "__main__":
    run_command(main)
