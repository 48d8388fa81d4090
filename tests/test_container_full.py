"""The container image with everything, by `make test-container`: the whole smoke workflow runs in it, here and through
Slurm, and makes the same bytes as without; Containerfile builds with Buildah and turns into an image for Apptainer.
"""

import shutil

import apptainer
import pytest
from workflow_run import SMOKE, TABLE, copy_repository, run_workflow

pytestmark = pytest.mark.full
CONFIGS = (SMOKE, "local.yaml")
IN_IMAGE = ("--sdm", "apptainer")
REPORT = "results/report.html"
COSTS = {"results/cost.csv"}  # of the machine, not of the experiment


@pytest.fixture(scope="module", autouse=True)
def apptainer_here():
    """Every command of these tests finds `apptainer`."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in apptainer.settings().items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the repository with the image of requirements.lock built."""
    tree = copy_repository(tmp_path_factory.mktemp("container"))
    print(apptainer.build_image(tree, "requirements.lock"))
    return tree


def tables_and_weights(tree):
    """Return {path: bytes} of what a run has made, but for its cost and for rows that name the toolchains' versions."""
    paths = [path for suffix in ("csv", "safetensors") for path in tree.glob(f"results/**/*.{suffix}")]
    return {str(path.relative_to(tree)): path.read_bytes() for path in paths if "benchmarks" not in path.parts}


def assert_same(tree, smoke_tree):
    found, wanted = tables_and_weights(tree), tables_and_weights(smoke_tree)
    assert TABLE in found and any(name.endswith("adapter_model.safetensors") for name in found)
    assert {name for name in found if found[name] != wanted[name]} <= COSTS


def test_smoke_run_in_the_image_makes_the_same_bytes(tree, smoke_tree):
    out = run_workflow(tree, "smoke run in the image", TABLE, REPORT, *IN_IMAGE, configs=CONFIGS)
    assert out.count("Activating singularity image") > 80
    assert_same(tree, smoke_tree)


def test_smoke_run_in_the_image_through_slurm(tree, smoke_tree, tmp_path):
    slurm_run = pytest.importorskip("slurm_run", reason="no tests/slurm_run.py: no test cluster")
    if reason := slurm_run.lacking():
        pytest.skip(reason)
    folder = apptainer.copy_with_image(tree, tmp_path / "run")
    with slurm_run.running_cluster() as cluster:
        argv = slurm_run.run_command(TABLE, options=[*IN_IMAGE, *apptainer.KEEP_LOGS], configs=CONFIGS)
        slurm_run.finish(slurm_run.start(cluster, folder, argv), folder)
        jobs = slurm_run.accounted(cluster, folder)
    assert {job["State"] for job in jobs} == {"COMPLETED"}
    apptainer.assert_jobs_in_image(folder, len(jobs))
    assert_same(folder, smoke_tree)


def test_containerfile_builds_and_converts(tmp_path):
    if not shutil.which("buildah"):
        pytest.skip("no buildah: tests/get_apptainer.sh installs it where it can")
    tree = copy_repository(tmp_path / "tree")
    requirements = apptainer.data_requirements(tree)
    apptainer.run([*apptainer.builder(), "apptainer", "build", "--sandbox", tmp_path / "base", apptainer.base_image()])
    apptainer.run(["tar", "-C", tmp_path / "base", "-cf", tmp_path / "base.tar", "."])
    buildah = ["buildah", "--root", tmp_path / "root", "--runroot", tmp_path / "runroot", "--storage-driver", "vfs"]
    working = apptainer.run([*buildah, "from", "scratch"]).strip()
    apptainer.run([*buildah, "add", working, tmp_path / "base.tar", "/"])
    apptainer.run([*buildah, "commit", working, "localhost/debian"])
    wheels = apptainer.download_wheels(tree, requirements)
    (tmp_path / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /mnt\n")
    apptainer.run(
        [
            *buildah, "bud", "--isolation", "chroot", "--volume", f"{wheels}:/mnt",
            "--volume", f"{tmp_path}/pip.conf:/etc/pip.conf", "--build-arg", "BASE=localhost/debian",
            "--build-arg", f"REQUIREMENTS={requirements}", "-f", "envs/container/Containerfile", "-t", "crosspl", ".",
        ],
        cwd=tree,
    )  # fmt: skip
    apptainer.run([*buildah, "push", "crosspl", f"oci-archive:{tmp_path}/image.tar:crosspl"])
    image = tmp_path / "image.sif"
    apptainer.run([*apptainer.builder(), "apptainer", "build", image, f"oci-archive:{tmp_path}/image.tar"])
    argv = ["apptainer", "exec", "--home", tree, image, "python", "-c", "import sys, yaml; print(sys.prefix)"]
    assert apptainer.run(argv, cwd=tree).splitlines()[-1] == "/opt/crosspl/venv"
