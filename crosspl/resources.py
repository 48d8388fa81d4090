"""What a job asks a machine or a cluster for: GPUs, cores, memory, time.

In: the checked config (resources), a stage. Out: numbers for a rule's `threads:` and `resources:`. They decide no
result, so a change of them runs nothing again; nor does how often a job saves its state or how a teacher is asked.
"""

UNDECISIVE = ("resources", "container", "tracking", "launch", "save_steps", "save_generations", "calls")


def demand(config, stage, what):
    """Return what a job of `stage` asks for at every attempt: cores, GPUs or boxes."""
    return config["resources"][stage][what]


def growing(config, stage, what):
    """Return Snakemake's function of the attempt: MB or minutes, as much again with every retry."""

    def at(wildcards, attempt):
        return demand(config, stage, what) * attempt

    return at


def decisive(settings):
    """Return the config, or a block of it, without what decides no result."""
    return {key: value for key, value in settings.items() if key not in UNDECISIVE}
