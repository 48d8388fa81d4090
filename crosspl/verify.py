"""Whether the files of a results folder are still what the commands wrote.

In: a manifest (crosspl.manifest). Out: lines about what is missing or changed, each with what made it and what to do,
and lines about what is only worth knowing: mixed revisions, parts of another version, edited sources, leftovers.
"""

from collections import Counter
from pathlib import Path

from crosspl.manifest import NAME, RECORDS, again, misfits, revision_of, when
from crosspl.provenance import file_hash

OTHERS = (RECORDS, "benchmarks")  # folders of results/ whose files no command made


def broken(manifest):
    """Return one line per artifact or record that is not there or has other bytes than were written."""
    lines, results = [], manifest["results"]
    for path, artifact in manifest["artifacts"].items():
        if found := difference(path, artifact["sha256"]):
            command = manifest["commands"][artifact["command"]]
            maker = f"{command['script']}, {when(command['attempts'][-1]['ended'])}"
            remedy = f"{again(results, path)}, with the --configfile of the run"
            lines.append(f"{path}: {found} (by {maker}). To make it again: {remedy}")
    for path, digest in manifest["records"].items():
        if found := difference(path, digest):
            made = str(Path(results) / Path(path).relative_to(Path(results) / RECORDS)).removesuffix(".json")
            lines.append(f"{path}: {found}. It is a record; to make again what it is of: {again(results, made)}")
    return lines


def difference(path, digest):
    """Return how the file at `path` differs from what has this hash, "" when it does not."""
    if not Path(path).is_file():
        return "missing, but was written"
    return "" if file_hash(path) == digest else "not the bytes that were written"


def remarks(manifest):
    """Return lines about what is no error but should be known of these results."""
    commands = manifest["commands"]
    revisions = Counter(revision_of(command) for command in commands.values())
    lines = [f"made at {revision}: {count} commands" for revision, count in revisions.most_common()]
    environments = {command["versions"] for command in commands.values()}
    if len(environments) > 1:
        lines.append(f"made with {len(environments)} different sets of installed packages")
    lines += [f"of different versions: {line}" for line in misfits(manifest, commands)]
    lines += [f"edited since: {path}; what depends on it runs again" for path in edited(manifest)]
    left = leftovers(manifest)
    return lines + ([f"{len(left)} files belong to nothing of this config, e.g. {left[0]}"] if left else [])


def edited(manifest):
    """Return the sources, such as languages/lua.yaml, that are not there any more as the last command read them."""
    last = {}
    for command in sorted(manifest["commands"].values(), key=lambda command: command["attempts"][-1]["ended"]):
        last |= {path: digest for path, digest in command["inputs"].items() if not made_here(manifest, path)}
    return sorted(path for path, digest in last.items() if difference(path, digest))


def made_here(manifest, path):
    """Return whether `path` lies in the folder of results."""
    return path.startswith(f"{manifest['results']}/")


def leftovers(manifest):
    """Return the files in the folder of results that the manifest does not know."""
    results = Path(manifest["results"])
    paths = [path for path in sorted(results.rglob("[!.]*")) if path.is_file()]
    known = {*manifest["artifacts"], str(results / NAME)}
    return [str(path) for path in paths if str(path) not in known and path.relative_to(results).parts[0] not in OTHERS]


def summary(manifest):
    """Return one line on a folder in which nothing is broken."""
    counts = len(manifest["artifacts"]), len(manifest["commands"]), len(manifest["records"])
    return "{} artifacts by {} commands and {} records: every byte is as it was written".format(*counts)
