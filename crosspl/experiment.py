"""What an experiment consists of: its mixtures, checkpoints, tables and sweeps.

In: the checked config. Out: plain lists, strings and dicts for the rules: names of checkpoints, recipes of mixtures,
the options of scripts.transfer_table for each table. Imports nothing heavy: every job on a cluster reads it.
"""

import shlex

from crosspl import mixtures
from crosspl.checkpoints import after_name, before_name, checkpoint_names, start_of
from crosspl.rl_plan import group_forms, group_languages, inits, is_translation, translation_languages

PLAIN = ("parallel", "same_problems", "same_programs", "monolingual")  # mixtures that need no settings
NEIGHBOURS = ("bridge",)  # those of other methods, which need none either
DIRECT = 0.5  # share of the problems of `bridge` without bridges


def is_verification(config):
    """Return whether the task is code verification, and not generation."""
    return config["task"] == "verification"


def mark(config):
    """Return the mark of all tables, which names the task where it is not generation."""
    return "; ".join(filter(None, ["verification" if is_verification(config) else "", config["mark"]]))


def all_languages(config):
    """Return the evaluated PLs: source, SFT, unseen, in this order, each once."""
    return _once(config["languages"]["source"], config["languages"]["sft"], config["languages"]["unseen"])


def training_languages(config):
    """Return the PLs whose programs training may use: SFT PLs and source PLs, each once."""
    return _once(config["languages"]["sft"], config["languages"]["source"])


def _once(*lists):
    return list(dict.fromkeys(name for names in lists for name in names))


def further_languages(config, init):
    """Return the PLs that RL from an init translates, or has groups of."""
    translated = translation_languages(config) if is_translation(config, init) else []
    return _once(translated, *(group_languages(config, form) for form in group_forms(config, [init])))


def checkpoints(config):
    """Return the names of all models of the transfer table."""
    runs = [(init, source) for init in inits(config) for source in config["languages"]["source"]]
    return checkpoint_names(runs, config["seeds"])


def matrix_checkpoints(config):
    """Return the names of all models of the transfer matrix, oracles included."""
    matrix = config["matrix"]
    runs = [(init, source) for init in matrix["inits"] for source in matrix["sources"]]
    return checkpoint_names(runs + [("base", target) for target in matrix["oracles"]], matrix["seeds"])


def sweep_checkpoints(config, sweep):
    """Return the names of all models of one sweep."""
    runs = [(init, source) for init in config["sweeps"][sweep].values() for source in config["languages"]["source"]]
    return checkpoint_names(runs, config["seeds"])


def recipe(config, mixture):
    """Return how a mixture is made: what crosspl.mixtures.Recipe wants, tokens aside."""
    variant = config["mixtures"]["variants"].get(mixture, {"rule": mixture})
    languages, problems = config["languages"]["sft"], config["mixtures"]["problems"]
    share = variant.get("direct_share", DIRECT if variant["rule"] == "bridge" else variant.get("parallel_share", 0.0))
    fit = {"fit": True} if "languages" in variant and "problems" not in variant else {}
    return fit | {
        "rule": variant["rule"],
        "languages": variant.get("languages", languages),
        "source": config["languages"]["source"][0],
        "problems": variant.get("problems", problems),
        "width": len(languages),
        "share": share,
        **({"bridge_in": variant["bridge_in"]} if "bridge_in" in variant else {}),
    }


def recipe_languages(config, mixture):
    """Return the PLs whose programs a mixture needs, those of `parallel` included: it is matched to that."""
    made = recipe(config, mixture)
    return _once(config["languages"]["sft"], made["languages"], [made["source"]])


def mixture_languages(config, mixture):
    """Return the PLs that a mixture may hold."""
    made = recipe(config, mixture)
    if made["rule"] == "bridge":
        return _once(made["languages"], [made["source"]])
    return [made["source"]] if made["rule"] == "monolingual" else made["languages"]


def changed_by_variant(config, mixture):
    """Return (PLs, problems) that a variant sets itself; None where it takes the experiment's."""
    variant = config["mixtures"]["variants"].get(mixture, {})
    return variant.get("languages"), variant.get("problems")


def has_own_languages(config, mixture):
    """Return whether SFT on a mixture shows other PLs than languages.sft, which tables must know."""
    bridge = mixture != "base" and recipe(config, mixture)["rule"] == "bridge"
    own = bridge and set(mixture_languages(config, mixture)) != set(config["languages"]["sft"])
    return bool(changed_by_variant(config, mixture)[0]) or own


def known_mixtures(config):
    """Return every mixture that can be named."""
    return _once(PLAIN, NEIGHBOURS, config["mixtures"]["variants"])


def declared(config, mixture):
    """Return the quantities in which a mixture is declared equal to `parallel`."""
    made = recipe(config, mixture)
    place = made.get("bridge_in", "answer")
    return list(mixtures.declared(made["rule"], *changed_by_variant(config, mixture), place))


