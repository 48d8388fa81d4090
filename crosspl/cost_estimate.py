"""What an experiment costs, before it starts.

In: the checked config. Out: rows (rule, jobs, CPU seconds) of the transfer table and of the whole report.

The unit costs are `make costs` of the default experiment (0.47 M parameters, one thread, x86_64, 2 GHz class). They
scale with the work a job does, not with the model: a larger model costs more per answer and example.
"""

from typing import NamedTuple

from crosspl import experiment as ex

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


class Cost(NamedTuple):
    """Jobs of one rule, and their CPU seconds together."""

    rule: str
    jobs: int
    cpu_s: float


def transfer_table_costs(config):
    """Return the Costs of results/transfer_table.csv."""
    return _costs(config, ex.checkpoints(config), extra=[])


def report_costs(config):
    """Return the Costs of results/report.html: the sweeps it shows, the matrix, alignment, ablation, calibration."""
    names = list(dict.fromkeys(ex.report_checkpoints(config) + ex.matrix_checkpoints(config)))
    ablated, aligned = ex.ablated(config), ex.report_checkpoints(config)
    extra = [
        Cost("sample_ablated", len(ablated), len(ablated) * (START + 3 + UNITS["sample"] * _answers(config))),
        Cost("align", len(aligned) + 2, (len(aligned) + 2) * (START + UNITS["align"] * _programs_looked_at(config))),
        Cost("calibrate", 1, START + UNITS["calibrate"] * SCENARIOS * config["calibration"]["repetitions"]),
    ]
    return _costs(config, names, extra, judged=len(ablated))


def total(costs):
    """Return the CPU seconds of all rules."""
    return sum(cost.cpu_s for cost in costs)


def cost_lines(config, cores):
    """Return one line per product: jobs, CPU time, wall time on `cores` (None, as on a cluster: left out)."""
    return [
        f"{product} from nothing: about {sum(cost.jobs for cost in costs)} jobs, {total(costs) / 60:.0f} CPU minutes"
        + (f", {total(costs) / 60 / cores:.0f} minutes on {cores} idle cores" if cores else "")
        + " with a model of the default's size"
        for product, costs in (("transfer table", transfer_table_costs(config)), ("report", report_costs(config)))
    ]


def _costs(config, names, extra, judged=0):
    """Return the Costs of the models `names`, of what comes before them, and `extra`."""
    sft = [name for name in names if name.startswith("sft/")]
    rl = [name for name in names if name.startswith("rl/")]
    base, train, grpo = config["base"]["training"], config["sft"], config["rl"]
    languages = ex.all_languages(config)
    programs = _programs(config)
    return [
        Cost("build_programs", len(languages), len(languages) * UNITS["build_programs"] * programs),
        Cost("train_base", 1, START + UNITS["train_base"] * base["steps"] * base["batch"]),
        Cost("train_sft", len(sft), len(sft) * (START + UNITS["train_sft"] * train["steps"] * train["batch"])),
        Cost("train_rl", len(rl), len(rl) * (START + UNITS["train_rl"] * grpo["generations"] * grpo["prompts"]
                                             * grpo["samples"])),
        Cost("sample", len(names), len(names) * (START + UNITS["sample"] * _answers(config))),
        Cost("judge_completions", len(names) + judged,
             (len(names) + judged) * UNITS["judge_completions"] * _answers(config)),
        *extra,
    ]  # fmt: skip


def _sizes(config):
    """Return the number of problems per split; a data set's are not known before it is read."""
    settings = config["problems"][config["problems"]["source"]]
    return settings.get("sizes", {"sft": 0, "rl": 0, "validation": 0, "eval": 164})


def _answers(config):
    """Return how many answers a model is asked for: one greedy and `samples` sampled per problem and PL."""
    problems = _sizes(config)[config["sampling"]["split"]]
    return problems * len(ex.all_languages(config)) * (1 + config["sampling"]["samples"])


def _programs(config):
    """Return how many candidate programs a PL has: in every style for the pool, one for the other problems."""
    settings = config["problems"][config["problems"]["source"]]
    return sum(_sizes(config).values()) + 2 * settings.get("pool", 0)


def _programs_looked_at(config):
    """Return how many programs one alignment job embeds."""
    problems = min(config["alignment"]["pool"], _sizes(config)[config["alignment"]["split"]])
    return problems * len(ex.all_languages(config))
