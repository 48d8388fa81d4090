"""The container image on paper: both definitions are made from the recipe, and the file's name follows the content.

What a real Apptainer makes of it: test_container_image.py.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from workflow_run import ROOT, TABLE, clone, environment, planned, snakemake

from crosspl import container
from crosspl import experiment as ex
from crosspl import workflow as wf
from crosspl.errors import UserError
from crosspl.languages import known_languages, load_languages
from scripts.install_runtimes import LIBC_HEADERS, SANDBOX, packages_of

IMAGE = re.compile(r"envs/container/crosspl-[0-9a-f]{16}\.sif")


@pytest.fixture
def tree(repository, monkeypatch):
    """A copy of the repository, as the working directory."""
    monkeypatch.chdir(repository)
    return repository


def test_committed_definitions_are_made_from_the_recipe(tree):
    done = subprocess.run(["python", "-m", "scripts.build_container", "--definitions-only"], env=environment())
    assert done.returncode == 0
    for name in ("Apptainer.def", "Containerfile"):
        committed = (ROOT / "envs/container" / name).read_text()
        assert (tree / "envs/container" / name).read_text() == committed, f"{name} is old: make container rewrites it"


@pytest.mark.parametrize("overrides", [{}, {"languages": "all"}, {"languages": ["rust", "typescript"]}], ids=str)
def test_image_holds_what_its_languages_and_the_judge_need(tree, overrides):
    recipe = container.read_recipe(overrides)
    arguments = container.build_arguments(recipe)
    languages = known_languages() if recipe["languages"] == "all" else recipe["languages"]
    entries = load_languages(languages).values()
    packages = arguments["PACKAGES"].split()
    assert {*packages_of(entries, "apt"), *SANDBOX.values(), LIBC_HEADERS, "git", "python3-venv"} <= {*packages}
    assert arguments["NPM"].split() == packages_of(entries, "npm")
    assert ("npm" in packages) == bool(arguments["NPM"])


def test_image_holds_the_languages_of_the_default_experiment_and_its_sweeps(tree):
    config = wf.read_config(["config.yaml", "configs/sweeps.yaml"])
    wanted = {*ex.all_languages(config), *(name for mixture in ex.known_mixtures(config)
                                           for name in ex.mixture_languages(config, mixture))}  # fmt: skip
    assert wanted == {*container.read_recipe({})["languages"]}


def test_both_definitions_run_the_same_commands(tree):
    recipe = container.read_recipe({})
    assert len(recipe["install"].splitlines()) > 5
    for text, form in (
        (container.render_apptainer(recipe), "{{ NAME }}"),
        (container.render_containerfile(recipe), "${NAME}"),
    ):
        wanted = container.commands(recipe["install"], ("PACKAGES", "NPM"), form) + container.commands(recipe["test"])
        places = [text.index(line) for line in wanted]
        assert places == sorted(places)
        assert "$PACKAGES" not in text


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    "overrides, path, old, new, other_name",
    [
        ({"base": "docker://ubuntu:24.04"}, None, "", "", True),
        ({"languages": "all"}, None, "", "", True),
        ({"languages": ["c", "lua", "javascript", "perl", "php", "python", "ruby"]}, None, "", "", False),  # the same
        ({"requirements": ["requirements.lock", "more.lock"]}, None, "", "", True),
        ({"requirements": ["same.lock"]}, None, "", "", False),
        ({}, "requirements.lock", "scipy==1.17.1", "scipy==1.17.2", True),
        ({}, "requirements.lock", "scipy==1.17.1", "scipy==1.17.1  # why", False),
        ({}, "envs/container/Apptainer.def", "set -eu", "set -eux", True),
        ({}, "languages/lua.yaml", "apt: [lua5.4]", "apt: [lua5.3]", True),
        ({}, "languages/lua.yaml", "nproc: 8", "nproc: 9", False),
        ({}, "languages/rust.yaml", "apt: [", "apt: [mold, ", False),  # not in it
        ({}, "config.yaml", "unseen: [lua, php]", "unseen: [lua, php, tcl]", False),
    ],
)
def test_name_changes_with_the_content_and_only_with_it(tree, overrides, path, old, new, other_name):
    (tree / "more.lock").write_text("bitsandbytes==0.50.2\n")
    (tree / "same.lock").write_text((tree / "requirements.lock").read_text())
    before = container.image_file({})
    assert IMAGE.fullmatch(before)
    if path:
        edit(tree / path, old, new)
    assert (container.image_file(overrides) != before) == other_name


def test_later_requirements_count(tree):
    (tree / "a.lock").write_text("# head\nTorch_x==1\nnumpy==2.4.6  # why\n")
    (tree / "b.lock").write_text("torch-x==2\n")
    assert container.requirements_text({"requirements": ["a.lock", "b.lock"]}) == "torch-x==2\nnumpy==2.4.6\n"
    with pytest.raises(UserError, match=r"container\.requirements: there is no file c\.lock"):
        container.requirements_text({"requirements": ["a.lock", "c.lock"]})


@pytest.mark.parametrize(
    "block, message",
    [
        ("{requirements: gpu.lock}", r"container\.requirements: there is no file gpu\.lock"),
        ("{languages: [cobol]}", r"unknown language 'cobol'"),
        ("{langauges: all}", r"overlay\.yaml: container\.langauges: unknown key; .* base, requirements, languages"),
    ],
)
def test_wrong_settings_are_named(tree, block, message):
    (tree / "overlay.yaml").write_text(f"container: {block}")
    with pytest.raises(UserError, match=message):
        container.image_file(wf.read_config(["config.yaml", "overlay.yaml"])["container"])


def test_missing_image_is_one_line(tree):
    done = snakemake(tree, TABLE, "--dry-run", "--sdm", "apptainer")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error")]
    assert re.match(rf"error: --sdm apptainer: there is no image {IMAGE.pattern}; build it: make container", line)


def test_builder_says_what_is_missing(tree):
    env = environment(PATH=str(Path(sys.executable).parent))
    done = subprocess.run(["python", "-m", "scripts.build_container"], env=env, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.splitlines()[-1].startswith("error: no apptainer: install it")


def test_without_apptainer_nothing_runs_again(smoke_tree, tmp_path):
    tree = clone(smoke_tree, tmp_path / "tree")
    edit(tree / "envs/container/recipe.yaml", "- git", "- git-lfs")
    edit(tree / "envs/container/Apptainer.def", "set -eu", "set -eux")
    (tree / "overlay.yaml").write_text("container: {base: other.sif}")
    assert planned(tree, TABLE, configs=["configs/smoke.yaml", "overlay.yaml"]) == set()
