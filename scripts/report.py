"""Write the report: one self-contained HTML page of what a results folder holds.

In: results/ (any table may be missing), the merged config as JSON. Out: HTML with all figures inside; it loads nothing.
"""

import argparse
import subprocess

from crosspl.errors import run_command
from crosspl.io import write_text
from crosspl.plots.catalogue import drawings
from crosspl.report.page import page
from crosspl.report.read import read_tables
from scripts.figures import parse_config


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", required=True, metavar="DIR", help="folder of the tables")
    parser.add_argument("--config", required=True, metavar="JSON", help="merged config of the run")
    parser.add_argument("--output", required=True, metavar="HTML")
    args = parser.parse_args(argv)
    config = parse_config(args.config)
    tables = read_tables(args.results, config)
    write_text(args.output, page(tables, drawings(tables), config, args.results, revision()))


def revision():
    """Return the git revision, with a note when files differ from it; "unknown" outside a repository."""
    try:
        head = _git("rev-parse", "HEAD")
        return f"{head}, with uncommitted changes" if _git("status", "--porcelain", "-uno") else head
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments):
    """Return what a git command prints."""
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    run_command(main)
