"""profiles/slurm without a cluster: what it must hold, how many jobs it submits, what rules must leave to it.

Each test of a key is about a bug of the executor plugin that is out of reach with it; docs/cluster.md names them.
"""

import re

import pytest
import yaml
from workflow_run import ROOT, TABLE, snakemake

RULES = [ROOT / "Snakefile", *sorted(ROOT.glob("rules/*.smk"))]
SHARED = ("max-checksum-file-size", "rerun-triggers", "software-deployment-method", "nolock", "rerun-incomplete")
LEAST_MB = 400  # two Snakemakes beside the command
GRID = """
seeds: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
languages:
  source: [python, perl, ruby, javascript]
  sft: [python, perl, ruby]
  unseen: [awk, bash, c, cpp, go, haskell, java, lua, nim, ocaml, php, r, racket, rust, scheme, tcl]
mixtures:
  names: [parallel, same_problems, same_programs, monolingual, dose_20, dose_40, dose_60, dose_80]
  variants:
    dose_20: {rule: dose, parallel_share: 0.2}
    dose_40: {rule: dose, parallel_share: 0.4}
    dose_60: {rule: dose, parallel_share: 0.6}
    dose_80: {rule: dose, parallel_share: 0.8}
"""


def profile(name):
    return yaml.safe_load((ROOT / f"profiles/{name}/config.yaml").read_text())


def test_profiles_of_one_tree_agree():
    """Otherwise a switch from one to the other would run jobs again."""
    for key in SHARED:
        assert profile("slurm").get(key) == profile("default").get(key), key


def test_retries_are_the_profiles():
    """A rule's own `retries:` runs it again inside the same allocation, with the memory that was too little."""
    assert profile("slurm")["retries"] >= 1
    for path in RULES:
        assert not re.search(r"^\s*retries\s*:", path.read_text(), re.MULTILINE), path


def test_cancelled_and_preempted_jobs_are_seen():
    """With sacct a cancelled job is waited for for ever; without requeue a preempted one is."""
    slurm = profile("slurm")
    assert slurm["slurm-status-command"] == "squeue" and slurm["slurm-requeue"] is True
    assert "slurm-no-requeue" not in slurm and "slurm-array-jobs" not in slurm


def test_the_plugin_runs_a_job_of_two_gpus_once():
    pins = dict(
        re.findall(r"^(snakemake-executor-plugin-[\w-]+)==([\d.]+)$", (ROOT / "requirements.lock").read_text(), re.M)
    )
    assert tuple(map(int, pins["snakemake-executor-plugin-slurm"].split("."))) >= (2, 7, 1)
    assert "snakemake-executor-plugin-slurm-jobstep" in pins


def test_jobs_do_not_look_at_slurms_variables():
    """Job steps do not get them: a command that relied on SLURM_RESTART_COUNT would never see that it was requeued."""
    for path in [*RULES, *ROOT.glob("crosspl/**/*.py"), *ROOT.glob("scripts/*.py")]:
        if path.name not in ("slurm_commands.py", "judge.py"):  # of the run itself, and for use by hand inside a job
            assert not re.search(r"\bSLURM_\w+", path.read_text()), path


@pytest.fixture(scope="module")
def planned_report(tmp_path_factory):
    """The dry run of the whole report through the profile, of the default config."""
    return dry_run("results/report.html", configs=("config.yaml",))


def dry_run(*options, configs):
    done = snakemake(ROOT, "--dry-run", *options, "--workflow-profile", "profiles/slurm", configs=configs)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_every_job_has_room_for_snakemake(planned_report):
    sizes = [int(size) for size in re.findall(r"\bmem_mb=(\d+)", planned_report)]
    assert len(sizes) > 50 and min(sizes) >= LEAST_MB


def test_no_job_is_spread_over_nodes(planned_report):
    """--gpus alone may be granted on two nodes, where the one command would see half of them."""
    assert planned_report.count("nodes=1,") == planned_report.count("mem_mb=") > 50


def test_a_large_grid_is_hundreds_of_submitted_jobs(tmp_path):
    """10 seeds, 8 mixtures, 4 sources, 20 evaluated PLs."""
    (tmp_path / "grid.yaml").write_text(GRID)
    text = dry_run(TABLE, configs=("config.yaml", tmp_path / "grid.yaml"))
    jobs = int(re.search(r"^total +(\d+)$", text, re.MULTILINE)[1])
    groups = re.findall(r"^\[.*\] Group job (\w+)", text, re.MULTILINE)
    alone = re.findall(r"^rule (\w+):", text, re.MULTILINE)
    print(f"{jobs} jobs: {len(alone)} alone, {len(groups)} groups")
    assert jobs > 1700 and alone.count("train_rl") == 360 and alone.count("train_sft") == 80
    assert len(alone) + len(groups) < 700
    counts = {name: groups.count(name) for name in set(groups)}
    assert counts == {"mixtures": 3, "samples": 89, "scores": 89}  # two tables of audits stand alone
