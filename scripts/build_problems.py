"""Build all problems: `python -m scripts.build_problems --source microworld --settings JSON --output FILE`.

In: the settings of a problem source. Out: problems.jsonl.gz, every family in one split.
"""

import argparse
import json

from crosspl.errors import run_command
from crosspl.io import write_rows
from crosspl.problems import SOURCES, check_problems, load_source


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True, choices=sorted(SOURCES), help="where problems come from")
    parser.add_argument("--settings", required=True, type=json.loads, help="the source's settings, JSON")
    parser.add_argument("--output", required=True, help="problem rows")
    args = parser.parse_args(argv)
    problems = load_source(args.source).build_problems(args.settings)
    write_rows(args.output, check_problems(problems, f"the problems of {args.source}"))


if __name__ == "__main__":
    run_command(main)
