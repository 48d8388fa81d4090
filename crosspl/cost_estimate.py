"""What an experiment costs, before it starts.

In: the checked config. Out: rows (rule, jobs, CPU seconds) of the transfer table and of the whole report.

The unit costs are `make costs` of the default experiment (0.47 M parameters, one thread, x86_64, 2 GHz class). They
scale with the work a job does, not with the model: a larger model costs more per answer and example. What GPUs do, and
published models, is crosspl.gpu_costs'.
"""

from typing import NamedTuple

from crosspl import experiment as ex
from crosspl import rl_plan as rp

START = 5.5  # CPU s until torch and transformers are imported
UNITS = {  # CPU s per unit of work, without START
    "train_base": 106 / (1250 * 32),  # example
    "train_sft": 25 / (200 * 32),  # example
    "train_rl": 58 / (12 * 24 * 8),  # answer
    "sample": 11 / (160 * 5 * 3),  # answer
    "judge_completions": 10 / (160 * 5 * 3),  # answer
    "build_programs": 34 / 1820,  # program
    "align": 3 / (160 * 5),  # program
    "calibrate": 12 / (13 * 4000),  # simulated experiment
}
SCENARIOS = 13  # of crosspl.calibration
STAGE = {  # rules that compute with the model: the block of config.yaml's resources that they ask by
    "train_base": "train_base", "train_sft": "train_sft", "train_rl": "train_rl",
    "sample": "sample", "sample_ablated": "sample", "sample_translations": "sample", "align": "align",
}  # fmt: skip


class Cost(NamedTuple):
    """Jobs of one rule, and their CPU seconds together."""

    rule: str
    jobs: int
    cpu_s: float


class Asked(NamedTuple):
    """What is asked for: names of models that are sampled, of ablated ones, of aligned ones; whether to calibrate."""

    models: list
    ablated: list
    aligned: list
    calibrated: bool


def transfer_table(config):
    """Return what results/transfer_table.csv asks for."""
    return Asked(ex.checkpoints(config), [], [], False)


def report(config):
    """Return what results/report.html asks for: the sweeps it shows, the matrix, alignment, ablation, calibration."""
    names = list(dict.fromkeys(ex.report_checkpoints(config) + ex.matrix_checkpoints(config)))
    return Asked(names, ex.ablated(config), ex.report_checkpoints(config), True)


PRODUCTS = {"transfer table": transfer_table, "report": report}


def transfer_table_costs(config):
    """Return the Costs of results/transfer_table.csv."""
    return costs(config, transfer_table(config))


def report_costs(config):
    """Return the Costs of results/report.html."""
    return costs(config, report(config))


def total(costs):
    """Return the CPU seconds of all rules."""
    return sum(cost.cpu_s for cost in costs)


def on_gpus(config):
    """Return whether the units above say nothing: the model is a published one, or some of the work is for GPUs."""
    return bool(config["base"]["from"]) or any(config["resources"][stage]["gpu"] for stage in STAGE.values())


def cost_lines(config, cores):
    """Return one line per product: jobs, CPU time, wall time on `cores` (None, as on a cluster: left out)."""
    return [_line(config, product, costs(config, asked(config)), cores) for product, asked in PRODUCTS.items()]


def _line(config, product, found, cores):
    jobs = f"{product} from nothing: about {sum(cost.jobs for cost in found)} jobs"
    if on_gpus(config):
        return f"{jobs}; `make plan` says how many GPU-hours"
    minutes = total(found) / 60
    idle = f", {minutes / cores:.0f} minutes on {cores} idle cores" if cores else ""
    return f"{jobs}, {minutes:.0f} CPU minutes{idle} with a model of the default's size"


def costs(config, asked):
    """Return the Costs of what is asked for, and of all that comes before it."""
    names, ablated, aligned = asked.models, asked.ablated, asked.aligned
    sft, rl = trained(names)
    train, steps = config["sft"], config["base"]["training"]
    languages = ex.all_languages(config)
    translated = len(names) * translations(config)
    judged = len(names + ablated) + translated
    found = [
        Cost("build_programs", len(languages), len(languages) * UNITS["build_programs"] * _programs(config)),
        Cost("take_base", 1, START)
        if config["base"]["from"]
        else Cost("train_base", 1, START + UNITS["train_base"] * steps["steps"] * steps["batch"]),
        Cost("train_sft", len(sft), len(sft) * (START + UNITS["train_sft"] * train["steps"] * train["batch"])),
        Cost("train_rl", len(rl), sum(START + UNITS["train_rl"] * rl_answers(config, name) for name in rl)),
        Cost("sample", len(names), len(names) * (START + UNITS["sample"] * answers(config))),
        Cost("judge_completions", judged, judged * UNITS["judge_completions"] * answers(config)),
    ]
    if translated:
        one = START + UNITS["sample"] * answers(config)
        found.append(Cost("sample_translations", translated, translated * one))
    if asked.calibrated:
        looked_at = programs_looked_at(config)
        found += [
            Cost("sample_ablated", len(ablated), len(ablated) * (START + 3 + UNITS["sample"] * answers(config))),
            Cost("align", len(aligned) + 2, (len(aligned) + 2) * (START + UNITS["align"] * looked_at)),
            Cost("calibrate", 1, START + UNITS["calibrate"] * SCENARIOS * config["calibration"]["repetitions"]),
        ]
    return found


def translations(config):
    """Return how many times a model is evaluated in translation, once per PL whose programs it is shown."""
    return len(config["translation"]["evaluate"])


def trained(names):
    """Return (models after SFT, models after RL) among the names of models."""
    return [name for name in names if name.startswith("sft/")], [name for name in names if name.startswith("rl/")]


def rl_answers(config, name):
    """Return how many answers the RL of a model asks for, in its variant's way."""
    settings = rp.rl_settings(config, name.split("/")[1])
    return settings["generations"] * settings["prompts"] * settings["samples"]


def sizes(config):
    """Return the number of problems per split; a data set's are not known before it is read."""
    settings = config["problems"][config["problems"]["source"]]
    return settings.get("sizes", {"sft": 0, "rl": 0, "validation": 0, "eval": 164})


def answers(config, problems=None):
    """Return how many answers a model is asked for: one greedy and `samples` sampled per problem and PL."""
    problems = sizes(config)[config["sampling"]["split"]] if problems is None else problems
    return problems * len(ex.all_languages(config)) * (1 + config["sampling"]["samples"])


def _programs(config):
    """Return how many candidate programs a PL has: in every style for the pool, one for the other problems."""
    settings = config["problems"][config["problems"]["source"]]
    return sum(sizes(config).values()) + 2 * settings.get("pool", 0)


def programs_looked_at(config, problems=None):
    """Return how many programs one alignment job embeds."""
    problems = sizes(config)[config["alignment"]["split"]] if problems is None else problems
    return min(config["alignment"]["pool"], problems) * len(ex.all_languages(config))
