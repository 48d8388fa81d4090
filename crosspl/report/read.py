"""Read what a results folder holds for the report; every table may be missing.

In: results/ and the merged config. Out: one dict: rows per table ([] where there is none), per checkpoint, per sweep.
A file that is there but lacks a column is a UserError that names both; nothing is guessed.
"""

import re
from pathlib import Path

from crosspl.errors import UserError
from crosspl.io import read_csv, read_json

GAIN = "init rl_method source target role seeds problems pass_at_1_before pass_at_1_after gain gain_low gain_high"
TRANSFER = f"{GAIN} samples before_low before_high after_low after_high p_value p_holm wrong_language_rate mde"
CONTRAST = "treatment control rl_method source target role seeds problems contrast low high p_value p_holm mde mark"
STEP = "task from source target role row against seeds problems pass_at_1 low high"
TABLES = {  # file below results/: the columns that the page reads
    "headline": "treatment control source target seeds problems contrast low high p_value p_holm margin p_equivalence "
                "conclusion mde problems_needed seeds_needed mark",
    "transfer_table": TRANSFER,
    "transfer_table_greedy": TRANSFER,
    "transfer_table_sampled": TRANSFER,
    "contrasts": CONTRAST,
    "contrasts_greedy": CONTRAST,
    "contrasts_sampled": CONTRAST,
    "mcnemar": "init source target role seed problems gained lost p_mcnemar mark",
    "transfer_matrix": f"{GAIN} p_value p_holm oracle_gain oracle_gain_low oracle_gain_high normalized normalized_low "
                       "normalized_high mark",
    "alignment_summary": "stage init source seeds features layer pooling centred metric problems value low high "
                         "null_mean null_high mark",
    "alignment_transfer": "relation metric layer n statistic low high p_value mark",
    "alignment_transfer_points": "checkpoint init seed source dose alignment transfer_gain source_gain",
    "translation_table": f"from {TRANSFER}",
    "oorl/steps": f"{STEP} difference difference_low difference_high p_value p_holm margin p_equivalence conclusion "
                  "mde mark",
    "oorl/generation": "source row avg avg_low avg_high",
    "oorl/translation_matrix": "from source row avg avg_low avg_high",
    "oorl/ablation": "source row start on_policy off_policy generation from_avg from_avg_low from_avg_high",
    "oorl/comparison": "task source comparison paper paper_sign ours difference low high seeds agrees mark",
    "ablation": "init source seeds layer direction target role problems pass_at_1_intact pass_at_1_ablated change low "
                "high p_value p_holm wrong_language_intact wrong_language_ablated mark",
    "calibration": "scenario seeds problems repetitions rejected rejected_low rejected_high covered covered_low "
                   "covered_high mde power mark",
    "sft_data/matching": "mixture quantity value off_by declared ok",
    "audit/exclusion": "training_set language role examples ok",
    "audit/contamination": "training_set examples eval_problems shared_families shared_programs shared_statements "
                           "same_problems ok",
    "audit/content": "training_set language programs not_in_it blocks foreign_blocks ok",
    "audit/round_trip": "language style programs same judged_again survived lost reasons",
    "cost": "level stage command commands attempts wall_s cpu_s gpu_s peak_mib peak_gpu_mib trained_tokens "
            "generated_tokens programs_judged",
}  # fmt: skip
SCORES = (
    "checkpoint language reading problems samples pass_at_1 low high wrong_language_rate "
    "extraction_failure_rate truncated_rate OK WA JE"
)
PROJECTION = "layer centred problem language x y explained_x explained_y"
CHECKPOINT = re.compile(r"(base|(sft/\w+|rl/\w+/\w+)/seed(?P<seed>\d+))$")


