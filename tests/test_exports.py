"""Exports of a checkpoint's answers: what other tools read from them is our pass@1, and nothing is exported half.

The readers here are written after the formats' documentation; how the tools themselves were tried: docs/exports.md.
"""

import gzip
import hashlib
import json
import subprocess
import sys
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import pytest
from test_bad_input import message
from workflow_run import ROOT, clone, copy_repository, environment, snakemake

from crosspl.exports import multipl_e
from crosspl.exports.answers import read_answers
from crosspl.importers.rows import language_of
from crosspl.io import read_csv, read_json, read_rows, write_rows
from scripts.export import main

SETTINGS = {"temperature": 1.0, "max_tokens": 40, "seed": 0}
CHECKPOINT = "rl/parallel/python/seed0"
FORMATS = {
    "multipl_e": ["--checkpoint", CHECKPOINT, "--settings", json.dumps(SETTINGS)],
    "evalplus": [],
    "lm_eval": ["--checkpoint", CHECKPOINT, "--settings", json.dumps(SETTINGS)],
}


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def files(smoke_tree):
    """The options that name the answers of one checkpoint."""
    results = smoke_tree / "results"
    return ["--problems", f"{results}/problems.jsonl.gz", "--completions",
            f"{results}/completions/{CHECKPOINT}.jsonl.gz", "--verdicts",
            f"{results}/verdicts/{CHECKPOINT}.jsonl.gz"]  # fmt: skip


@pytest.fixture(scope="module")
def table(smoke_tree):
    """Our own pass@1: {(language, reading): text with four decimals}."""
    rows = read_csv(smoke_tree / f"results/pass_at_1/{CHECKPOINT}.csv")
    return {(row["language"], row["reading"]): row["pass_at_1"] for row in rows}


def export(format, files, output):
    main(["--format", format, *map(str, files), *FORMATS[format], "--output", str(output)])
    return output


def four(value):
    return f"{float(value):.4f}"


def pass_k(folder):
    """Return pass@1 as MultiPL-E's documentation of pass_k.py has it: the mean over files of c / n."""
    shares = []
    for path in Path(folder).glob("*.results.json.gz"):
        data = json.loads(gzip.decompress(path.read_bytes()))
        assert data.get("temperature", 0.2) == 0.2  # of others pass_k.py gives no pass@1
        right = [one for one in data["results"] if one["status"] == "OK" and one["exit_code"] == 0]
        shares.append(Fraction(len(right), len(data["results"])))
    return sum(shares) / len(shares)


def test_multipl_e_gives_our_pass_at_1(files, table, tmp_path):
    output = export("multipl_e", files, tmp_path / "out")
    found = {}
    for folder in output.iterdir():
        _, tag, model, temperature, _ = folder.name.split("-")
        assert model == "rl_parallel_python_seed0"
        found[language_of(tag), "greedy" if temperature == "0.0" else "sampled"] = four(pass_k(folder))
    assert found == table


def test_multipl_e_has_what_was_judged(files, tmp_path):
    output = export("multipl_e", files, tmp_path / "out")
    answers = read_answers(*files[1::2])["lua", "sampled"]
    for one in answers:
        data = read_json(
            output / f"microworld-lua-rl_parallel_python_seed0-1.0-verbatim/{one.problem['id']}.results.json.gz"
        )
        assert (data["language"], data["prompt"]) == ("lua", f"# lua\n# {one.problem['statement']}\n")
        assert [result["program"] for result in data["results"]] == [row["text"].rstrip() for row in one.rows]
        assert [result["verdict"] == "OK" for result in data["results"]] == [
            (result["status"], result["exit_code"]) == ("OK", 0) for result in data["results"]
        ]


def test_tags_of_multipl_e_are_names_of_the_pl():
    assert {tag: language_of(tag) for tag in multipl_e.TAGS.values()} == {t: key for key, t in multipl_e.TAGS.items()}


