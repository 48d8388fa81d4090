"""Which files and toolchains the groups of a form need (rule build_groups), and which forms are trained on.

In: the checked config. Out: plain lists. Imports nothing heavy: every job on a cluster reads it.
"""

from crosspl import rl_plan as rp
from crosspl.groups.rows import IR
from crosspl.llvm.translate import TOOL


def settings(config, form):
    """Return the settings of a form with the PLs of its programs: those of SFT where the config names none."""
    return config["groups"][form] | {"languages": rp.shown_in_groups(config, form)}


def programs(config, form):
    """Return the files of judged programs that groups of a form are made from."""
    return [f"results/programs/{language}.jsonl.gz" for language in rp.shown_in_groups(config, form)]


def language_files(config, form):
    """Return the PLs' files that groups of a form depend on."""
    return [f"languages/{language}.yaml" for language in form_languages(config, form)]


def form_languages(config, form):
    """Return the PLs of a form: those of its programs, and what its answers are judged in."""
    return rp.group_languages(config, form) + [TOOL] * (form == IR)


def forms(config):
    """Return the forms that RL or one of its variants is trained on; none without `off_policy.groups`."""
    return rp.group_forms(config, rp.inits(config))


def group_languages(config):
    """Return the PLs that building all groups of an experiment needs, whose toolchains must be there."""
    return list(dict.fromkeys(name for form in forms(config) for name in form_languages(config, form)))
