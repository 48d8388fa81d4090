"""Check that every file of the results is byte for byte what its command wrote.

In: results/manifest.json. Out: one line when all is well; otherwise one line per file that is missing or changed, with
what made it and what to do, and exit status 2. Before that, what is no error but should be known.
"""

import argparse
import signal

from crosspl.errors import UserError, run_command
from crosspl.manifest import load
from crosspl.verify import broken, remarks, summary


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", nargs="?", default="results/manifest.json")
    args = parser.parse_args(argv)
    manifest = load(args.manifest)
    for line in remarks(manifest):
        print(line)
    lines = broken(manifest)
    for line in lines:
        print(f"error: {line}")
    if lines:
        raise UserError(f"{len(lines)} of the files that {args.manifest} names are not as they were written")
    print(summary(manifest))


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends the command quietly
    run_command(main)
