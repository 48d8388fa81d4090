"""A published base model and one's own data, from the import to the transfer table, with rows of RL in further ways.

The model is the smoke run's base, published as others publish: in shards, with an end token for padding. The data are
its problems and programs in the form of docs/data_format.md.
"""

import pytest
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer
from workflow_run import SMOKE, TABLE, command, copy_repository, planned, run_workflow

from crosspl.io import read_csv, read_json, read_rows, write_rows

PLS = ("python", "perl", "lua")
CONFIG = {
    "seeds": [0],
    "languages": {"source": ["python"], "sft": ["python", "perl"], "unseen": ["lua"]},
    "mixtures": {"names": ["parallel"], "problems": 6},
    "rl_variants": {
        "fgo": {"inits": ["parallel"], "settings": {"executed_lines": True}},
        "cccs": {"inits": ["base"], "settings": {"curriculum": [0.5, 0]}},
        "rloo": {"inits": ["parallel"], "settings": {"method": "rloo", "micro_batch": 8}},
    },
}
IMPORTED = {
    "format": "jsonl", "revision": None, "seed": 1, "shares": {"sft": 5, "rl": 2, "validation": 0.3, "eval": 1},
    "eval_from": None, "fewest_tests": 1, "most_tests": 9,
}  # fmt: skip


def publish(base, folder):
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|pad|>"]})
    model = AutoModelForCausalLM.from_pretrained(base)
    model.resize_token_embeddings(len(tokenizer))
    tokenizer.pad_token = tokenizer.eos_token
    model.save_pretrained(folder, max_shard_size="300KB")
    tokenizer.save_pretrained(folder)


def own_data(results, folder):
    problems = [
        {name: value for name, value in row.items() if name not in ("ast", "harness")}
        | {"id": f"own/{row['id']}", "family": f"own/{row['family']}", "source": "own", "revision": "1"}
        for row in read_rows(results / "problems.jsonl.gz")
    ]
    write_rows(folder / "problems.jsonl.gz", problems)
    for language in PLS:
        rows = read_rows(results / f"programs/{language}.jsonl.gz")
        origin = {"language": language, "claimed": "accepted", "source": "own", "license": "CC0-1.0"}
        kept = [
            origin | {"id": f"own/{row['id']}", "problem": f"own/{row['problem']}", "code": row["code"]} for row in rows
        ]
        write_rows(folder / f"programs/{language}.jsonl.gz", kept)


@pytest.mark.full
def test_from_a_published_model_and_own_data_to_the_table(smoke_tree, tmp_path):
    publish(smoke_tree / "results/base", tmp_path / "model")
    own_data(smoke_tree / "results", tmp_path / "data")
    tree = copy_repository(tmp_path / "tree")
    source = {"source": "imported", "imported": IMPORTED | {"from": str(tmp_path / "data")}}
    config = CONFIG | {"base": {"from": str(tmp_path / "model")}, "problems": source}
    (tree / "own.yaml").write_text(yaml.safe_dump(config))
    configs = (SMOKE, "own.yaml")
    run_workflow(tree, "published base", TABLE, configs=configs)
    rows = read_csv(tree / TABLE)
    assert {row["init"]: row["rl_method"].split()[0] for row in rows} == {
        "base": "grpo", "parallel": "grpo", "parallel__fgo": "fgo", "base__cccs": "cccs", "parallel__rloo": "rloo",
    }  # fmt: skip
    assert {row["target"]: row["role"] for row in rows} == {"python": "source", "perl": "sft", "lua": "unseen"}
    assert all(float(row["pass_at_1_after"]) >= 0 for row in rows)
    manifest = read_json(tree / "results/base/manifest.json")
    assert manifest["from"] == str(tmp_path / "model")
    assert sum(name.startswith("model-") for name in manifest["inputs"]) > 2
    shape = read_json(tree / "results/base/config.json")
    assert shape["pad_token_id"] not in shape["eos_token_id"]
    assert "pretraining" not in (tree / "results/audit/contamination.csv").read_text()
    curve = read_csv(tree / "results/rl/parallel__fgo/python/seed0/history.csv")
    assert all(0 < float(row["executed_share"]) <= 1 for row in curve)
    weights = {name: read_json(tree / f"results/rl/{name}/python/seed0/manifest.json")["weights_sha256"]
               for name in ("base", "parallel", "parallel__fgo", "base__cccs", "parallel__rloo")}  # fmt: skip
    assert len(set(weights.values())) == 5
    assert command(tree, "verify").returncode == 0
    assert planned(tree, TABLE, configs=configs) == set()
