"""What the rules behind the transfer table need: models, options, and checks of their own parts of the config.

In: the checked config. Out: plain lists and strings. The checks are made when a table is asked for, so that a config
for the transfer table alone need not mend the settings of analyses that it does not use. A UserError names the key.
"""

from pathlib import Path

from crosspl import experiment as ex
from crosspl import rl_plan as rp
from crosspl.checkpoints import checkpoint_names
from crosspl.errors import UserError, stop_on_user_error
from crosspl.task import tables
from crosspl.workflow import as_json, other_reading


def check_matrix(config):
    """Raise a UserError unless the matrix is of known inits and evaluated PLs."""
    evaluated = ex.all_languages(config)
    _check("matrix.inits", config["matrix"]["inits"], ["base", *ex.known_mixtures(config)])
    _check("matrix.sources", config["matrix"]["sources"], evaluated)
    _check("matrix.oracles", config["matrix"]["oracles"], evaluated)


def check_ablation(config):
    """Raise a UserError unless the ablated models are some of the transfer table's and have the layer."""
    _check("ablation.inits", config["ablation"]["inits"], rp.inits(config))
    _check("ablation.seeds", config["ablation"]["seeds"], config["seeds"])
    if not config["base"]["from"]:  # of a published model the command knows how many
        layers = config["base"]["model"]["num_hidden_layers"]
        _check("ablation.layer", [config["ablation"]["layer"]], range(layers + 1))
    if config["ablation"]["split"] == config["sampling"]["split"]:
        raise UserError("config: ablation.split: the evaluated split would measure its own directions; take another")


def check_sweep(config, sweep):
    """Raise a UserError unless the config has this sweep."""
    if sweep not in config["sweeps"]:
        known = ", ".join(config["sweeps"]) or "none; --configfile configs/sweeps.yaml has some"
        raise UserError(f"results/sweeps/{sweep}.csv: no sweep of this name in the config; known are {known}")


def _check(key, names, known):
    for name in names:
        if name not in known:
            raise UserError(
                f"config: {key}: {name!r} is not in this experiment; known are {', '.join(map(str, known))}"
            )


def matrix_checkpoints(config):
    """Return the models of the transfer matrix; a wrong config ends the process with one line."""
    with stop_on_user_error():
        check_matrix(config)
    return ex.matrix_checkpoints(config)


def ablation_checkpoints(config):
    """Return the models intact and ablated; a wrong config ends the process with one line."""
    with stop_on_user_error():
        check_ablation(config)
    return ex.intact(config) + ex.ablated(config)


def sweep_checkpoints(config, sweep):
    """Return the models of a sweep; an unknown one ends the process with one line."""
    with stop_on_user_error():
        check_sweep(config, sweep)
    return ex.sweep_checkpoints(config, sweep)


def check_translation(config):
    """Raise a UserError unless programs are translated."""
    if not config["translation"]["evaluate"]:
        raise UserError("config: translation.evaluate: names no PL, so nothing is translated; name some")


def check_oorl(config):
    """Raise a UserError unless some RL is on translation."""
    if not rp.oorl_rows(config):
        raise UserError("config: results/oorl/ is about RL on translation; name some in rl_variants (task)")


def translation_verdicts(config, checkpoints):
    """Return the files of verdicts of translation from every PL; a wrong config ends the process with one line."""
    with stop_on_user_error():
        check_translation(config)
    return [f"results/verdicts/translation/{origin}/{name}.jsonl.gz"
            for origin in config["translation"]["evaluate"] for name in checkpoints]  # fmt: skip


def oorl_checkpoints(config):
    """Return the models of the OORL tables; a wrong config ends the process with one line."""
    with stop_on_user_error():
        check_oorl(config)
    rows = rp.oorl_rows(config)
    runs = [(init, source) for name, init in rows.items() if name != "none" for source in config["languages"]["source"]]
    return checkpoint_names(runs, config["seeds"])


def translation_tables(config):
    """Return the tables of translation and of OORL that this config asks for."""
    if not config["translation"]["evaluate"]:
        return []
    names = ("steps", "generation", "translation_matrix", "ablation", "comparison") if rp.oorl_rows(config) else ()
    return ["results/translation_table.csv", *(f"results/oorl/{name}.csv" for name in names)]


