"""`--sdm conda` for real: environments made from envs/*.yaml run the rules that name them, and are their provenance.

In: a copy of the repository, conda's stand-in (conda_standin.py), the package index. Skipped, with the reason, where
the index is not reached or the machine lacks what the local channel is made from. Not conda itself, and not the
packages of conda-forge: docs/environments.md.
"""

import contextlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import conda_standin
import pytest
import yaml
from workflow_run import NOTHING, ROOT, command, copy_repository, environment, files_below, workflow_command

from crosspl.io import read_rows
from scripts.lock_environments import name_of

PROGRAMS = "results/programs/lua.jsonl.gz"
TARGETS = ["results/base/tokenizer.json", PROGRAMS]
DATA_RULES, JUDGE_RULES = {"build_problems", "build_corpus"}, {"build_programs"}


def sections(name, tree=ROOT):
    """Return ({conda package: version}, {pip package: version}) of an environment."""
    *specs, last = yaml.safe_load((tree / f"envs/{name}.yaml").read_text())["dependencies"]
    return [dict(pin.split("==") for pin in pins) for pins in (specs, last["pip"])]


@pytest.fixture(scope="module")
def place():
    """A folder that boxes can show (/tmp they cannot) and all may read: as root the judge becomes another user."""
    folder = Path(tempfile.mkdtemp(prefix="crosspl-conda-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def standin(place):
    """The folder with the commands conda and activate."""
    if lacking := conda_standin.lacking():
        pytest.skip(lacking)
    pins = [f"{name}=={version}" for name, version in sections("judge")[0].items()]
    argv = [sys.executable, conda_standin.__file__, "make-standin", place / "conda", *pins]
    done = subprocess.run(argv, capture_output=True, text=True)
    if "no package index" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return place / "conda/base/bin"


@pytest.fixture(scope="module")
def tree(place, standin):
    """A copy of the repository in which TARGETS are made with `--sdm conda`."""
    tree = copy_repository(place / "tree")
    done = run(tree, standin)
    assert done.returncode == 0, done.stdout + done.stderr
    return tree


def run(tree, commands, *options):
    """Run snakemake on TARGETS with the commands in the folder `commands`, and with no other conda."""
    path = [str(commands), str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]
    env = environment(PATH=":".join(path), PIP_ROOT_USER_ACTION="ignore")
    env.pop("CONDA_PREFIX", None)
    argv = workflow_command(*TARGETS, "--sdm", "conda", *options)
    return subprocess.run(argv, cwd=tree, env=env, capture_output=True, text=True)


def planned(tree, commands, *options):
    """Return the rules that would run, and what the dry run said."""
    done = run(tree, commands, "--dry-run", *options)
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    return set(re.findall(r"^(?:local)?rule (\w+):", text, re.MULTILINE)), text


def prefixes(tree):
    """Return the folders of the installed environments."""
    return {path for path in (tree / ".snakemake/conda").iterdir() if (path / "conda-meta").is_dir()}


def holding(tree, package):
    """Return the only environment with a conda package."""
    [found] = [path for path in prefixes(tree) if list(path.glob(f"conda-meta/{package}-[0-9]*.json"))]
    return found


@contextlib.contextmanager
def edited(tree, name, old, new):
    """Replace a text in an environment for a while."""
    path = tree / f"envs/{name}.yaml"
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new))
    yield
    path.write_text(before)


def frozen(prefix):
    """Return {package: version} of what pip finds in an environment."""
    argv = [prefix / "bin/python", "-m", "pip", "freeze"]
    lines = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()
    return {name_of(line): line.split("==")[1] for line in lines}


def test_what_is_installed_is_what_is_pinned(tree):
    """Also that the pip section is closed: pip added nothing to it."""
    judge = holding(tree, "bubblewrap")
    [data] = prefixes(tree) - {judge}
    for name, prefix in (("judge", judge), ("data", data)):
        specs, packages = sections(name)
        installed = [json.loads(path.read_text()) for path in prefix.glob("conda-meta/*.json")]
        assert {record["name"]: record["version"] for record in installed} == specs
        assert frozen(prefix) == packages
    assert (judge / "bin/lua5.4").readlink() == Path("lua")


def test_jobs_run_in_their_environment(tree):
    version = sections("judge")[0]["lua"]
    rows = read_rows(tree / PROGRAMS)
    assert {(row["toolchain"], row["sandbox"]) for row in rows} == {(f"lua {version} of the local channel", "bwrap")}


EDITS = [("judge", JUDGE_RULES), ("data", DATA_RULES | JUDGE_RULES)]  # judging reads the problems


@pytest.mark.parametrize("name, expected", EDITS)
def test_an_edit_reruns_the_jobs_of_that_environment(tree, standin, name, expected):
    with edited(tree, name, "dependencies:", "# edited\ndependencies:"):
        rules, text = planned(tree, standin)
    assert rules - {"all"} == expected
    assert "Software environment definition has changed" in text and text.count("will be created") == 1


def test_without_conda_every_job_has_changed(tree, standin):
    """Also the other way round: the profiles of one results tree must agree."""
    assert NOTHING in planned(tree, standin)[1]
    assert planned(tree, standin, "--sdm", "env-modules")[0] - {"all"} == DATA_RULES | JUDGE_RULES


UNSATISFIABLE = [("lua==5.4.8", "lua==9.9.9", "lua ==9.9.9"), ("attrs==26.1.0", "attrs==0.0.1", "attrs==0.0.1")]


@pytest.mark.parametrize("old, new, said", UNSATISFIABLE)
def test_unsatisfiable_pin(tree, standin, old, new, said):
    before, environments = files_below(tree / "results"), prefixes(tree)
    with edited(tree, "judge", old, new):
        done = run(tree, standin)
    text = done.stdout + done.stderr
    assert done.returncode == 1 and "Traceback" not in text
    assert "Could not create conda environment" in text and "judge.yaml" in text and said in text
    assert files_below(tree / "results") == before and prefixes(tree) == environments


def test_no_conda(tree):
    before = files_below(tree / "results")
    done = run(tree, "/nonexistent", "--forceall")
    text = done.stdout + done.stderr
    assert done.returncode == 1 and "Traceback" not in text
    assert "Is conda installed and accessible?" in text
    assert files_below(tree / "results") == before


def test_an_environment_that_boxes_cannot_show(tmp_path):
    with tempfile.TemporaryDirectory(dir="/tmp") as prefix:
        options = ["--programs", tmp_path / "none.jsonl", "--output", tmp_path / "out.jsonl"]
        (tmp_path / "none.jsonl").write_text(
            '{"language": "lua", "code": "", "tests": [{"stdin": "", "stdout": ""}]}\n'
        )
        done = command(ROOT, "judge", *options, env=environment(CONDA_PREFIX=prefix))
    assert done.returncode == 2 and done.stderr.startswith(f"error: the conda environment {prefix} is below /tmp")
    assert "--conda-prefix" in done.stderr and not (tmp_path / "out.jsonl").exists()


def test_a_forgotten_package_is_missed(tree, standin):
    """A job sees its environment only, not the packages beside snakemake; mended, the old environment is used again."""
    programs, environments = files_below(tree / "results/programs"), prefixes(tree)
    with edited(tree, "data", "      - tokenizers==0.23.3\n", ""):
        done = run(tree, standin)
        assert done.returncode == 1 and len(prefixes(tree) - environments) == 1
        assert "No module named 'tokenizers'" in (tree / "logs/build_corpus.log").read_text()
    done = run(tree, standin)
    assert done.returncode == 0 and "Creating conda environment" not in done.stderr
    assert files_below(tree / "results/programs").keys() == programs.keys()
