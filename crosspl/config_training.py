"""Settings of training that do not go together, found before anything is trained.

In: the merged config, the names of its files. Out: nothing, or a UserError that names file, key and remedy.
"""

from crosspl.checkpoints import VARIANT
from crosspl.config_places import where
from crosspl.errors import UserError
from crosspl.languages import known_languages
from crosspl.rl_plan import group_languages, is_translation, rl_settings, shown_in_groups


def check_training(config, files):
    """Raise a UserError for settings of SFT, RL, its variants, groups or sampling that contradict each other."""
    check_groups(config, files)
    gpus = {stage: config["resources"][stage]["gpu"] for stage in ("train_sft", "train_rl", "sample")}
    check_micro_batch(config["sft"], config["sft"]["batch"], "sft.batch", gpus["train_sft"], where(files, ["sft"]))
    check_rl(config, rl_settings(config, "base"), gpus["train_rl"], where(files, ["rl"]))
    for name, variant in config["rl_variants"].items():
        place = where(files, ["rl_variants", name])
        known = ["base", *config["mixtures"]["names"]]
        if unknown := [init for init in variant["inits"] if init not in known]:
            raise UserError(f"{place}.inits: unknown {unknown[0]!r}; known are {', '.join(known)}")
        check_rl(config, rl_settings(config, f"{VARIANT}{name}"), gpus["train_rl"], f"{place}.settings")
    check_translation(config, files)
    check_matrix(config, files)
    if config["sampling"]["engine"] == "vllm":
        check_engine(config, gpus["sample"], "sample", f"{where(files, ['sampling'])}.engine")
    for stage in ("train_base", "sample", "align", "teacher"):
        if config["resources"][stage]["gpu"] > 1:
            raise UserError(f"{where(files, ['resources', stage])}.gpu: only SFT and RL use several GPUs; set 1")
    if config["precision"]["quantization"] and not config["base"]["from"]:
        raise UserError(f"{where(files, ['precision', 'quantization'])}: only a published base model is quantized")


def check_groups(config, files):
    """Raise a UserError where groups would hold programs in a PL that is not known."""
    for form in ("ir", "programs"):
        place = f"{where(files, ['groups', form])}.languages"
        for name in config["groups"][form]["languages"] or ():
            if name not in known_languages():
                raise UserError(f"{place}: unknown language {name!r}; known are {', '.join(known_languages())}")


def check_rl(config, rl, gpus, place):
    """Raise a UserError for one block of settings of RL, found at `place`."""
    answers, minibatches = rl["prompts"] * rl["samples"], rl["minibatches"]
    if answers % minibatches or answers // minibatches % rl["samples"]:
        raise UserError(
            f"{place}.minibatches: {minibatches} minibatches must divide the {answers} answers of a "
            f"generation into whole groups of rl.samples = {rl['samples']}"
        )
    check_micro_batch(rl, answers // minibatches, "the answers of a minibatch", gpus, place)
    if rl["rollouts"] == "vllm":
        check_engine(config, gpus, "train_rl", f"{place}.rollouts")
    if rl["redraw"] and rl["curriculum"]:
        raise UserError(f"{place}.redraw: would ask problems of other stages of the curriculum; set it to 0")
    if rl["redraw"] and gpus > 1:
        raise UserError(f"{place}.redraw: groups are drawn again on one GPU only; set it to 0")
    if config["task"] != "generation" and (rl["curriculum"] or rl["executed_lines"]):
        raise UserError(f"{place}: curriculum and executed_lines are about programs; the task is {config['task']}")
    if rl["off_policy"]["groups"]:
        check_off_policy(config, rl["off_policy"]["groups"], f"{place}.off_policy.groups")
    if not rl["weight"] and not rl["off_policy"]["groups"]:
        raise UserError(f"{place}.weight: 0 leaves nothing to learn from: set it to 1, or set off_policy.groups, too")
    if rl["task"] == "translation":
        check_translating(config, rl, place)
    if rl["curriculum"] and rl["curriculum"][-1]:
        raise UserError(f"{place}.curriculum: the last stage must be 0, the whole task")
    if len(rl["curriculum"]) > rl["generations"]:
        raise UserError(f"{place}.curriculum: {len(rl['curriculum'])} stages in {rl['generations']} generations")


def check_off_policy(config, form, place):
    """Raise a UserError for groups of a form that no RL can learn from, or may not."""
    if config["task"] != "generation":
        raise UserError(f"{place}: groups are of programs; the task is {config['task']}: set null")
    if form == "programs" and len(shown_in_groups(config, form)) < 2:
        raise UserError(f"{place}: programs need two PLs in groups.programs.languages, or in SFT")
    if unseen := [name for name in group_languages(config, form) if name in config["languages"]["unseen"]]:
        raise UserError(f"{place}: {form} would train on {unseen[0]!r}, which is in languages.unseen: take it out, "
                        f"there or of groups.{form}.languages")  # fmt: skip


def check_translating(config, rl, place):
    """Raise a UserError for RL on translation without pairs, or with what is about generation alone."""
    if config["task"] != "generation" or rl["curriculum"] or rl["executed_lines"]:
        raise UserError(f"{place}.task: translation goes with task: generation, no curriculum and no executed_lines")
    sources, targets = config["translation"]["from"], config["translation"]["into"]
    if not any(source != target for source in sources for target in targets):
        raise UserError(f"{place}.task: translation needs two different PLs in translation.from and translation.into")
    if len(config["languages"]["source"]) > 1:
        raise UserError(f"{place}.task: translation is the same whatever the source PL: name one in languages.source")


def check_matrix(config, files):
    """Raise a UserError where the transfer matrix takes RL on translation for RL in several source PLs."""
    matrix, place, source = config["matrix"], where(files, ["matrix"]), config["languages"]["source"]
    said = "trained on translation, which is the same whatever the source PL"
    for init in matrix["inits"]:
        if is_translation(config, init) and matrix["sources"] != source:
            raise UserError(f"{place}.inits: {init!r} is {said}: leave it out, or set matrix.sources: {source}")
    if matrix["oracles"] and is_translation(config, "base"):
        raise UserError(f"{place}.oracles: RL from base is {said}: set oracles: [], or translate in rl_variants alone")


def check_translation(config, files):
    """Raise a UserError where translation names a PL that is not known, or trains on an unseen one."""
    for key in ("from", "into", "evaluate"):
        place = where(files, ["translation", key])
        for name in config["translation"][key]:
            if name not in known_languages():
                raise UserError(f"{place}: unknown language {name!r}; known are {', '.join(known_languages())}")
            if key != "evaluate" and name in config["languages"]["unseen"]:
                raise UserError(f"{place}: {name!r} is in languages.unseen, which no training may hold: take it out")


def check_micro_batch(settings, number, words, gpus, place):
    """Raise a UserError unless micro-batches on all GPUs divide the batch."""
    micro, processes = settings["micro_batch"] or 1, max(1, gpus)
    if number % (micro * processes):
        raise UserError(f"{place}.micro_batch: {micro} on each of {processes} GPUs must divide {words}, {number}")


def check_engine(config, gpus, stage, place):
    """Raise a UserError for vLLM without a GPU, or with numbers that it has no adapters for."""
    if config["precision"]["weights"] != "bfloat16":
        raise UserError(f"{place}: vllm computes adapters in 16 bits alone: set precision.weights: bfloat16")
    if not gpus:
        raise UserError(f"{place}: vllm needs a GPU: set resources.{stage}.gpu, or take transformers")
