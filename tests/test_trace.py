"""From any cell of the transfer table back to data rows, weights, config, code, toolchains, machine and seeds."""

import contextlib
import itertools
import json
import re
from pathlib import Path

import pytest
from workflow_run import TABLE, clone, command

from crosspl.errors import UserError
from crosspl.io import read_csv, read_rows
from crosspl.manifest import load
from crosspl.trace import COUNTED, LABELS, behind, cell_of, chain, gaps
from scripts import trace

SEEDS = [0, 1]


@pytest.fixture(scope="module")
def tree(smoke_tree, tmp_path_factory):
    """A copy of the finished smoke run; every test undoes its change."""
    return clone(smoke_tree, tmp_path_factory.mktemp("trace") / "tree")


@pytest.fixture
def manifest(tree, monkeypatch):
    monkeypatch.chdir(tree)
    return load("results/manifest.json")


def made(manifest, names):
    return {path for name in names for path in manifest["commands"][name]["outputs"]}


def test_every_cell_leads_to_data_weights_and_corpus(manifest):
    rows = read_csv(TABLE)
    cells = [(number, column) for number, row in enumerate(rows, 1) for column in row if row[column]]
    cells = [(number, column) for number, column in cells if column not in COUNTED]
    decided = 0
    for number, column in cells:
        row, cell = rows[number - 1], cell_of(manifest, TABLE, number, column)
        names = chain(manifest, TABLE, cell)
        assert gaps(manifest, names[:1], TABLE, cell) == []
        files = made(manifest, names)
        wanted = {name for group in cell.checkpoints.values() for name in group}
        assert {path for path in files if path.startswith("results/verdicts/")} == {
            f"results/verdicts/{name}.jsonl.gz" for name in wanted
        }
        if wanted:
            decided += 1
            assert {
                "results/base/model.safetensors",
                "results/base/corpus.jsonl.gz",
                "results/problems.jsonl.gz",
            } <= files
        after = {f"results/rl/{row['init']}/python/seed{seed}/adapter_model.safetensors" for seed in SEEDS}
        if column in ("gain", "pass_at_1_after", "p_holm", "wrong_language_rate"):
            assert after <= files
            assert (f"results/sft_data/{row['init']}.jsonl.gz" in files) == (row["init"] != "base")
    assert decided > 200


@pytest.mark.parametrize("column, roles", [
    ("gain", {"before RL", "after RL"}), ("mde", {"before RL", "after RL"}), ("pass_at_1_before", {"before RL"}),
    ("after_high", {"after RL"}), ("pass_at_1_base", {"base"}), ("oracle_after", {"oracle"}), ("role", set()),
    ("gain_vs_same_problems_low", {"before RL", "after RL", "control before RL", "control after RL"}),
    (None, {"before RL", "after RL", "control before RL", "control after RL", "oracle", "base"}),
])  # fmt: skip
def test_checkpoints_behind_a_cell(tree, column, roles):
    row = next(row for row in read_csv(tree / TABLE) if row["init"] == "parallel" and row["target"] == "python")
    found = behind(row, column, SEEDS)
    assert found.keys() == roles
    if column == "gain":
        assert found["before RL"] == ["sft/parallel/seed0", "sft/parallel/seed1"]
        assert found["after RL"] == ["rl/parallel/python/seed0", "rl/parallel/python/seed1"]


ABLATED = "results/verdicts/ablated/"
AFTER = "rl/parallel/python/seed0.jsonl.gz"


@pytest.mark.parametrize("direction, kinds", [
    ("language", [f"{ABLATED}language/", "results/verdicts/"]), ("random", [f"{ABLATED}random/", "results/verdicts/"]),
    ("language - random", [f"{ABLATED}language/", f"{ABLATED}random/"]),
])  # fmt: skip
def test_an_ablated_cell_leads_to_the_ablated_verdicts(manifest, direction, kinds):
    table = "results/ablation.csv"
    number = next(n for n, row in enumerate(read_csv(table), 1) if row["direction"] == direction)
    ablated, other = (folder + AFTER for folder in kinds)
    for column, wanted in {
        "pass_at_1_ablated": {ablated}, "wrong_language_ablated": {ablated}, "pass_at_1_intact": {other},
        "change": {ablated, other}, "p_holm": {ablated, other}, None: {ablated, other},
    }.items():  # fmt: skip
        cell = cell_of(manifest, table, number, column)
        names = chain(manifest, table, cell)
        assert {path for path in made(manifest, names) if path.startswith("results/verdicts/")} == wanted, column
        assert gaps(manifest, names, table, cell) == []


@pytest.mark.parametrize("column", ["gained", "lost", "p_mcnemar", None])
def test_a_row_of_one_seed_leads_to_that_seed(manifest, capsys, column):
    table = "results/mcnemar.csv"
    rows = read_csv(table)
    number = next(n for n, row in enumerate(rows, 1) if row["init"] == "parallel" and row["seed"] == "1")
    cell = cell_of(manifest, table, number, column)
    assert cell.checkpoints == {"before RL": ["sft/parallel/seed1"], "after RL": ["rl/parallel/python/seed1"]}
    trace.main([table, "--row", str(number), *(["--column", column] if column else [])])
    assert capsys.readouterr().out.count(" of 150 verdicts in python, greedy") == 2


TABLES = ["transfer_table", "transfer_table_greedy", "transfer_matrix", "mcnemar", "ablation"]


@pytest.mark.parametrize("name", TABLES)
def test_every_number_has_verdicts_behind_it(manifest, name):
    """A column that a table gets one day is refused until crosspl.trace knows what decides it."""
    table = f"results/{name}.csv"
    for column in read_csv(table)[0]:
        rows = [number for number, row in enumerate(read_csv(table), 1) if row[column]]
        if rows and column not in (*LABELS, *COUNTED):
            cell = cell_of(manifest, table, rows[0], column)
            assert cell.checkpoints and gaps(manifest, chain(manifest, table, cell), table, cell) == [], column


