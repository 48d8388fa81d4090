"""Draw every figure that the tables of a results folder allow, one SVG each.

In: results/*.csv and what lies beside them; missing tables are fine. Out: DIR/{figure}.svg; SVGs of figures that can no
longer be drawn are removed. Equal tables give equal bytes.
"""

import argparse
import json
import sys
from pathlib import Path

from crosspl.errors import UserError, run_command
from crosspl.io import write_text
from crosspl.plots.catalogue import drawings
from crosspl.report.read import read_tables


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", required=True, metavar="DIR", help="folder of the tables")
    parser.add_argument("--config", default="{}", metavar="JSON", help="merged config: which seeds and reading to draw")
    parser.add_argument("--output", required=True, metavar="DIR")
    args = parser.parse_args(argv)
    found = drawings(read_tables(args.results, parse_config(args.config)))
    for drawing in found:
        write_text(f"{args.output}/{drawing.name}.svg", drawing.svg)
        print(f"{drawing.name}.svg from {drawing.source}", file=sys.stderr)
    for path in Path(args.output).glob("*.svg"):
        if path.stem not in {drawing.name for drawing in found}:
            path.unlink()


def parse_config(text):
    """Return the config of a JSON text; UserError for anything else."""
    try:
        config = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"--config: not JSON ({error})") from None
    if not isinstance(config, dict):
        raise UserError("--config: must be a JSON object, the merged config")
    return config


if __name__ == "__main__":
    run_command(main)
