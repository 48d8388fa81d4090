"""The container image for real: our definition built by Apptainer, rules and the judge's boxes run in it.

The small image holds the Python packages that the data rules need; with `-m full` (`make test-container`) the one with
everything is built as well, and the whole smoke workflow is run in it.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import apptainer
import pytest
from workflow_run import MATRIX, ROOT, SMOKE, copy_repository, environment, planned, run_workflow, snakemake

from crosspl.io import read_rows, write_rows

CONFIGS = (SMOKE, "local.yaml")
IN_IMAGE = ("--sdm", "apptainer")
WITHOUT_SOFTWARE = ("--rerun-triggers", "code", "input", "mtime", "params")
MASKED_PROC = ["unshare", "--mount", "sh", "-c", 'mount --bind /dev/null /proc/version && exec "$@"', "sh"]
NO_MORE_NAMESPACES = ["sh", "-c", 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"', "sh"]
TIERS = [  # as docs/containers.md lists them: where Apptainer runs, what is put before it, its options, the tier
    ("an ordinary user", apptainer.ORDINARY, [], "bwrap"),
    ("root", [], [], "bwrap"),
    ("root of a user namespace (`--fakeroot`)", apptainer.NAMESPACE, [], "bwrap"),
    ("with `--containall`", apptainer.ORDINARY, ["--containall"], "landlock"),
    ("with `--containall --bind /dev/full`", apptainer.ORDINARY, ["--containall", "--bind", "/dev/full"], "bwrap"),
    ("where parts of /proc are masked (in Docker, Kubernetes)", MASKED_PROC, [], "bwrap-noproc"),
    ("without further user namespaces", [*apptainer.NAMESPACE, *NO_MORE_NAMESPACES], [], "landlock"),
    ("root with `--no-privs`", apptainer.NAMESPACE, ["--no-privs"], None),
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def apptainer_here():
    """Every command of these tests finds `apptainer`."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in apptainer.settings().items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the repository with its small image built."""
    tree = copy_repository(tmp_path_factory.mktemp("container"))
    print(apptainer.build_image(tree, apptainer.data_requirements(tree)))
    return tree


@pytest.fixture(scope="module")
def image(tree):
    """The path of the small image."""
    [image] = tree.glob("envs/container/*.sif")
    return image


@pytest.fixture(scope="module")
def data_run(tree):
    """The output of the smoke run's data rules, in the image."""
    return run_workflow(tree, "data rules in the image", MATRIX, *IN_IMAGE, configs=CONFIGS)


def test_the_image_is_built_once(tree, image):
    built = image.stat()
    apptainer.build_image(tree, "small.lock")
    assert image.stat() == built
    assert {path.name for path in image.parent.iterdir()} == {
        "recipe.yaml", "Apptainer.def", "Containerfile", image.name
    }, "nothing half-built is left"  # fmt: skip


def test_the_image_holds_its_own_software(image, tmp_path):
    (tmp_path / "yaml.py").write_text("raise SystemExit('the host is found')")
    script = "import sys, yaml; print(sys.prefix, yaml.__file__)"
    argv = ["apptainer", "exec", "--no-home", image, "python", "-c", script]
    out = apptainer.run(argv, env=environment(PYTHONPATH=str(tmp_path)), cwd="/")
    assert out.splitlines()[-1] == "/opt/crosspl/venv /opt/crosspl/venv/lib/python3.11/site-packages/yaml/__init__.py"


def tiers_of(tree):
    """Return the tiers in which a run judged its candidate programs."""
    files = list(tree.glob("results/programs/*.jsonl.gz"))
    assert len(files) == 5
    return {row["sandbox"] for file in files for row in read_rows(file)}


def test_rules_run_in_the_image_with_the_same_bytes(tree, data_run, smoke_tree):
    steps = int(re.search(r"(\d+) of \d+ steps \(100%\)", data_run)[1])
    assert data_run.count("Activating singularity image") == steps > 5
    for name in (MATRIX, "results/problems.jsonl.gz"):
        assert (tree / name).read_bytes() == (smoke_tree / name).read_bytes(), name
    assert tiers_of(tree) == {"bwrap"}