def test_an_unknown_column_is_refused(manifest):
    path = Path("results/transfer_matrix.csv")
    before = path.read_text()
    try:
        path.write_text(before.replace(",mark\n", ",median\n", 1))
        for column in ("median", None):
            with pytest.raises(UserError, match="it is not known what decides median; trace the file without --row"):
                cell_of(manifest, str(path), 1, column)
    finally:
        path.write_text(before)


def test_verdicts_that_the_table_did_not_read_are_a_gap(manifest):
    cell = cell_of(manifest, "results/ablation.csv", 1, "change")
    other = cell._replace(checkpoints={"before RL": ["sft/parallel/seed0"]})
    [gap] = gaps(manifest, [], "results/ablation.csv", other)
    assert gap == "results/ablation.csv: its command did not read results/verdicts/sft/parallel/seed0.jsonl.gz"


def test_the_chain_in_words(tree):
    rows = read_csv(tree / TABLE)
    number = next(n for n, row in enumerate(rows, 1) if (row["init"], row["target"]) == ("parallel", "lua"))
    done = command(tree, "trace", TABLE, "--row", number, "--column", "gain", "--rows")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    text = done.stdout
    assert f"gain {rows[number - 1]['gain']}" in text and "The chain holds" in text
    numbers = [int(found) for found in re.findall(r"^(\d+)\. scripts/", text, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    for script, count in (("train_rl", 2), ("train_sft", 2), ("train_base", 1), ("sample", 4), ("judge_completions", 4),
                          ("build_mixture", 1), ("build_corpus", 1), ("build_problems", 1)):  # fmt: skip
        assert len(re.findall(rf"^\d+\. scripts/{script}\.py made$", text, re.MULTILINE)) == count, script
    assert text.count("20 of 150 verdicts in lua, sampled") == 4 and "in sandbox" in text and "lua (Lua 5" in text
    for row in read_rows(tree / "results/sft_data/parallel.jsonl.gz"):
        assert f"{row['problem']}/{row['language']}/{row['style']}\n" in text
    weights = json.loads((tree / "results/rl/parallel/python/seed0/manifest.json").read_text())["weights_sha256"]
    assert f"adapter_model.safetensors  sha256 {weights}" in text
    for part in (
        "seed 1",
        "learning_rate 0.002",
        "commit ",
        "torch 2",
        "machine ",
        '"cpu"',
        "CPU s",
        "tokens trained on",
    ):
        assert part in text, part
    assert max(map(len, text.splitlines())) < 260


@pytest.mark.parametrize("options", [
    ["results/transfer_matrix.csv", "--row", "1"], ["results/transfer_table_greedy.csv", "--row", "2"],
    ["results/report.html"], ["results/pass_at_1/base.csv"],
], ids=" ".join)  # fmt: skip
def test_other_tables_and_files(manifest, capsys, options):
    trace.main(options)
    assert "The chain holds" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["results/problems.jsonl.gz", "results/rl/base/python/seed1/adapter_model.safetensors"]
)
def test_a_changed_file_is_a_gap_of_the_chains_through_it(manifest, capsys, name):
    path, inits = Path(name), [row["init"] for row in read_csv(TABLE)]
    before = path.read_bytes()
    try:
        path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
        with pytest.raises(UserError, match="does not hold: 1 gaps"):
            trace.main([TABLE, "--row", str(inits.index("base") + 1), "--column", "gain"])
        assert f"gap: {name}: not the bytes that were written" in capsys.readouterr().out
        with pytest.raises(UserError) if name == "results/problems.jsonl.gz" else contextlib.nullcontext():
            trace.main([TABLE, "--row", str(inits.index("parallel") + 1), "--column", "gain"])
    finally:
        path.write_bytes(before)


def test_an_input_made_anew_is_a_gap(tree, manifest):
    changed = json.loads(json.dumps(manifest))
    name = changed["artifacts"]["results/base/model.safetensors"]["command"]
    changed["artifacts"]["results/base/model.safetensors"]["sha256"] = "0" * 64
    changed["commands"][name]["outputs"]["results/base/model.safetensors"] = "0" * 64
    cell = cell_of(changed, TABLE, 1, "gain")
    found = gaps(changed, chain(changed, TABLE, cell), TABLE, cell)
    assert any("was made from another version of results/base/model.safetensors" in line for line in found)


@pytest.mark.parametrize("options, message", [
    ([TABLE, "--row", "0"], "no row 0; it has rows 1 to"),
    ([TABLE, "--row", "999"], "no row 999; it has rows 1 to"),
    ([TABLE, "--row", "1", "--column", "gian"], "no column 'gian'; it has init, rl_method"),
    ([TABLE, "--row", "1", "--column", "problems"], "problems counts what all its checkpoints have"),
    ([TABLE, "--column", "gain"], "--column needs --row"),
    (["results/nothing.csv"], "results/nothing.csv: there is no record of how it was made"),
    (["results/calibration.csv", "--row", "1"], "trace the file without --row"),
    ([TABLE, "--manifest", "results/other.json"], "results/other.json: no such file"),
])  # fmt: skip
def test_bad_requests(manifest, options, message):
    with pytest.raises(UserError, match=re.escape(message)):
        trace.main(options)


def test_an_empty_cell_was_not_computed(manifest):
    rows = read_csv(TABLE)
    number, column = next((n, c) for (n, row), c in itertools.product(enumerate(rows, 1), rows[0]) if not row[c])
    with pytest.raises(UserError, match=f"{column} is empty"):
        trace.main([TABLE, "--row", str(number), "--column", column])
