"""Every command of a workflow leaves a record of what it read, wrote, ran and used; by hand it leaves nothing."""

import ast
import csv
import json
import os
import shutil
import subprocess
import sys
import time

import pytest
from workflow_run import ROOT, clone, command, copy_repository, environment, snakemake

from crosspl.manifest import cost_of, read_records

RECORDS = "results/provenance"
VERDICTS = "results/verdicts/base.jsonl.gz"
PATIENCE_S = 120
AGAIN = ["--output", "results/again.jsonl.gz", "--left-out", "results/again_left_out.csv"]  # of build_problems
UNREAD = {  # rule: parts of inputs that it declares so that they are made first, or for others that share its list
    "transfer_table": ("audit/", "pass_at_1/", "sft_data/matching.csv"),
    "other_reading": ("audit/", "sft_data/matching.csv"),
    "train_sft": ("audit/", "base/manifest.json"),
    "train_rl": ("audit/", "base/manifest.json"),
    "sample": ("base/manifest.json",),
    "sample_ablated": ("base/manifest.json",),
    "round_trip": ("languages/",),  # programs whose answer says them as they are have their verdict
    "judge_completions": ("audit/round_trip/",),
    "align": ("base/manifest.json", "base/model.safetensors"),  # `untrained` needs no weights
    "report": ("report/", "parallel_matrix.csv"),
    "cost": ("results/",),  # what it counts, by the records
}


@pytest.fixture(scope="module")
def tree(smoke_tree, tmp_path_factory):
    """A copy of the finished smoke run."""
    return clone(smoke_tree, tmp_path_factory.mktemp("record") / "tree")


def record_of(tree, path):
    """Return the record of the command that made `path` first."""
    return json.loads((tree / RECORDS / f"{path.removeprefix('results/')}.json").read_text())


def judging(tree):
    """Return the argv of the smoke run's judging of the base model, with no verdict known."""
    return [sys.executable, "-m", "scripts.judge_completions", *record_of(tree, VERDICTS)["argv"], "--cache", ""]


def recording(**more):
    return environment(CROSSPL_RECORDS=RECORDS, **more)


def wait_for(happens):
    deadline = time.monotonic() + PATIENCE_S
    while not (found := happens()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def test_records_agree_with_the_rules(tree, monkeypatch):
    """What commands read, wrote and ran is what the rules declare: a forgotten input would show here."""
    monkeypatch.chdir(tree)
    listed = snakemake(tree, "results/report.html", "--detailed-summary")
    assert listed.returncode == 0, listed.stderr
    records = {path: record for record in read_records("results").values() for path in record["outputs"]}
    csv.field_size_limit(1 << 30)
    rows = {row["output_file"]: row for row in csv.DictReader(listed.stdout.splitlines(), delimiter="\t")}
    assert len(rows) > 150
    for path, row in rows.items():
        record = records[path]
        declared = set(filter(None, row["input-file(s)"].split(",")))
        code = {name for name in declared if name.startswith(("crosspl/", "scripts/"))}
        assert set(record["code"]) == code, path
        together = {other for name in declared if name in records for other in records[name]["outputs"]}
        assert set(record["inputs"]) <= declared | together, path
        for name in declared - code - set(record["inputs"]):
            assert any(part in name for part in UNREAD.get(row["rule"], ())), f"{path} does not read {name}"


def test_a_record_says_where_when_and_with_what(tree):
    record = record_of(tree, VERDICTS)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tree, capture_output=True, text=True).stdout.strip()
    assert record["revision"] == {"commit": head, "changed": []}
    assert record["toolchains"]["lua"].startswith("Lua 5") and record["judge"]["sandbox"]
    assert record["versions"]["snakemake"] and record["versions"]["python"] == sys.version.split()[0]
    [attempt] = record["attempts"]
    assert attempt["machine"]["memory_mib"] > 500 and attempt["machine"]["cores"] == os.cpu_count()
    assert attempt["started"] < attempt["ended"] and attempt["programs_judged"] == 150
    assert record_of(tree, "results/completions/base.jsonl.gz")["attempts"][0]["generated_tokens"] > 100
    [trained] = record_of(tree, "results/base/model.safetensors")["attempts"]
    assert trained["trained_tokens"] > 10_000 and trained["gpu_s"] >= 0


