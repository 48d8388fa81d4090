"""Targets results/pass_at_1/external/{name}.csv: the rules they need, what a change of a folder runs, the numbers."""

import json
import os
import shutil
import subprocess

import pytest
import yaml
from published import adapter_folder, model_folder
from test_bad_input import message
from workflow_run import command, copy_repository, environment, planned, snakemake

from crosspl.io import read_csv, read_json, read_rows
from crosspl.passk import read_cells, score_rows
from scripts.evaluate import name_of

TABLE = "results/pass_at_1/external/{}.csv"
EVALUATION = {"sample", "judge_completions", "score"}
PROBLEM = {
    "id": "own/{n}",
    "statement": "Read a whole number and print it plus {n}.",
    "comparison": "tokens",
    "tests": [{"stdin": "1\n", "stdout": "{sum}\n"}, {"stdin": "5\n", "stdout": "{other}\n"}],
    "source": "own",
    "license": None,
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The folders of two models and of an adapter on the first."""
    top = tmp_path_factory.mktemp("published models")  # with a blank in its name
    llama = model_folder(top / "llama", shards="20KB", max_position_embeddings=128)
    return {"llama": llama, "qwen": model_folder(top / "qwen", "qwen2"), "tuned": adapter_folder(top / "tuned", llama)}


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory):
    """Four problems of one's own."""
    folder = tmp_path_factory.mktemp("benchmark")
    rows = []
    for n in range(4):
        text = json.dumps(PROBLEM).replace("{n}", str(n)).replace("{sum}", str(1 + n)).replace("{other}", str(5 + n))
        rows.append(text)
    (folder / "problems.jsonl").write_text("\n".join(rows))
    return folder


@pytest.fixture(scope="module")
def tree(tmp_path_factory, models, benchmark):
    """A repository with a config that evaluates all of it in two PLs; nothing has run."""
    tree = copy_repository(tmp_path_factory.mktemp("evaluate"))
    config = {
        "languages": {"source": ["python"], "sft": ["python"], "unseen": ["lua"]},
        "problems": {"source": "imported", "imported": {"format": "jsonl", "from": str(benchmark)}},
        "sampling": {"samples": 2, "max_tokens": 8, "batch": 8},
        "statistics": {"draws": 100},
        "external": {
            "llama-3.x": {"model": str(models["llama"])},
            "qwen": {"model": str(models["qwen"]), "adapter": None, "revision": "local"},
            "tuned": {"model": str(models["llama"]), "adapter": str(models["tuned"])},
        },
    }
    (tree / "own.yaml").write_text(yaml.safe_dump(config))
    return tree


OWN = ("configs/evaluate.yaml", "own.yaml")


def run(tree, *targets):
    done = snakemake(tree, *targets, configs=OWN)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_only_what_is_needed(tree):
    """No corpus, no base model, no programs, no audits; what is asked together shares the problems."""
    source = {("import_problems", ""), ("build_problems", "")}
    one = planned(tree, TABLE.format("qwen"), configs=OWN)
    assert one == source | {(rule, "checkpoint=external/qwen") for rule in EVALUATION}
    every = planned(tree, "results/external.csv", configs=OWN)
    names = ("qwen", "llama-3.x", "tuned")
    assert every == source | {("external_table", "")} | {
        (rule, f"checkpoint=external/{name}") for rule in EVALUATION for name in names
    }


def test_by_the_command_line_alone(tree, models):
    """The line of docs/evaluate.md, on the default experiment: the microworld is the benchmark."""
    entry = f"external={{qwen: {{model: {models['qwen']}}}}}"
    argv = ["snakemake", "--cores", "1", "--dry-run", TABLE.format("qwen"), "--config", entry]
    done = subprocess.run(argv, cwd=tree, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rules = {line[5:-1] for line in done.stdout.splitlines() if line.startswith("rule ")}
    assert rules == {"build_problems"} | EVALUATION


WRONG = {
    "no such folder": "{nowhere: {model: /nowhere}}",
    "no config.json": "{nowhere: {model: /}}",
    "external.nowhere.adapter: /nowhere: no such folder": "{nowhere: {model: LLAMA, adapter: /nowhere}}",
    "no such name in the config's block external; known are other": "{other: {model: /}}",
    "'../a' does not match": "{../a: {model: /}}",
    "external.nowhere.modle: unknown key": "{nowhere: {modle: /}}",
    "'model' is missing": "{nowhere: {adapter: /}}",
}


@pytest.mark.parametrize("said", WRONG)
def test_wrong_entries(tree, models, said):
    entry = WRONG[said].replace("LLAMA", str(models["llama"]))
    message(snakemake(tree, "--dry-run", TABLE.format("nowhere"), "--config", f"external={entry}"), said)


def test_a_wrong_entry_names_its_file_and_stops_nothing_else(tree):
    (tree / "gone.yaml").write_text("external: {gone: {model: /nowhere}}")
    done = snakemake(tree, "--dry-run", TABLE.format("gone"), configs=("gone.yaml",))
    message(done, "gone.yaml: external.gone.model: /nowhere: no such folder")
    assert planned(tree, "results/problems.jsonl.gz", configs=("gone.yaml",))
    message(snakemake(tree, "--dry-run", "results/external.csv"), "no external checkpoint", "docs/evaluate.md")


@pytest.fixture(scope="module")
def finished(tree):
    run(tree, "results/external.csv")
    return tree


def test_all_side_by_side(finished):
    rows = read_csv(finished / "results/external.csv")
    names = [f"external/{name}" for name in ("llama-3.x", "qwen", "tuned")]
    readings = [(language, reading) for language in ("lua", "python") for reading in ("greedy", "sampled")]
    found = [(row["checkpoint"], row["language"], row["reading"]) for row in rows]
    assert sorted(found) == [(name, *reading) for name in names for reading in readings]
    assert {row["problems"] for row in rows} == {"4"}
    shown = command(finished, "show_table", "results/external.csv")
    assert shown.returncode == 0 and all(name in shown.stdout for name in names), shown.stderr


def test_the_same_numbers_as_by_hand(finished, models, tmp_path):
    """Sampled and judged by the commands, outside the workflow; and another sample is another answer."""
    settings = {
        "split": "eval",
        "seed": 0,
        "samples": 2,
        "temperature": 0.2,
        "max_tokens": 8,
        "batch": 8,
        "engine": "transformers",
    }
    problems, languages = "results/problems.jsonl.gz", ["--languages", "python", "lua"]
    shutil.rmtree(finished / "work/completions")
    model = ["--external", "--base", models["llama"], "--adapter", models["tuned"]]
    asked = ["--problems", problems, *languages, "--settings", json.dumps(settings)]
    sampled = command(finished, "sample", *model, *asked, "--output", tmp_path / "c.jsonl.gz")
    assert sampled.returncode == 0, sampled.stderr
    judged = command(
        finished, "judge_completions", "--completions", tmp_path / "c.jsonl.gz", "--problems", problems, *languages,
        "--cache", "", "--output", tmp_path / "v.jsonl.gz",
    )  # fmt: skip
    assert judged.returncode == 0, judged.stderr
    name = "external/tuned"
    assert read_rows(tmp_path / "c.jsonl.gz") == read_rows(finished / f"results/completions/{name}.jsonl.gz")
    assert read_rows(tmp_path / "v.jsonl.gz") == read_rows(finished / f"results/verdicts/{name}.jsonl.gz")
    rows = score_rows(read_cells(tmp_path / "v.jsonl.gz"), name, 100, 0, "")
    found = read_csv(finished / TABLE.format("tuned"))
    assert [{key: "" if value is None else str(value) for key, value in row.items()} for row in rows] == found
    plain = read_rows(finished / "results/completions/external/llama-3.x.jsonl.gz")
    assert [row["text"] for row in plain] != [row["text"] for row in read_rows(tmp_path / "c.jsonl.gz")]


def test_the_record_names_folder_and_hashes(finished, models):
    record = read_json(finished / "results/provenance/completions/external/tuned.jsonl.gz.json")
    paths = {path for path in record["inputs"] if path.startswith(str(models["llama"].parent))}
    wanted = {*models["llama"].glob("model*"), models["llama"] / "config.json", models["llama"] / "tokenizer.json"}
    assert {str(path) for path in wanted} <= paths and str(models["tuned"] / "adapter_model.safetensors") in paths
    assert command(finished, "verify").returncode == 0


def test_new_times_run_nothing_and_new_weights_run_their_own(finished, models):
    for path in models["llama"].iterdir():
        os.utime(path)
    assert planned(finished, "results/external.csv", configs=OWN) == set()
    path = models["tuned"] / "adapter_model.safetensors"
    before = path.read_bytes()
    path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    jobs = planned(finished, "results/external.csv", configs=OWN)
    assert jobs == {("external_table", "")} | {(rule, "checkpoint=external/tuned") for rule in EVALUATION}
    path.write_bytes(before)
    assert planned(finished, "results/external.csv", configs=OWN) == set()
    other = models["qwen"] / "generation_config.json"
    text = other.read_text()
    other.write_text(text.replace("7", "8"))
    assert ("sample", "checkpoint=external/qwen") in planned(finished, TABLE.format("qwen"), configs=OWN)
    other.write_text(text)


def test_an_answer_that_does_not_fit_is_one_line(finished):
    (finished / "long.yaml").write_text("sampling: {max_tokens: 120}")
    done = snakemake(finished, TABLE.format("llama-3.x"), configs=(*OWN, "long.yaml"))
    text = done.stdout + done.stderr
    assert done.returncode and "together more than the 128 of the model's context: set sampling.max_tokens to" in text
    assert "Traceback" not in text
    assert planned(finished, "results/external.csv", configs=OWN) <= {("external_table", "")} | {
        (rule, "checkpoint=external/llama-3.x") for rule in EVALUATION
    }


def test_the_one_word_command(finished, models, benchmark):
    """make evaluate, without the environment that make sets up first."""
    options = ["--model", models["qwen"], "--adapter", "", "--format", "jsonl", "--benchmark", benchmark]
    done = command(finished, "evaluate", *options, "--languages", "python", "lua", "--config", "own.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "external/qwen" in done.stdout and "pass@1 [95 %]" in done.stdout
    message(command(finished, "evaluate", "--model", ""), "MODEL=/folder")
    message(command(finished, "evaluate", "--model", models["qwen"], "--format", "jsonl"), "BENCHMARK=/folder")


def test_names_of_folders():
    assert name_of("/data/Qwen2.5-Coder-7B/") == "Qwen2.5-Coder-7B"
    assert name_of("/hub/models--Qwen--Qwen2.5-0.5B/snapshots/060db6499f32") == "Qwen2.5-0.5B"
    assert name_of("/data/my model (1)") == "my_model__1_"
