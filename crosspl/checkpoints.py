"""Names of checkpoints: `base`, `sft/{mixture}/seed{n}`, `rl/{init}/{source}/seed{n}`.

In: init, source PL, seed. Out: names, as they stand in every path below results/.
"""

VARIANT = "__"  # between what RL starts from and the name of a variant of RL: `parallel__fgo`


def start_of(init):
    """Return `base` or the mixture that RL starts from, whatever the variant of RL."""
    return init.partition(VARIANT)[0]


def variant_of(init):
    """Return the name of the variant of RL, "" for the experiment's own RL."""
    return init.partition(VARIANT)[2]


def before_name(init, seed):
    """Return the checkpoint that RL with this init and seed starts from."""
    start = start_of(init)
    return "base" if start == "base" else f"sft/{start}/seed{seed}"


def after_name(init, source, seed):
    """Return the checkpoint after RL."""
    return f"rl/{init}/{source}/seed{seed}"


def checkpoint_names(runs, seeds):
    """Return the checkpoints before and after RL of (init, source) pairs, base first, each once."""
    pairs = [(before_name(init, n), after_name(init, source, n)) for init, source in runs for n in seeds]
    return list(dict.fromkeys(["base", *(name for pair in pairs for name in pair)]))
