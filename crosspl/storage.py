"""Results in object storage: what the Snakefile adds to Snakemake's --default-storage-provider.

In: the workflow, paths of our sources. Out: results/ as a link to Snakemake's local copies of what is in storage, so
that commands find folders such as results/base; and sources marked as files of the repository, never of the storage.
"""

from pathlib import Path

from snakemake.io import flag
from snakemake.path_modifier import PATH_MODIFIER_FLAG

from crosspl import provenance
from crosspl.errors import UserError

IN_STORAGE = ".in_storage"  # marks the local copies; other links to a results/ elsewhere are the user's own


def code(*scripts):
    """Return the code that `scripts` depend on, as files of the repository."""
    return own(provenance.code(*scripts))


def own(paths):
    """Mark paths as files of the repository, which no default storage applies to.

    Snakemake's `local` says that too, but makes all jobs that read such files run where Snakemake runs when there is no
    shared file system.
    """
    return flag(paths, PATH_MODIFIER_FLAG)


def link_results(workflow, results=Path("results")):
    """With a default storage provider make `results` a link to the local copies; without one it must be no such link.

    A user's own link, to a larger disk, is as good as a folder.
    """
    provider = workflow.storage_registry.default_storage_provider
    if provider is None:
        if results.is_symlink() and not results.exists():
            raise UserError(
                f"{results} is a link to {results.readlink()}, which is not there: mount it, or remove the link"
            )
        if (results / IN_STORAGE).exists():
            raise UserError(
                f"{results}/ is in storage: give the same --default-storage-provider and prefix as before, or remove "
                f"the link {results} and start anew"
            )
        return
    prefix = workflow.storage_settings.default_storage_prefix
    copies = provider.object(f"{prefix.rstrip('/')}/{results}").local_path().absolute()
    if results.is_symlink() and results.readlink() == copies:
        return
    if results.is_dir() and not (results / IN_STORAGE).exists():
        _remove_empty(results)
    copies.mkdir(parents=True, exist_ok=True)
    (copies / IN_STORAGE).touch()
    (copies / ".gitkeep").touch()  # git knows it as results/.gitkeep, and pods are sent what git knows
    results.unlink(missing_ok=True)
    results.symlink_to(copies)


def _remove_empty(results):
    files = [path for path in results.rglob("*") if not path.is_dir() and path.name != ".gitkeep"]
    if files:
        raise UserError(
            f"{results}/ holds {len(files)} files of a run without storage, such as {files[0]}: use a clone of its own "
            "for the run in storage, or move them away"
        )
    if results.is_symlink():
        return
    (results / ".gitkeep").unlink(missing_ok=True)
    for folder in sorted(results.rglob("*"), reverse=True):
        folder.rmdir()
    results.rmdir()
