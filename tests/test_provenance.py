"""The import closure holds exactly what a command uses, and resumable state moves when, and only when, that changes."""

import subprocess
import sys
from pathlib import Path

import pytest

from crosspl.provenance import code, digest, imported_files, state_folder

ROOT = Path(__file__).parent.parent
LIGHT = ["audit", "audit_content", "find_same_problems", "build_corpus", "build_mixture", "matching", "build_problems",
         "build_programs", "judge",
         "judge_completions", "parallel_matrix", "score", "transfer_table", "transfer_matrix", "alignment_transfer",
         "alignment_summary", "ablation_table", "calibrate", "figures", "report"]  # fmt: skip
FILES = {
    "scripts/__init__.py": "",
    "scripts/run.py": "import json\nfrom crosspl import first\n\ndef main():\n    from crosspl.late import thing\n",
    "crosspl/__init__.py": "",
    "crosspl/first.py": "import crosspl.second as s\n",
    "crosspl/second.py": "from crosspl.package import inner\nif False:\n    import crosspl.branch\n",
    "crosspl/late.py": "thing = 1\n",
    "crosspl/branch.py": "import crosspl.first\n",  # a circle
    "crosspl/package/__init__.py": "from crosspl.package.init_only import x\n",
    "crosspl/package/inner.py": "",
    "crosspl/package/init_only.py": "x = 1\n",
    "crosspl/package/supervisor.c": "int main(void) {}\n",
    "crosspl/unrelated.py": "import crosspl.late\n",
    "crosspl/other/__init__.py": "",
    "crosspl/other/data.json": "{}",
    "input.txt": "rows",
}
USED = {
    "scripts/__init__.py", "scripts/run.py", "crosspl/__init__.py", "crosspl/first.py", "crosspl/second.py",
    "crosspl/late.py", "crosspl/branch.py", "crosspl/package/__init__.py", "crosspl/package/inner.py",
    "crosspl/package/init_only.py", "crosspl/package/supervisor.c",
}  # fmt: skip


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project in the working directory."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    code.cache_clear()
    yield tmp_path
    code.cache_clear()


@pytest.fixture
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)
    code.cache_clear()


def test_closure(project):
    """Function-local, conditional, transitive and circular imports, packages' own modules and their data."""
    assert set(code("scripts/run.py")) - {"scripts/__init__.py"} == USED - {"scripts/__init__.py"}
    assert code("scripts/run.py") == sorted(code("scripts/run.py"))
    assert set(code("crosspl/unrelated.py")) == {"crosspl/unrelated.py", "crosspl/__init__.py", "crosspl/late.py"}


def test_relative_imports_are_refused(project):
    for number, text in enumerate(["from . import first", "x = 1\n\nfrom .first import s", "from .. import crosspl"]):
        path = project / f"crosspl/relative{number}.py"
        path.write_text(text)
        with pytest.raises(ValueError, match=rf"relative{number}\.py, line \d: relative imports"):
            imported_files(path)


def folder(*settings):
    code.cache_clear()
    return state_folder("sft", "scripts/run.py", ["input.txt"], *(settings or ({"lr": 0.1}, 0)))


@pytest.mark.parametrize("name", [*sorted(USED - {"scripts/__init__.py"}), "input.txt"])
def test_editing_what_is_used_moves_the_state(project, name):
    before = folder()
    with (project / name).open("a") as stream:
        stream.write("\n")
    assert folder() != before


@pytest.mark.parametrize("name", ["crosspl/unrelated.py", "crosspl/other/data.json", "crosspl/other/__init__.py"])
def test_editing_what_is_not_used_does_not(project, name):
    before = folder()
    (project / name).write_text("# edited\n")
    (project / "new.txt").write_text("x")
    (project / "scripts/run.py").touch()
    assert folder() == before == Path("work/sft") / before.name


def test_settings_move_the_state(project):
    names = [folder({"lr": 0.1}, 0), folder({"lr": 0.1}, 1), folder({"lr": 0.2}, 0), folder({"lr": 0.1}, "0"),
             folder({"lr": 0.1, "more": None}, 0), folder([{"lr": 0.1}, 0])]  # fmt: skip
    assert len(set(names)) == len(names)
    assert folder({"a": 1, "b": 2}, 0) == folder({"b": 2, "a": 1}, 0)


def test_digest_of_a_file_is_of_its_bytes(project):
    (project / "copy.txt").write_text("rows")
    assert digest(Path("copy.txt")) == digest(Path("input.txt")) != digest("input.txt")


@pytest.mark.parametrize(
    "script", ["judge", "build_programs", "judge_completions", "train_rl", "find_same_problems", "audit_content"]
)
def test_the_supervisor_is_part_of_every_command_that_judges(at_root, script):
    files = code(f"scripts/{script}.py")
    assert {"crosspl/judge/supervisor.c", "crosspl/judge/seccomp_x86_64.bpf", "crosspl/judge/launcher.py"} <= set(files)


@pytest.mark.parametrize("script", ["build_problems", "build_mixture", "audit", "train_sft", "sample", "score"])
def test_the_judge_is_no_part_of_the_others(at_root, script):
    assert not [path for path in code(f"scripts/{script}.py") if path.startswith("crosspl/judge/")]


@pytest.mark.parametrize("script", LIGHT)
def test_closure_holds_every_module_that_is_really_loaded(at_root, script):
    program = (
        f"import sys, os, scripts.{script}\n"
        "for name, module in sorted(sys.modules.items()):\n"
        "    if name.split('.')[0] in ('crosspl', 'scripts') and os.path.getsize(module.__file__):\n"
        "        print(os.path.relpath(module.__file__))\n"
    )
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    assert f"scripts/{script}.py" in loaded
    assert set(loaded) - {"scripts/__init__.py"} <= set(code(f"scripts/{script}.py"))