def alignment_settings(config):
    """Return the settings of scripts.align, as JSON."""
    chosen = {name: config["alignment"][name] for name in ("pool", "permutations")}
    return as_json(chosen | {name: config["statistics"][name] for name in ("draws", "seed")})


def evaluated_problems(config):
    """Return how many problems are evaluated; 160 where only the data tell."""
    settings = config["problems"][config["problems"]["source"]]
    return settings.get("sizes", {}).get(config["sampling"]["split"], 160)


def calibrated_seeds(config):
    """Return the number of seeds of the simulated experiments: the config's, but 2 where it has one."""
    return max(len(config["seeds"]), 2)


def report_files():
    """Return the template and the captions of the report."""
    return sorted(str(path) for path in Path("report").iterdir() if path.suffix in (".j2", ".rst"))


def paper_tables(config):
    """Return the tables of the OORL paper, which the report shows beside ours where there are such."""
    found = sorted(str(path) for path in Path("docs/reference").glob("oorl_table*.csv"))
    return found if translation_tables(config) else []


def report_model_files(config):
    """Return the learning curves, manifests and projections that the report reads beside its tables."""
    trained = dict.fromkeys(["base", *ex.report_checkpoints(config), *ex.matrix_checkpoints(config)])
    files = [f"results/{name}/{file}" for name in trained for file in ("history.csv", "manifest.json")]
    if config["base"]["from"]:
        files.remove("results/base/history.csv")  # somebody else's, if there is one
    return files + [f"results/alignment/{name}.projection.csv" for name in ex.report_checkpoints(config)]


def report_tables(config):
    """Return the tables that the report is made of."""
    names = ["transfer_table", "headline", "contrasts", "mcnemar", f"transfer_table_{other_reading(config)}",
             "transfer_matrix", "alignment_summary", "alignment_transfer", "ablation", "calibration", "parallel_matrix",
             "sft_data/matching", "audit/exclusion", "audit/contamination", "audit/content",
             "audit/round_trip"]  # fmt: skip
    names += [f"sweeps/{sweep}" for sweep in config["report"]["sweeps"]]
    names += [f"pass_at_1/{name}" for name in ex.report_checkpoints(config)]
    return [f"results/{name}.csv" for name in names] + translation_tables(config)


def products(config):
    """Return every file and folder that this config can make and that nothing else of it is made from, or parts of it.

    The parts are there for runs that were asked for no more, or did not come to their end.
    """
    names = [*ex.report_checkpoints(config), *ex.matrix_checkpoints(config), *ex.ablated(config)]
    names = dict.fromkeys(names + [name for sweep in config["sweeps"] for name in ex.sweep_checkpoints(config, sweep)])
    files = ["problems.jsonl.gz", "base", "cost.csv", "report.html", "figures"]
    files += [f"sweeps/{sweep}.csv" for sweep in config["sweeps"]]
    files += [f"programs/{language}.jsonl.gz" for language in ex.all_languages(config)]
    files += dict.fromkeys(f"sft_data/{name.split('/')[1]}.jsonl.gz" for name in names if name.startswith("sft/"))
    files += ["external.csv"] if config["external"] else []
    names |= dict.fromkeys(f"external/{name}" for name in config["external"])
    for name in names:
        files += [f"pass_at_1/{name}.csv", f"verdicts/{name}.jsonl.gz", f"completions/{name}.jsonl.gz",
                  f"alignment/{name}.csv", f"{name}/adapter_model.safetensors"]  # fmt: skip
    files += [
        f"verification/{language}.jsonl.gz" for language in ex.all_languages(config) if ex.is_verification(config)
    ]
    for form in rp.group_forms(config, rp.inits(config)):
        files += [f"groups/{form}.jsonl.gz", f"groups/{form}.csv"]
    for source in config["translation"]["evaluate"]:
        translated = [f"translation/{source}/{name}" for name in ex.checkpoints(config)]
        files += [f"{kind}/{name}.jsonl.gz" for kind in ("completions", "verdicts") for name in translated]
    return report_tables(config) + tables(config) + [f"results/{file}" for file in files]
