"""What the rules need that evaluate checkpoints of others: files, options, what tells that a folder changed.

In: the checked config (external), the name of a checkpoint, `external/{name}` or one of ours. Out: lists of paths,
strings. Folders are looked into when their checkpoint is asked for, so that a run of something else needs none of them;
what is wrong with one ends the process with one line that names the key.
"""

import os
import shlex
from contextlib import contextmanager

from crosspl import workflow as wf
from crosspl.errors import UserError, stop_on_user_error
from crosspl.external.folders import adapter_files, model_files
from crosspl.provenance import digest, file_hash
from crosspl.storage import own

PREFIX = "external/"
HASHED = 64 << 20  # bytes; of larger files size and time are compared


def is_external(checkpoint):
    """Return whether a checkpoint is somebody else's."""
    return checkpoint.startswith(PREFIX)


def base_files(config, checkpoint, configfiles):
    """Return the files of the model under a checkpoint."""
    return _found(config, checkpoint, configfiles)[0] if is_external(checkpoint) else wf.base_files("results")


def adapter_files_of(config, checkpoint, configfiles):
    """Return the files of a checkpoint's adapter, if it has one."""
    if is_external(checkpoint):
        return _found(config, checkpoint, configfiles)[1]
    return wf.adapter_files("results", checkpoint)


def model_option(config, checkpoint):
    """Return the options of scripts.sample that name a checkpoint's model."""
    if not is_external(checkpoint):
        return f"--base results/base {wf.adapter_option('results', checkpoint)}".rstrip()
    model, adapter = folders(config, checkpoint)
    return shlex.join(["--external", "--base", model, *(["--adapter", adapter] if adapter else [])])


def fingerprint(config, checkpoint, configfiles):
    """Return a hash that is another one when a folder of somebody else's changed; "" for our own checkpoints.

    Of small files the content decides. Weights of many gigabytes on a file server are not read for every plan: their
    size and time decide whether the job is run again, and it then finds by their content what it has sampled already.
    """
    if not is_external(checkpoint):
        return ""
    with stop_on_user_error():
        return digest([print_of(path) for paths in _checked(config, checkpoint, configfiles) for path in paths])


def checkpoints(config):
    """Return the names of all checkpoints of others; none is an error."""
    with stop_on_user_error():
        if not config["external"]:
            raise UserError("results/external.csv: no external checkpoint in the config; docs/evaluate.md says how")
    return [PREFIX + name for name in config["external"]]


def folders(config, checkpoint):
    """Return the folders of a checkpoint's model and of its adapter, or None."""
    entry = config["external"][checkpoint.removeprefix(PREFIX)]
    return [path and os.path.expanduser(path) for path in (entry["model"], entry.get("adapter"))]


def _found(config, checkpoint, configfiles):
    """Return the lists of paths of _checked, as files of this machine whose time decides nothing."""
    from snakemake.io import ancient  # not for the jobs that only need the names

    with stop_on_user_error():
        return [own([ancient(path) for path in paths]) for paths in _checked(config, checkpoint, configfiles)]


def _checked(config, checkpoint, configfiles):
    """Return the paths of a checkpoint's model and those of its adapter; a UserError names the key that is wrong."""
    name = checkpoint.removeprefix(PREFIX)
    if name not in config["external"]:
        known = ", ".join(config["external"]) or "none"
        raise UserError(f"results/*/{checkpoint}: no such name in the config's block external; known are {known}")
    model, adapter = folders(config, checkpoint)
    with at(configfiles, "external", name, "model"):
        files = model_files(model)
    with at(configfiles, "external", name, "adapter"):
        return files, adapter_files(adapter, model) if adapter else []


@contextmanager
def at(configfiles, *path):
    """Put the place in the config before a UserError; what no file holds came with --config."""
    try:
        yield
    except UserError as error:
        given = any(wf.holds(str(file), path) for file in configfiles)
        place = wf.where([*configfiles[-1:], *configfiles[:-1]], list(path)) if given else f"--config: {'.'.join(path)}"
        raise UserError(f"{place}: {error}") from None


def print_of(path):
    """Return what is compared of a file."""
    status = os.stat(path)
    is_small = status.st_size <= HASHED
    return [os.path.basename(path), file_hash(path) if is_small else [status.st_size, status.st_mtime_ns]]