def test_evalplus_gives_our_pass_at_1(files, table, tmp_path):
    output = export("evalplus", files, tmp_path / "out")
    found = {}
    for folder in output.iterdir():
        results, samples = read_json(folder / "samples_eval_results.json"), read_rows(folder / "samples.jsonl")
        assert set(samples[0]) == {"task_id", "solution"}
        assert samples == [{key: one[key] for key in ("task_id", "solution")} for task in results["eval"].values()
                           for one in task]  # fmt: skip
        shares = [sum(one["base_status"] == "pass" for one in task) / len(task) for task in results["eval"].values()]
        assert sum(shares) / len(shares) == pytest.approx(results["pass_at_k"]["base"]["pass@1"])
        found[tuple(folder.name.split("-"))] = four(results["pass_at_k"]["base"]["pass@1"])
    assert found == table


def test_lm_eval_gives_our_pass_at_1(files, table, tmp_path):
    output = export("lm_eval", files, tmp_path / "out")
    [path] = output.glob("results_*.json")
    date = path.stem.removeprefix("results_")
    assert datetime.strptime(date, "%Y-%m-%dT%H-%M-%S.%f").year == 1970 and "_" not in date
    results, found = read_json(path), {}
    for language, reading in table:
        task = f"crosspl_{language}_{reading}"
        samples = read_rows(output / f"samples_{task}_{date}.jsonl")
        values = [row["pass@1"] for row in samples]
        assert sum(values) / len(values) == pytest.approx(results["results"][task]["pass@1,none"])
        assert results["n-samples"][task] == {"original": len(samples), "effective": len(samples)}
        hashes = "".join(row["doc_hash"] + row["prompt_hash"] + row["target_hash"] for row in samples)
        assert results["task_hashes"][task] == hashlib.sha256(hashes.encode()).hexdigest()
        found[language, reading] = four(results["results"][task]["pass@1,none"])
    assert found == table and len(list(output.iterdir())) == 1 + len(table)


PROBLEM = {
    "family": "f", "split": "eval", "statement": "s", "difficulty": None, "comparison": "tokens", "source": "own",
    "license": "MIT", "harness": None, "tests": [{"stdin": "", "stdout": "1"}],
}  # fmt: skip


def tiny(folder, verdicts, harness=None, ids=("own/a",)):
    """Write problems, answers and verdicts of one PL; return the options that name them."""
    problems = [PROBLEM | {"id": key, "harness": harness, "tests": [] if harness else PROBLEM["tests"]} for key in ids]
    keys = [{"problem": key, "language": "python", "reading": "sampled", "sample": n} for key in ids
            for n in range(len(verdicts))]  # fmt: skip
    write_rows(folder / "problems.jsonl", problems)
    write_rows(
        folder / "completions.jsonl", [row | {"text": "print(1)\n\n", "tokens": 1, "truncated": False} for row in keys]
    )
    write_rows(
        folder / "verdicts.jsonl", [row | {"verdict": verdict} for row, verdict in zip(keys, [*verdicts] * len(ids))]
    )
    return [
        word for name in ("problems", "completions", "verdicts") for word in (f"--{name}", f"{folder}/{name}.jsonl")
    ]


WORDS = {  # verdict: MultiPL-E, EvalPlus
    "OK": ("OK", 0, "pass"), "WA": ("Exception", 1, "fail"), "RE": ("Exception", 1, "fail"),
    "TLE": ("Timeout", -1, "timeout"), "ILE": ("Timeout", -1, "timeout"), "MLE": ("Exception", 1, "fail"),
    "OLE": ("Exception", 1, "fail"), "CE": ("SyntaxError", 1, "fail"), "CTLE": ("SyntaxError", 1, "timeout"),
    "NC": ("Exception", 1, "fail"),
}  # fmt: skip


def test_words_of_the_formats(tmp_path):
    files = tiny(tmp_path, WORDS)
    export("multipl_e", files, tmp_path / "multipl_e")
    [path] = tmp_path.glob("multipl_e/own-py-*/a.results.json.gz")
    found = [(one["verdict"], (one["status"], one["exit_code"])) for one in read_json(path)["results"]]
    assert found == [(verdict, words[:2]) for verdict, words in WORDS.items()] and pass_k(path.parent) == Fraction(
        1, 10
    )
    results = read_json(export("evalplus", files, tmp_path / "evalplus") / "python-sampled/samples_eval_results.json")
    assert [one["base_status"] for one in results["eval"]["own/a"]] == [words[2] for words in WORDS.values()]
    assert results["pass_at_k"]["base"]["pass@1"] == 0.1