def test_slurm_jobs_run_in_the_image(tree, image, data_run, tmp_path):
    slurm_run = pytest.importorskip("slurm_run", reason="no tests/slurm_run.py: no test cluster")
    if reason := slurm_run.lacking():
        pytest.skip(reason)
    folder = apptainer.copy_with_image(tree, tmp_path / "run")
    with slurm_run.running_cluster() as cluster:
        argv = slurm_run.run_command(MATRIX, options=[*IN_IMAGE, *apptainer.KEEP_LOGS], configs=CONFIGS)
        slurm_run.finish(slurm_run.start(cluster, folder, argv), folder)
        jobs = slurm_run.accounted(cluster, folder)
    assert len(jobs) > 3 and {job["State"] for job in jobs} == {"COMPLETED"}
    apptainer.assert_jobs_in_image(folder, len(jobs))
    assert (folder / MATRIX).read_bytes() == (tree / MATRIX).read_bytes()
    assert tiers_of(folder) == {"bwrap"}


def test_another_image_runs_everything_again_and_only_then(tree, image, data_run):
    assert planned(tree, MATRIX, *IN_IMAGE, configs=CONFIGS) == set()
    assert planned(tree, MATRIX, *WITHOUT_SOFTWARE, configs=CONFIGS) == set()
    everything = planned(tree, MATRIX, configs=CONFIGS)
    assert len(everything) == data_run.count("Activating singularity image"), "leaving the image is a change, too"
    lock = tree / "small.lock"
    pins = lock.read_text()
    try:
        lock.write_text(pins + "six==1.17.0\n")
        done = snakemake(tree, MATRIX, "--dry-run", *IN_IMAGE, configs=CONFIGS)
        other = tree / re.search(r"there is no image (\S+\.sif);", done.stderr)[1]
        os.link(image, other)
        assert planned(tree, MATRIX, *IN_IMAGE, configs=CONFIGS) == everything
        other.unlink()
    finally:
        lock.write_text(pins)


@pytest.fixture(scope="module")
def open_tree(image):
    """A folder that every user may use: the judge, one program, and the image."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        for name in ("crosspl", "scripts", "languages", "schemas"):
            shutil.copytree(ROOT / name, Path(folder, name), ignore=shutil.ignore_patterns("__pycache__"))
        write_rows(Path(folder, "in.jsonl"), [
            {"id": "a", "language": "lua", "code": "print(1 + io.read('n'))", "tests": [{"stdin": "1", "stdout": "2"}]}
        ])  # fmt: skip
        os.link(image, Path(folder, "image.sif"))
        yield Path(folder)


@pytest.mark.parametrize("where, prefix, options, tier", TIERS, ids=[where for where, *_ in TIERS])
def test_boxes_in_the_image(open_tree, where, prefix, options, tier):
    if os.geteuid():
        pytest.skip("only root can take every place")
    apptainer.skip_without_fuse(prefix)
    output = open_tree / "out.jsonl"
    judge = ["python", "-m", "scripts.judge", "--programs", "in.jsonl", "--output", output.name, "--cache", ""]
    argv = [*prefix, "apptainer", "exec", *options, "--home", open_tree, open_tree / "image.sif", *judge]
    done = subprocess.run(argv, cwd=open_tree, env=environment(), capture_output=True, text=True)
    shutil.rmtree(open_tree / "work", ignore_errors=True)  # the next one is another user
    if tier is None:
        assert done.returncode == 3 and "no sandbox can be made here" in done.stderr and not output.exists()
        return
    if tier == "landlock" and done.returncode == 3:
        pytest.skip(f"no Landlock here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    [row] = read_rows(output)
    output.unlink()
    assert (row["verdict"], row["sandbox"]) == ("OK", tier)


@pytest.mark.parametrize("prefix", [[], apptainer.ORDINARY], ids=["as it is", "ordinary user"])
def test_sigterm_reaches_the_command_and_its_status_comes_back(open_tree, prefix):
    if prefix and os.geteuid():
        pytest.skip("only root can become another user")
    apptainer.skip_without_fuse(prefix)
    code = "import signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [15]); print('ready', flush=True); "
    code += "sys.exit(60 + signal.sigwait([15]))"
    argv = [
        *prefix,
        "apptainer",
        "--silent",
        "exec",
        "--home",
        open_tree,
        open_tree / "image.sif",
        "python",
        "-c",
        code,
    ]
    process = subprocess.Popen(argv, cwd=open_tree, env=environment(), stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    assert process.wait() == 75, "what a preempted command says to the scheduler"


def test_the_documented_tiers_are_these():
    text = (ROOT / "docs/containers.md").read_text()
    for where, _, _, tier in TIERS:
        assert f"\n| {where} | {f'`{tier}`' if tier else 'refused'} |" in text
