"""What OORL changes in the rules: translation in RL and evaluation, groups of programs beside RL (docs/oorl.md).

In: the checked config, an init. Out: files, options, training sets, PLs; empty for RL that only generates code.
"""

from crosspl import experiment as ex
from crosspl import rl_plan as rp

FOLDER = "results/translation"


def rl_files(config, init):
    """Return the files that RL from an init is about, beside the problems: pairs for translation, groups."""
    pairs = [f"{FOLDER}/rl.jsonl.gz"] if rp.is_translation(config, init) else []
    return pairs + [f"results/groups/{form}.jsonl.gz" for form in rp.group_forms(config, [init])]


def rl_options(config, init):
    """Return the options of scripts.train_rl that name these files."""
    names = ["--pairs"] * rp.is_translation(config, init) + ["--groups"] * len(rp.group_forms(config, [init]))
    return " ".join(word for pair in zip(names, rl_files(config, init)) for word in pair)


def audited(config, init, source):
    """Return the training sets of RL from an init, whose audits it waits for."""
    translation = ["rl/translation"] if rp.is_translation(config, init) else []
    return [f"rl/{source}", *translation, *(f"groups/{form}" for form in rp.group_forms(config, [init]))]


def rl_languages(config, init, source):
    """Return every PL that RL from an init asks for or shows."""
    translated = rp.translation_languages(config) if rp.is_translation(config, init) else []
    groups = [name for form in rp.group_forms(config, [init]) for name in rp.group_languages(config, form)]
    return list(dict.fromkeys([source, *translated, *groups]))


def pair_options(config, asked):
    """Return the options of scripts.build_pairs for `rl` or for `eval_{PL}`."""
    split, sources, targets = pair_plan(config, asked)
    return f"--split {split} --from {' '.join(sources)} --into {' '.join(targets)}"


def pair_plan(config, asked):
    """Return (split, PLs that are shown, PLs that are asked for) of a file of pairs."""
    if asked == "rl":
        return "rl", config["translation"]["from"], config["translation"]["into"]
    return config["sampling"]["split"], [asked.removeprefix("eval_")], ex.all_languages(config)


def translation_targets(config, source):
    """Return the PLs that programs in `source` are translated into when models are evaluated."""
    return [name for name in ex.all_languages(config) if name != source]


def corpus_files(config):
    """Return the documents that the embedded base model's corpus holds beside those of the problem source."""
    return ["results/base/llvm_ir.jsonl.gz"] if config["translation"]["pretraining_ir"] else []


def corpus_options(config):
    """Return the option of scripts.build_corpus that names them."""
    return " ".join(f"--more {path}" for path in corpus_files(config))


def asked_share(config):
    """Return the share of the embedded base model's documents with a statement that are translations instead."""
    return config["translation"]["pretraining_share"]
