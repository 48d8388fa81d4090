"""profiles/kubernetes: its keys are options of the plugin, and jobs that share no file system make the same bytes.

The plugin and the S3 server are real; the API of Kubernetes is a stand-in that runs each job's command in a new folder.
"""

import subprocess

import pytest
from stand_in_kubernetes import cluster, image
from storage_run import BUCKET, PYTHON, s3_server, snakemake
from workflow_run import copy_repository

TARGET = "results/base/tokenizer.json"


@pytest.fixture(scope="module")
def server():
    with s3_server() as (ask, url):
        yield ask, url


@pytest.fixture
def tree(tmp_path):
    """A clone: the plugin sends what git knows."""
    tree = copy_repository(tmp_path / "tree")
    identity = ["-c", "user.name=test", "-c", "user.email=test@example"]
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "-m", "test"]):
        subprocess.run(["git", *command], cwd=tree, check=True)
    return tree


def options(url, run):
    """Return the options of a run with the profile, at this S3 server instead of the site's."""
    return ["--workflow-profile", "profiles/kubernetes", "--storage-s3-endpoint-url", url,
            "--default-storage-prefix", f"s3://{BUCKET}/{run}"]  # fmt: skip


def test_every_key_is_an_option(server, tree):
    profile = tree / "profiles/kubernetes/config.yaml"
    done = snakemake(tree, "--dry-run", TARGET, *options(server[1], "dry"))
    assert done.returncode == 0 and "rule build_corpus" in done.stdout + done.stderr, done.stderr
    profile.write_text(profile.read_text() + "kubernetes-no-such-option: 1\n")
    done = snakemake(tree, "--dry-run", TARGET, *options(server[1], "dry"))
    assert done.returncode != 0 and "kubernetes-no-such-option" in done.stderr


def test_jobs_that_share_no_files(server, tree, smoke_tree, tmp_path):
    ask, url = server
    (tmp_path / "pods").mkdir()
    (tmp_path / "claim").mkdir()
    path = image(tmp_path / "image", PYTHON)
    with cluster(tmp_path / "pods", {"crosspl-work": tmp_path / "claim"}, path) as (config, jobs):
        more = ["--seconds-between-status-checks", "1", "--set-resources", "build_corpus:gpu=1"]
        done = snakemake(tree, TARGET, *options(url, "run"), *more, KUBECONFIG=str(config))
        logs = "\n".join(log.read_text() for log in (tmp_path / "pods").glob("*.log"))
        assert done.returncode == 0, done.stderr + logs
    for name in (TARGET, "results/problems.jsonl.gz"):
        assert bytes.fromhex(ask("get", f"run/{name}")) == (smoke_tree / name).read_bytes(), name
    containers = [job["spec"]["template"]["spec"]["containers"][0] for job in jobs]
    assert [one["resources"]["limits"] for one in containers] == [
        {"cpu": "1000m", "memory": "2000M", "ephemeral-storage": "10000M", "nvidia.com/gpu": gpus} for gpus in "01"
    ]
    assert all({"name": "crosspl-work", "mountPath": "/workdir/work"} in one["volumeMounts"] for one in containers)
