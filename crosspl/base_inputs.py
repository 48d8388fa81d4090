"""What the rules need of the base model: which rules make it, and the files of a published one.

In: the checked config (base). Out: the name of a rule file, paths, strings. A folder that is no model ends the process
with one line that names base.from.
"""

from pathlib import Path

from crosspl.errors import stop_on_user_error
from crosspl.external.folders import model_files
from crosspl.external_inputs import at, print_of
from crosspl.provenance import digest
from crosspl.storage import own


def rules(config):
    """Return the rule file that makes results/base/."""
    return "rules/published_base.smk" if config["base"]["from"] else "rules/base.smk"


def files(config, configfiles):
    """Return the files of a published model's folder, whose time decides nothing; none of a model on the hub."""
    from snakemake.io import ancient  # not for the jobs that only need the names

    return own([ancient(path) for path in _paths(config, configfiles)])


def fingerprint(config, configfiles):
    """Return a hash that is another one when the folder changed."""
    return digest([print_of(path) for path in _paths(config, configfiles)])


def _paths(config, configfiles):
    folder = Path(config["base"]["from"]).expanduser()
    if not folder.is_dir():
        return []  # on the hub, or the command says that it is nowhere
    with stop_on_user_error(), at(configfiles, "base", "from"):
        return model_files(folder)