def test_a_harness_comes_after_the_program(tmp_path):
    export("multipl_e", tiny(tmp_path, ["OK"], {"python": "assert True\n"}), tmp_path / "out")
    [path] = (tmp_path / "out").rglob("*.gz")
    data = read_json(path)
    assert (data["tests"], data["results"][0]["program"]) == ("assert True\n", "print(1)\nassert True\n")


def command(format, files, output, *more):
    argv = [
        sys.executable,
        "-m",
        "scripts.export",
        "--format",
        format,
        *map(str, files),
        *more,
        "--output",
        str(output),
    ]
    return subprocess.run(argv, cwd=ROOT, env=environment(), capture_output=True, text=True)


@pytest.mark.parametrize("format", FORMATS)
def test_a_judge_error_is_never_exported(tmp_path, format):
    done = command(format, tiny(tmp_path, ["OK", "JE"]), tmp_path / "exports/out", *FORMATS[format])
    message(done, "verdicts.jsonl, row 2", "JE")
    assert not list((tmp_path / "exports").iterdir())


@pytest.mark.parametrize("format", FORMATS)
def test_equal_content_has_equal_bytes(files, tmp_path, format):
    folders = [export(format, files, tmp_path / name) for name in ("one", "two")]
    first, second = ({p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()} for f in folders)
    assert first == second and first


@pytest.mark.parametrize("format", FORMATS)
def test_answers_that_are_no_programs_are_not_exported(tmp_path, format):
    files = tiny(tmp_path, ["OK", "WA"])
    rows = read_rows(tmp_path / "verdicts.jsonl")
    write_rows(tmp_path / "verdicts.jsonl", [row | {"label": "correct", "answer": "correct"} for row in rows])
    message(command(format, files, tmp_path / "exports/out", *FORMATS[format]), "verdicts.jsonl", "code verification")
    assert not list((tmp_path / "exports").iterdir())


def test_bad_input(tmp_path):
    files = tiny(tmp_path, ["OK", "WA"])
    message(command("multipl_e", files, tmp_path / "out"), "--format multipl_e needs --checkpoint")
    message(command("evalplus", files, tmp_path / "out", "--language", "lua"), "has no use for --language")
    message(command("evalplus", files, tmp_path), "not empty")
    rows = read_rows(tmp_path / "verdicts.jsonl")
    write_rows(tmp_path / "verdicts.jsonl", rows[::-1])
    message(command("evalplus", files, tmp_path / "out"), "not the verdicts of")
    write_rows(tmp_path / "verdicts.jsonl", [row | {"verdict": "FINE"} for row in rows])
    message(command("evalplus", files, tmp_path / "out"), "'FINE'")
    (tmp_path / "two").mkdir()
    alike = tiny(tmp_path / "two", ["OK"], ids=("own/a b", "own/a_b"))
    message(command("multipl_e", alike, tmp_path / "out", *FORMATS["multipl_e"]), "two problems would be named a_b")
    assert not (tmp_path / "out").exists()


def test_through_the_rules(smoke_tree, tmp_path):
    """Only the rules of the exports may run: what they read is there."""
    tree = copy_repository(clone(smoke_tree, tmp_path / "tree"))
    targets = [f"results/exports/{name}/{CHECKPOINT}" for name in (*FORMATS, "adapter")]
    targets += ["results/exports/evalplus/base", "results/exports/verl/python", "results/exports/dataset"]
    rules = ["export_answers", "export_adapter", "export_verl", "export_dataset"]
    done = snakemake(tree, *targets, "--allowed-rules", *rules)
    assert done.returncode == 0, done.stdout + done.stderr
    for target in targets:
        assert any((tree / target).iterdir()), target
    [record] = (tree / "results/provenance/exports/dataset").rglob("*.json")
    assert "results/exports/dataset/README.md" in read_json(record)["outputs"]
