"""What RL from each init is: its settings, and which PLs and groups it is about (docs/oorl.md).

In: the checked config, an init, with its variant of RL. Out: plain dicts and lists for the rules.
"""

from crosspl.checkpoints import VARIANT, start_of, variant_of

GEPO = {"ir": "gepo", "programs": "gepo_programs"}  # groups of the off-policy loss: end of the row's name


def rl_settings(config, init):
    """Return the settings of RL from an init: the experiment's, changed by its variant's.

    An off-policy loss without groups or weight is none: its other settings then run nothing again.
    """
    name = variant_of(init)
    own = config["rl_variants"][name]["settings"] if name else {}
    off_policy = config["rl"]["off_policy"] | own.get("off_policy", {})
    if not off_policy["groups"] or not off_policy["weight"]:
        off_policy = {"groups": None}
    return config["rl"] | own | {"off_policy": off_policy}


def is_translation(config, init):
    """Return whether RL from an init is on the translation of programs, and not on their generation."""
    return rl_settings(config, init)["task"] == "translation"


def translation_languages(config):
    """Return the PLs of the pairs that RL translates, each once."""
    return list(dict.fromkeys(config["translation"]["from"] + config["translation"]["into"]))


def group_forms(config, inits):
    """Return the forms of groups that RL from `inits` learns from, each once."""
    chosen = [rl_settings(config, init)["off_policy"]["groups"] for init in inits]
    return list(dict.fromkeys(form for form in chosen if form))


def group_languages(config, form):
    """Return the PLs of what groups of a form hold."""
    return shown_in_groups(config, form) + ["llvm_ir"] * (form == "ir")


def shown_in_groups(config, form):
    """Return the PLs whose verified programs groups of a form are made from."""
    return config["groups"][form]["languages"] or config["languages"]["sft"]


def rl_programs(config, init, source):
    """Return the right programs that RL from an init is shown the beginnings of; none without a curriculum."""
    return [f"results/programs/{source}.jsonl.gz"] if rl_settings(config, init)["curriculum"] else []


def inits(config):
    """Return what RL starts from: `base` and every mixture; then those with a variant of RL, as `parallel__fgo`."""
    variants = config["rl_variants"].items()
    return ["base", *config["mixtures"]["names"],
            *(f"{init}{VARIANT}{name}" for name, variant in variants for init in variant["inits"])]  # fmt: skip


def oorl_rows(config):
    """Return {row of the OORL ladder: init} (crosspl.oorl_rows); {} without RL on translation.

    Of several inits that would be one row, as in a sweep of a weight, the first is it. An off-policy loss of weight 0
    is none, and it alone, beside RL of weight 0, is no row.
    """
    found = {}
    for init in inits(config):
        settings, start = rl_settings(config, init), start_of(init)
        if settings["task"] == "translation" and settings["weight"]:
            groups, loss = settings["off_policy"]["groups"], settings["off_policy"].get("loss")
            name = "rl" if not groups else "rl_dpo" if loss == "dpo" else f"rl_{GEPO[groups]}"
            if start != "base":
                name = f"{start}_oorl" if name.startswith("rl_gepo") else None
            if name:
                found.setdefault(name, init)
    order = ["rl", "rl_dpo", *(f"rl_{name}" for name in GEPO.values())]
    ladder = {name: found[name] for name in order if name in found}
    return {"none": "base"} | ladder | found if found else {}
