"""Imported training problems that are an imported eval problem under another name: listed, and in no training set."""

import json
import random

import yaml
from test_building import LUA, PYTHON, SETTINGS, problem, program
from workflow_run import SMOKE, command, copy_repository, snakemake

from crosspl.contamination.fate import without
from crosspl.importers.imported import drawn
from crosspl.io import read_csv, read_rows, write_text
from crosspl.problems import of_split
from crosspl.tokenizer import train_tokenizer

SHARES = SETTINGS | {"shares": {"sft": 1, "rl": 1, "validation": 0, "eval": 0}}
TARGETS = ["results/audit/excluded.csv", "results/audit/contamination/rl/python.csv", "results/programs/lua.jsonl.gz"]
LIKE = "Read two whole numbers from the first line and print what comes out when the first is taken {k} times and the "\
       "second is added to it; there is one line of input and one of output."  # fmt: skip


def numbers(split, count):
    """Return the first numbers of problems that are drawn into a split."""
    return [n for n in range(200) if drawn(f"own/{n}", SHARES) == split][:count]


def data(folder, sft, rl):
    """Write six problems per split; the last of each is the eval problem again, reworded, with other tests."""
    eval_one = problem(900, date="2024-12-01") | {"statement": LIKE.format(k=11)}
    twin = dict.fromkeys((sft[-1], rl[-1]), "the first is multiplied by eleven, the second added")
    problems, programs, dice = [], [], random.Random(7)
    for number in [*sft, *rl, 900]:
        k = 11 if number in (*twin, 900) else 20 + number
        pairs = [(dice.randint(0, 99), dice.randint(0, 99)) for _ in range(4)]
        tests = [{"stdin": f"{a} {b}\n", "stdout": f"{k * a + b}\n"} for a, b in pairs]
        row = eval_one if number == 900 else problem(number) | {"statement": twin.get(number, f"Task {number}, {k}.")}
        problems.append(row | {"tests": tests})
        for language, texts in (("python", PYTHON), ("lua", LUA)):
            programs += [program(m, text.replace("{k}", str(k)), problem=number, language=language)
                         for m, text in enumerate(texts)]  # fmt: skip
    folder.mkdir()
    for name, rows in (("problems", problems), ("programs", programs)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_from_the_import_to_the_mixture(tmp_path):
    tree, sft, rl = copy_repository(tmp_path / "tree"), numbers("sft", 6), numbers("rl", 6)
    data(tmp_path / "own", sft, rl)
    block = {"format": "jsonl", "from": str(tmp_path / "own"), "revision": None, **SHARES}
    config = {"languages": {"source": ["python"], "sft": ["python", "lua"], "unseen": ["perl"]},
              "problems": {"source": "imported", "imported": block}}  # fmt: skip
    (tree / "own.yaml").write_text(yaml.safe_dump(config))
    done = snakemake(tree, *TARGETS, configs=(SMOKE, "own.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr
    excluded = read_csv(tree / "results/audit/excluded.csv")
    twins = {f"own/{sft[-1]}": "sft", f"own/{rl[-1]}": "rl"}
    assert {row["problem"]: row["split"] for row in excluded} == twins
    assert {row["eval_problem"] for row in excluded} == {"own/900"}
    # RL: what train_rl takes, and what its audit counted.
    problems = read_rows(tree / "results/problems.jsonl.gz")
    left = without(of_split(problems, "rl"), tree / "results/audit/excluded.csv")
    assert [row["id"] for row in left] == [f"own/{n}" for n in rl[:-1]]
    [counted] = read_csv(tree / "results/audit/contamination/rl/python.csv")
    assert (counted["examples"], counted["same_problems"], counted["ok"]) == ("5", "0", "yes")
    # The mixture, and its audit; without the list the audit refuses it.
    texts = [row["code"] for row in read_rows(tree / "results/programs/python.jsonl.gz")]
    write_text(tree / "tokenizer.json", train_tokenizer(texts, 400).to_str())
    recipe = json.dumps(
        {"rule": "parallel", "problems": 5, "languages": ["python", "lua"], "source": "python", "width": 1}
    )
    files = [f"results/programs/{name}.jsonl.gz" for name in ("python", "lua")]
    for listed, wanted in ((["--excluded", "results/audit/excluded.csv"], 0), ([], 2)):
        size = recipe if listed else recipe.replace("5", "6")
        made = command(tree, "build_mixture", "--problems", "results/problems.jsonl.gz", *listed, "--programs", *files,
                       "--tokenizer", "tokenizer.json", "--mixture", "parallel", "--recipe", size, "--parallel", size,
                       "--declared", "--steps", 1, "--batch", 2, "--output", "parallel.jsonl.gz")  # fmt: skip
        assert made.returncode == 0, made.stderr
        found = {row["problem"] for row in read_rows(tree / "parallel.jsonl.gz")}
        assert found == {f"own/{n}" for n in (sft[:-1] if listed else sft)}
        audit = command(tree, "audit", "--problems", "results/problems.jsonl.gz", "--programs", *files, "--same",
                        "results/audit/same_problems.csv", "--excluded", "results/audit/excluded.csv", "--training-set",
                        "sft/parallel", "--data", "parallel.jsonl.gz", "--languages", "python", "lua", "--exclusion",
                        "exclusion.csv", "--contamination", "contamination.csv")  # fmt: skip
        assert audit.returncode == wanted, audit.stdout + audit.stderr
    assert f"problems in disguise, such as own/{sft[-1]}" in audit.stderr