def test_cpu_seconds_are_those_that_the_kernel_counts(tree):
    process = subprocess.Popen(judging(tree), cwd=tree, env=recording(), stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)  # boxes and their programs included
    process.returncode = status
    assert status == 0
    kernel = usage.ru_utime + usage.ru_stime
    [attempt] = record_of(tree, VERDICTS)["attempts"]
    assert attempt["programs_run"] > 10
    assert 0.9 * kernel < attempt["cpu_s"] <= kernel + 0.01


def test_killed_and_failed_attempts_are_part_of_the_cost(tree):
    argv = judging(tree)
    before = record_of(tree, VERDICTS)
    process = subprocess.Popen(argv, cwd=tree, env=recording(), stderr=subprocess.DEVNULL)
    attempts = tree / "work/attempts"
    wait_for(lambda: list(attempts.glob("*/[0-9]*.json")))
    process.kill()
    process.wait()
    completions = tree / "results/completions/base.jsonl.gz"
    whole = completions.read_bytes()
    try:
        completions.write_bytes(whole[:100])
        assert subprocess.run(argv, cwd=tree, env=recording(), stderr=subprocess.DEVNULL).returncode == 2
    finally:
        completions.write_bytes(whole)
    assert record_of(tree, VERDICTS)["attempts"] == before["attempts"]  # only success replaces a record
    subprocess.run(argv, cwd=tree, env=recording(), stderr=subprocess.DEVNULL, check=True)
    record = record_of(tree, VERDICTS)
    assert [attempt["status"] for attempt in record["attempts"]] == ["running", "exit 2", "done"]
    for name in ("wall_s", "cpu_s"):
        parts = [attempt[name] for attempt in record["attempts"]]
        assert min(parts) > 0 and cost_of(record)[name] == sum(parts)
    assert record["outputs"] == before["outputs"] and record["inputs"] == before["inputs"]
    assert not list(attempts.glob("*/[0-9]*.json"))
    subprocess.run(argv, cwd=tree, env=recording(), stderr=subprocess.DEVNULL, check=True)
    assert record_of(tree, VERDICTS)["attempts"][:-1] == record["attempts"]  # the same once more: what was spent on it


@pytest.fixture
def failed(tree):
    """The argv of a short command that has failed once, and the file that this attempt left."""
    made = record_of(tree, "results/parallel_matrix.csv")
    output = "results/matrix_of_a_test.csv"
    options = [output if word == "results/parallel_matrix.csv" else word for word in made["argv"]]
    problems = tree / "results/problems.jsonl.gz"
    whole = problems.read_bytes()
    try:
        problems.write_bytes(whole[:100])
        assert command(tree, "parallel_matrix", *options, env=recording()).returncode == 2
    finally:
        problems.write_bytes(whole)
    [attempt] = (tree / "work/attempts").glob("*/[0-9]*.json")
    yield [sys.executable, "-m", "scripts.parallel_matrix", *options], attempt
    for path in (tree / output, tree / RECORDS / "matrix_of_a_test.csv.json"):
        path.unlink(missing_ok=True)
    shutil.rmtree(attempt.parent, ignore_errors=True)


def statuses(tree):
    return [attempt["status"] for attempt in record_of(tree, "results/matrix_of_a_test.csv")["attempts"]]


@pytest.mark.parametrize("left", [b"", b"{", b"{}", b"null", bytes(300)], ids=["empty", "cut", "{}", "null", "zeros"])
def test_an_attempt_damaged_by_a_crash_of_the_machine_is_skipped(tree, failed, left):
    argv, attempt = failed
    attempt.with_name("1-7.json").write_bytes(left)
    done = subprocess.run(argv, cwd=tree, env=recording(), capture_output=True, text=True)
    assert done.returncode == 0 and "no record" not in done.stderr, done.stderr
    assert statuses(tree) == ["exit 2", "done"]


