"""LSF, PBS and SGE through profiles/generic: a real Grid Engine where its packages are, stand-ins for the other two.

The stand-ins refuse a command line that the real commands would refuse, run the jobs and kill those over their memory.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from workflow_run import NOTHING, ROOT, SMOKE, copy_repository, environment

TESTS = Path(__file__).parent
PATIENCE_S = 300  # for an event; a loaded machine is slow
COMMANDS = {"lsf": ["bsub", "bjobs", "bkill"], "pbs": ["qsub", "qstat", "qdel"]}
ADAPTED = {  # what a site would write into submit
    "lsf": [("gpu_queue=", "gpu_queue=gpu"), ("project=", "project=lab")],
    "pbs": [("gpu_queue=", "gpu_queue=gpu"), ("account=", "account=lab")],
    "sge": [("gpu_queue=", "gpu_queue=all.q"), ("memory_name=mem_free", "memory_name=h_vmem")],
}
FIGURES = {  # of a rule with 2 threads, 1 GPU, 3000 MB and 90 minutes
    "lsf": ["-n 2", "-W 90", "-M 3000MB", "-R span[hosts=1] rusage[mem=3000MB/host]", "-gpu num=1:j_exclusive=yes",
            "-q gpu", "-P lab"],
    "pbs": ["select 1:ncpus=2:mem=3000mb:ngpus=1", "walltime 01:30:00", "-q gpu", "-A lab"],
    "sge": ["h_rt=5400,h_vmem=1500M,gpu=1", "range: 2", "all.q"],
}  # fmt: skip
LONG_JOB = "{calibration: {repetitions: 100000}, resources: {tables: {threads: 2, mem_mb: 3000, runtime: 90}}}"
SLOW_CHECK = "touch checking; sleep 1; rm checking; "
LITTLE_MEMORY = "build_programs:mem_mb=150 * attempt"  # Snakemake itself takes that much


class Site(NamedTuple):
    """A scheduler, its own files, and how commands are run where it is."""

    name: str
    folder: Path
    prefix: list
    environment: dict


def make_site(name, folder):
    """Return a Site; the commands of a stand-in lie in its folder."""
    if name == "sge":
        return Site(name, folder, ["bash", TESTS / "sge_cluster.sh", "run", folder], environment())
    for command in COMMANDS[name]:
        path = folder / command
        path.write_text(f'#!/bin/sh\nexec {sys.executable} {TESTS}/stand_in_{name}.py {command} "$@"\n')
        path.chmod(0o755)
    found = environment(QUEUE_FOLDER=str(folder))
    return Site(name, folder, [], found | {"PATH": f"{folder}:{found['PATH']}"})


def run(site, tree, *argv):
    """Run a command to its end."""
    argv = [*site.prefix, *map(str, argv)]
    return subprocess.run(argv, cwd=tree, env=site.environment, capture_output=True, text=True, timeout=PATIENCE_S)


def asked(site, number):
    """Return what a job was submitted with, as text."""
    if site.name == "sge":
        done = run(site, ROOT, "qstat", "-j", number)
        return done.stdout or run(site, ROOT, "qacct", "-j", number).stdout
    job = (site.folder / f"{number.partition('.')[0]}.json").read_text()
    return job.replace('": "', " ").replace('"', "")


def workflow(site, *options, before=""):
    """Return the command line of a run with this scheduler's profile; `before` runs before each status check."""
    return ["snakemake", *options, "--configfile", SMOKE, "overlay.yaml", "--workflow-profile",
            f"profiles/generic/{site.name}", "--seconds-between-status-checks", "1", "--latency-wait", "5",
            "--cluster-generic-status-cmd", f"{before}profiles/generic/status {site.name} 0"]  # fmt: skip


@pytest.fixture(scope="module", params=["lsf", "pbs", "sge"])
def site(request, tmp_path_factory):
    """One of the schedulers, up."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param != "sge":
        return (yield make_site(request.param, folder))
    if os.geteuid() or not all(map(shutil.which, ("/usr/sbin/sge_qmaster", "/usr/sbin/sge_execd", "qconf"))):
        pytest.skip("needs root, and the packages gridengine-master, gridengine-exec and gridengine-client")
    cluster = ["bash", TESTS / "sge_cluster.sh"]
    up = subprocess.run([*cluster, "start", folder], capture_output=True, text=True, timeout=PATIENCE_S)
    assert up.returncode == 0, up.stdout + up.stderr
    yield make_site("sge", folder)
    subprocess.run([*cluster, "stop", folder], check=True)


def adapt(tree, site, overlay):
    """Make the profile one of this site, and write a config overlay."""
    path = tree / f"profiles/generic/{site.name}/submit"
    text = path.read_text()
    for line, adapted in ADAPTED[site.name]:
        assert f"\n{line}" in text, line
        text = text.replace(f"\n{line}", f"\n{adapted}")
    path.write_text(text)
    (tree / "overlay.yaml").write_text(overlay)


def submitted(text, rule, output=""):
    """Return the queue's numbers of the jobs of a rule (that make `output`), in the order of their submission."""
    found = re.findall(rf"^rule {rule}:$(.*?)^ +jobid: (\d+)$", text, re.MULTILINE | re.DOTALL)
    jobs = {job for described, job in found if output in described}
    return [number for job, number in re.findall(r"^Submitted job (\d+) with external jobid '(.+)'", text, re.MULTILINE)
            if job in jobs]  # fmt: skip


