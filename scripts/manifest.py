"""Write the manifest: which command made which file from which, for every product of the config that was made.

In: results/ with its records, the merged config. Out: results/manifest.json. The Snakefile does the same at the end of
every run.
"""

import argparse
import json

from crosspl.analysis_inputs import products
from crosspl.errors import run_command
from crosspl.manifest import collect, write


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", default="results", metavar="DIR")
    parser.add_argument("--config", required=True, type=json.loads, metavar="JSON", help="merged config of the run")
    parser.add_argument("--output", required=True, metavar="JSON")
    args = parser.parse_args(argv)
    write(collect(args.results, products(args.config), args.config), args.output)


if __name__ == "__main__":
    run_command(main)
