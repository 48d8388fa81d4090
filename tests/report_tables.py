"""Made-up result tables for tests of the report: every table it knows, with the columns their rules write.

In: a folder. Out: CSV files below it; the numbers mean nothing.
"""

import numpy as np

from crosspl.io import write_csv, write_json
from crosspl.passk import SCORE_COLUMNS, VERDICTS
from crosspl.report.read import CONTRAST, GAIN, PROJECTION, TABLES, TRANSFER

CONFIG = {
    "mark": "", "seeds": [0, 1],
    "languages": {"source": ["python"], "sft": ["python", "perl"], "unseen": ["lua", "php"]},
    "mixtures": {"names": ["parallel", "same_problems"], "problems": 12},
    "statistics": {"treatment": "parallel", "reading": "sampled"}, "sampling": {"samples": 2, "temperature": 1.0},
    "problems": {"source": "microworld", "microworld": {"sizes": {"eval": 20}}}, "rl": {"method": "grpo", "tests": 1},
}  # fmt: skip
TARGETS = {"python": "source", "perl": "sft", "lua": "unseen", "php": "unseen"}
INITS = ("base", "parallel", "same_problems")
HEADLINE = {
    "treatment": "parallel", "control": "same_problems", "source": "python", "target": "mean of unseen", "seeds": "3",
    "problems": "160", "contrast": "0.0210", "low": "0.0040", "high": "0.0390", "p_value": "0.0200", "p_holm": "0.0400",
    "margin": "0.0200", "p_equivalence": "0.5500", "conclusion": "difference", "mde": "0.0250",
    "problems_needed": "300", "seeds_needed": "5", "mark": "",
}  # fmt: skip


def write(folder, name, columns, rows):
    """Write rows to {folder}/{name}.csv; `columns` as one text."""
    write_csv(folder / f"{name}.csv", columns.split(), rows)


def interval(generator, center, width, *names):
    """Return three cells: a value near `center`, and limits about it."""
    value = generator.normal(center, width / 2)
    return dict(zip(names, (f"{value:.4f}", f"{value - width:.4f}", f"{value + width:.4f}")))


def gain_row(generator, init, source, target, role, seeds=2):
    """Return one row of the transfer table."""
    gain = interval(generator, 0.06 if role == "source" else 0.01, 0.03, "gain", "gain_low", "gain_high")
    before = generator.uniform(0.1, 0.3)
    after = before + float(gain["gain"])
    return gain | {
        "init": init, "rl_method": "grpo", "source": source, "target": target, "role": role, "seeds": seeds,
        "problems": 20, "samples": 2, "pass_at_1_before": f"{before:.4f}", "pass_at_1_after": f"{after:.4f}",
        "before_low": f"{before - 0.04:.4f}", "before_high": f"{before + 0.04:.4f}", "after_low": f"{after - 0.04:.4f}",
        "after_high": f"{after + 0.04:.4f}", "p_value": "0.0400", "p_holm": "0.1600", "wrong_language_rate": "0.0100",
        "mde": "0.0400",
    }  # fmt: skip


def write_core(folder):
    """Write the tables of the main job: gains, contrasts, McNemar, verdicts, histories, manifests, audits."""
    generator = np.random.default_rng(0)
    for name in ("transfer_table", "transfer_table_greedy"):
        rows = [gain_row(generator, init, "python", target, role) for init in INITS for target, role in TARGETS.items()]
        write(folder, name, TRANSFER, rows)
    rows = [
        {"treatment": "parallel", "control": control, "rl_method": "grpo", "source": "python", "target": target,
         "role": role, "seeds": 2, "problems": 20, "p_value": "0.3", "p_holm": "0.9", "mde": "0.05", "mark": ""}
        | interval(generator, 0, 0.04, "contrast", "low", "high")
        for control in ("base", "same_problems") for target, role in TARGETS.items()
    ]  # fmt: skip
    write(folder, "contrasts", CONTRAST, rows)
    rows = [{"init": "base", "source": "python", "target": "lua", "role": "unseen", "seed": 0, "problems": 20,
             "gained": 4, "lost": 2, "p_mcnemar": "0.6875", "mark": ""}]  # fmt: skip
    write(folder, "mcnemar", TABLES["mcnemar"], rows)
    for name in ("base", "sft/parallel/seed0", "rl/parallel/python/seed0", "rl/parallel/python/seed7"):
        write_csv(folder / f"pass_at_1/{name}.csv", SCORE_COLUMNS, [score_row(name, target) for target in TARGETS])
        history = [{"step": step, "reward": 0.1 * step, "entropy": 1 / step, "loss": 2 / step} for step in (1, 2, 3)]
        write(folder, f"{name}/history", "step reward entropy loss", history)
        write_json(folder / name / "manifest.json", {"parameters": 470000, "versions": {"torch": "9.9"}})
    write(folder, "sft_data/matching", "mixture other quantity value other_value off_by declared ok", [
        {"mixture": "same_problems", "other": "parallel", "quantity": "tokens", "value": 101, "other_value": 100,
         "off_by": 0.01, "declared": "matched", "ok": "yes"}])  # fmt: skip


