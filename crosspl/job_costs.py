"""What planned jobs will cost, by what jobs cost before.

In: the jobs of a plan, the merged config, settings with the values they had before. Out: CPU, wall and GPU seconds per
job. A job that has run: what its record says of all attempts (without one the last line of its log, its benchmark
file), times what the change of the settings makes of them; a new one: the mean of its rule's, or else the units of
crosspl.cost_estimate.
"""

import copy
import csv
import re
from collections import defaultdict
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from crosspl.cost_estimate import report_costs
from crosspl.manifest import cost_of, made_by, read_records

USED = re.compile(r"^cost: ([0-9.]+) CPU s", re.MULTILINE)


class Cost(NamedTuple):
    """Seconds of one job; GPU seconds are the wall's times the GPUs it asks for."""

    cpu_s: float
    wall_s: float
    gpu_s: float


def last_costs(jobs):
    """Return {output: Cost} of the jobs that have run."""
    records = read_records("results")
    recorded = {path: recorded_cost(records[name]) for path, name in made_by(records).items()}
    return {job.output: cost for job in jobs if (cost := recorded.get(job.output) or logged_cost(job))}


def job_costs(jobs, config, before, own):
    """Return {output: Cost} of all jobs, without those of rules that nothing is known of.

    `before` holds {key: number} of settings that had another value when the jobs ran, `own` what they cost then.
    """
    of_rule = defaultdict(list)
    for job in jobs:
        if job.output in own:
            of_rule[job.rule].append(own[job.output])
    now, then, found = units(config), units(with_values(config, before)), dict(own)
    for job in jobs:
        if job.runs:
            known = own.get(job.output) or average(of_rule[job.rule]) or first_guess(now.get(job.rule), job)
            factor = (
                now[job.rule] / then[job.rule] if of_rule[job.rule] and then.get(job.rule) and job.rule in now else 1
            )
            found[job.output] = known and Cost(*(seconds * factor for seconds in known))
    return {output: cost for output, cost in found.items() if cost}


def recorded_cost(record):
    """Return what the dearest way to a command's end took, killed attempts included.

    After one end the same command may have run again: from what the first left behind, or all anew.
    """
    ways, way = [], []
    for attempt in record["attempts"]:
        way.append(attempt)
        if attempt["status"] == "done":
            ways, way = [*ways, way], []
    return max(Cost(*map(cost_of({"attempts": way}).get, Cost._fields)) for way in ways)


def logged_cost(job):
    """Return what the last process of a job used, or None."""
    used = USED.findall(Path(job.log).read_text()) if job.log and Path(job.log).exists() else []
    if not used:
        return None
    cpu = wall = float(used[-1])
    if job.benchmark and Path(job.benchmark).exists():
        with open(job.benchmark, newline="") as stream:
            wall = float(next(csv.DictReader(stream, delimiter="\t"))["s"])
    return Cost(cpu, wall, wall * job.gpus)


def average(costs):
    """Return the mean of Costs, or None."""
    return Cost(*map(mean, zip(*costs))) if costs else None


def first_guess(cpu_s, job):
    """Return the Cost of a job of a rule that never ran; None where nothing is known, as of GPUs (`make plan`)."""
    return Cost(cpu_s, cpu_s, 0) if cpu_s and not job.gpus else None


def units(config):
    """Return {rule: CPU seconds of one job} for an experiment."""
    return {cost.rule: cost.cpu_s / cost.jobs for cost in report_costs(config) if cost.jobs}


def with_values(config, values):
    """Return the config with other values at dotted keys."""
    config = copy.deepcopy(config)
    for key, value in values.items():
        *outer, last = key.split(".")
        block = config
        for name in outer:
            block = block[name]
        block[last] = value
    return config