def wait_for(event, what):
    """Wait until `event()` is true, and return that."""
    deadline = time.monotonic() + PATIENCE_S
    while not (seen := event()):
        assert time.monotonic() < deadline, f"not {what} after {PATIENCE_S} s"
        time.sleep(0.1)
    return seen


def test_part_of_the_workflow(site, smoke_tree, tmp_path):
    """Jobs on the cluster make the same bytes as here; one that is killed for its memory gets more."""
    tree = copy_repository(tmp_path / "tree")
    adapt(tree, site, "{}")
    files = ["results/base/tokenizer.json", "results/programs/python.jsonl.gz", "results/audit/exclusion/rl/python.csv"]
    argv = [*workflow(site, *files), "--set-resources", LITTLE_MEMORY]
    done = run(site, tree, *argv)
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    for name in files:
        assert (tree / name).read_bytes() == (smoke_tree / name).read_bytes()
    attempts = submitted(text, "build_programs", files[1])
    assert len(attempts) > 1 and len(submitted(text, "build_corpus")) == 1, text
    assert "Submitted group job" in text  # audits are small, and share a job
    for number, memory in zip(attempts, ("150M", "300M", "450M"), strict=False):
        assert memory in asked(site, number).upper()
    assert NOTHING in run(site, tree, *argv).stderr


def start(site, tree, log, *argv):
    """Start a run in a process group of its own; return the Popen and a function that returns its output."""
    with open(log, "w") as stream:
        process = subprocess.Popen(
            [*site.prefix, *map(str, argv)], cwd=tree, env=site.environment, stdout=stream, stderr=stream,
            start_new_session=True,
        )  # fmt: skip
    return process, log.read_text


def main_process(process):
    """Return Snakemake's own process, which on SGE is below the command that enters the cluster."""
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    return next(one for one in reversed(family) if any("bin/snakemake" in word for word in command_of(one)[:3]))


def command_of(process):
    """Return the words of its command line; none of a process that has just ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def working(tree):
    """Return the processes that do the long job in `tree`."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(tree) and "scripts.calibrate" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_killed_and_cancelled(site, tmp_path):
    """Jobs of a killed run end before the next one submits the same work; those of a cancelled run end with it."""
    tree = copy_repository(tmp_path / "tree")
    adapt(tree, site, LONG_JOB)
    argv = workflow(site, "results/calibration.csv", before=SLOW_CHECK)
    argv += ["--set-resources", "calibrate:gpu=1"]
    process, output = start(site, tree, tmp_path / "first.log", *argv)
    wait_for(lambda: working(tree) or process.poll() is not None, "at work")
    (first,) = submitted(output(), "calibrate")
    for figure in FIGURES[site.name]:
        assert figure in asked(site, first), asked(site, first)
    main_process(process).kill()
    process.wait()
    assert working(tree), "the job does not go on without Snakemake"

    process, output = start(site, tree, tmp_path / "second.log", *argv)
    (second,) = wait_for(lambda: submitted(output(), "calibrate"), "submitted again")
    assert f"cancelling job {first} of a run that has ended" in output()
    wait_for(lambda: working(tree) or process.poll() is not None, "at work again")
    assert len(working(tree)) == 1 and second != first
    wait_for((tree / "checking").exists, "asked for the status")  # of jobs that Snakemake forgets meanwhile
    main_process(process).send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) != 0
    wait_for(lambda: not working(tree), "cancelled")
    assert not (tree / "results/calibration.csv").exists()