def score_row(checkpoint, language):
    """Return one row of pass_at_1/{checkpoint}.csv."""
    verdicts = dict.fromkeys(VERDICTS, 0) | {"OK": 10, "WA": 20, "RE": 10}
    return verdicts | {
        "checkpoint": checkpoint, "language": language, "reading": "sampled", "problems": 20, "samples": 2,
        "pass_at_1": "0.2500", "low": "0.1500", "high": "0.3500", "wrong_language_rate": "0", "truncated_rate": "0",
        "extraction_failure_rate": "0",
        "mean_tokens": "20", "problems_common": 20, "pass_at_1_common": "0.25", "mark": "",
    }  # fmt: skip


def write_all(folder):
    """Write every table that the report knows."""
    write_core(folder)
    write(folder, "headline", TABLES["headline"], headline_rows())
    write_matrix_and_sweeps(folder)
    write_alignment(folder)
    write_checks(folder)


def headline_rows():
    """Return rows of headline.csv: the mean over unseen PLs and each of them."""
    other = HEADLINE | {"target": "lua", "contrast": "-0.0100", "low": "-0.0600", "high": "0.0400",
                        "conclusion": "undecided", "p_equivalence": "0.3000"}  # fmt: skip
    return [HEADLINE, other, HEADLINE | {"control": "base", "low": "-0.0100", "conclusion": "undecided"}]


def write_matrix_and_sweeps(folder):
    """Write transfer_matrix.csv (with empty cells) and two sweeps."""
    generator = np.random.default_rng(1)
    rows = []
    for init in INITS:
        for source in ("python", "perl"):
            for target in TARGETS:
                role = "source" if target == source else "unseen" if target in ("lua", "php") else "sft"
                row = gain_row(generator, init, source, target, role, 1) | {"mark": ""}
                if target != "php":
                    row |= interval(generator, 0.08, 0.02, "oracle_gain", "oracle_gain_low", "oracle_gain_high")
                    row |= interval(generator, 0.4, 0.3, "normalized", "normalized_low", "normalized_high")
                if (source, target) == ("perl", "lua"):
                    row |= dict.fromkeys(("gain", "gain_low", "gain_high", "normalized"), "")
                rows.append({key: row.get(key) for key in TABLES["transfer_matrix"].split()})
    write(folder, "transfer_matrix", TABLES["transfer_matrix"], rows)
    for sweep, points in (("dose", ("0", "25", "50", "100")), ("languages", ("two", "three"))):
        rows = [{key: value for key, value in row.items() if key in GAIN.split() + TRANSFER.split()} | {"point": point}
                for point in points for target, role in TARGETS.items()
                for row in [gain_row(generator, f"{sweep}_{point}", "python", target, role)]]  # fmt: skip
        write(folder, f"sweeps/{sweep}", f"point {TRANSFER}", rows)


