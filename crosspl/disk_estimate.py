"""How much disk an experiment needs.

In: the checked config, what is asked for, a Size of the base model. Out: {what: bytes}, None where the model's size is
not known. Adapters and their optimizers' two moments are float32. The bytes of an answer are those of the default
experiment, compressed; tokens of a published model are less alike, and take one byte more each.
"""

from crosspl import cost_estimate as ce
from crosspl import experiment as ex

FLOAT = 4  # bytes
STATES = 3  # weights and two moments of AdamW in a checkpoint under work/; one per run stays
ANSWER, VERDICT, CACHED = 16, 14, 410  # bytes of a row in completions, in verdicts, in the judge's cache
TOKEN = 1  # byte of a published model's answer, by a compression of four letters to one


def disk(config, asked, size, problems):
    """Return {what: bytes} of what is asked for. problems: per split."""
    sft, rl = map(len, ce.trained(asked.models))
    sampled = len(asked.models + asked.ablated) * ce.answers(config, problems[config["sampling"]["split"]])
    rolled_out = sum(ce.rl_answers(config, name) for name in ce.trained(asked.models)[1])
    row = ANSWER + (TOKEN * config["sampling"]["max_tokens"] / 2 if config["base"]["from"] else 0)
    adapter = None if size.lora is None else FLOAT * size.lora
    own = 0 if config["base"]["from"] else STATES * size.stored
    judged = 0 if ex.is_verification(config) else sampled + rolled_out
    return {
        "results/base, the base model": size.stored,
        "results/sft, results/rl, adapters": None if adapter is None else (sft + rl) * adapter,
        "results/completions, results/verdicts": sampled * (row + VERDICT),
        "work/, to resume training": None if adapter is None else own + (sft + rl) * STATES * adapter,
        "work/completions, a copy": sampled * row,
        "work/judge, verdicts to use again": judged * CACHED,
    }


def total(found):
    """Return the sum of what is known."""
    return sum(filter(None, found.values()))
