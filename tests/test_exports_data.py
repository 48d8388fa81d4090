"""Exports of data and adapters: readable by datasets, pandas and PEFT, with the licence of every row, and refused where
a row may not go there."""

import json
import os

import pandas
import pytest
from test_bad_input import message
from test_exports import CHECKPOINT, PROBLEM, command
from workflow_run import ROOT

from crosspl.importers import FORMATS, load_importer
from crosspl.io import read_csv, read_json, read_rows, write_csv, write_json, write_rows
from crosspl.judge.client import Judge
from crosspl.licenses import CHECK, TERMS, YES, terms_of
from scripts.export import main

PROGRAM = {"id": "p", "problem": "own/a", "family": "f", "language": "python", "code": "print(1)", "verdict": "OK",
           "toolchain": "Python 3", "sandbox": "bwrap"}  # fmt: skip


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def results(smoke_tree):
    return smoke_tree / "results"


def verl(problems, programs, output, language="python"):
    argv = ["--problems", problems, "--programs", programs, "--language", language, "--output", output]
    main(["--format", "verl", *map(str, argv)])
    return output


def own(folder, changes, programs=(PROGRAM,)):
    """Write problems of one's own, the first with the given changes; return the options that name the files."""
    write_rows(folder / "problems.jsonl", [row | {"id": f"own/{n}"} for n, row in zip("abcdefgh", changes)])
    write_rows(folder / "programs.jsonl", programs)
    return ["--problems", str(folder / "problems.jsonl"), "--programs", str(folder / "programs.jsonl")]


def test_verl_is_read_by_pandas_and_its_tests_pass_its_references(results, tmp_path):
    output = verl(results / "problems.jsonl.gz", results / "programs/python.jsonl.gz", tmp_path / "out")
    problems = {problem["id"]: problem for problem in read_rows(results / "problems.jsonl.gz")}
    rows = {name: pandas.read_parquet(output / f"{name}.parquet").to_dict("records") for name in ("train", "test")}
    for name, split in (("train", "rl"), ("test", "validation")):
        wanted = [key for key, problem in problems.items() if problem["split"] == split]
        assert [row["extra_info"]["problem"] for row in rows[name]] == wanted
        assert [row["extra_info"]["index"] for row in rows[name]] == list(range(len(wanted)))
    judged = []
    for row in rows["train"] + rows["test"]:
        assert list(row) == ["data_source", "prompt", "ability", "reward_model", "extra_info"]
        problem, truth = problems[row["extra_info"]["problem"]], json.loads(row["reward_model"]["ground_truth"])
        [turn] = row["prompt"]
        assert turn["role"] == "user" and problem["statement"] in turn["content"] and "```python" in turn["content"]
        assert (row["data_source"], row["reward_model"]["style"], set(truth)) == ("code", "rule", {"inputs", "outputs"})
        tests = [
            {"stdin": text, "stdout": right} for text, right in zip(truth["inputs"], truth["outputs"], strict=True)
        ]
        judged.append({"id": problem["id"], "language": "python", "code": row["extra_info"]["reference"],
                       "tests": tests, "comparison": "lines"})  # fmt: skip
    with Judge(["python"], jobs=2) as judge:
        assert {row["verdict"] for row in judge.judge(judged)} == {"OK"}


def test_verl_of_another_pl_is_not_taken_for_python(results, tmp_path):
    output = verl(results / "problems.jsonl.gz", results / "programs/lua.jsonl.gz", tmp_path / "out", "lua")
    assert set(pandas.read_parquet(output / "train.parquet")["data_source"]) == {"crosspl_lua"}


def test_verl_leaves_out_what_its_reward_cannot_judge(tmp_path):
    several = [{"stdin": "", "stdout": ["1", "2"]}]
    rows = [PROBLEM, PROBLEM | {"checker": "pass"}, PROBLEM | {"comparison": "float"}, PROBLEM | {"tests": several}]
    rows += [PROBLEM | {"tests": [], "harness": harness} for harness in ({"python": "assert f()"}, {"lua": "x"})]
    files = own(tmp_path, [row | {"split": "rl"} for row in rows])
    output = verl(files[1], files[3], tmp_path / "out")
    truths = [json.loads(row["ground_truth"]) for row in pandas.read_parquet(output / "train.parquet")["reward_model"]]
    assert truths == [{"inputs": [""], "outputs": ["1"]}, {"functional": "assert f()"}]
    left_out = {row["problem"]: row["reason"] for row in read_csv(output / "left_out.csv")}
    assert left_out == {"own/b": "judged by a checker", "own/c": "outputs compared by float",
                        "own/d": "several outputs are right", "own/f": "no harness in python"}  # fmt: skip
    files = own(tmp_path, [PROBLEM | {"split": "rl", "checker": "pass"}])
    message(command("verl", files, tmp_path / "two", "--language", "python"), "judged by a checker")
    files = own(tmp_path, [PROBLEM | {"split": "eval"}])
    message(command("verl", files, tmp_path / "two", "--language", "python"), "there is none")


