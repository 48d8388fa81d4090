"""Bad input ends with a message of a line or two: file, key, remedy; no traceback, and nothing half-written.

In: wrong configs, altered or truncated files, missing tools, a machine without sandbox or disk space.
"""

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from workflow_run import ROOT, SMOKE, clone, command, environment, snakemake

from crosspl.io import read_rows, write_rows
from scripts.install_runtimes import configured

CONFIGS = [  # overlay, what the message must hold beside the overlay's name
    ("rl: {learning_rat: 1.0e-3}", ["rl.learning_rat", "unknown key", "learning_rate"]),
    ("rl: {nothing: }", ["rl.nothing", "unknown key"]),
    ("sedes: [1]", ["sedes", "unknown key", "seeds"]),
    ("rl: {learning_rate: 1e-4}", ["rl.learning_rate", "1e-4", "write 1.0e-4"]),
    ("base: {training: {learning_rate: 4e-3}}", ["base.training.learning_rate", "write 4.0e-3"]),
    ("languages: {unseen: [lua, klingon]}", ["languages.unseen", "klingon", "javascript", "languages/"]),
    ("languages: {source: [pyhton]}", ["languages.source", "pyhton", "python"]),
    ("languages: {unseen: [lua, python]}", ["languages.unseen", "'python'", "languages.source", "remove"]),
    ("languages: {unseen: [perl]}", ["languages.unseen", "'perl'", "languages.sft", "remove"]),
    ("seeds: []", ["seeds"]),
    ("seeds: [-1]", ["seeds", "-1"]),
    ("rl: {minibatches: 5}", ["rl.minibatches", "5"]),
    ("statistics: {treatment: paralel}", ["statistics.treatment", "mixtures.names"]),
    ("statistics: {reading: best}", ["statistics.reading", "greedy", "sampled"]),
    ("mixtures: {names: [parallel, dose]}", ["mixtures.names", "dose", "same_programs"]),
    ("problems: {source: nowhere}", ["problems.source", "nowhere", "microworld"]),
]


def message(done, *parts, status=2):
    """Assert that a finished process failed with one short `error:` message that holds all `parts`; return it."""
    text = done.stdout + done.stderr
    assert done.returncode == status, text
    assert "Traceback" not in text and 'File "' not in text, text
    lines = text.strip().splitlines()
    places = [number for number, line in enumerate(lines) if line.startswith("error: ")]
    assert len(places) == 1 and len(lines) - places[0] <= 2, text
    said = "\n".join(lines[places[0] :])
    for part in parts:
        assert part in said, f"{part!r} is not in: {said}"
    return said


@pytest.fixture(scope="module")
def tree(smoke_tree, tmp_path_factory):
    """A copy of the finished tree that every test leaves as it was."""
    return clone(smoke_tree, tmp_path_factory.mktemp("bad") / "tree")


@pytest.mark.parametrize("overlay, parts", CONFIGS, ids=[overlay for overlay, _ in CONFIGS])
def test_wrong_config(tree, overlay, parts):
    (tree / "overlay.yaml").write_text(overlay)
    print(message(snakemake(tree, "--dry-run", configs=(SMOKE, "overlay.yaml")), "overlay.yaml", *parts))


def test_wrong_config_file_itself(tree):
    text = (tree / "config.yaml").read_text()
    (tree / "config.yaml").write_text(text.replace("\nlora: {r: 16,", "\nlora: {rank: 16,"))
    try:
        message(snakemake(tree, "--dry-run"), "config.yaml", "lora.rank", "unknown key")
    finally:
        (tree / "config.yaml").write_text(text)


TABLE_SHOWN = ["show_table", "results/transfer_table.csv", "--config", "config.yaml"]
READERS = [["install_runtimes", "--config", "config.yaml"], ["estimate_cost", "config.yaml"], TABLE_SHOWN,
           ["explain", "all", "--configfile"]]  # fmt: skip
FILES = {  # content, what the message must hold beside the file's name
    "languages:": ["languages"],
    "languages: {unseen: }": ["languages.unseen"],
    "rl: {samples: 1\nmark: x": [", line 2", "not YAML"],
    "mark: \0": ["not YAML"],
    "- mark": ["no settings", "NAME: VALUE"],
    "mark": ["no settings"],
}


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader[0])
def test_config_files_that_are_none(tree, reader):
    """As `make` hands them over; Snakemake itself says what it finds wrong with them."""
    message(command(tree, *reader, "typo.yaml"), "typo.yaml: no such file")
    for content, parts in FILES.items():
        (tree / "overlay.yaml").write_text(content)
        message(command(tree, *reader, "overlay.yaml"), "overlay.yaml", *parts)