def write_alignment(folder):
    """Write the tables of the latent-space analysis."""
    generator = np.random.default_rng(2)
    rows = []
    for metric, low, high in (
        ("retrieval", 0.3, 0.7),
        ("cosine", 0.1, 0.4),
        ("cka", 0.4, 0.8),
        ("silhouette", -0.1, 0.2),
    ):
        for stage, init, lift in (("base", "base", 0), ("sft", "parallel", 0.1), ("sft", "same_problems", 0.03),
                                  ("untrained", "", -0.2), ("lexical", "", -0.1)):  # fmt: skip
            for layer in range(4) if stage != "lexical" else ("",):
                rows.append({
                    "stage": stage, "init": init, "source": "", "seeds": 2, "layer": layer,
                    "pooling": "" if stage == "lexical" else "mean",
                    "features": "tfidf" if stage == "lexical" else "hidden", "centred": "yes",
                    "metric": metric, "problems": 20, "null_mean": "0.0200", "null_high": "0.0700", "mark": "",
                } | interval(generator, low + (high - low) * (0 if layer == "" else layer / 3) + lift, 0.03,
                             "value", "low", "high"))  # fmt: skip
    write(folder, "alignment_summary", TABLES["alignment_summary"], rows)
    for checkpoint in ("base", "sft/parallel/seed0"):
        rows = [{"layer": 2, "centred": "yes", "problem": f"p{problem}", "language": language,
                 "x": generator.normal(problem % 5, 1), "y": generator.normal(problem % 3, 1), "explained_x": 0.21,
                 "explained_y": 0.12} for problem in range(20) for language in TARGETS]  # fmt: skip
        write(folder, f"alignment/{checkpoint}.projection", PROJECTION, rows)
    rows = [{"relation": relation, "metric": "retrieval", "layer": 2, "n": 10, "p_value": "0.03", "mark": ""}
            | interval(generator, 0.5, 0.3, "statistic", "low", "high")
            for relation in ("dose → alignment", "dose → transfer gain", "alignment → transfer gain",
                             "alignment → transfer gain, source gain held fixed")]  # fmt: skip
    write(folder, "alignment_transfer", TABLES["alignment_transfer"], rows)
    rows = [{"checkpoint": f"sft/dose_{dose}/seed{seed}", "init": f"dose_{dose}", "seed": seed, "source": "python",
             "dose": dose / 100, "alignment": generator.normal(0.4 + dose / 400, 0.03),
             "transfer_gain": generator.normal(0.01, 0.01), "source_gain": generator.normal(0.05, 0.01)}
            for dose in (0, 50, 100) for seed in (0, 1)]  # fmt: skip
    write(folder, "alignment_transfer_points", TABLES["alignment_transfer_points"], rows)
    rows = [{"init": "parallel", "source": "python", "seeds": 2, "layer": 2, "direction": direction, "target": target,
             "role": role, "problems": 20, "pass_at_1_intact": "0.2", "pass_at_1_ablated": "0.15", "p_value": "0.02",
             "p_holm": "0.9" if direction == "random" else "0.04", "wrong_language_intact": "0",
             "wrong_language_ablated": "0.05", "mark": ""}
            | interval(generator, 0 if direction == "random" else -0.05, 0.03, "change", "low", "high")
            for target, role in TARGETS.items()
            for direction in ("language", "random", "language - random")]  # fmt: skip
    write(folder, "ablation", TABLES["ablation"], rows)


def write_checks(folder):
    """Write calibration, audits and cost."""
    rows = [
        {
            "scenario": name,
            "seeds": seeds,
            "problems": 160,
            "effect": effect,
            "repetitions": 500,
            "rejected": rejected,
            "rejected_low": rejected - 0.02,
            "rejected_high": rejected + 0.02,
            "covered": 0.945,
            "covered_low": 0.92,
            "covered_high": 0.965,
            "mde": 0.04,
            "power": rejected if effect else "",
            "mark": "",
        }
        for name, seeds, effect, rejected in (("A/A", 2, 0, 0.06), ("A/A", 3, 0, 0.05), ("effect", 3, 0.04, 0.8))
    ]
    write(folder, "calibration", TABLES["calibration"] + " effect", rows)  # fmt: skip
    write(folder, "audit/exclusion", TABLES["audit/exclusion"], [
        {"training_set": "sft/parallel", "language": "lua", "role": "excluded", "examples": 0, "ok": "yes"},
    ])  # fmt: skip
    write(folder, "audit/contamination", TABLES["audit/contamination"], [
        {"training_set": "sft/parallel", "examples": 24, "eval_problems": 20, "shared_families": 0,
         "shared_programs": 0, "shared_statements": 0, "same_problems": 0, "ok": "yes"}])  # fmt: skip
    write(folder, "audit/content", TABLES["audit/content"], [
        {"training_set": "sft/parallel", "language": "python", "programs": 24, "not_in_it": 0, "blocks": 0,
         "foreign_blocks": 0, "ok": "yes"}])  # fmt: skip
    write(folder, "audit/round_trip", TABLES["audit/round_trip"], [
        {"language": "lua", "style": "plain", "programs": 24, "same": 20, "judged_again": 4, "survived": 23, "lost": 1,
         "reasons": "1 comes back without the blanks at its end and is WA"}])  # fmt: skip
    none = dict.fromkeys(TABLES["cost"].split(), 0)
    write(folder, "cost", TABLES["cost"], [
        none | {"level": "all", "stage": "", "command": "", "commands": 15, "cpu_s": 690.2, "peak_mib": 900},
        none | {"level": "stage", "stage": "rl", "command": "", "commands": 6, "cpu_s": 600.2, "peak_mib": 900},
        none | {"level": "command", "stage": "rl", "command": "train_rl", "commands": 6, "cpu_s": 600.2}])  # fmt: skip