@pytest.fixture(scope="module")
def dataset(results, tmp_path_factory):
    output = tmp_path_factory.mktemp("dataset") / "out"
    programs, mixtures = sorted(results.glob("programs/*.jsonl.gz")), sorted(results.glob("sft_data/*.jsonl.gz"))
    main(["--format", "dataset", "--problems", str(results / "problems.jsonl.gz"), "--programs", *map(str, programs),
          "--mixtures", *map(str, mixtures), "--output", str(output)])  # fmt: skip
    return output


def test_datasets_reads_every_part(dataset, results, tmp_path):
    os.environ["HF_HUB_OFFLINE"] = "1"
    from datasets import get_dataset_config_names, load_dataset

    names = get_dataset_config_names(str(dataset))
    assert names == ["problems", "programs", "sft_parallel", "sft_same_problems"]
    parts = {name: load_dataset(str(dataset), name, cache_dir=str(tmp_path)) for name in names}
    for part in parts.values():
        for split, rows in part.items():
            assert set(rows["split"]) == {split} and set(rows["license"]) == {"Apache-2.0"}
            assert set(rows["source"]) == {"microworld"} and set(rows["may_train"]) == {"yes"}
    found = {(row["problem"], row["language"], row["code"]) for rows in parts["programs"].values() for row in rows}
    assert found == {(row["problem"], row["language"], row["code"]) for path in results.glob("programs/*.jsonl.gz")
                     for row in read_rows(path)}  # fmt: skip
    first = read_rows(results / "problems.jsonl.gz")[0]
    row = next(row for row in parts["problems"][first["split"]] if row["id"] == first["id"])
    assert [{"stdin": test["stdin"], "stdout": test["stdout"][0]} for test in row["tests"]] == first["tests"]


def test_dataset_again_has_equal_bytes(dataset, results, tmp_path):
    test = [results / "problems.jsonl.gz", *sorted(results.glob("programs/*.jsonl.gz"))]
    main(["--format", "dataset", "--problems", str(test[0]), "--programs", *map(str, test[1:]), "--output",
          str(tmp_path / "out")])  # fmt: skip
    for path in (tmp_path / "out").rglob("*.parquet"):
        assert path.read_bytes() == (dataset / path.relative_to(tmp_path / "out")).read_bytes(), path


REFUSED = [  # of a problem: what is changed, what is said
    ({"license": None}, "not known"),
    ({"license": "GPL-3.0"}, "GPL-3.0: may not simply be redistributed (check first)"),
    ({"source": "taco", "license": "Apache-2.0"}, "taco"),
    ({"source": "codeforces", "license": "MIT"}, "check first"),  # not the licence that was looked at
    ({"source": "mceval", "license": "CC-BY-SA-4.0"}, "share-alike"),
    ({"source": "multipl_e", "license": "MIT; not for training", "split": "sft"}, "trained on (evaluation only)"),
    ({"source": "humaneval_x", "license": "Apache-2.0", "split": "rl"}, "trained on (evaluation only)"),
]


@pytest.mark.parametrize("changes, said", REFUSED, ids=[said for _, said in REFUSED])
def test_rows_that_may_not_be_published_refuse_the_data_set(tmp_path, changes, said):
    done = command("dataset", own(tmp_path, [PROBLEM | changes]), tmp_path / "exports/out")
    message(done, "problem own/a", said, "crosspl/licenses.py")
    assert not list((tmp_path / "exports").iterdir())


