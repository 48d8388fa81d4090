"""Fixtures that several files share, and the marker `full` for tests that need minutes."""

import os
from pathlib import Path

import pytest
from filelock import FileLock
from workflow_run import MATRIX, TABLE, commit_all, copy_repository, run_workflow

LONG = (
    "test_container_image.py",
    "test_interruption.py",
    "test_analysis.py",
    "test_schedulers.py",
    "test_full_disk.py",
)
# These take minutes. They come first, so that no process is left with them at the end.


def pytest_addoption(parser):
    parser.addoption("--smoke-tree", metavar="DIR", help="--smoke-tree=DIR: use this finished smoke run, not a new one")
    parser.addoption("--all-languages", action="store_true", help="a language that is not installed is an error")


def pytest_configure(config):
    config.addinivalue_line("markers", "full: needs minutes; deselected by default, run with -m full")


def pytest_collection_modifyitems(config, items):
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))
    if not config.option.markexpr:
        slow = [item for item in items if item.get_closest_marker("full")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


@pytest.fixture(scope="session")
def smoke_tree(request, tmp_path_factory):
    """A copy of the repository in which the smoke run is done. Tests leave it as they found it."""
    if request.config.option.smoke_tree:
        return Path(request.config.option.smoke_tree).resolve()
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own  # several processes make one tree
    tree = shared / "smoke"
    with FileLock(shared / "smoke.lock"):
        if not (tree / "done").exists():
            tree.mkdir(exist_ok=True)
            commit_all(copy_repository(tree))
            run_workflow(tree, "smoke run", TABLE, MATRIX, "results/report.html")
            (tree / "done").touch()
    return tree


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """The folder of a tiny random base model. torch is imported here, not for tests that need no model."""
    from tiny import base_folder

    return base_folder(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def tokenizer(base):
    """The tokenizer of the tiny base model."""
    from crosspl.models import load_tokenizer

    return load_tokenizer(base)


@pytest.fixture
def repository(tmp_path):
    """A fresh copy of the repository, without results."""
    (tmp_path / "copy").mkdir()
    return copy_repository(tmp_path / "copy")


@pytest.fixture(scope="session")
def slurm_cluster():
    """The folder of a running Slurm cluster of three nodes (tests/slurm_cluster.sh)."""
    from slurm_run import lacking, running_cluster

    if reason := lacking():
        pytest.skip(reason)
    with running_cluster() as folder:
        yield folder
