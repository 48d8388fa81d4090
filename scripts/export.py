"""Write results in a format of other tools: `python -m scripts.export --format multipl_e … --output FOLDER`.

In: problems, answers, verdicts, programs or an adapter, by format. Out: a folder, complete or absent. Equal content
gives equal bytes; an answer that the judge could not judge (JE) is an error. docs/exports.md has every format.
"""

import argparse
import inspect
import json

from crosspl.errors import UserError, run_command
from crosspl.exports import FORMATS, load_exporter
from crosspl.exports.folder import whole_folder

OPTIONS = {  # of the formats: what argparse is told
    "problems": {"metavar": "FILE", "help": "problem rows"},
    "completions": {"metavar": "FILE", "help": "completion rows of one checkpoint"},
    "verdicts": {"metavar": "FILE", "help": "verdict rows of one checkpoint"},
    "checkpoint": {"metavar": "NAME", "help": "as in results/, such as rl/parallel/python/seed0"},
    "settings": {"type": json.loads, "metavar": "JSON", "help": "the config's block `sampling`"},
    "protocol": {"type": json.loads, "metavar": "JSON", "help": "style of prompts and the PLs' names"},
    "language": {"metavar": "KEY", "help": "PL of the prompts"},
    "programs": {"nargs": "+", "metavar": "FILE", "help": "judged programs"},
    "mixtures": {"nargs": "+", "metavar": "FILE", "help": "SFT mixtures"},
    "adapter": {"metavar": "FOLDER", "help": "adapter with its manifest.json"},
    "base": {"metavar": "FOLDER", "help": "base model with its manifest.json"},
    "base_name": {"metavar": "NAME", "help": "where others find the base model, such as a name on the hub"},
    "scores": {"metavar": "CSV", "help": "pass@1 table of the checkpoint"},
}


def main(argv=None):
    args = parse(argv)
    exporter = load_exporter(args.format)
    with whole_folder(args.output) as folder:
        exporter.export(folder, **chosen(exporter, args))


def parse(argv):
    formats = "\n".join(f"  {name:10} {FORMATS[name]}" for name in sorted(FORMATS))
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=f"formats:\n{formats}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--format", required=True, choices=sorted(FORMATS), metavar="NAME", help="one of those below")
    for name, settings in OPTIONS.items():
        parser.add_argument(flag(name), **settings)
    parser.add_argument("--output", required=True, metavar="FOLDER", help="absent or empty")
    return parser.parse_args(argv)


def chosen(exporter, args):
    """Return the options that the format takes; UserError for one that is missing or that it has no use for."""
    given = {name: getattr(args, name) for name in OPTIONS if getattr(args, name) is not None}
    takes = inspect.signature(exporter.export).parameters
    for name in OPTIONS:
        if name in takes and takes[name].default is inspect.Parameter.empty and name not in given:
            raise UserError(f"--format {args.format} needs {flag(name)}")
    for name in given:
        if name not in takes:
            raise UserError(f"--format {args.format} has no use for {flag(name)}")
    return given


def flag(name):
    return f"--{name.replace('_', '-')}"


if __name__ == "__main__":
    run_command(main)
