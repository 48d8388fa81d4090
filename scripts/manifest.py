"""Write the manifest: which command made which file from which, for every product of the config that was made.

In: results/ with its records, the products, the merged config. Out: results/manifest.json. The Snakefile does the same
at the end of every run. Without options it brings the manifest that is there up to date.
"""

import argparse
import json

from crosspl.errors import run_command
from crosspl.manifest import NAME, collect, load_as_written, write


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", default="results", metavar="DIR")
    parser.add_argument("--products", nargs="+", metavar="FILE", help="what the config can make, made or not")
    parser.add_argument("--config", type=json.loads, metavar="JSON", help="merged config, to be put into the manifest")
    parser.add_argument("--output", metavar="JSON", help=f"default: {NAME} in the results")
    args = parser.parse_args(argv)
    output = args.output or f"{args.results}/{NAME}"
    if args.products is None:
        known = load_as_written(output)
        args.products, args.config = known["products"], known["config"]
    write(collect(args.results, args.products, args.config), output)


if __name__ == "__main__":
    run_command(main)
