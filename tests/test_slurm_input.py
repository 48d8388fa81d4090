"""On a cluster: what could never start is said before anything is submitted; jobs of a killed run are cancelled first.

In: wrong partition files, impossible requests, jobs left in the queue. Out: one message each, and nothing submitted.
"""

import os
import socket
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
import yaml
from slurm_run import PARTITIONS, on, queued, run_command, slurm, wait_for
from test_bad_input import message
from workflow_run import SMOKE, TABLE, command, copy_repository, environment

from crosspl.cluster import SINFO, SINFO_ALL, Request, check_memory_of_slurm, read_nodes
from crosspl.errors import UserError
from crosspl.lock import lock_tree, sign_tree
from crosspl.slurm_preemption import cancelling, cancelling_partitions, cancelling_qos, check_preemption

NODE = {"cpu": {"max_runtime": 1440, "max_mem_mb": 8000, "max_threads": 4},
        "gpu": {"max_runtime": 2880, "max_mem_mb": 16000, "max_threads": 4, "max_gpu": 2}}  # fmt: skip
IMPOSSIBLE = {  # name: changes of the partition file, of config resources, more options, what the message must hold
    "no such partition": (
        {"gpus": {"max_gpu": 2}}, {}, [],
        ["partitions.yaml", "'gpus'", "it has cpu, gpu, urgent"]),
    "longer than Slurm allows": (
        {"cpu": {"max_runtime": 9999}}, {}, [],
        ["partitions.yaml", "'cpu'", "after 1440 minutes", "max_runtime"]),
    "more than any job gets": (
        {}, {"train_sft": {"mem_mb": 900000}}, [],
        ["resources.train_sft.mem_mb", "900000", "500000", "profiles/slurm/config.yaml"]),
    "more GPUs than a node has": (
        {}, {"train_sft": {"gpu": 4}}, [],
        ["train_sft, attempt 1", "4 GPUs", "no partition in", "partitions.yaml", "lower `resources`"]),
    "more memory than a node has": (
        {"gpu": {"max_mem_mb": 64000}}, {"train_rl": {"gpu": 1, "mem_mb": 20000}}, [],
        ["train_rl, attempt 1", "20000 MB", "no node of partition 'gpu'"]),
    "more memory at the last attempt": (
        {}, {"train_rl": {"mem_mb": 6000}}, [],
        ["train_rl, attempt 3", "18000 MB", "no partition in", "set `resources` in profiles/slurm/config.yaml"]),
    "more time for a group than a partition has": (
        {"cpu": {"max_runtime": 300}, "gpu": {"max_runtime": 400}}, {}, [],
        [", attempt ", " minutes", "group-components"]),
    "unknown GPU model": (
        {}, {"train_sft": {"gpu": 1}}, ["--set-resources", "train_sft:gpu_model=b200"],
        ["train_sft, attempt 1", "1 GPUs (b200)", "no node of partition 'gpu'"]),
    "a GPU model for jobs without GPUs": (  # the plugin would ask for one GPU
        {}, {}, ["--set-resources", "build_problems:gpu_model=a100"],
        ["build_problems, attempt 1", "1 GPUs (a100)", "no node of partition 'cpu'"]),
    "unknown account": (
        {}, {}, ["--set-resources", "train_sft:slurm_account=nobody"],
        ["train_sft, attempt 1", "Slurm refuses", "Invalid account", "profiles/slurm/config.yaml"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the repository without results, which stays so."""
    return copy_repository(tmp_path_factory.mktemp("slurm_input"))


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_could_never_start(slurm_cluster, tree, name):
    changes, resources, options, parts = IMPOSSIBLE[name]
    partitions = {key: {**NODE.get(key, {}), **changes.get(key, {})} for key in {**NODE, **changes}}
    (tree / "partitions.yaml").write_text(yaml.safe_dump({"partitions": partitions}))
    (tree / "asked.yaml").write_text(yaml.safe_dump({"resources": resources}))
    argv = run_command(TABLE, options=["--slurm-partition-config", "partitions.yaml", *options],
                       configs=[SMOKE, "asked.yaml"])  # fmt: skip
    print(message(on(slurm_cluster, *argv, cwd=tree), *parts))
    assert not queued(slurm_cluster, tree, "all")
    assert not [path for path in (tree / "results").iterdir() if not path.name.startswith(".")]


def test_a_partition_that_cancels_preempted_jobs(slurm_cluster, tree):
    """Slurm would report them as PREEMPTED, which the plugin takes for a job that will start again."""
    (tree / "asked.yaml").write_text(yaml.safe_dump({"resources": {"train_rl": {"gpu": 1}}}))
    slurm(slurm_cluster, "scontrol", "update", "partitionname=gpu", "preemptmode=cancel")
    try:
        done = on(slurm_cluster, *run_command(TABLE, configs=[SMOKE, "asked.yaml"]), cwd=tree)
    finally:
        slurm(slurm_cluster, "scontrol", "update", "partitionname=gpu", "preemptmode=requeue")
    message(done, "partition gpu cancels jobs", "PreemptMode=CANCEL", "partitions.yaml", "administrators")
    assert not queued(slurm_cluster, tree, "all")


def test_who_cancels_preempted_jobs():
    """Only where another partition or QOS may take the nodes."""
    row = "PartitionName={} Default={} DefaultTime=00:05:00 Nodes=n[1-2] PriorityTier={} PreemptMode={} State=UP"
    tiers = [("low", "YES", 1, "CANCEL"), ("back", "NO", 1, "REQUEUE"), ("high", "NO", 9, "GANG,CANCEL"),
             ("alone", "NO", 1, "CANCEL"), ("off", "NO", 1, "OFF")]  # fmt: skip
    rows = "\n".join(row.format(*tier) for tier in tiers)
    nodes = "low|n1\nlow|n2\nback|n1\nback|n2\nhigh|n2\nhigh|n3\nalone|n4\noff|n2\n"
    assert cancelling_partitions(rows, nodes) == {"low", ""}
    qos = "normal||cluster\nlow||cancel\nback||requeue\nhigh|normal,low,back|cluster\nfree||cancel\n"
    assert cancelling_qos(qos, "REQUEUE") == {"low"} and cancelling_qos(qos, "CANCEL") == {"low", "normal"}
    request = Request("train_rl", 1, "low", 60, 1000, 1, 0, None, 1, "normal")
    check_preemption(request, {"back"}, {"back"}, "partitions.yaml")
    with pytest.raises(UserError, match=r"train_rl: QOS normal cancels .*another QOS .*config.yaml"):
        check_preemption(request, set(), {"normal"}, "partitions.yaml")
    with pytest.raises(UserError, match=r"train_rl: partition .default. cancels .*in config.yaml"):
        check_preemption(request._replace(partition=""), {"low", ""}, set(), "config.yaml")
    assert cancelling("PreemptMode             = OFF\nPreemptType             = preempt/none\n") == (set(), set())


def test_no_slurm_on_this_machine(tree, tmp_path):
    for name in ("bash", "sh", "which", "env"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    env = {**environment(), "PATH": f"{Path(sys.executable).parent}:{tmp_path}"}
    argv = list(map(str, run_command(TABLE, configs=[SMOKE])))
    done = subprocess.run(argv, cwd=tree, env=env, capture_output=True, text=True)
    message(done, "no sbatch", "login node")
    message(command(tree, "list_partitions", env=env), "no command sinfo", "login node")


def test_configuration_that_jobs_would_not_find(slurm_cluster, tree):
    """The plugin takes SLURM_CONF from the steps of its jobs."""
    argv = " ".join(map(str, run_command(TABLE, configs=[SMOKE])))
    hidden = f"cp -r /etc/slurm {tree}/elsewhere && umount /etc/slurm && SLURM_CONF={tree}/elsewhere/slurm.conf {argv}"
    done = on(slurm_cluster, "unshare", "--mount", "bash", "-c", hidden, cwd=tree)
    message(done, "SLURM_CONF", "/etc/slurm")


def test_slurm_that_forgets_finished_jobs():
    check_memory_of_slurm("MaxJobCount = 10000\nMinJobAge               = 300 sec\n")
    with pytest.raises(UserError, match=r"after 60 s .MinJobAge.*MinJobAge=300"):
        check_memory_of_slurm("MinJobAge               = 60 sec\n")


def test_nodes_of_other_clusters_are_read():
    lines = ["long|infinite|1031500+|128+|gpu:a100:4(S:0-3),gpu:h100:2,shard:8", "short|30:00|1000|2|(null)",
             "any|2-01:00:30|1|1|gpu:2", "nvml|1:00|1|1|gpu:nvidia_a100-sxm4-80gb:8(S:0-7)"]  # fmt: skip
    assert [tuple(node) for node in read_nodes("\n".join(lines))] == [
        ("long", float("inf"), 1031500, 128, {"a100": 4, "h100": 2}),
        ("short", 30, 1000, 2, {}),
        ("any", 2940.5, 1, 1, {"": 2}),
        ("nvml", 1, 1, 1, {"nvidia_a100-sxm4-80gb": 8}),
    ]


def test_a_hidden_partition_is_one_that_may_be_used(slurm_cluster):
    """`sinfo` shows it to root anyway; to others it only lists what is not hidden, as scripts.list_partitions does."""
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    slurm_cluster.chmod(0o711)  # munge's socket is in there
    slurm(slurm_cluster, "scontrol", "update", "partitionname=urgent", "hidden=yes")
    try:
        listed, known = ({node.partition for node in read_nodes(slurm(slurm_cluster, *nobody, *argv))}
                         for argv in (SINFO, SINFO_ALL))  # fmt: skip
    finally:
        slurm(slurm_cluster, "scontrol", "update", "partitionname=urgent", "hidden=no")
    assert (listed, known) == ({"cpu", "gpu"}, {"cpu", "gpu", "urgent"})


def test_partitions_are_listed_as_the_profile_wants_them(slurm_cluster):
    listed = yaml.safe_load(slurm(slurm_cluster, sys.executable, "-m", "scripts.list_partitions"))
    assert listed == {"partitions": {**NODE, "urgent": {**NODE["gpu"], "max_runtime": 120}}}
    assert {name: listed["partitions"][name] for name in NODE} == yaml.safe_load(PARTITIONS.read_text())["partitions"]


def leave_behind(cluster, folder, name):
    """Submit a job as a run would that is called `name`; return its id."""
    return slurm(cluster, "sbatch", "--parsable", "-J", name, "-D", folder, "-o", "/dev/null", "--mem=100",
                 "--wrap", "sleep 600").strip()  # fmt: skip


def cancel_command(last_host):
    """Return a command that calls cancel_leftovers as the Snakefile does."""
    program = (
        "from crosspl.errors import stop_on_user_error\nfrom crosspl.leftovers import cancel_leftovers\n"
        f"with stop_on_user_error():\n    print(cancel_leftovers('crosspl', {last_host!r}))"
    )
    return [sys.executable, "-c", program]


def cancel(cluster, folder, last_host):
    return on(cluster, *cancel_command(last_host), cwd=folder)


def test_jobs_of_a_killed_run(slurm_cluster, tmp_path):
    ours, other = (copy_repository(folder) for folder in (tmp_path / "ours", tmp_path / "other") if not folder.mkdir())
    mine = [leave_behind(slurm_cluster, ours, f"crosspl_{uuid.uuid4()}") for _ in range(2)]
    theirs = [leave_behind(slurm_cluster, other, f"crosspl_{uuid.uuid4()}"),
              leave_behind(slurm_cluster, ours, "crosspl_by_hand")]  # fmt: skip
    wait_for(lambda: all(state == "RUNNING" for state, _ in queued(slurm_cluster, ours).values()), "the jobs run")
    done = cancel(slurm_cluster, ours, "another-machine")
    message(done, "2 Slurm jobs", "another-machine", f"scancel {mine[0]} {mine[1]}")
    assert set(mine) < set(queued(slurm_cluster, ours))
    done = cancel(slurm_cluster, ours, socket.gethostname())
    assert done.returncode == 0 and "cancelling 2 Slurm jobs" in done.stdout, done.stdout + done.stderr
    left = {**queued(slurm_cluster, ours, "all"), **queued(slurm_cluster, other, "all")}
    assert {job: left[job][0] for job in mine + theirs} == dict(zip(mine + theirs, ["CANCELLED"] * 2 + ["RUNNING"] * 2))
    assert "[]" in cancel(slurm_cluster, ours, "another-machine").stdout
    slurm(slurm_cluster, "scancel", *theirs)


def test_jobs_of_a_killed_run_at_the_limit_of_jobs(slurm_cluster, tmp_path):
    """They are cancelled before sbatch is asked whether it would take more."""
    tree = copy_repository(tmp_path)
    left = leave_behind(slurm_cluster, tree, f"crosspl_{uuid.uuid4()}")
    (tree / "work").mkdir()
    (tree / "work/.lock").write_text(f"{socket.gethostname()} 1\n")
    argv = run_command(TABLE, configs=[SMOKE], options=["--set-resources", "train_rl:slurm_account=nobody"])
    slurm(slurm_cluster, "sacctmgr", "-i", "modify", "user", "root", "set", "maxsubmitjobs=1")
    try:
        done = on(slurm_cluster, *argv, cwd=tree)
    finally:
        slurm(slurm_cluster, "sacctmgr", "-i", "modify", "user", "root", "set", "maxsubmitjobs=-1")
    message(done, "train_rl, attempt 1", "Slurm refuses", "Invalid account")  # not the limit
    assert queued(slurm_cluster, tree, "all")[left][0] == "CANCELLED"


SLOW_SLURM = """#!/bin/sh
# Every second command is not answered. A job has ended when it is cancelled.
echo "$@" >>{folder}/asked.{name}
if [ $(($(wc -l <{folder}/asked.{name}) % 2)) = {refuses} ]; then
    echo "{name}: error: Socket timed out on send/recv operation" >&2
    exit 1
fi
"""


def test_a_slurm_that_does_not_always_answer(tmp_path):
    tree = copy_repository(tmp_path)
    queue = f"[ -e cancelled ] || echo '7|crosspl_{uuid.uuid4()}|{tree}'\n"
    for name, refuses, does in (("squeue", 0, queue), ("scancel", 1, "touch cancelled\n")):
        (tmp_path / name).write_text(SLOW_SLURM.format(folder=tmp_path, name=name, refuses=refuses) + does)
        (tmp_path / name).chmod(0o755)
    env = {**environment(), "PATH": f"{tmp_path}:{environment()['PATH']}"}
    done = subprocess.run(cancel_command(socket.gethostname()), cwd=tree, env=env, capture_output=True, text=True)
    assert done.returncode == 0 and "['7']" in done.stdout, done.stdout + done.stderr
    assert [(tmp_path / f"asked.{name}").read_text().count("\n") for name in ("squeue", "scancel")] == [3, 2]
    for name in ("squeue", "scancel"):
        (tmp_path / f"asked.{name}").write_text("once\n" * (name == "squeue"))
    (tree / "cancelled").unlink()
    done = subprocess.run(cancel_command(socket.gethostname()), cwd=tree, env=env, capture_output=True, text=True)
    message(done, "squeue", "Socket timed out")


def test_the_lock_says_who_held_it_last(tmp_path):
    path = tmp_path / "work/.lock"
    assert lock_tree(path) is None
    with pytest.raises(UserError, match="another run is working in this folder"):
        lock_tree(path)
    sign_tree()
    assert path.read_text().split() == [socket.gethostname(), str(os.getpid())]
    with pytest.raises(UserError, match=f"process {os.getpid()} on {socket.gethostname()}"):
        lock_tree(path)