def test_a_killed_attempt_of_another_pod_with_the_same_pid(tree, failed):
    argv, attempt = failed
    same_pid = ["bash", "-c", 'mv "$0" "${0%-*}-$$.json" && exec "$@"', attempt, *argv]
    subprocess.run(same_pid, cwd=tree, env=recording(), stderr=subprocess.DEVNULL, check=True)
    assert statuses(tree) == ["exit 2", "done"]


@pytest.mark.parametrize("left", ["", "[]", "{}"])
def test_a_damaged_record_is_replaced(tree, failed, left):
    argv, _ = failed
    (tree / RECORDS / "matrix_of_a_test.csv.json").write_text(left)
    subprocess.run(argv, cwd=tree, env=recording(), stderr=subprocess.DEVNULL, check=True)
    assert statuses(tree) == ["exit 2", "done"]


def test_gpu_seconds_and_memory():
    """On a machine with a GPU what torch holds of it; elsewhere 0, not nothing."""
    torch = pytest.importorskip("torch")
    program = "import sys, torch, crosspl.record as r; torch.zeros(2**28, device=sys.argv[1]); print(r.used())"
    device = "cuda" if torch.cuda.is_available() else "cpu"
    done = subprocess.run([sys.executable, "-c", program, device], cwd=ROOT, capture_output=True, text=True, check=True)
    used = ast.literal_eval(done.stdout)
    assert used["gpu_s"] == (used["wall_s"] if device == "cuda" else 0)
    assert used["peak_gpu_mib"] >= 1024 if device == "cuda" else used["peak_gpu_mib"] == 0
    assert used["peak_mib"] > 0 and used["cpu_s"] > 0


def test_a_revision_without_git(tmp_path):
    """Unknown is said and is an error of the chain, unless the workflow or the user could hand one over."""
    tree = copy_repository(tmp_path / "tree")
    done = snakemake(tree, "results/problems.jsonl.gz")
    assert done.returncode == 0, done.stderr
    record = record_of(tree, "results/problems.jsonl.gz")
    assert record["revision"] == {"commit": None, "changed": []}
    traced = command(tree, "trace", "results/problems.jsonl.gz")
    assert traced.returncode == 2 and traced.stdout.count("gap: ") == 1
    assert "gap: results/problems.jsonl.gz: made at an unknown revision" in traced.stdout
    arguments = [*record["argv"], *AGAIN]
    given = recording(CROSSPL_REVISION="abc123 crosspl/io.py")  # as a container without git gets it
    assert command(tree, "build_problems", *arguments, env=given).returncode == 0
    assert record_of(tree, "results/again.jsonl.gz")["revision"] == {"commit": "abc123", "changed": ["crosspl/io.py"]}


def test_an_uncommitted_edit_is_said(tree):
    path = tree / "crosspl/problems.py"
    before = path.read_text()
    arguments = [*record_of(tree, "results/problems.jsonl.gz")["argv"], *AGAIN]
    try:
        path.write_text(before + "# edited\n")
        assert command(tree, "build_problems", *arguments, env=recording()).returncode == 0
    finally:
        path.write_text(before)
    record = record_of(tree, "results/again.jsonl.gz")
    assert record["revision"]["commit"] and record["revision"]["changed"] == ["crosspl/problems.py"]
    assert record["outputs"]["results/again.jsonl.gz"] == next(
        iter(record_of(tree, "results/problems.jsonl.gz")["outputs"].values())
    )


def test_by_hand_nothing_is_recorded(tree, tmp_path):
    arguments = record_of(tree, "results/problems.jsonl.gz")["argv"][:-1] + ["results/by_hand.jsonl.gz"]
    assert command(tree, "build_problems", *arguments).returncode == 0
    assert (tree / "results/by_hand.jsonl.gz").exists()
    assert not (tree / RECORDS / "by_hand.jsonl.gz.json").exists()
