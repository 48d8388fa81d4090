"""What the task of an experiment changes in the rules: generation of code (the default), or its verification.

In: the checked config. Out: files and options, which are empty or as they were for generation. In verification
the items of rule build_verification take the place of programs in mixtures, RL, sampling and judging.
"""

from crosspl import experiment as ex

FOLDER = "results/verification"


def items(config, languages):
    """Return the files of items in `languages`; none in generation."""
    return [f"{FOLDER}/{language}.jsonl.gz" for language in languages] if ex.is_verification(config) else []


def items_option(config, languages):
    """Return the option that names the files of items; empty in generation."""
    return " ".join(["--items", *found]) if (found := items(config, languages)) else ""


def mixture_data(config, mixture):
    """Return the files that a mixture is chosen from: verified programs, or items."""
    languages = ex.recipe_languages(config, mixture)
    return items(config, languages) or [f"results/programs/{language}.jsonl.gz" for language in languages]


def asked_share(config):
    """Return the share of the embedded base model's corpus that asks whether code is right; 0 in generation."""
    return config["verification"]["pretraining_share"] if ex.is_verification(config) else 0


def most_lost(config):
    """Return the share of gold programs that no answer may say; in verification no answer is a program."""
    return 1 if ex.is_verification(config) else config["prompts"]["most_lost"]


def tables(config):
    """Return the tables that verification has beside the others."""
    return ["results/verification.csv", "results/verification_accuracy.csv"] if ex.is_verification(config) else []
