"""The manifest names everything that the results were made of; `verify` finds every byte that changed; costs add up."""

import json
import re
import shutil

import pytest
from workflow_run import ROOT, SMOKE, TABLE, clone, command, environment, planned, snakemake

from crosspl.analysis_inputs import products
from crosspl.cost import PEAKS, SUMS, cost_rows, stages
from crosspl.errors import UserError
from crosspl.io import read_csv
from crosspl.manifest import again, collect, load, read_records
from crosspl.planned import differences, parsed
from crosspl.provenance import code
from crosspl.trace import facts
from crosspl.workflow import read_config
from scripts import verify

READERS = {"crosspl/manifest.py", "crosspl/trace.py", "crosspl/trace_rows.py", "crosspl/verify.py", "crosspl/cost.py"}
KINDS = [
    "results/problems.jsonl.gz", "results/programs/lua.jsonl.gz", "results/sft_data/parallel.jsonl.gz",
    "results/base/model.safetensors", "results/base/tokenizer.json", "results/base/corpus.jsonl.gz",
    "results/sft/parallel/seed0/adapter_model.safetensors", "results/rl/parallel/python/seed1/adapter_config.json",
    "results/rl/base/python/seed0/manifest.json", "results/rl/base/python/seed0/history.csv",
    "results/completions/base.jsonl.gz", "results/verdicts/rl/base/python/seed1.jsonl.gz", "results/pass_at_1/base.csv",
    "results/alignment/base.projection.csv", "results/audit/exclusion.csv", TABLE, "results/mcnemar.csv",
    "results/cost.csv", "results/report.html",
]  # fmt: skip


@pytest.fixture(scope="module")
def tree(smoke_tree, tmp_path_factory):
    """A copy of the finished smoke run; every test undoes its change."""
    return clone(smoke_tree, tmp_path_factory.mktemp("manifest") / "tree")


@pytest.fixture
def manifest(tree, monkeypatch):
    monkeypatch.chdir(tree)
    return load("results/manifest.json")


def flip(path, position):
    """Change one bit of a file and return what it held."""
    before = path.read_bytes()
    changed = bytearray(before)
    changed[position % len(changed)] ^= 1
    path.write_bytes(changed)
    return before


def test_a_run_leaves_the_manifest_of_all_it_made(tree, manifest):
    config = read_config(["config.yaml", SMOKE])
    again = collect("results", products(config), manifest["config"])
    assert manifest == json.loads(json.dumps(again)) | {"written": manifest["written"]}
    assert manifest["config"]["mark"] == "plumbing only"
    files = {str(path.relative_to(tree)) for path in (tree / "results").rglob("[!.]*") if path.is_file()}
    named = set(manifest["artifacts"]) | set(manifest["records"]) | {"results/manifest.json"}
    assert {path for path in files - named if not path.startswith("results/benchmarks/")} == set()
    assert set(KINDS) <= named <= files
    for name, path, seeds in (
        ("train_rl", "rl/base/python/seed1", {"seed": [1]}),
        ("sample", None, {"settings.seed": [0]}),
    ):
        found = [entry for entry in manifest["commands"].values() if entry["script"] == f"scripts/{name}.py"]
        assert found and all(entry["seeds"] == seeds for entry in found if not path or path in str(entry["outputs"]))
    for command_of in manifest["commands"].values():
        assert command_of["code"] in manifest["code"] and command_of["versions"] in manifest["versions"]
        for path, digest in command_of["inputs"].items():
            if path.startswith("results/"):
                assert manifest["artifacts"][path]["sha256"] == digest


@pytest.mark.parametrize("mark", ["{draft", "{draft}", "--it's", "{}", "plumbing only"])
def test_a_mark_is_free_text(tree, manifest, mark):
    """It may look like a block of the config, and the manifest, a trace and an explanation come out all the same."""
    path = tree / "results/provenance/ablation.csv.json"
    before = path.read_text()
    record = json.loads(before)
    record["argv"] = [f"--mark={mark}" if word.startswith("--mark=") else word for word in record["argv"]]
    try:
        path.write_text(json.dumps(record))
        found = collect("results", manifest["products"], manifest["config"])
    finally:
        path.write_text(before)
    made = found["commands"]["ablation.csv"]
    assert made["seeds"] == {"seeds": [0], "bootstrap-seed": [0]}
    assert any(f"mark {mark}" in line for line in facts(found, made))
    assert [(c.before, c.now) for c in differences("mark", parsed("{old"), parsed(mark))] == [("{old", parsed(mark))]


def test_nothing_changed_is_one_line(tree):
    done = command(tree, "verify")
    assert done.returncode == 0 and "every byte is as it was written" in done.stdout, done.stdout + done.stderr
    assert "error" not in done.stdout and "uncommitted" not in done.stdout


