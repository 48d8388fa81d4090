"""What runs again after a change: exactly what depends on it, and nothing for changes without effect on a result.

One dry run per row in a copy of the finished smoke tree. Adding a language is also run for real.
"""

import re

import pytest
from workflow_run import SMOKE, TABLE, clone, files_below, planned, run_workflow

from crosspl.io import read_csv, read_rows

TABLES = {"transfer_table"}
SCORES = {"score"} | TABLES
VERDICTS = {"judge_completions"} | SCORES
SAMPLES = {"sample"} | VERDICTS
RL = {"train_rl"} | SAMPLES
SFT = {"train_sft"} | RL
MIXTURES = {"build_mixture", "matching", "audit", "audit_table"} | SFT
REPORT = "results/report.html"
PROGRAMS = {"build_programs", "parallel_matrix"} | MIXTURES
BASE = {"build_corpus", "train_base"} | MIXTURES
EVERYTHING = {"build_problems"} | PROGRAMS | BASE

FILES = [  # file, text that is replaced (None: the end), replacement, rules that run
    ("crosspl/transfer_table.py", None, "\n# a comment\n", TABLES),
    ("scripts/transfer_table.py", None, "\n# a comment\n", TABLES),
    ("crosspl/statistics.py", None, "\n# a comment\n", SCORES),
    ("scripts/judge_completions.py", None, "\n# a comment\n", VERDICTS),
    ("crosspl/wrong_language.py", None, "\n# a comment\n", RL),
    ("crosspl/sampling.py", None, "\n# a comment\n", SAMPLES),
    ("crosspl/rewards.py", None, "\n# a comment\n", RL),
    ("scripts/train_sft.py", None, "\n# a comment\n", SFT),
    ("crosspl/mixtures.py", None, "\n# a comment\n", MIXTURES),
    ("crosspl/judge/supervisor.c", None, "\n// a comment\n", PROGRAMS),
    ("crosspl/tokenizer.py", None, "\n# a comment\n", BASE),
    ("crosspl/microworld/world.py", None, "\n# a comment\n", EVERYTHING),
    ("crosspl/importers/humaneval_x.py", None, "\n# a comment\n", set()),  # a source that is not used
    ("scripts/show_table.py", None, "\n# a comment\n", set()),
    ("languages/lua.yaml", None, "# a comment\n", {"build_programs", "parallel_matrix"} | VERDICTS),  # unseen
    ("languages/python.yaml", None, "# a comment\n", PROGRAMS),  # source
    ("languages/c.yaml", None, "# a comment\n", set()),  # not evaluated
    ("Snakefile", None, "\n# a comment\n", set()),
    ("rules/rl.smk", None, "\n# a comment\n", set()),
    ("rules/sft.smk", r"priority: \d+", "priority: 1", set()),
    ("config.yaml", None, "\n# a comment\n", set()),
]  # fmt: skip

SETTINGS = [  # overlay, rules that run
    ("statistics: {draws: 201}", SCORES),
    ("statistics: {treatment: same_problems}", TABLES),
    ("resources: {train_rl: {gpu: 1, threads: 2, mem_mb: 9999, runtime: 1, boxes: 1}}", set()),
    ("mark: other", SCORES),
    ("sampling: {temperature: 0.9}", SAMPLES),
    ("rl: {learning_rate: 3.0e-3}", RL),
    ("sft: {learning_rate: 1.0e-3}", SFT),
    ("lora: {r: 8}", SFT),
    ("mixtures: {problems: 10}", MIXTURES),
    ("base: {training: {steps: 331}}", {"train_base"} | SFT),  # the tokenizer is the same, so are the mixtures
    ("problems: {microworld: {cases: 4}}", EVERYTHING),
]


PAGE = {"cost", "report"}
ALIGNMENT = {"alignment_summary", "alignment_transfer"} | PAGE
ABLATION = {"sample_ablated", "judge_completions", "ablation_table"} | PAGE
ANALYSES = [  # file or overlay, rules that run for the report
    ("crosspl/similarity.py", {"align", "align_lexical"} | ALIGNMENT),
    ("crosspl/hidden_states.py", {"align", "align_lexical"} | ALIGNMENT | ABLATION),
    ("crosspl/ablation.py", ABLATION),
    ("crosspl/calibration.py", {"calibrate"} | PAGE),
    ("crosspl/transfer_matrix.py", {"transfer_matrix"} | PAGE),
    ("crosspl/report/sections.py", {"report"}),
    ("report/template.html.j2", {"report"}),
    ("configs/sweeps.yaml", set()),
    ("alignment: {permutations: 20}", {"align", "align_lexical"} | ALIGNMENT),
    ("ablation: {layer: 0}", ABLATION),
    ("calibration: {repetitions: 51}", {"calibrate"} | PAGE),
    ("matrix: {inits: [base, same_problems]}",
     {"train_rl", "sample", "judge_completions", "transfer_matrix"} | PAGE),
]  # fmt: skip