def training_sets(config):
    """Return the training sets of the audits' tables: mixtures of the report, PLs of RL with the matrix's, corpus."""
    sets = [f"sft/{mixture}" for mixture in report_mixtures(config)]
    matrix = [name for key in ("sources", "oracles") for name in config["matrix"][key] if name in all_languages(config)]
    translation = ["rl/translation"] if any(is_translation(config, init) for init in inits(config)) else []
    groups = [f"groups/{form}" for form in group_forms(config, inits(config))]
    sources = [f"rl/{source}" for source in _once(config["languages"]["source"], matrix)]
    return sets + sources + translation + groups + pretraining(config)


def pretraining(config):
    """Return the training set of the embedded base model; what a published one has seen nobody here can audit."""
    return [] if config["base"]["from"] else ["pretraining"]


def audited_sets(config, audit):
    """Return the training sets of an audit's table; what pretraining may hold is not limited to some PLs.

    The round trip is of a PL's gold programs, whatever is trained on them.
    """
    if audit == "round_trip":
        return all_languages(config)
    sets = training_sets(config)
    return sets if audit != "content" else [name for name in sets if has_content(name)]


def has_content(training_set):
    """Return whether a training set's texts are looked at; pairs and groups hold programs that the judge has run."""
    return training_set not in ("pretraining", "rl/translation") and not training_set.startswith("groups/")


def trained_languages(config, init):
    """Return the PLs that an init's models were trained on before they are evaluated, RL's source PL aside."""
    start = start_of(init)
    own = mixture_languages(config, start) if has_own_languages(config, start) else config["languages"]["sft"]
    return _once(own, further_languages(config, init))


def table_plan(config, **changes):
    """Return the options of scripts.transfer_table that say what was run; `changes` replaces some of them.

    Inits that have SFT PLs of their own bring them along, for what is unseen to one is not to another.
    """
    options = {
        "inits": inits(config),
        "sources": config["languages"]["source"],
        "seeds": config["seeds"],
        "languages": all_languages(config),
        "sft-languages": config["languages"]["sft"],
        "method": [config["rl"]["method"]],
        "treatment": [config["statistics"]["treatment"]],
        "margin": [config["statistics"]["margin"]],
        "draws": [config["statistics"]["draws"]],
        "bootstrap-seed": [config["statistics"]["seed"]],
        "mark": [mark(config)],
    }
    options |= changes
    shown = {name: trained_languages(config, name) for name in options["inits"]}
    options["init-languages"] = [
        f"{name}={','.join(languages)}"
        for name, languages in shown.items()
        if has_own_languages(config, start_of(name)) or languages != config["languages"]["sft"]
    ]
    return " ".join(f"--{name} {shlex.join(map(str, values))}" for name, values in options.items() if values)


def matrix_plan(config):
    """Return the options of scripts.transfer_table for the transfer matrix."""
    matrix = config["matrix"]
    return table_plan(
        config, inits=matrix["inits"], sources=matrix["sources"], oracles=matrix["oracles"], seeds=matrix["seeds"]
    )


def sweep_plan(config, sweep):
    """Return the options of scripts.transfer_table for one sweep; its points are labels of the inits."""
    points = config["sweeps"][sweep]
    return table_plan(config, inits=list(points.values()), points=list(map(str, points)))


def roles(config):
    """Return {PL: role} of the evaluated PLs to a model with RL in the first source PL."""
    source, sft = config["languages"]["source"][0], config["languages"]["sft"]
    return {name: "source" if name == source else "sft" if name in sft else "unseen" for name in all_languages(config)}


def report_inits(config):
    """Return every init of the transfer table and of the sweeps of the report."""
    return _once(inits(config), *(config["sweeps"][sweep].values() for sweep in config["report"]["sweeps"]))


def report_mixtures(config):
    """Return the mixtures among `report_inits`."""
    return [name for name in _once(map(start_of, report_inits(config))) if name != "base"]


def report_checkpoints(config):
    """Return the models of the transfer table and of the sweeps of the report."""
    return _once(checkpoints(config), *(sweep_checkpoints(config, sweep) for sweep in config["report"]["sweeps"]))


def doses(config):
    """Return INIT=SHARE, the share of problems that are parallel, for inits that are matched with `parallel`."""
    made = {init: recipe(config, init) for init in report_mixtures(config)}
    shares = {"same_problems": 0.0, "parallel": 1.0}
    shares |= {init: one["share"] for init, one in made.items() if one["rule"] == "dose"}
    return [f"{init}={shares[init]}" for init in made if init in shares]


def ablated(config):
    """Return the names of the ablated models: what is removed, then the checkpoint."""
    chosen = config["ablation"]
    source = config["languages"]["source"][0]
    names = [after_name(init, source, seed) for init in chosen["inits"] for seed in chosen["seeds"]]
    return [f"ablated/{direction}/{name}" for direction in ("language", "random") for name in names]


def intact(config):
    """Return the names of the models that are ablated."""
    return _once([name.split("/", 2)[2] for name in ablated(config)])


def before_rl(config):
    """Return the models that the RL runs of the report start from."""
    return _once([before_name(init, seed) for init in report_inits(config) for seed in config["seeds"]])
