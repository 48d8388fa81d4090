"""Style and structure: formatters and linters are clean, functions and files are short, layers do not mix.

Also: every setting of config.yaml is read somewhere, and code that decides no weights reruns no training.
"""

import ast
import re
import subprocess

import pytest
import yaml
from workflow_run import ROOT, environment, snakemake

from crosspl.languages import known_languages
from crosspl.provenance import code

SOURCES = sorted(path for folder in ("crosspl", "scripts", "tests") for path in ROOT.glob(f"{folder}/**/*.py"))
RULES = [ROOT / "Snakefile", *sorted(ROOT.glob("rules/*.smk"))]
LONGEST_FUNCTION, LONGEST_FILE, LONGEST_TEST = 80, 300, 320
HEAVY = {"torch", "transformers", "trl", "peft"}
LIGHT_SCRIPTS = (
    "build_problems", "build_programs", "build_mixture", "matching", "audit", "audit_content", "find_same_problems",
    "round_trip", "parallel_matrix", "judge",
    "judge_completions", "score", "transfer_table", "show_table", "transfer_matrix", "alignment_summary",
    "alignment_transfer", "ablation_table", "calibrate", "power", "figures", "report", "cost", "concatenate",
    "export", "oorl_tables",
)  # fmt: skip
FORBIDDEN = [  # script, modules whose edit must not run it again
    ("train_base", ("rl", "rewards", "sampling", "judge", "mixtures", "statistics", "transfer_table", "languages")),
    ("train_sft", ("rl", "rewards", "sampling", "judge", "mixtures", "statistics", "transfer_table", "languages")),
    ("train_rl", ("sampling", "mixtures", "statistics", "passk", "transfer_table", "audits")),
    ("sample", ("training", "rl", "rewards", "judge", "mixtures", "statistics", "transfer_table")),
    ("score", ("models", "judge", "transfer_table")),
    ("transfer_table", ("models", "judge", "mixtures", "alignment")),
    ("align", ("training", "sampling", "judge", "mixtures", "transfer_table")),
    ("sample_ablated", ("training", "judge", "mixtures", "statistics", "alignment", "similarity")),
    ("calibrate", ("judge", "models", "transfer_table")),
    ("build_problems", ("judge", "mixtures", "models")),
]
WHOLE_BLOCKS = (
    "base.model",
    "lora",
    "programs",
)  # LlamaConfig's of transformers, LoraConfig's of peft, building.Choice


@pytest.mark.parametrize(
    "argv", [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("snakefmt", "--check", "Snakefile", "rules")],
    ids=" ".join,
)  # fmt: skip
def test_formatters_and_linters(argv):
    done = subprocess.run(argv, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_snakemake_lint(repository):
    done = snakemake(repository, "--lint")
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_say_where_they_log_and_what_they_need():
    for path in RULES[1:]:
        for rule in re.split(r"^rule ", path.read_text(), flags=re.MULTILINE)[1:]:
            for directive in ("log:", "conda:", "threads:", "mem_mb=", "runtime=") if "shell:" in rule else ():
                assert directive in rule, f"{path.name}: rule {rule.split(':')[0]} has no {directive}"
        assert not re.search(r"^\s*(def|script:|run:)\b", path.read_text(), re.MULTILINE), path


def test_functions_and_files_are_short():
    for path in [*SOURCES, *RULES]:
        longest = LONGEST_TEST if "tests" in path.parts else LONGEST_FILE
        assert len(path.read_text().splitlines()) <= longest, path
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                length = node.end_lineno - node.lineno + 1
                assert length <= LONGEST_FUNCTION, f"{path}:{node.lineno}: {node.name} has {length} lines"


def test_modules_say_what_comes_in_and_out():
    for path in SOURCES:
        assert ast.get_docstring(ast.parse(path.read_text())), f"{path}: no docstring"


@pytest.fixture
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)  # provenance is about paths below the working directory


def imported(path):
    """Return the top-level packages that the Python file at `path` imports, also inside functions."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("script", LIGHT_SCRIPTS)
def test_light_commands_import_nothing_heavy(at_root, script):
    for path in code(f"scripts/{script}.py"):
        if path.endswith(".py"):
            assert not imported(path) & HEAVY, f"{script} imports {path}, which imports {imported(path) & HEAVY}"


def test_the_snakefile_imports_nothing_heavy(at_root):
    for path in code("crosspl/workflow.py", "crosspl/errors.py"):
        assert not imported(path) & HEAVY, path


@pytest.mark.parametrize("script, modules", FORBIDDEN, ids=[script for script, _ in FORBIDDEN])
def test_what_a_script_must_not_depend_on(at_root, script, modules):
    files = code(f"scripts/{script}.py")
    assert f"scripts/{script}.py" in files and "crosspl/io.py" in files
    for module in modules:
        assert (ROOT / "crosspl" / module).is_dir() or (ROOT / f"crosspl/{module}.py").exists(), module
        found = [path for path in files if path == f"crosspl/{module}.py" or path.startswith(f"crosspl/{module}/")]
        assert not found, f"an edit of {found} would run {script} again"


def leaves(value, path=()):
    """Yield the paths of all settings; keys that are data (languages, numbers) belong to their block."""
    named = isinstance(value, dict) and not any(key.isdigit() or key in known_languages() for key in value)
    if not named:
        yield path
        return
    for key, part in value.items():
        yield from leaves(part, (*path, key))


def names_read():
    """Return every text that code or rules may look a setting up by: `["name"]`, `"name"`, attributes, arguments."""
    names = set()
    for path in SOURCES:
        if path.parts[len(ROOT.parts)] == "tests":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                names.add(node.value)
    for path in RULES:
        names |= set(re.findall(r'"(\w+)"', path.read_text()))
    return names


def test_every_setting_is_read(at_root):
    config, names = yaml.safe_load((ROOT / "config.yaml").read_text()), names_read()
    found = list(leaves(config))
    assert len(found) > 40
    for path in found:
        if not ".".join(path).startswith(WHOLE_BLOCKS):
            assert path[-1] in names, f"config.yaml: {'.'.join(path)} is read nowhere"