def test_runtimes_of_every_role_and_of_single_mixtures(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    (tmp_path / "overlay.yaml").write_text(
        "{languages: {unseen: [php]}, mixtures: {variants: {wide: {rule: parallel, languages: [python, go]}}}}"
    )
    assert configured(["config.yaml", tmp_path / "overlay.yaml"]) == ["python", "perl", "ruby", "php", "go"]


def mixture_options(tree, problems, output):
    languages = ["python", "perl", "ruby"]
    programs = [tree / f"results/programs/{language}.jsonl.gz" for language in languages]
    recipe = {"rule": "parallel", "languages": languages, "source": "python", "problems": 12, "width": 3}
    return ["--problems", problems, "--programs", *programs, "--tokenizer", tree / "results/base/tokenizer.json",
            "--mixture", "parallel", "--recipe", json.dumps(recipe), "--parallel", json.dumps(recipe), "--declared",
            "--steps", "8", "--batch", "8", "--output", output / "parallel.jsonl.gz"]  # fmt: skip


def audit_options(tree, output, training_set="sft/parallel", data=None):
    languages = ["python", "perl", "ruby"]
    data = data or tree / "results/sft_data/parallel.jsonl.gz"
    return ["--problems", tree / "results/problems.jsonl.gz", "--training-set", training_set, "--data", data,
            "--programs", *(tree / f"results/programs/{language}.jsonl.gz" for language in languages),
            *(["--languages", *languages] if training_set != "pretraining" else []),
            "--exclusion", output / "exclusion.csv", "--contamination", output / "contamination.csv"]  # fmt: skip


@pytest.fixture
def output(tmp_path):
    """An empty folder for what a command writes; it must be empty again after a failure."""
    (tmp_path / "output").mkdir()
    return tmp_path / "output"


def is_empty(folder):
    return not any(path.is_file() for path in folder.rglob("*"))


def test_audit_passes_what_the_workflow_made(tree, output):
    done = command(tree, "audit", *audit_options(tree, output))
    assert done.returncode == 0 and not is_empty(output), done.stderr


def test_family_in_two_splits(tree, tmp_path, output):
    rows = read_rows(tree / "results/problems.jsonl.gz")
    held_out = next(row for row in rows if row["split"] == "eval")
    next(row for row in rows if row["split"] == "sft")["family"] = held_out["family"]
    write_rows(tmp_path / "problems.jsonl.gz", rows)
    done = command(tree, "build_mixture", *mixture_options(tree, tmp_path / "problems.jsonl.gz", output))
    message(done, f"{tmp_path}/problems.jsonl.gz, row", held_out["family"], "sft", "eval", "one split")
    assert is_empty(output)


@pytest.mark.parametrize("field, word", [("family", "1 families"), ("statement", "1 statements")])
def test_eval_problem_in_the_pretraining_corpus(tree, tmp_path, output, field, word):
    rows = read_rows(tree / "results/base/corpus.jsonl.gz")
    held_out = next(row for row in read_rows(tree / "results/problems.jsonl.gz") if row["split"] == "eval")
    rows[0][field] = held_out[field]
    write_rows(tmp_path / "corpus.jsonl.gz", rows)
    done = command(tree, "audit", *audit_options(tree, output, "pretraining", tmp_path / "corpus.jsonl.gz"))
    message(done, "pretraining", word, "eval split")
    assert is_empty(output)


def test_eval_program_in_a_mixture(tree, tmp_path, output):
    rows = read_rows(tree / "results/sft_data/parallel.jsonl.gz")
    held_out = {row["id"] for row in read_rows(tree / "results/problems.jsonl.gz") if row["split"] == "eval"}
    programs = read_rows(tree / "results/programs/perl.jsonl.gz")
    rows[0]["completion"] = next(row["code"] for row in programs if row["problem"] in held_out)
    write_rows(tmp_path / "parallel.jsonl.gz", rows)
    done = command(tree, "audit", *audit_options(tree, output, data=tmp_path / "parallel.jsonl.gz"))
    message(done, "sft/parallel", "1 programs", "eval split")
    assert is_empty(output)


def test_unseen_language_in_a_mixture(tree, tmp_path, output):
    rows = read_rows(tree / "results/sft_data/parallel.jsonl.gz")
    rows[0]["language"] = "lua"
    write_rows(tmp_path / "parallel.jsonl.gz", rows)
    done = command(tree, "audit", *audit_options(tree, output, data=tmp_path / "parallel.jsonl.gz"))
    message(done, "sft/parallel", "1 examples in lua")
    assert is_empty(output)


def program_options(tree, problems, output):
    settings = json.dumps({"pool": 12, "cases": 3, "seed": 1})
    return ["--source", "microworld", "--settings", settings, "--problems", problems, "--language", "lua",
            "--cache", "", "--output", output / "lua.jsonl.gz", "--stages", output / "lua.csv"]  # fmt: skip


def sample_options(tree, problems, output):
    settings = {"split": "eval", "seed": 0, "samples": 1, "temperature": 1.0, "max_tokens": 4, "batch": 16}
    return ["--base", tree / "results/base", "--problems", problems, "--languages", "python",
            "--settings", json.dumps(settings), "--output", output / "base.jsonl.gz"]  # fmt: skip


@pytest.mark.parametrize(
    "script, options",
    [("sample", sample_options), ("build_programs", program_options), ("build_mixture", mixture_options)],
    ids=["sample", "build_programs", "build_mixture"],
)
def test_truncated_problems(tree, tmp_path, output, script, options):
    data = (tree / "results/problems.jsonl.gz").read_bytes()
    problems = tmp_path / "problems.jsonl.gz"
    problems.write_bytes(data[: len(data) // 2])
    done = command(tree, script, *options(tree, problems, output))
    message(done, str(problems), "truncated", "Delete the file and run again")
    assert is_empty(output)


def test_malformed_problems(tree, tmp_path, output):
    """A row that is not JSON, and a row without a field, are named by number."""
    text = gzip.decompress((tree / "results/problems.jsonl.gz").read_bytes()).decode().splitlines()
    problems = tmp_path / "problems.jsonl"
    problems.write_text("\n".join([text[0], "{", *text[2:]]))
    message(command(tree, "build_programs", *program_options(tree, problems, output)), "problems.jsonl, line 2", "JSON")
    row = json.loads(text[1])
    del row["tests"]
    problems.write_text("\n".join([text[0], json.dumps(row), *text[2:]]))
    done = command(tree, "build_programs", *program_options(tree, problems, output))
    message(done, "problems.jsonl, row 2", "field tests is missing")
    assert is_empty(output)


def test_missing_interpreter(tree, tmp_path, output):
    """The language's command does not exist: the package is named, nothing is skipped."""
    shutil.copytree(tree / "languages", tmp_path / "languages")
    path = tmp_path / "languages/lua.yaml"
    path.write_text(path.read_text().replace("run: [lua5.4,", "run: [lua9.9,"))
    options = program_options(tree, tree / "results/problems.jsonl.gz", output)
    done = command(tmp_path, "build_programs", *options, env=environment(PYTHONPATH=str(tree)))
    message(done, "language lua", "lua9.9", "apt-get install lua5.4", "conda install")
    assert is_empty(output)


def run_without_namespaces(argv, folder):
    """Run `argv` where no user namespace can be made, by the kernel's own limit in a new user namespace.

    As root the namespace maps all uids, since the judge drops to one of them; otherwise it maps the user alone.
    """
    forbid = ["sh", "-c", 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', "sh", *map(str, argv)]
    wait = ["sh", "-c", 'echo ready && read line && exec "$@"', "sh"] if os.geteuid() == 0 else []
    how = ["unshare", "--user"] if wait else ["unshare", "--user", "--map-current-user", "--keep-caps"]
    process = subprocess.Popen(
        [*how, *wait, *forbid], cwd=folder, env=environment(), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    if wait and process.stdout.readline() == "ready\n":
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{process.pid}/{name}").write_text("0 0 65536\n")
    out, err = process.communicate("go\n", timeout=120)
    return subprocess.CompletedProcess(argv, process.returncode, out, err)


def test_no_user_namespaces(tree, output, monkeypatch):
    monkeypatch.setenv("CROSSPL_JUDGE_TIERS", "bwrap,bwrap-noproc")  # where Linux has no Landlock either
    if run_without_namespaces(["true"], tree).returncode:
        pytest.skip("this machine does not let the test limit user namespaces")
    options = program_options(tree, tree / "results/problems.jsonl.gz", output)
    done = run_without_namespaces([sys.executable, "-m", "scripts.build_programs", *options], tree)
    said = message(done, "bubblewrap", "sysctl user.max_user_namespaces", "run on a machine with", status=3)
    assert "namespace" in said.split("apt-get")[0].lower(), said
    assert is_empty(output)
