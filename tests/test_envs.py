"""envs/*.yaml hold exactly what the scripts of their rules need, in the versions of the lock that is installed here.

In: rules/*.smk, the scripts' import closures, envs/, requirements.lock. What is solved and installed from these files:
test_conda.py. The closures are compiled anew from the index's metadata (skipped where no index is reached).
"""

import ast
import functools
import importlib.metadata
import re
import sys
from pathlib import Path

import pytest
import yaml
from rattler import MatchSpec
from rattler.exceptions import InvalidMatchSpecError
from workflow_run import ROOT

from crosspl.errors import UserError
from crosspl.exports import FORMATS as EXPORTS
from crosspl.importers import FORMATS
from crosspl.languages import known_languages, load_language
from crosspl.problems import SOURCES, source_file
from crosspl.provenance import code
from crosspl.workflow import read_config
from scripts.lock_environments import GPU, NEEDED, compile_pins, gpu_lock, name_of, pip_lines, with_needed

ENVS = sorted(path.stem for path in ROOT.glob("envs/*.yaml"))
CHANNELS = ["conda-forge", "nodefaults"]
EXACT = re.compile(r"[a-z0-9][a-z0-9_.-]*==\d[a-z0-9.]*")
DEVELOPMENT = {"pyseccomp"}  # imported only to make the shipped system-call filters anew
ENGINES = {"vllm"}  # imported only where it is asked for; envs/gpu/vllm.lock has it
SANDBOX = {"bubblewrap", "gcc"}
GPU_ONLY = re.compile(r"bitsandbytes|triton|cuda-.*|nvidia-.*")
OF_VLLM = {
    "transformers",
    "numpy",
}  # packages of crosspl that vllm holds at other versions; docs/environments.md says why


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)  # provenance is about paths below the working directory


def parse(text):
    """Return (conda specs, pip pins) of a conda environment; ValueError for anything that is not strict and exact."""
    content = yaml.safe_load(text)
    unknown = set(content) - {"name", "channels", "dependencies"}
    if unknown or content["channels"] != CHANNELS:
        raise ValueError(f"keys {unknown}, channels {content['channels']}")
    *specs, last = content["dependencies"]
    if not isinstance(last, dict) or list(last) != ["pip"] or not all(isinstance(spec, str) for spec in specs):
        raise ValueError("dependencies are conda specs and, last, one pip list")
    for pin in [*specs, *last["pip"]]:
        if not EXACT.fullmatch(pin):
            raise ValueError(f"{pin}: not name==version")
    for spec in specs:
        MatchSpec(spec, strict=True)
    for names in (specs, last["pip"]):
        if len({name_of(pin) for pin in names}) < len(names):
            raise ValueError("a package is named twice")
    return [dict(pin.split("==") for pin in pins) for pins in (specs, last["pip"])]


def environment(name):
    return parse(Path(f"envs/{name}.yaml").read_text())


def pins(path):
    """Return {normal name: version} of a lock."""
    lines = [line for line in Path(path).read_text().splitlines() if line and not line.startswith("#")]
    return {name_of(line): line.split("#")[0].split("==")[1].strip() for line in lines}


def rules():
    """Return {rule: (environment or None, scripts)} of all rules that run something."""
    found = {}
    for path in ROOT.glob("rules/*.smk"):
        for text in re.split(r"^(?:rule|checkpoint) ", path.read_text(), flags=re.MULTILINE)[1:]:
            if re.search(r"^    (shell|run|script|notebook|wrapper):", text, re.MULTILINE):
                conda = re.search(r'^    conda:\n        "\.\./envs/(\w+)\.yaml"', text, re.MULTILINE)
                found[text.split(":")[0]] = conda and conda[1], re.findall(r"-m scripts\.(\w+)", text)
    return found


def closure(script):
    """Return all files that a script needs, with every problem source and format that may be chosen."""
    text, chosen = Path(f"scripts/{script}.py").read_text(), []
    if "load_source" in text:
        chosen += [source_file(name) for name in SOURCES]
    if "load_importer" in text:
        chosen += [f"crosspl/importers/{name}.py" for name in FORMATS]
    if "load_exporter" in text:
        chosen += [f"crosspl/exports/{name}.py" for name in EXPORTS]
    return code(f"scripts/{script}.py", *chosen)


