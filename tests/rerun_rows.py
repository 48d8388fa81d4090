"""Read the rerun matrix, tests/reruns.yaml, in words of sets of rules.

In: the file. Out: its sections, each row with `runs` as a set of rules. The graph of the rules is written down here for
the reader; a test compares it with Snakemake's own.
"""

from pathlib import Path

import yaml

FILE = Path(__file__).parent / "reruns.yaml"
PAGE = {"figures", "report"}  # they show the config
TABLES = (
    "parallel_matrix", "transfer_table", "other_reading", "transfer_matrix", "sweep", "alignment_summary",
    "alignment_transfer", "ablation_table", "calibrate",
)  # fmt: skip
READERS = {  # rule: the rules that read what it makes
    "build_problems": "build_programs build_corpus parallel_matrix round_trip find_same_problems build_mixture audit "
    "audit_content train_rl sample sample_ablated "
    "judge_completions align align_lexical",
    "build_programs": "parallel_matrix round_trip find_same_problems build_mixture audit sample_ablated align "
    "align_lexical",
    "round_trip": "audit_table build_mixture train_sft train_rl judge_completions",
    "build_corpus": "train_base build_mixture matching audit train_sft train_rl sample sample_ablated align "
    "align_lexical",
    "take_base": "build_mixture matching audit train_sft train_rl sample sample_ablated align align_lexical",
    "train_base": "train_sft train_rl sample sample_ablated align figures report",
    "find_same_problems": "build_mixture audit audit_content train_rl",
    "build_mixture": "matching audit audit_content train_sft",
    "matching": "transfer_table other_reading cost figures report",
    "audit": "audit_table train_sft train_rl",
    "audit_content": "audit_table train_sft train_rl",
    "audit_table": "transfer_table other_reading cost figures report",
    "train_sft": "train_rl sample align figures report",
    "train_rl": "sample sample_ablated align figures report",
    "sample": "judge_completions",
    "sample_ablated": "judge_completions",
    "judge_completions": "score transfer_table other_reading transfer_matrix sweep alignment_transfer ablation_table",
    "score": "transfer_table cost figures report",
    "align": "alignment_summary alignment_transfer figures report",
    "align_lexical": "alignment_summary",
    **dict.fromkeys(TABLES, "cost figures report"),
    "cost": "figures report",
    "figures": "",
    "report": "",
}
OF_OTHER_RUNS = ("take_base",)  # rules that the finished run has not
STAGES = {  # in words: rules
    "problems": "build_problems",
    "programs": "build_programs parallel_matrix",
    "base model": "build_corpus train_base take_base",
    "mixtures": "build_mixture matching",
    "audits": "round_trip find_same_problems audit audit_content audit_table",
    "SFT": "train_sft",
    "RL": "train_rl",
    "answers": "sample sample_ablated",
    "verdicts": "judge_completions score",
    "latent space": "align align_lexical alignment_summary",
    "calibration": "calibrate",
    "tables": "transfer_table other_reading transfer_matrix sweep alignment_transfer ablation_table",
    "report": "cost figures report",
}


def rules(text):
    """Return the rules of a `runs:`: each with all that follows it, `=rule` without; "nothing" is none."""
    alone = {name.removeprefix("=") for name in text.split() if name.startswith("=")} - {"nothing"}
    found, todo = set(), [name for name in text.split() if name in READERS]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += READERS[name].split()
    return found | alone


def of_a_run(text):
    """Return the rules of a `runs:` in a run that has no sweep."""
    return rules(text) - {"sweep"}


def section(name):
    """Return the rows of one section of the file."""
    return yaml.safe_load(FILE.read_text())[name]