def read_tables(results, config):
    """Return {table name: rows}, and `sweeps`, `projections`, `pass_at_1`, `histories`, `manifests` by their own names.

    Also `treatment`, `reading` and `mark` of the config, and `files`: what was read, below `results`.
    """
    results = Path(results)
    if not results.is_dir():
        raise UserError(f"{results}: no such folder; run the workflow first (make transfer-table)")
    tables = {name: _rows(results / f"{name}.csv", needed) for name, needed in TABLES.items()}
    tables["sweeps"] = _collect(results / "sweeps", ".csv", f"point {GAIN}", re.compile("[a-z_0-9]+$"))
    if "report" in config:  # tables of sweeps that this config does not ask for may be old
        tables["sweeps"] = {name: tables["sweeps"].get(name, []) for name in config["report"]["sweeps"]}
    if "translation" in config and not config["translation"]["evaluate"]:
        tables |= {name: [] for name in TABLES if name.startswith(("oorl/", "translation_"))}  # of an earlier config
    tables["projections"] = _collect(results / "alignment", ".projection.csv", PROJECTION, CHECKPOINT)
    runs = _kept(tables["transfer_table"])
    all_runs = runs and runs + (_kept(tables["transfer_matrix"]) or [])
    tables["pass_at_1"] = _of_config(_collect(results / "pass_at_1", ".csv", SCORES, CHECKPOINT), config, runs)
    tables["histories"] = _of_config(_beside_models(results, "history.csv", _history), config, all_runs)
    tables["manifests"] = _of_config(_beside_models(results, "manifest.json", read_json), config, all_runs)
    statistics = config.get("statistics", {})
    tables["treatment"] = statistics.get("treatment", "parallel")
    tables["reading"] = statistics.get("reading", "sampled")
    for name in ("transfer_table", "contrasts"):
        tables[f"{name}_{tables['reading']}"] = []  # of an earlier config: this reading is the table without a suffix
    tables["mark"] = config.get("mark", "") or _mark(tables)
    return tables


def _rows(path, needed):
    """Return the rows of a CSV file, [] when it does not exist; UserError for a column that is not there."""
    rows = read_csv(path) if path.exists() else []
    missing = [column for column in needed.split() if rows and column not in rows[0]]
    if missing:
        raise UserError(f"{path}: has no column {missing[0]}. Build the file again, or move it away.")
    return rows


def _history(path):
    """Return the rows of a history.csv."""
    return _rows(path, "step")


def _collect(folder, suffix, needed, names):
    """Return {path below `folder` without suffix: rows} of all its files whose path matches `names`."""
    paths = {str(path.relative_to(folder))[: -len(suffix)]: path for path in sorted(folder.rglob(f"*{suffix}"))}
    return {name: _rows(path, needed) for name, path in paths.items() if names.match(name)}


def _beside_models(results, name, read):
    """Return {checkpoint: content} of a file that lies beside every model."""
    paths = [results / "base" / name, *sorted(results.glob(f"sft/*/seed*/{name}")),
             *sorted(results.glob(f"rl/*/*/seed*/{name}"))]  # fmt: skip
    return {str(path.parent.relative_to(results)): read(path) for path in paths if path.exists()}


def _kept(rows):
    """Return the (init, source) pairs of a transfer table, in its order; None without a table."""
    return list(dict.fromkeys((row["init"], row["source"]) for row in rows)) or None


def _of_config(by_checkpoint, config, runs):
    """Return the checkpoints of this experiment, by init: a results folder keeps those of earlier configs."""
    seeds = config.get("seeds")

    def belongs(checkpoint):
        parts, seed = checkpoint.split("/"), CHECKPOINT.match(checkpoint)["seed"]
        if seed and seeds is not None and int(seed) not in seeds:
            return False
        if runs is None or parts[0] == "base":
            return True
        return (parts[1], parts[2]) in runs if parts[0] == "rl" else parts[1] in {init for init, _ in runs}

    order = [init for init, _ in runs or ()]

    def place(checkpoint):
        stage, init = [*checkpoint.split("/"), "base"][:2]
        known = order.index(init) if init in order else len(order)
        return known, ("base", "sft", "rl").index(stage), checkpoint

    return {name: by_checkpoint[name] for name in sorted(filter(belongs, by_checkpoint), key=place)}


def _mark(tables):
    """Return the mark that the tables carry, "" when none does."""
    for name in TABLES:
        for row in tables[name]:
            if row.get("mark"):
                return row["mark"]
            if " [" in row.get("rl_method", ""):
                return row["rl_method"].split(" [", 1)[1].rstrip("]")
    return ""


def read_files(results, tables):
    """Return the names, below `results`, of all files that `read_tables` found and kept."""
    names = [f"{name}.csv" for name in TABLES if tables[name] or not name.startswith(("oorl/", "translation_"))]
    names += [f"sweeps/{name}.csv" for name in tables["sweeps"]]
    names += [f"alignment/{name}.projection.csv" for name in tables["projections"]]
    names += [f"pass_at_1/{name}.csv" for name in tables["pass_at_1"]]
    names += [f"{name}/history.csv" for name in tables["histories"]]
    names += [f"{name}/manifest.json" for name in tables["manifests"]]
    return [name for name in names if (Path(results) / name).exists()]
