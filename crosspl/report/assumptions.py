"""What the paper leaves open, what we assume for it, and what this run did (parallel_sft.md §4).

In: the merged config, the manifests of the models. Out: rows (unknown, assumed, this run, why). The assumptions are the
project's own choices for an experiment of the paper's size; a run of another size says so in its own column.
"""

from functools import partial

from crosspl.plots.numbers import MISSING


def setting(config, path, default=MISSING):
    """Return config[a][b]… of the dotted `path` as text; a dash where the config has no such key."""
    value = config
    for key in path.split("."):
        if not isinstance(value, dict) or key not in value:
            return default
        value = value[key]
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def assumptions(config, manifests):
    """Return the rows (unknown, assumed, this run, why we assume it)."""
    get = partial(setting, config)
    return [
        ("source PLs of RL", "Python and C++, one run each", get("languages.source"), "the two common PLs it names"),
        ("target PLs", "Go, PHP, Ruby", f"unseen: {get('languages.unseen')}; all SFT PLs are evaluated too",
         "a summary counts and names three"),
        ("PLs in parallel SFT", "4 to 6 of Python, C++, Java, JavaScript, C#, Rust, source included",
         get("languages.sft"), "cheap toolchains; the number is a sweep"),
        ("is the target in SFT?", "no, and asserted",
         f"no: {get('languages.unseen')} in no SFT or RL example, see the audits", "the abstract says “unseen PLs”"),
        ("base model", "Llama-3.1-8B-Instruct", base_model(config, manifests), "named by a summary"),
        ("problems", "open-r1/codeforces, verifiable part, test split held out", problems(config), "“CodeForces”"),
        ("who writes parallel programs", "accepted human submissions, else translations that pass the same tests",
         writers(config), "execution filtering is the safe common part"),
        ("form of an SFT example", "one example per problem and PL: instruction + “in PL X” → program",
         "the same", "a summary says: one instruction, several PLs"),
        ("mixture", "parallel programs and general instruction data, 1:1 by tokens",
         f"parallel programs only, {get('mixtures.problems')} problems", "the abstract says “into the data mixture”"),
        ("controls", "none, monolingual, two non-parallel controls, parallel, oracle",
         f"base, {get('mixtures.names')}; oracles: {get('matrix.oracles')}", "the matching is ours"),
        ("RL algorithm", "GRPO as in Agnostics: KL 0, clip 0.1, group 32, learning rate 5e-6", rl_recipe(config),
         "public and used for many PLs"),
        ("reward", "1 if all tests pass, else 0",
         f"the same, {get('rl.tests')} test(s) of each problem", "stated by a summary"),
        ("code verification task", "label a program correct or incorrect; optional", verification(config),
         "only its name is known"),
        ("estimate of pass@1", "20 samples at temperature 0.2, unbiased, and greedy",
         f"{get('sampling.samples')} samples at temperature {get('sampling.temperature')}, unbiased, and greedy; "
         f"primary: {get('statistics.reading')}", "as in Agnostics"),
        ("latent analysis", "all layers; mean over code tokens, last token as a variant; retrieval and matched minus "
         "unmatched cosine", "the same, with CKA and silhouette, where it was run (section Latent space)",
         "metric names of a summary"),
        ("numbers to reach", "none; signs only. 3.3 points is the only size published", "none", "nothing to tune to"),
        ("training seeds", "3 or more, paired by problem", get("seeds"), "nothing is reported"),
    ]  # fmt: skip


def base_model(config, manifests):
    """Return the base model in words: its source or its size."""
    named = (config.get("base") or {}).get("from")
    parameters = manifests.get("base", {}).get("parameters")
    size = f"{parameters / 1e6:.2f} M parameters" if parameters else "size not recorded"
    return f"{named}, {size}" if named else f"a small Llama pretrained by this workflow, {size}"


def problems(config):
    """Return where the problems come from and how many there are."""
    source = setting(config, "problems.source")
    sizes = config.get("problems", {}).get(source, {}).get("sizes", {})
    counts = ", ".join(f"{count} {split}" for split, count in sizes.items())
    return f"{source}: {counts}" if counts else source


def writers(config):
    """Return who writes the programs of this problem source."""
    if setting(config, "problems.source") == "microworld":
        return "one printer per PL, every program run on all tests"
    return "the programs of the data set, every one run on all tests"


def rl_recipe(config):
    """Return the RL settings in one line."""
    keys = {"method": "", "loss": "loss", "samples": "group", "prompts": "problems per step of generation",
            "generations": "generations", "learning_rate": "learning rate", "beta": "KL", "clip": "clip"}  # fmt: skip
    found = {label: setting(config, f"rl.{key}") for key, label in keys.items()}
    return ", ".join(f"{label} {value}".strip() for label, value in found.items() if value != MISSING)


def verification(config):
    """Return whether the verification task was run."""
    block = config.get("verification") or config.get("rl", {}).get("verification")
    return "run" if block else "not run"
