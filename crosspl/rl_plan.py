"""What RL from each init is: its settings, and which PLs and groups it is about (docs/oorl.md).

In: the checked config, an init, with its variant of RL. Out: plain dicts and lists for the rules.
"""

from crosspl.checkpoints import variant_of


def rl_settings(config, init):
    """Return the settings of RL from an init: the experiment's, changed by its variant's."""
    name = variant_of(init)
    own = config["rl_variants"][name]["settings"] if name else {}
    return config["rl"] | own | {"off_policy": config["rl"]["off_policy"] | own.get("off_policy", {})}


def is_translation(config, init):
    """Return whether RL from an init is on the translation of programs, and not on their generation."""
    return rl_settings(config, init)["task"] == "translation"


def translation_languages(config):
    """Return the PLs of the pairs that RL translates, each once."""
    return list(dict.fromkeys(config["translation"]["from"] + config["translation"]["into"]))


def group_forms(config, inits):
    """Return the forms of groups that RL from `inits` learns from, each once; one without weight counts for nothing."""
    chosen = [rl_settings(config, init)["off_policy"] for init in inits]
    return list(dict.fromkeys(one["groups"] for one in chosen if one["groups"] and one["weight"]))


def group_languages(config, form):
    """Return the PLs of what groups of a form hold."""
    return shown_in_groups(config, form) + ["llvm_ir"] * (form == "ir")


def shown_in_groups(config, form):
    """Return the PLs whose verified programs groups of a form are made from."""
    return config["groups"][form]["languages"] or config["languages"]["sft"]


def rl_programs(config, init, source):
    """Return the right programs that RL from an init is shown the beginnings of; none without a curriculum."""
    return [f"results/programs/{source}.jsonl.gz"] if rl_settings(config, init)["curriculum"] else []
