"""Write the manifest: which command made which file from which, for every product of the config that was made.

In: results/ with its records, the merged config. Out: results/manifest.json. The Snakefile does the same at the end of
every run.
"""

import argparse
import json

from crosspl.analysis_inputs import products
from crosspl.errors import run_command
from crosspl.manifest import NAME, collect, load_as_written, write


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", default="results", metavar="DIR")
    parser.add_argument("--config", type=json.loads, metavar="JSON", help="default: that of the manifest that is there")
    parser.add_argument("--output", metavar="JSON", help=f"default: {NAME} in the results")
    args = parser.parse_args(argv)
    output = args.output or f"{args.results}/{NAME}"
    config = args.config or load_as_written(output)["config"]
    write(collect(args.results, products(config), config), output)


if __name__ == "__main__":
    run_command(main)
