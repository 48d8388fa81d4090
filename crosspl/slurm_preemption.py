"""Partitions and QOS whose jobs Slurm cancels when others need their nodes, instead of starting them again.

In: what `scontrol`, `sinfo` and `sacctmgr` say. Out: their names; a UserError for a job that would go there. The
executor plugin takes PREEMPTED for a job that will start again, and would wait for ever, `--requeue` or not.
"""

import re
from collections import defaultdict

from crosspl.errors import UserError
from crosspl.slurm_commands import answer, output


def cancelling(settings):
    """Return the partitions and the QOS whose jobs Slurm cancels for others, and never starts again."""
    said = dict(re.findall(r"^(Preempt\w+)\s*=\s*(\S+)", settings, re.MULTILINE))
    if said.get("PreemptType") == "preempt/partition_prio":
        rows = output("scontrol", "--all", "--oneliner", "show", "partition")
        return cancelling_partitions(rows, output("sinfo", "--all", "--noheader", "--Node", "--format=%R|%N")), set()
    if said.get("PreemptType") == "preempt/qos":
        rows = answer("sacctmgr", "--noheader", "--parsable2", "show", "qos", "format=Name,Preempt,PreemptMode")
        return set(), cancelling_qos(rows or "", said.get("PreemptMode", ""))
    return set(), set()


def cancelling_partitions(rows, places):
    """Return the partitions that cancel, if one of higher tier has a node of theirs; "" stands for the default one."""
    nodes = defaultdict(set)
    for line in places.splitlines():
        partition, node = line.split("|")
        nodes[partition].add(node)
    parts = [dict(re.findall(r"(\w+)=(\S+)", line)) for line in rows.splitlines()]
    found = set()
    for one in parts:
        own = nodes[one["PartitionName"]]
        above = [other for other in parts if int(other["PriorityTier"]) > int(one["PriorityTier"])]
        if "CANCEL" in one["PreemptMode"] and any(own & nodes[other["PartitionName"]] for other in above):
            found |= {one["PartitionName"], *([""] if one["Default"] == "YES" else [])}
    return found


def cancelling_qos(rows, mode):
    """Return the QOS that cancel, if another one may take their nodes; `mode` is for those that name none."""
    parts = [line.split("|") for line in rows.splitlines()]
    taken = {name for _, preempts, _ in parts for name in preempts.split(",")}
    return {name for name, _, own in parts if name in taken and "CANCEL" in (mode if own == "cluster" else own).upper()}


def check_preemption(request, partitions, qos, file):
    """Raise a UserError where Slurm may cancel the job for another; `file` is where the user names partitions."""
    if request.qos in qos:
        what, remedy = f"QOS {request.qos}", "another QOS (`qos` in profiles/slurm/config.yaml)"
    elif request.partition in partitions:
        what, remedy = f"partition {request.partition or '(default)'}", f"another partition in {file}"
    else:
        return
    raise UserError(
        f"{request.job}: {what} cancels jobs when others need their nodes (PreemptMode=CANCEL), and Snakemake would "
        f"wait for them for ever: name {remedy}, or ask the administrators for PreemptMode=REQUEUE"
    )
