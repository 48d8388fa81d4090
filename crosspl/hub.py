"""Fetch files from the Hugging Face hub, at a pinned commit.

In: the name of a data set or a model, the commit, patterns of its files. Out: a local folder in the published layout,
kept in the hub's own cache: a second time nothing is fetched, and what was broken off is taken up again.
"""

import re
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from crosspl.errors import UserError


def is_commit(revision):
    """Return whether a revision can only ever mean one state."""
    return bool(re.fullmatch(r"[0-9a-f]{40}", revision or ""))


def download(name, kind, revision, patterns, remedy):
    """Return the folder of a `kind` (dataset or model) at commit `revision`; remedy: what to do instead."""
    where = f"{name} at {revision}"
    try:
        folder = snapshot_download(name, repo_type=kind, revision=revision, allow_patterns=patterns)
    except Exception as error:  # of the hub, of the network, of the HTTP library: they have no base class of their own
        raise UserError(f"{where} cannot be fetched: {reason(error)}, or {remedy}") from None
    if not Path(folder).is_dir():
        raise UserError(f"{where} has no files like {' or '.join(patterns)}: is this the right commit?")
    return folder


def fetch_data_set(importer, revision):
    """Return (folder, revision) of an importer's data set; the revision must be a commit."""
    name = importer.__name__.rpartition(".")[2]
    if not importer.HUB:
        raise UserError(f"{name} is on no hub: give its folder with --from")
    if not is_commit(revision):
        raise UserError(
            f"give the folder of {importer.HUB} with --from, or its commit on the hub with --revision (40 hex digits: "
            "names such as main change what they mean)"
        )
    return download(importer.HUB, "dataset", revision, importer.FILES, "download it and use --from"), revision


def reason(error):
    """Return in one line why a download failed, and what to do."""
    if isinstance(error, GatedRepoError):
        return "it is gated. Accept its terms on the hub and log in (hf auth login, or HF_TOKEN)"
    if isinstance(error, RevisionNotFoundError):
        return "it has no such commit. Look the commit up on the hub"
    if isinstance(error, RepositoryNotFoundError):
        return "it is not there, or not for everybody. Log in (hf auth login, or HF_TOKEN)"
    if isinstance(error, LocalEntryNotFoundError) and isinstance(error.__cause__, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set, and the cache has not all of it. Unset it"
    if isinstance(error, LocalEntryNotFoundError):
        return "the hub cannot be reached, and the cache has not all of it. Try again with a network"
    said = str(error).strip().splitlines()[:1] or [type(error).__name__]
    return f"{said[0].rstrip('.')}. Try again, what has come is kept"
