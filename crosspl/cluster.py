"""Before a run on Slurm submits anything: what could never start, said in one message.

In: Snakemake's workflow, the config, what `sinfo` says of partitions and nodes. Out: nothing, or a UserError. Slurm
itself would let a job with too long a time limit wait for ever, and Snakemake would report every refused job by itself,
three times. Jobs that a killed run left behind: crosspl.leftovers; jobs that Slurm would cancel for others:
crosspl.slurm_preemption.
"""

import logging
import re
import shutil
import subprocess
from typing import NamedTuple

from crosspl.errors import UserError
from crosspl.slurm_commands import output
from crosspl.slurm_preemption import cancelling, check_preemption

PLUGIN = "snakemake_executor_plugin_slurm"
PROFILE = "profiles/slurm/config.yaml"
SINFO = ("sinfo", "--noheader", "--Node", "--format=%R|%l|%m|%c|%G")
SINFO_ALL = (*SINFO, "--all")  # hidden partitions take jobs as well
POLL_S = 180  # the longest the plugin waits until it looks again
NO_NODE = "Requested node configuration is not available"  # also said while every such node is down, which passes


class Node(NamedTuple):
    """One node of one partition: minutes a job may take, MB, cores, {GPU model: count}."""

    partition: str
    minutes: float
    mem_mb: int
    cores: int
    gpus: dict


class Request(NamedTuple):
    """What a job asks for, in the words of sbatch."""

    job: str
    attempt: int
    partition: str
    minutes: int
    mem_mb: int
    cores: int
    gpu: int
    model: str | None
    members: int
    qos: str


def on_slurm(workflow):
    """Return whether this run submits to Slurm."""
    return type(workflow.executor_settings).__module__ == PLUGIN


def require_slurm():
    """Raise a UserError where nothing can be submitted."""
    if not shutil.which("sbatch"):
        raise UserError("this machine has no sbatch: run on a login node of the cluster, or without the Slurm profile")


def check_slurm(workflow, config):
    """Raise a UserError for the first job that the cluster could never start as it is asked for."""
    check_limits(workflow, config)
    nodes = read_nodes(output(*SINFO_ALL))
    settings = output("scontrol", "show", "config")
    check_memory_of_slurm(settings)
    cancelled = cancelling(settings)
    file = workflow.executor_settings.partition_config
    partitions = known_partitions(file, nodes) if file else None
    dag, seen = workflow.dag, set()
    for job in dict.fromkeys(dag.get_job_group(job) or job for job in dag.needrun_jobs()):
        if not job.is_local:
            for request, line in requests(workflow, job, partitions):
                if request not in seen:
                    check_request(request, nodes, file or PROFILE)
                    check_preemption(request, *cancelled, file or PROFILE)
                    check_submission(request, line)
                    seen.add(request)


def check_limits(workflow, config):
    """Raise a UserError where a stage asks for more than the profile gives any job: Snakemake would cut it silently."""
    for what in ("mem_mb", "runtime"):
        most = workflow.global_resources.get(what).value
        for stage, asked in config["resources"].items():
            if most is not None and asked[what] > most:
                raise UserError(
                    f"config: resources.{stage}.{what}: {asked[what]} is more than any job gets, {most} "
                    f"(resources.{what} in {PROFILE}): lower the one, or raise the other if the cluster has more"
                )


def check_memory_of_slurm(text):
    """Raise a UserError where Slurm forgets finished jobs before the plugin looks for them: it would wait for ever."""
    age = re.search(r"^MinJobAge\s*=\s*(\d+)", text, re.MULTILINE)
    if age and int(age[1]) <= POLL_S:
        raise UserError(
            f"Slurm forgets a finished job after {age[1]} s (MinJobAge), before Snakemake has looked ({POLL_S} s): "
            "ask the administrators for MinJobAge=300"
        )


def read_nodes(text):
    """Return the Nodes in the output of sinfo."""
    nodes = []
    for line in text.splitlines():
        partition, limit, memory, cores, gres = line.split("|")
        gpus = {model: int(count) for model, count in re.findall(r"gpu:(?:([\w.+-]+):)?(\d+)", gres)}
        nodes.append(Node(partition, minutes_of(limit), int(memory.strip("+")), int(cores.strip("+")), gpus))
    return nodes


def largest(nodes):
    """Return {partition: limits} in the words of the plugin: its time limit, and the most that one of its nodes has."""
    found = {}
    for name in dict.fromkeys(node.partition for node in nodes):
        own = [node for node in nodes if node.partition == name]
        gpus = max(sum(node.gpus.values()) for node in own)
        minutes = own[0].minutes
        found[name] = (
            ({"max_runtime": int(minutes)} if minutes < float("inf") else {})
            | {"max_mem_mb": max(node.mem_mb for node in own), "max_threads": max(node.cores for node in own)}
            | ({"max_gpu": gpus} if gpus else {})
        )
    return found


