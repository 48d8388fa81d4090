"""Snakemake's own command-line `main`, many times, each in a process forked from this one, which has imported it.

In: lines [folder, options] of JSON on stdin. Out: lines [exit status, output] on stdout. Saves the import of Snakemake,
its plugins and one library of others, about half of a dry run. Nothing of the repository is imported before the fork
(`python -P`), so the Snakefile and the modules of the folder are read anew every time.
"""

import json
import os
import sys
import tempfile

import jsonschema  # noqa: F401  (the Snakefile's own import; a forked run finds it done)
import snakemake.cli
import snakemake.utils


def serve():
    """Answer requests until stdin is closed."""
    snakemake.cli.get_argument_parser()  # imports the plugins
    for line in sys.stdin:
        folder, options = json.loads(line)
        with tempfile.TemporaryFile("w+") as output:
            if not (child := os.fork()):
                os.chdir(folder)
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                run(options)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            output.seek(0)
            print(json.dumps([status, output.read()]), flush=True)


def run(options):
    """Run the command `snakemake` with its options, and end the process."""
    status = 1
    sys.argv = ["snakemake", *options]
    try:
        snakemake.cli.main(options)
    except SystemExit as end:
        status = end.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve()