def rules(jobs):
    return {rule for rule, _ in jobs}


@pytest.fixture(scope="module")
def tree(smoke_tree, tmp_path_factory):
    """A copy of the finished tree; every test undoes its change."""
    return clone(smoke_tree, tmp_path_factory.mktemp("rerun") / "tree")


def overlay(tree, text):
    """Return the configs of the smoke run with `text` as a last one."""
    (tree / "overlay.yaml").write_text(text)
    return (SMOKE, "overlay.yaml")


@pytest.mark.parametrize("name, old, new, expected", FILES, ids=[f"{name}: {new.strip()}" for name, _, new, _ in FILES])
def test_edited_file(tree, name, old, new, expected):
    before = (tree / name).read_text()
    after = before + new if old is None else re.sub(old, new, before)
    assert after != before
    (tree / name).write_text(after)
    try:
        assert rules(planned(tree)) == expected
    finally:
        (tree / name).write_text(before)


@pytest.mark.parametrize("text, expected", SETTINGS, ids=[text for text, _ in SETTINGS])
def test_changed_setting(tree, text, expected):
    jobs = planned(tree, configs=overlay(tree, text))
    assert rules(jobs) == expected


@pytest.mark.parametrize("change, expected", ANALYSES, ids=[change for change, _ in ANALYSES])
def test_analyses(tree, change, expected):
    """What only the report needs; a changed setting is in the page, so the page is always made again."""
    if ":" in change:
        assert rules(planned(tree, REPORT, configs=overlay(tree, change))) == expected | {"report"}
        return
    before = (tree / change).read_text()
    (tree / change).write_text(before + ("\n" if change.endswith(".j2") else "\n# a comment\n"))
    try:
        assert rules(planned(tree, REPORT)) == expected
    finally:
        (tree / change).write_text(before)


def test_a_new_mixture_leaves_the_others_alone(tree):
    configs = overlay(tree, "mixtures: {names: [parallel, same_problems, dose_50], "
                            "variants: {dose_50: {rule: dose, parallel_share: 0.5}}}")  # fmt: skip
    jobs = planned(tree, configs=configs)
    for rule in ("build_mixture", "train_sft", "train_rl", "sample", "judge_completions", "score"):
        assert all("dose_50" in wildcards for name, wildcards in jobs if name == rule), rule
    assert {wildcards for name, wildcards in jobs if name == "audit"} == {"training_set=sft/dose_50"}


def test_rl_setting_leaves_other_checkpoints_alone(tree):
    jobs = planned(tree, configs=overlay(tree, "rl: {learning_rate: 3.0e-3}"))
    sampled = {wildcards for rule, wildcards in jobs if rule in ("sample", "judge_completions", "score")}
    assert sampled and all(wildcards.startswith("checkpoint=rl/") for wildcards in sampled)


def test_sft_setting_leaves_rl_from_base_alone(tree):
    jobs = planned(tree, configs=overlay(tree, "sft: {learning_rate: 1.0e-3}"))
    trained = {wildcards for rule, wildcards in jobs if rule == "train_rl"}
    assert trained and not any("init=base" in wildcards for wildcards in trained)


def test_added_seed_runs_only_that_seed(tree):
    jobs = planned(tree, configs=overlay(tree, "seeds: [0, 1, 7]"))
    assert rules(jobs) == SFT
    others = {(rule, wildcards) for rule, wildcards in jobs if not re.search(r"seed=?7$", wildcards)}
    assert others == {("transfer_table", "")}


def test_unseen_language_file_builds_only_its_programs(tree):
    path = tree / "languages/lua.yaml"
    before = path.read_text()
    path.write_text(before + "# a comment\n")
    try:
        built = {wildcards for rule, wildcards in planned(tree) if rule == "build_programs"}
    finally:
        path.write_text(before)
    assert built == {"language=lua"}


def test_added_language_is_all_that_is_computed(tree):
    """Plan it, then run it: the shards of the other languages are the same files as before."""
    configs = overlay(tree, "languages: {unseen: [lua, php, javascript]}")
    jobs = planned(tree, configs=configs)
    assert rules(jobs) == {"build_programs", "parallel_matrix"} | SAMPLES
    assert {wildcards for rule, wildcards in jobs if rule == "build_programs"} == {"language=javascript"}
    before, completions = files_below(tree / "work/completions"), read_rows(tree / "results/completions/base.jsonl.gz")
    run_workflow(tree, "javascript is added", configs=configs)
    after = files_below(tree / "work/completions")
    assert {path: after.get(path) for path in before} == before
    added = set(after) - set(before)
    assert {path.name for path in added} == {"javascript.jsonl.gz"}
    assert len(added) == sum(rule == "sample" for rule, _ in jobs)
    now = read_rows(tree / "results/completions/base.jsonl.gz")
    assert [row for row in now if row["language"] != "javascript"] == completions
    assert {row["role"] for row in read_csv(tree / TABLE) if row["target"] == "javascript"} == {"unseen"}