@functools.cache
def imported(script):
    """Return the third-party distributions that a script's files import, in normal form."""
    names = set()
    for path in closure(script):
        for node in ast.walk(ast.parse(Path(path).read_text())) if path.endswith(".py") else ():
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module.split(".")[0])
    third = names - set(sys.stdlib_module_names) - {"crosspl", "scripts"} - DEVELOPMENT - ENGINES
    return {name_of(owner) for name in third for owner in owners()[name]}


@functools.cache
def owners():
    """Return {importable name: distributions}; reading all of them takes a second."""
    return importlib.metadata.packages_distributions()


def judges(script):
    return "crosspl/judge/launcher.py" in closure(script)


def used_by(name):
    """Return the scripts that run in an environment."""
    return {script for env, scripts in rules().values() for script in scripts if env == name}


GOOD = "channels: [conda-forge, nodefaults]\ndependencies: [python==3.11.15, pip==26.0.1, {pip: [pyyaml==6.0.3]}]\n"
BAD = [("nodefaults", "defaults"), ("conda-forge, nodefaults", "nodefaults, conda-forge"), ("channels", "channel"),
       ("python==3.11.15", "python"), ("python==3.11.15", "python=3.11"), ("python==3.11.15", "pyth on==3"),
       ("python==3.11.15", "python>=3.11"), ("pyyaml==6.0.3", "pyyaml"), ("pyyaml==6.0.3", "pyyaml==6.*"),
       ("pyyaml==6.0.3", "pyyaml==6.0.3, pyyaml==6.0.2"), ("pip==26.0.1", "{pip: [ruff==0.17.5]}"),
       ("dependencies", "prefix: /opt\ndependencies")]  # fmt: skip


def test_the_check_itself():
    assert parse(GOOD) == [{"python": "3.11.15", "pip": "26.0.1"}, {"pyyaml": "6.0.3"}]
    for old, new in BAD:
        with pytest.raises((ValueError, KeyError, InvalidMatchSpecError)):
            parse(GOOD.replace(old, new))


@pytest.mark.parametrize("name", ENVS)
def test_form_and_pins(name):
    specs, packages = environment(name)
    assert {"python", "pip"} <= set(specs)
    assert specs["python"].startswith("3.11."), "the locks are for Python 3.11"
    cpu, gpu = pins("requirements.lock"), pins("envs/gpu/train.lock")
    for package, version in packages.items():
        assert version == cpu.get(package, gpu.get(package)), package
        assert package in cpu or name in ("train", "sample"), f"{package} is not what the tests run with"


def test_environments_agree_with_each_other():
    versions = {}
    for name in ENVS:
        for kind in environment(name):
            for package, version in kind.items():
                assert versions.setdefault(package, version) == version, f"{name}: {package}"


def test_the_lock_is_what_is_installed():
    for package, version in pins("requirements.lock").items():
        assert importlib.metadata.version(package).split("+")[0] == version, package


def test_every_rule_names_an_environment_and_every_environment_is_used():
    found = rules()
    assert len(found) > 25
    assert {env for env, _ in found.values()} == set(ENVS)
    assert all(scripts for _, scripts in found.values())
    targets = re.findall(r"^rule (\w+):", (ROOT / "Snakefile").read_text(), re.MULTILINE)
    assert targets == ["all"]


@pytest.mark.parametrize("name", ENVS)
def test_an_environment_names_what_its_scripts_import_and_nothing_else(name):
    text = Path(f"envs/{name}.yaml").read_text()
    named = {name_of(line) for line in pip_lines(text.partition(NEEDED)[0])}
    needed = {script: imported(script) for script in used_by(name)}
    for script, packages in needed.items():
        assert packages <= named, f"{script} imports {packages - named}"
    assert named == set().union(*needed.values())


