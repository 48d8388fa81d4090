"""Import a published data set: `python -m scripts.import_problems --source codeforces --from FOLDER --output FOLDER`.

In: a local folder (or file) in the published layout, or with --revision the same from the Hugging Face hub. Out:
problems.jsonl.gz, programs/{language}.jsonl.gz (what the data set says is right or wrong, nothing is judged here) and
import.csv: how many rows were read, kept and dropped, why. Rows are streamed; on an error nothing is left behind.
"""

import argparse
import sys
from pathlib import Path

from crosspl.errors import UserError, run_command
from crosspl.importers import FORMATS, load_importer
from crosspl.importers.writing import import_rows
from crosspl.languages import known_languages, language_of


def main(argv=None):
    formats = "\n".join(f"  {name:28} {FORMATS[name]}" for name in sorted(FORMATS))
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=f"formats:\n{formats}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", required=True, choices=sorted(FORMATS), metavar="FORMAT", help="one of those below")
    parser.add_argument("--from", dest="folder", help="folder or file in the published layout")
    parser.add_argument("--revision", help="commit of the data set on the hub, fetched when --from is not given")
    parser.add_argument("--languages", nargs="+", metavar="PL", help="keep programs in these only (key or alias)")
    parser.add_argument("--split", choices=("sft", "rl", "validation", "eval"), help="split of all problems")
    parser.add_argument("--limit", type=int, help="the first so many problems and their programs only")
    parser.add_argument("--train-on-evaluation-data", action="store_true", help="allow what --split else refuses")
    parser.add_argument("--output", required=True, help="folder of the imported rows")
    args = parser.parse_args(argv)
    languages = keys_of(args.languages or [])
    if args.limit is not None and args.limit < 1:
        raise UserError(f"--limit {args.limit}: give a number of problems, 1 or more")
    check_output(args.output, args.folder)
    importer = load_importer(args.source)
    folder, revision = args.folder, args.revision or "local"
    if not folder:
        from crosspl.hub import fetch_data_set  # slow to import

        folder, revision = fetch_data_set(importer, args.revision)
    options = languages, args.split, args.limit, args.train_on_evaluation_data
    summary = import_rows(importer, folder, revision, args.output, *options)
    print("\n".join(summary), file=sys.stderr)


def keys_of(names):
    """Return the keys of PLs that are called by key, name or alias; an unknown one is a UserError."""
    for name in names:
        if language_of(name) is None:
            raise UserError(f"--languages {name}: no such PL; known are {', '.join(known_languages())}")
    return [language_of(name) for name in names]


def check_output(output, folder):
    """Raise a UserError for an output that is a file, or the data themselves, which would be replaced."""
    output = Path(output)
    if output.exists() and not output.is_dir():
        raise UserError(f"--output {output} is a file: give a folder")
    read = Path(folder or ".").resolve()
    if folder and output.resolve() == (read.parent if read.is_file() else read):
        raise UserError(f"--output {output} is the folder that is read (--from): give another one")


if __name__ == "__main__":
    run_command(main)
