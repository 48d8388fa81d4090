"""The manifest: which command made which file from which, collected from the records of crosspl.record.

In: results/provenance/, the products of an experiment. Out: a dict, and results/manifest.json: `artifacts` {file: hash,
command}, `commands` {name: files read and written with their hashes, arguments, revision, attempts}, and what many
commands share, by digest: `code`, `versions`, `machines`. What products do not depend on, such as files of earlier
configs, is left out. Reads records by itself: they are no data of the command that reads them.
"""

import hashlib
import json
import re
import sys
import time
from pathlib import Path

from crosspl.errors import UserError
from crosspl.provenance import file_hash

RECORDS, NAME = "provenance", "manifest.json"  # below the folder of results
FOLDERS = re.compile(  # outputs of rules that are folders: no rule makes a single file of theirs
    r"(figures|imported/programs|exports/(dataset|verl/[^/]+|\w+/(base|external/[^/]+|.+?/seed\d+)))(?=/|$)"
)
REMEDY = "Delete it and run the workflow again; the next run writes it anew."


def collect(results, products, config=None):
    """Return the manifest of what of `products` (files, folders) was made; `config` goes into it as it is."""
    records = read_records(results)
    artifacts = made_by(records)
    names = upstream(records, artifacts, [path for product in products for path in _made(product, artifacts)])
    shared = {"code": {}, "versions": {}, "machines": {}}
    commands = {name: _folded(records[name], shared) for name in names}
    files = {
        path: {"sha256": digest, "command": name}
        for name in names
        for path, digest in commands[name]["outputs"].items()
        if artifacts[path] == name
    }
    folder = Path(results) / RECORDS
    return {
        "results": str(results),
        "config": config,
        "products": list(products),
        "artifacts": dict(sorted(files.items())),
        "commands": commands,
        "records": {str(folder / f"{name}.json"): file_hash(folder / f"{name}.json") for name in sorted(names)},
        **shared,
    }


def read_records(results):
    """Return {name: record} of the finished commands; a name is that of the first file below `results` it made."""
    folder = Path(results) / RECORDS
    names = {str(path.relative_to(folder))[:-5]: path for path in sorted(folder.rglob("[!.]*.json"))}
    return {name: _read(path, again(results, f"{results}/{name}")) for name, path in names.items()}


def _made(product, artifacts):
    """Return the files that a product is, of those that were made."""
    return [product] if product in artifacts else [path for path in artifacts if path.startswith(f"{product}/")]


def again(results, path):
    """Return the commands that make a file below `results` again."""
    if Path(path).is_relative_to(results) and (found := FOLDERS.match(Path(path).relative_to(results).as_posix())):
        folder = Path(results, found[0])
        return f"rm -rf {folder}; snakemake {folder}"
    return f"rm -f {path}; snakemake {path}"


def _read(path, remedy):
    try:
        record = json.loads(path.read_text())
        return {key: record[key] for key in ("script", "argv", "revision")} | record
    except (ValueError, KeyError, TypeError):
        raise UserError(
            f"{path}: damaged, no record of a command. Make again what it is of: rm -f {path}; {remedy}"
        ) from None


def made_by(records):
    """Return {file: name of the command that made it last}."""
    makers = {}
    for name in sorted(records, key=lambda name: records[name]["attempts"][-1]["ended"]):
        makers |= dict.fromkeys(records[name]["outputs"], name)
    return makers


def upstream(records, artifacts, paths):
    """Return the names of the commands that made `paths` and all that these were made from, nearest first."""
    found, todo = {}, list(paths)
    while todo:
        name = artifacts.get(todo.pop(0))
        if name is not None and name not in found:
            found[name] = True
            todo += records[name]["inputs"]
    return list(found)


def _folded(record, shared):
    """Return a record with a digest in place of what many records share, which goes into `shared`."""

    def fold(kind, value):
        digest = _digest(value)[:12]
        shared[kind][digest] = value
        return digest

    attempts = [attempt | {"machine": fold("machines", attempt["machine"])} for attempt in record["attempts"]]
    digests = {kind: fold(kind, record[kind]) for kind in ("code", "versions")}
    return record | {"attempts": attempts, "seeds": seeds_of(record)} | digests