def minutes_of(limit):
    """Return the minutes of a time limit as Slurm prints it: [[days-]hours:]minutes:seconds, or a word for none."""
    if not limit[0].isdigit():
        return float("inf")
    days, _, clock = limit.rpartition("-")
    seconds = sum(int(part) * 60**place for place, part in enumerate(reversed(clock.split(":"))))
    return int(days or 0) * 24 * 60 + seconds / 60


def known_partitions(file, nodes):
    """Return the plugin's partitions; a UserError for one that the cluster lacks or that allows less time."""
    from snakemake_executor_plugin_slurm.partitions import read_partition_file

    limits = {node.partition: node.minutes for node in nodes}
    partitions = read_partition_file(file)
    for partition in partitions:
        if partition.partition_cluster is None and partition.name not in limits:
            raise UserError(
                f"{file}: this cluster has no partition {partition.name!r}; it has {', '.join(sorted(limits))}: "
                "write down the ones that you may use"
            )
        if partition.limits.max_runtime > limits.get(partition.name, float("inf")):
            raise UserError(
                f"{file}: partition {partition.name!r} ends jobs after {limits[partition.name]:.0f} minutes: "
                "set its max_runtime to that"
            )
    return partitions


def requests(workflow, job, partitions):
    """Yield what `job` would ask for at every attempt, and the command that the plugin would submit it with."""
    from snakemake_executor_plugin_slurm.partitions import get_best_partition
    from snakemake_executor_plugin_slurm.submit_string import get_submit_command
    from snakemake_executor_plugin_slurm.utils import set_gres_string

    quiet = logging.Logger("crosspl.cluster", level=logging.CRITICAL)
    for attempt in range(1, workflow.execution_settings.retries + 2):
        job.attempt = attempt
        asked = job.resources
        model = asked.get("gpu_model")
        partition = asked.get("slurm_partition") or (get_best_partition(partitions, job, quiet) if partitions else "")
        account = f"-A {asked.get('slurm_account')}" if asked.get("slurm_account") else ""
        yield (
            Request(job.name, attempt, partition, asked.get("runtime", 0), asked.get("mem_mb", 0), job.threads,
                    asked.get("gpu", 1 if model else 0), model, len(job) if job.is_group() else 1,
                    workflow.executor_settings.qos or asked.get("qos") or "normal"),  # Slurm's own default
            get_submit_command(
                job,
                {"run_uuid": "test", "slurm_logfile": "/dev/null", "comment_str": "test", "account": account,
                 "partition": f"-p {partition}" if partition else "", "workdir": ""},
                settings=workflow.executor_settings,
            ) + set_gres_string(job) + " --test-only --wrap true",
        )  # fmt: skip
    job.attempt = 1


def check_request(request, nodes, file):
    """Raise a UserError unless some node of the partition has what is asked for, whether it is up or not."""
    if request.partition is None:
        raise UserError(f"{what(request)}: no partition in {file} allows that; {remedy(request)}")
    if not any(fits(request, node) for node in nodes if request.partition in ("", node.partition)):
        raise UserError(f"{what(request)}: no node of partition {request.partition!r} has that; {remedy(request)}")


def remedy(request):
    """Return what to do about a request that no node can meet."""
    if request.members > 1:
        return f"lower group-components or retries in {PROFILE}, or `resources` in the config"
    if request.attempt > 1:
        return f"set `resources` in {PROFILE} to the most that a job can get here, or lower `retries` there"
    return "lower `resources` in the config, or name a larger partition"


def what(request):
    """Return a request in words."""
    gpus = f"{request.gpu} GPUs ({request.model or 'any model'}), " if request.gpu else ""
    return (
        f"{request.job}, attempt {request.attempt}, asks for {gpus}{request.cores} cores, {request.mem_mb} MB, "
        f"{request.minutes} minutes"
    )


def fits(request, node):
    """Return whether a node could ever run a request."""
    gpus = node.gpus.get(request.model, 0) if request.model else sum(node.gpus.values())
    return (
        request.minutes <= node.minutes
        and request.mem_mb <= node.mem_mb
        and request.cores <= node.cores
        and request.gpu <= gpus
    )


def check_submission(request, line):
    """Raise a UserError with Slurm's words when sbatch would refuse the job: account, QOS, constraint."""
    done = subprocess.run(line, shell=True, capture_output=True, text=True)
    if done.returncode and NO_NODE not in done.stderr:
        raise UserError(f"{what(request)}: Slurm refuses: {done.stderr.strip().splitlines()[-1]}. See {PROFILE}")