def test_environments_that_judge_have_the_sandbox_and_the_runtimes():
    """The same ones everywhere, or a reward and a verdict could differ; none where nothing is judged."""
    languages = {
        name for files in (["config.yaml"], ["config.yaml", "configs/sweeps.yaml"]) for name in named_in(files)
    }
    packages = {name_of(p.split("=")[0]) for key in languages for p in load_language(key)["packages"]["conda"]}
    assert {"perl", "ruby", "lua", "php", "nodejs"} <= packages
    judging = {name for name in ENVS if any(judges(script) for script in used_by(name))}
    assert judging == {"judge", "train"}
    for name in ENVS:
        runtimes = set(environment(name)[0]) - {"python", "pip"}
        assert runtimes == (packages | SANDBOX if name in judging else set()), name
    scripts = [Path(f"envs/{name}.post-deploy.sh").read_text() for name in sorted(judging)]
    assert len(set(scripts)) == 1 and load_language("lua")["run"][0] in scripts[0]


def test_conda_packages_of_the_languages_can_be_asked_for():
    for key in known_languages():
        for spec in load_language(key)["packages"]["conda"]:
            assert MatchSpec(spec, strict=True).name, f"languages/{key}.yaml: {spec}"


def named_in(files):
    """Return all languages that a config names."""
    config = read_config(files)
    variants = [variant.get("languages", []) for variant in config["mixtures"]["variants"].values()]
    return {key for keys in [*config["languages"].values(), *variants] for key in keys}


def test_gpu_locks_agree_with_the_lock_that_the_tests_run_with():
    cpu, train, vllm = pins("requirements.lock"), pins("envs/gpu/train.lock"), pins("envs/gpu/vllm.lock")
    for package in cpu.keys() & train.keys():
        assert train[package] == cpu[package], package
    assert all(GPU_ONLY.fullmatch(package) for package in train.keys() - cpu.keys())
    assert {"torch", "bitsandbytes", "triton", "nvidia-cuda-runtime"} <= train.keys()
    wanted = pins("envs/gpu/train.in").keys()
    assert wanted == pins("envs/gpu/vllm.in").keys() - {"vllm"}
    assert {package for package in wanted if train[package] != vllm[package]} == OF_VLLM
    for name in GPU:
        assert all(pins(f"envs/gpu/{name}.lock")[p] == v for p, v in pins(f"envs/gpu/{name}.in").items())
    assert pins("requirements-plugins.lock")["bitsandbytes"] == train["bitsandbytes"]
    assert "bitsandbytes" not in cpu, "peft would import it in every command that has a model"


def compiled(function, *args):
    """Return what uv compiles; skip the test where uv reaches no index."""
    try:
        return function(*args)
    except UserError as error:
        if "Failed to fetch" in str(error) or "uv is not there" in str(error):
            pytest.skip(f"needs uv and a package index: {str(error)[:200]}")
        raise


@pytest.mark.parametrize("name", ENVS)
def test_closure_is_complete(name):
    text = Path(f"envs/{name}.yaml").read_text()
    assert compiled(with_needed, text) == text, "run: make lock"


@pytest.mark.parametrize("name", GPU)
def test_gpu_lock_is_what_its_pins_give(name):
    text = Path(f"envs/gpu/{name}.lock").read_text()
    assert compiled(gpu_lock, name, text) == text, "run: make lock"


CONFLICTS = [  # pins that do not go together, what uv says of it
    ("vllm==0.31.0\ntransformers==5.23.0", "transformers>=5.10.4,<5.18"),
    ("vllm==0.31.0\nnumpy==2.4.6", "mistral-common"),
    ("vllm==0.32.0\ntrl[vllm]==1.16.0", "vllm>=0.22.0,<=0.31.0"),
    ("vllm==0.33.0\ntorch==2.13.0", "torch==2.14.0"),
]  # fmt: skip


@pytest.mark.parametrize("requirements, said", CONFLICTS, ids=[pins.replace("\n", " ") for pins, _ in CONFLICTS])
def test_why_the_gpu_pins_are_these(requirements, said):
    with pytest.raises(UserError) as caught:
        compiled(compile_pins, requirements, "2_31", [])
    assert said in str(caught.value)
