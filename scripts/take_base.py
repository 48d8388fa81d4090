"""Take a published model as the base of the experiment: a folder of transformers, or a model on the hub.

In: its folder, or its name on the hub and a commit. Out: config.json, model.safetensors, tokenizer.json,
tokenizer_config.json, manifest.json with the hashes of what was read.
"""

import argparse
from pathlib import Path

from crosspl.errors import UserError, run_command
from crosspl.io import write_json
from crosspl.provenance import file_hash

PATTERNS = ["*.json", "*.jinja", "*.safetensors", "tokenizer.model", "merges.txt"]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="folder", required=True, metavar="FOLDER", help="folder, or OWNER/NAME on a hub")
    parser.add_argument("--revision", default="", help="commit of a model on the hub (40 hex digits)")
    parser.add_argument("--pad-token", default="", help="token for padding; none: the tokenizer's or a reserved one")
    parser.add_argument("--output", required=True, help="folder of the base model")
    args = parser.parse_args(argv)
    output = Path(args.output)
    folder = found(args.folder, args.revision)
    from crosspl.external.loading import files_of  # takes seconds, and switches the hub off
    from crosspl.published_base import take

    read = {str(Path(path).name): file_hash(path) for path in files_of(folder)}
    parameters = take(folder, output, args.pad_token or None)
    manifest = {
        "weights_sha256": file_hash(output / "model.safetensors"),
        "parameters": parameters,
        "from": args.folder,
        "revision": args.revision or None,
        "inputs": read,
    }
    write_json(output / "manifest.json", manifest)


def found(name, revision):
    """Return the folder of a model, fetched from the hub where there is no such folder."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise UserError(f"base.from: {name}: no such folder")
    from crosspl.hub import download, is_commit

    if not is_commit(revision):
        raise UserError(
            f"base.from: {name} is no folder; for the model of that name on the hub set base.revision to a commit "
            "(40 hex digits: names such as main change what they mean)"
        )
    return download(name, "model", revision, PATTERNS, "download it and name its folder in base.from")


if __name__ == "__main__":
    run_command(main)