def test_a_program_has_a_licence_of_its_own_and_a_verdict(tmp_path):
    out = tmp_path / "exports/out"
    foreign = PROGRAM | {"source": "elsewhere", "license": None}
    message(command("dataset", own(tmp_path, [PROBLEM], [PROGRAM, foreign]), out), "programs.jsonl, row 2", "elsewhere")
    for format, more in (("dataset", []), ("verl", ["--language", "python"])):
        files = own(tmp_path, [PROBLEM], [PROGRAM | {"verdict": "JE"}])
        message(command(format, files, out, *more), "programs.jsonl, row 1", "JE")
    files = own(tmp_path, [PROBLEM], [PROGRAM | {"problem": "own/z"}])
    message(command("dataset", files, out), "problem 'own/z' is not among the problems")
    assert not list((tmp_path / "exports").iterdir())
    free = PROGRAM | {"source": "codeforces", "license": "CC-BY-4.0"}
    assert command("dataset", own(tmp_path, [PROBLEM], [PROGRAM, free]), out).returncode == 0
    assert list(pandas.read_parquet(out / "programs/eval.parquet")["license"]) == ["MIT", "CC-BY-4.0"]
    card = (out / "README.md").read_text()
    assert 'license: "other"' in card and "| codeforces | CC-BY-4.0 | 0 | 1 |" in card


def test_every_importer_is_in_the_table():
    """With the licence that it puts into its rows, or else nothing of it could be exported."""
    for name in FORMATS:
        importer = load_importer(name)
        source = getattr(importer, "SOURCE", "codeforces")
        if importer.LICENSE:
            assert terms_of(source, importer.LICENSE) == TERMS[source], name
    assert terms_of("mine", "CC0-1.0").train == YES and terms_of("mine", None).redistribute == CHECK


def adapter(results, output, **changes):
    files = {"adapter": results / CHECKPOINT, "base": results / "base", "checkpoint": CHECKPOINT,
             "problems": results / "problems.jsonl.gz", "scores": results / f"pass_at_1/{CHECKPOINT}.csv"}  # fmt: skip
    words = [word for name, value in (files | changes).items() for word in (f"--{name.replace('_', '-')}", str(value))]
    return command("adapter", words, output)


def test_adapter_is_a_peft_folder_with_its_card(results, tmp_path):
    from peft import PeftConfig
    from safetensors.numpy import load_file

    assert adapter(results, tmp_path / "out", base_name="someone/base").returncode == 0
    assert PeftConfig.from_pretrained(str(tmp_path / "out")).base_model_name_or_path == "someone/base"
    name = "adapter_model.safetensors"
    assert load_file(tmp_path / "out" / name).keys() == load_file(results / CHECKPOINT / name).keys()
    card = (tmp_path / "out/README.md").read_text()
    assert card.startswith("---\n") and 'base_model: "someone/base"' in card and "**plumbing only**" in card
    manifest = read_json(results / CHECKPOINT / "manifest.json")
    for said in ("| SFT mixture | parallel |", "| RL | grpo in python |", "| seed | 0 |", manifest["weights_sha256"],
                 '"learning_rate": 0.002', "| microworld | Apache-2.0 | 16 | 36 | yes | yes |"):  # fmt: skip
        assert said in card, said
    for row in read_csv(results / f"pass_at_1/{CHECKPOINT}.csv"):
        assert (
            f"| {row['language']} | {row['reading']} | {row['problems']} | {row['samples']} | {row['pass_at_1']}"
            in card
        )


def test_adapters_that_are_refused(results, tmp_path):
    out = tmp_path / "exports/out"
    message(adapter(results, out, scores=results / "pass_at_1/base.csv"), "pass@1 of base, not of rl/parallel")
    rows = read_csv(results / f"pass_at_1/{CHECKPOINT}.csv")
    write_csv(tmp_path / "scores.csv", list(rows[0]), [rows[0] | {"JE": "1"}, *rows[1:]])
    message(adapter(results, out, scores=tmp_path / "scores.csv"), "JE")
    (tmp_path / "other").mkdir()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (tmp_path / "other" / name).write_bytes((results / CHECKPOINT / name).read_bytes())
    write_json(tmp_path / "other/manifest.json", {"weights_sha256": "0"})
    message(adapter(results, out, adapter=tmp_path / "other"), "not the weights")
    evaluation = PROBLEM | {"split": "rl", "source": "multipl_e", "license": "MIT; not for training"}
    files = own(tmp_path, [evaluation])
    message(adapter(results, out, problems=files[1]), "multipl_e is for evaluation only")
    assert not list((tmp_path / "exports").iterdir())