STATES = [  # scheduler, exit status and output of its command, what the job recorded, what Snakemake is told
    *(("lsf", 0, state, "0", "running")
      for state in ("PEND", "PROV", "PSUSP", "RUN", "USUSP", "SSUSP", "WAIT", "UNKWN")),
    ("lsf", 0, "DONE", "0", "success"),
    ("lsf", 0, "EXIT", "1", "failed"),
    ("lsf", 0, "EXIT", None, "failed"),  # killed for its memory or time
    ("lsf", 0, "ZOMBI", None, "failed"),
    ("lsf", 255, "Job <7> is not found", "0", "success"),  # forgotten
    ("lsf", 255, "Job <7> is not found", None, "failed"),
    ("lsf", 255, "LSF is down. Please wait ...", None, "running"),
    *(("pbs", 0, f"Job Id: 7\n    job_state = {state}\n", "0", "running") for state in "BEHMQRSTUW"),
    ("pbs", 0, "Job Id: 7\n    job_state = F\n    Exit_status = 0\n", "0", "success"),
    ("pbs", 0, "Job Id: 7\n    job_state = F\n    Exit_status = 271\n", None, "failed"),
    ("pbs", 0, "Job Id: 7\n    job_state = X\n", "2", "failed"),
    ("pbs", 35, "qstat: 7 Job has finished, use -x or -H to obtain historical job information", "0", "success"),
    ("pbs", 153, "qstat: Unknown Job Id 7", "1", "failed"),
    ("pbs", 153, "qstat: Unknown Job Id 7", None, "failed"),
    ("pbs", 255, "Connection refused\nqstat: cannot connect to server", None, "running"),
    *(("sge", 0, f"      7 0.5 name me {state} 11/21/2026", "0", "running")
      for state in ("qw", "hqw", "hRwq", "r", "t", "Rr", "Rt", "s", "S", "T", "ts", "dr", "dt")),
    ("sge", 0, "      7 0.5 name me Eqw 11/21/2026", None, "failed"),
    ("sge", 0, "     77 0.5 name me r 11/21/2026", "0", "success"),  # gone from the queue
    ("sge", 0, "", "1", "failed"),
    ("sge", 0, "", None, "failed"),
    ("sge", 1, "error: commlib error: got select error (Connection refused)", None, "running"),
]  # fmt: skip


@pytest.mark.parametrize("scheduler, status, answer, record, expected", STATES)
def test_every_state(tmp_path, scheduler, status, answer, record, expected):
    """The scheduler's command is one that gives the answer."""
    command = tmp_path / {"lsf": "bjobs", "pbs": "qstat", "sge": "qstat"}[scheduler]
    command.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\nexit {status}\n")
    (tmp_path / "qdel").write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/deleted\n')
    for path in (command, tmp_path / "qdel"):
        path.chmod(0o755)
    (tmp_path / ".snakemake/cluster").mkdir(parents=True)
    if record is not None:
        (tmp_path / ".snakemake/cluster/7").write_text(f"{record}\n")
    argv = ["sh", ROOT / "profiles/generic/status", scheduler, "0", "7"]
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{expected}\n", "")
    assert (tmp_path / "deleted").exists() == ("Eqw" in answer)


QSTAT = """#!/bin/sh
# Every job runs until both of the first two are cancelled.
grep -qw 7 {folder}/cancelled && grep -qw 8 {folder}/cancelled && state=F
echo "job_state = ${{state:-R}}"
"""


@pytest.fixture
def left_over(tmp_path):
    """A folder in which a run on PBS has left three jobs, and how to run something there; job 9 has ended."""
    tree = copy_repository(tmp_path / "tree")
    (tree / ".snakemake/cluster").mkdir(parents=True)
    (tree / ".snakemake/cluster/9").write_text("0\n")
    for name, text in (("qstat", QSTAT), ("qdel", '#!/bin/sh\necho "$@" >>{folder}/cancelled\n'),
                       ("qsub", "#!/bin/sh\necho 10\n")):  # fmt: skip
        (tmp_path / name).write_text(text.format(folder=tmp_path))
        (tmp_path / name).chmod(0o755)
    (tmp_path / "cancelled").touch()
    env = environment()
    return tree, Site("pbs", tmp_path, ["timeout", "30"], env | {"PATH": f"{tmp_path}:{env['PATH']}"})


def submit(left_over, host):
    """Submit a job of a second run, when the first was on `host`."""
    tree, site = left_over
    (tree / ".snakemake/cluster/run.first").write_text(f"{host}\n7\n8\n9\n")
    script = tree / ".snakemake/tmp.second/job.sh"
    script.parent.mkdir()
    script.touch()
    return run(site, tree, "profiles/generic/submit", "pbs", "name", 1, 1000, 60, 0, script)


def test_jobs_of_a_killed_run_are_cancelled_together(left_over):
    """One after the other would take as long as all their grace times."""
    tree, site = left_over
    done = submit(left_over, os.uname().nodename)
    assert (done.returncode, done.stdout) == (0, "10\n"), done.stderr
    assert sorted((site.folder / "cancelled").read_text().split()) == ["7", "8"]
    assert not (tree / ".snakemake/cluster/run.first").exists()
    assert (tree / ".snakemake/cluster/run.second").read_text() == f"{os.uname().nodename}\n10\n"


def test_jobs_of_a_run_on_another_machine(left_over):
    """It may be alive: its lock is not always seen here."""
    tree, site = left_over
    done = submit(left_over, "another-machine")
    assert done.returncode and not done.stdout
    [line] = done.stderr.splitlines()
    assert line.startswith("error: ") and "another-machine" in line
    assert line.endswith("type: profiles/generic/pbs/cancel 7 8")
    assert not (site.folder / "cancelled").read_text()
    assert [path.name for path in (tree / ".snakemake/cluster").glob("run.*")] == ["run.first"]