def options_of(command):
    """Return {option: list of values} of a command's arguments."""
    options, values = {}, []
    for word in command["argv"]:
        if word.startswith("--"):
            option, _, value = word.partition("=")
            values = options.setdefault(option, [])
            values += [value] if value else []
        else:
            values.append(word)
    return options


def seeds_of(command):
    """Return {option: seeds} of all seeds among a command's arguments, those in JSON blocks of the config as well."""
    seeds = {}
    for option, values in options_of(command).items():
        if option.endswith(("seed", "seeds")):
            seeds[option[2:]] = [int(value) for value in values]
        elif "seed" in (block := block_of(values)):
            seeds[f"{option[2:]}.seed"] = [block["seed"]]
    return seeds


def block_of(values):
    """Return the block of the config that an option's values are, as JSON; {} where they are none."""
    try:
        return json.loads(values[0]) if len(values) == 1 and values[0].startswith("{") else {}
    except ValueError:  # a text, such as a mark
        return {}


def update(results, products, config):
    """Write the manifest of a folder of results anew; at the end of a run its failure is no failure of the run."""
    try:
        write(collect(results, products, config), Path(results) / NAME)
    except (UserError, OSError) as error:
        print(f"warning: {results}/{NAME} is not up to date: {error}", file=sys.stderr)


def write(manifest, path):
    """Write a manifest with the time and a hash of itself."""
    manifest = manifest | {"written": time.time()}
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(path).with_name(f".{Path(path).name}.tmp")
    temporary.write_text(json.dumps(manifest | {"sha256": _digest(manifest)}, indent=1, ensure_ascii=False) + "\n")
    temporary.replace(path)


def load(path):
    """Return the manifest of a file; UserError when it is not there, not as it was written, or outdated."""
    manifest = load_as_written(path)
    records = read_records(manifest["results"])
    newer = [name for name, record in records.items() if record["attempts"][-1]["ended"] > manifest["written"]]
    if newer:
        raise UserError(
            f"{path}: older than {len(newer)} records, such as {newer[0]}: a run was killed before it could write it, "
            "or is still going on. To bring it up to date: python -m scripts.manifest"
        )
    return manifest


def load_as_written(path):
    """Return the manifest of a file; UserError when it is not there or not as it was written."""
    try:
        manifest = json.loads(Path(path).read_bytes())
        stated = manifest.pop("sha256")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; every run of the workflow that does something writes it") from None
    except (ValueError, KeyError, AttributeError):
        raise UserError(f"{path}: damaged. {REMEDY}") from None
    if stated != _digest(manifest):
        raise UserError(f"{path}: its content does not have the hash that it states. {REMEDY}")
    return manifest


def _digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def misfits(manifest, names):
    """Return lines about inputs of the commands `names` that their makers made anew, or that no record knows."""
    artifacts, lines = manifest["artifacts"], []
    for name in names:
        command = manifest["commands"][name]
        for path, digest in command["inputs"].items():
            if path in artifacts and artifacts[path]["sha256"] != digest:
                lines.append(f"{first_output(command)} was made from another version of {path} ({digest[:12]})")
            elif path not in artifacts and path.startswith(f"{manifest['results']}/"):
                lines.append(f"{first_output(command)} was made from {path}, of which there is no record")
    return lines


def first_output(command):
    """Return the file that a command wrote first, which names it."""
    return next(iter(command["outputs"]))


def revision_of(command):
    """Return a command's revision in words."""
    commit, changed = command["revision"]["commit"], command["revision"]["changed"]
    if not commit:
        return "unknown revision (no git)"
    return f"commit {commit[:12]}" + (f" with uncommitted changes in {', '.join(changed)}" if changed else "")


def cost_of(command):
    """Return what a command used: sums over its attempts, but the largest of the peaks."""
    attempts = command["attempts"]
    amounts = {key for attempt in attempts for key, value in attempt.items() if isinstance(value, (int, float))}
    amounts -= {"started", "ended"}
    join = {key: max if key.startswith("peak_") else sum for key in amounts}
    return {key: join[key](attempt.get(key, 0) for attempt in attempts) for key in sorted(amounts)}


def when(seconds):
    """Return a time as text."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