@pytest.mark.parametrize("name", KINDS)
def test_a_changed_bit_is_found_and_named(tree, manifest, capsys, name):
    path = tree / name
    before = flip(path, len(path.read_bytes()) // 2)
    try:
        with pytest.raises(UserError, match=r"1 of the files that results/manifest\.json names"):
            verify.main([])
    finally:
        path.write_bytes(before)
    errors = [line for line in capsys.readouterr().out.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and errors[0].startswith(f"error: {name}: not the bytes that were written")
    assert f"rm -f {name}; snakemake {name}" in errors[0]


@pytest.mark.parametrize("part", [0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.9999])
def test_a_changed_bit_of_a_record_is_found(tree, manifest, part, capsys):
    path = tree / "results/provenance/base/model.safetensors.json"
    before = flip(path, int(part * path.stat().st_size))
    try:
        with pytest.raises(UserError) as raised:
            verify.main([])
    finally:
        path.write_bytes(before)
    assert "base/model.safetensors" in str(raised.value) + capsys.readouterr().out


@pytest.mark.parametrize("part", [0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.9999])
def test_a_changed_bit_of_the_manifest_is_found(tree, manifest, part):
    path = tree / "results/manifest.json"
    before = flip(path, int(part * path.stat().st_size))
    try:
        with pytest.raises(UserError, match=r"results/manifest\.json: (damaged|its content)"):
            verify.main([])
    finally:
        path.write_bytes(before)


def test_a_missing_file_is_named(tree):
    path = tree / "results/verdicts/base.jsonl.gz"
    path.rename(path.with_suffix(".away"))
    try:
        done = command(tree, "verify")
    finally:
        path.with_suffix(".away").rename(path)
    assert done.returncode == 2 and "error: results/verdicts/base.jsonl.gz: missing" in done.stdout
    assert "1 of the files" in done.stderr and "Traceback" not in done.stderr


def test_what_verify_advises_mends_it_and_nothing_else_runs(tree):
    """Delete the file and ask for it: the same bytes come back, and what was made from them stays."""
    path = tree / "results/pass_at_1/base.csv"
    before = flip(path, 40)
    path.unlink()
    done = snakemake(tree, "results/pass_at_1/base.csv")
    assert done.returncode == 0, done.stderr
    assert path.read_bytes() == before
    assert command(tree, "verify").returncode == 0
    assert planned(tree, TABLE) == set()


def test_what_is_advised_are_outputs_of_rules(monkeypatch):
    """A folder that is one output is asked for as a whole: Snakemake knows none of its files."""
    monkeypatch.chdir(ROOT)
    rules = "".join(path.read_text() for path in ROOT.glob("rules/*.smk"))
    made = {"checkpoint": "rl/parallel/python/seed0", "format": "lm_eval", "language": "cpp"}
    folders = [f"results/{name.format(**made)}" for name in re.findall(r'directory\("results/([^"]+)"\)', rules)]
    assert len(folders) == 6
    for folder in [*folders, "results/exports/multipl_e/base", "results/exports/evalplus/external/mine"]:
        for path in (folder, f"{folder}/a/b.json"):
            assert again("results", path) == f"rm -rf {folder}; snakemake {folder}"
    assert again("results", "results/figures/headline.svg") == "rm -rf results/figures; snakemake results/figures"
    assert again("results", TABLE) == f"rm -f {TABLE}; snakemake {TABLE}"


def test_a_changed_figure_is_mended_by_what_verify_and_trace_advise(tree, tmp_path):
    """The advice for a figure, for its record, and for a figure without one is the same, and it works."""
    own = clone(tree, tmp_path / "own")
    figures = own / "results/figures"
    if not figures.exists():
        assert snakemake(own, "results/figures").returncode == 0
    before = {path.name: path.read_bytes() for path in figures.iterdir()}
    path, remedy = figures / "headline.svg", "rm -rf results/figures; snakemake results/figures"
    flip(path, 40)
    advised = command(own, "verify")
    assert "error: results/figures/headline.svg: not the bytes that were written" in advised.stdout
    assert advised.stdout.count(remedy) == 1
    [record] = (own / "results/provenance/figures").iterdir()
    record.write_text(record.read_text().replace("\n", "\n\n", 1))
    assert command(own, "verify").stdout.count(remedy) == 2
    assert remedy in command(own, "trace", "results/figures/nothing.svg").stderr
    shutil.rmtree(figures)
    done = snakemake(own, "results/figures")
    assert done.returncode == 0, done.stderr
    assert {path.name: path.read_bytes() for path in figures.iterdir()} == before
    assert command(own, "verify").returncode == 0


def test_an_outdated_manifest_says_so(tree):
    """As after a SIGKILL of Snakemake: a file was made anew, the manifest was not."""
    name, manifest = "results/provenance/parallel_matrix.csv.json", tree / "results/manifest.json"
    record, whole, table = (
        json.loads((tree / name).read_text()),
        manifest.read_bytes(),
        tree / "results/parallel_matrix.csv",
    )
    before = table.read_bytes(), (tree / name).read_bytes()
    again = command(tree, "parallel_matrix", *record["argv"], env=environment(CROSSPL_RECORDS="results/provenance"))
    assert again.returncode == 0, again.stderr
    try:
        for script, *options in (["verify"], ["trace", TABLE], ["cost"]):
            done = command(tree, script, *options)
            assert done.returncode == 2 and "older than 1 records, such as parallel_matrix.csv" in done.stderr
        assert command(tree, "manifest").returncode == 0
        assert command(tree, "verify").returncode == 0
    finally:
        table.write_bytes(before[0])
        (tree / name).write_bytes(before[1])
        manifest.write_bytes(whole)


def test_what_is_worth_knowing_is_said(tree):
    language, left = tree / "languages/lua.yaml", tree / "results/old.csv"
    before = language.read_text()
    try:
        language.write_text(before + "# edited\n")
        left.write_text("of an earlier config\n")
        done = command(tree, "verify")
    finally:
        language.write_text(before)
        left.unlink()
    assert done.returncode == 0
    assert "edited since: languages/lua.yaml" in done.stdout
    assert "1 files belong to nothing of this config, e.g. results/old.csv" in done.stdout


def test_a_target_of_its_own_and_no_part_of_other_targets(tree):
    listed = snakemake(tree, "results/manifest.json", "--summary")
    assert listed.returncode == 0 and "results/transfer_table.csv" in listed.stdout
    done = snakemake(tree, "results/manifest.json", "--force")
    assert done.returncode == 0, done.stderr
    assert not list((tree / "work/attempts").glob("*/*")) and "manifest.json" not in read_records(tree / "results")
    assert command(tree, "verify").returncode == 0


def test_readers_rerun_no_science(monkeypatch):
    """An edit of what reads records runs the cost table and the manifest again, and no other rule."""
    monkeypatch.chdir(ROOT)
    names = {path.stem for path in ROOT.glob("scripts/*.py")} - {"cost", "explain", "manifest", "trace", "verify"}
    assert not READERS & set(code(*(f"scripts/{name}.py" for name in sorted(names))))


def test_stages_are_the_rule_files(monkeypatch):
    monkeypatch.chdir(ROOT)
    found = stages()
    assert found["scripts/train_rl.py"] == "rl" and found["scripts/sample.py"] == "evaluation"
    texts = [path.read_text() for path in ROOT.glob("rules/*.smk")]
    for script in found:
        module = script.removesuffix(".py").replace("/", ".")
        assert (sum(f"-m {module} " in text for text in texts) > 1) == (found[script] == "several"), module
    assert found["scripts/concatenate.py"] == "several"


def test_costs_add_up(smoke_tree, monkeypatch):
    monkeypatch.chdir(smoke_tree)
    rows = read_csv("results/cost.csv")
    levels = {
        level: [row for row in rows if row["level"] == level] for level in ("all", "stage", "command", "artifact")
    }
    [total] = levels["all"]
    for name in (*SUMS, "commands", "attempts"):
        for level in ("stage", "command", "artifact"):
            assert sum(float(row[name]) for row in levels[level]) == pytest.approx(float(total[name]), abs=0.02), name
    for name in PEAKS:
        assert max(float(row[name]) for row in levels["artifact"]) == float(total[name])
    records = read_records("results")
    by_file = {path: record for record in records.values() for path in record["outputs"]}
    for row in levels["artifact"]:
        attempts = by_file[row["artifact"]]["attempts"]
        for name in SUMS:
            assert float(row[name]) == pytest.approx(sum(attempt.get(name, 0) for attempt in attempts), abs=0.006)
    assert {row["command"] for row in levels["artifact"]} >= {"train_base", "train_sft", "train_rl", "sample", "align"}
    assert float(total["cpu_s"]) > 10 and float(total["gpu_s"]) >= 0


def test_leftovers_of_other_configs_are_not_counted(tree, manifest, monkeypatch):
    """A finished run of a seed that the config does not have."""
    records = tree / "results/provenance/rl/base/python"
    shutil.copytree(records / "seed0", records / "seed7")
    [path] = (records / "seed7").iterdir()
    path.write_text(path.read_text().replace("python/seed0", "python/seed7"))
    try:
        again = collect("results", manifest["products"], manifest["config"])
        assert len(read_records("results")) == len(manifest["commands"]) + 1
    finally:
        shutil.rmtree(records / "seed7")
    assert again["commands"].keys() == manifest["commands"].keys()
    assert cost_rows(again, stages()) == cost_rows(manifest, stages())


def test_costs_are_printed(tree):
    done = command(tree, "cost")
    assert done.returncode == 0, done.stderr
    assert [line.split()[:2] for line in done.stdout.splitlines()[1:2]] == [["all", "all"]]
    assert any(line.startswith("stage rl") for line in done.stdout.splitlines())
