"""What the Snakefile needs to know: a checked config, and the files and options of each checkpoint.

In: the merged config. Out: plain lists, strings and dicts. A wrong config is a UserError naming file, key and remedy.
Imports nothing heavy: every job on a cluster reads it. What an experiment consists of: crosspl.experiment.
"""

import json
import re
import shlex
from pathlib import Path

import jsonschema
import yaml

from crosspl import experiment as ex
from crosspl import rl_plan as rp
from crosspl.checkpoints import before_name
from crosspl.config_places import holds, where  # noqa: F401
from crosspl.config_training import check_training
from crosspl.errors import UserError, stop_on_user_error
from crosspl.importers import FORMATS
from crosspl.io import read_text
from crosspl.languages import known_languages, load_languages
from crosspl.problems import source_file
from crosspl.storage import code, own
from crosspl.task import items

SCHEMA = Path(__file__).parent.parent / "schemas" / "config.schema.json"
BASE_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "manifest.json")
ADAPTER_FILES = ("adapter_model.safetensors", "adapter_config.json", "manifest.json")
ANSWER_FORMATS = ("multipl_e", "evalplus", "lm_eval")  # of crosspl.exports: those of one checkpoint's answers


def check_config(config, files):
    """Return `config` when it fits the schema and makes sense; errors name one of `files` (workflow.configfiles)."""
    files = [*files[-1:], *files[:-1]]  # Snakemake lists the file that the others overlay last
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    errors = sorted(validator.iter_errors(config), key=error_order)
    if errors:
        raise UserError(explain(errors[0], files))
    source = config["problems"]["source"]
    chosen = config["problems"].get("imported")
    if chosen and chosen["format"] not in FORMATS:
        place = where(files, ["problems", "imported", "format"])
        raise UserError(f"{place}: unknown {chosen['format']!r}; known are {', '.join(sorted(FORMATS))}")
    if source not in config["problems"]:
        raise UserError(
            f"{where(files, ['problems', 'source'])}: the settings of the source, problems.{source}, are missing"
        )
    roles = config["languages"]
    known = known_languages()
    check_teacher(config["teacher"], known, files)
    for role, names in roles.items():
        for name in names:
            if name not in known:
                raise UserError(
                    f"{where(files, ['languages', role])}: unknown language {name!r}; known are {', '.join(known)} "
                    "(a new one is one file in languages/)"
                )
            if role == "unseen" and name in roles["source"] + roles["sft"]:
                other = "source" if name in roles["source"] else "sft"
                raise UserError(
                    f"{where(files, ['languages', 'unseen'])}: {name!r} is also in languages.{other}; "
                    "an unseen PL occurs in no SFT or RL data: remove it from one of the lists"
                )
    check_training(config, files)
    check_names(config, files)
    return config


def check_teacher(teacher, known, files):
    """Raise a UserError where the block `teacher` names a PL that is not known, or leaves the length to nobody."""
    for key in ("from", "into") if teacher else ():
        for name in teacher[key]:
            if name not in known:
                place = where(files, ["teacher", key])
                raise UserError(f"{place}: unknown language {name!r}; known are {', '.join(known)}")
    if teacher and not teacher["calls"]["base_url"] and not teacher["max_tokens"]:
        raise UserError(
            f"{where(files, ['teacher', 'max_tokens'])}: only an endpoint can be left to choose; set a number"
        )


def read_config(paths):
    """Return the checked config of files, later ones over earlier ones, as Snakemake merges them."""
    from snakemake.utils import update_config  # not for the jobs that only need the helpers below

    config = {}
    for path in paths:
        update_config(config, read_mapping(path))
    return check_config(config, [*paths[1:], paths[0]])


def read_mapping(path):
    """Return what a YAML file says by name; an empty file says nothing."""
    try:
        found = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}, line {mark.line + 1}" if mark else path
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise UserError(f"{place}: not YAML ({reason})") from None
    if not isinstance(found, dict | None):
        raise UserError(f"{path}: holds no settings; write them as NAME: VALUE")
    return found or {}


def check_names(config, files):
    """Raise a UserError where one part of the config names something that another part does not know."""
    variants, mixtures = config["mixtures"]["variants"], ex.known_mixtures(config)
    lists = {("mixtures", "names"): (config["mixtures"]["names"], mixtures),
             ("report", "sweeps"): (config["report"]["sweeps"], list(config["sweeps"]))}  # fmt: skip
    lists |= {("sweeps", name): (points.values(), ["base", *mixtures]) for name, points in config["sweeps"].items()}
    for path, (names, known) in lists.items():
        for name in names:
            if name not in known:
                raise UserError(f"{where(files, path)}: unknown {name!r}; known are {', '.join(known) or 'none'}")
    bridges = [name for name in mixtures if ex.recipe(config, name)["rule"] == "bridge"]
    named = [(path, name) for path, (names, _) in lists.items() for name in names if name in bridges]
    if named and ex.is_verification(config):
        place, name = where(files, named[0][0]), named[0][1]
        raise UserError(f"{place}: {name}: rule bridge is for task: generation, where answers are programs")
    if config["statistics"]["treatment"] not in ["base", *config["mixtures"]["names"]]:
        raise UserError(f"{where(files, ['statistics', 'treatment'])}: must be one of mixtures.names")
    unseen, known = config["languages"]["unseen"], known_languages()
    for name, variant in variants.items():
        place = where(files, ["mixtures", "variants", name])
        if name in ("base", *ex.PLAIN, *ex.NEIGHBOURS):
            raise UserError(f"{place}: {name} is the name of another init; take one of your own")
        for language in variant.get("languages", []):
            if language not in known:
                raise UserError(f"{place}: unknown language {language!r}; known are {', '.join(known)}")
            if language in unseen:
                raise UserError(f"{place}: {language!r} is in languages.unseen; an unseen PL occurs in no SFT data")


def error_order(error):
    """Return the sort key of a schema error: by place, and a misspelt key before the one that it should have been."""
    return [str(part) for part in error.absolute_path], error.validator != "additionalProperties"


def explain(error, files):
    """Return one line for a schema error: file, key, what is wrong, what to do."""
    path = [str(part) for part in error.absolute_path]
    if error.validator == "additionalProperties":
        unknown = re.findall(r"'([^']+)' (?:was|were)|'([^']+)'(?=[,)])", error.message)
        key = next(filter(None, (a or b for a, b in unknown)), "?")
        known = ", ".join(error.schema["properties"])
        return f"{where(files, [*path, key])}: unknown key; known here are {known}"
    if error.validator == "required":
        return f"{where(files, path)}: {error.message.replace(' is a required property', '')} is missing"
    if (
        error.validator == "type"
        and isinstance(error.instance, str)
        and re.fullmatch(r"[\d.]+e[+-]?\d+", error.instance)
    ):
        written = error.instance.replace("e", ".0e") if "." not in error.instance else repr(float(error.instance))
        return f"{where(files, path)}: YAML reads {error.instance} as a text, not a number; write {written}"
    hint = "; write the day in quotes" if type(error.instance).__name__ == "date" else ""  # YAML reads a bare one so
    return f"{where(files, path)}: {error.message}{hint}"


def adapter_files(results, checkpoint):
    """Return the files of a checkpoint's adapter; `base` has none."""
    return [] if checkpoint == "base" else _model_files(f"{results}/{checkpoint}", ADAPTER_FILES)


def base_files(results):
    """Return the files of the base model."""
    return _model_files(f"{results}/base", BASE_FILES)


def _model_files(folder, names):
    """Return the files of a model. Weights must be there, but their time decides nothing.

    Snakemake looks into no file above max-checksum-file-size: touched weights of a large model would retrain what
    is made from them. Changed ones are noticed by the manifest, which holds their hash.
    """
    from snakemake.io import ancient  # not for the jobs that only need the names

    paths = [f"{folder}/{name}" for name in names]
    return [ancient(path) if path.endswith(".safetensors") else path for path in paths]


def adapter_option(results, checkpoint):
    """Return the command-line option that names a checkpoint's adapter; none for `base`."""
    return "" if checkpoint == "base" else f"--adapter {results}/{checkpoint}"


def init_files(results, init, seed):
    """Return the adapter files of an init; `base` has none."""
    return adapter_files(results, before_name(init, seed))


def init_option(results, init, seed):
    """Return the command-line option that names an init's adapter; none for `base`."""
    return adapter_option(results, before_name(init, seed))


def audited_languages(config, training_set):
    """Return the PLs whose eval programs a training set is compared with."""
    kind, _, name = training_set.partition("/")
    if kind == "pretraining":
        return ex.training_languages(config)
    if kind == "groups":
        return rp.shown_in_groups(config, name)
    if training_set == "rl/translation":
        return rp.translation_languages(config)
    return ex.mixture_languages(config, name) if kind == "sft" else [name]


def audited_files(config, results, training_set):
    """Return the files that hold a training set; RL's are the problems, or the items of code verification."""
    kind, _, name = training_set.partition("/")
    if kind == "groups":
        return [f"{results}/groups/{name}.jsonl.gz"]
    if training_set == "rl/translation":
        return [f"{results}/translation/rl.jsonl.gz"]
    if kind == "rl":
        return items(config, [name])
    return [f"{results}/base/corpus.jsonl.gz" if kind == "pretraining" else f"{results}/sft_data/{name}.jsonl.gz"]


def audit_options(config, results, training_set):
    """Return the options of scripts.audit for a training set; pretraining may hold any PL."""
    files = audited_files(config, results, training_set)
    languages = [] if training_set == "pretraining" else audited_languages(config, training_set)
    if training_set.startswith("groups/"):
        languages = rp.group_languages(config, training_set.partition("/")[2])
    return " ".join([*(["--data", *files] if files else []), *(["--languages", *languages] if languages else [])])


def other_reading(config):
    """Return the reading that is not the primary one."""
    return "greedy" if config["statistics"]["reading"] == "sampled" else "sampled"


def source_code(config, script):
    """Return the code of `script` and of the config's problem source."""
    return code(script, source_file(config["problems"]["source"]))


def importer_code(config):
    """Return the code of the import, with that of the config's format, and the PLs' files with their names."""
    chosen = (config["problems"].get("imported") or {}).get("format")
    files = [f"crosspl/importers/{chosen}.py"] if chosen in FORMATS else []
    return code("scripts/import_problems.py", *files) + own(sorted(map(str, Path("languages").glob("*.yaml"))))


def import_options(config):
    """Return what scripts.import_problems is told."""
    settings = config["problems"].get("imported") or {}
    options = {"source": settings.get("format"), "from": settings.get("from"), "revision": settings.get("revision")}
    words = [word for name, value in options.items() if value for word in (f"--{name}", shlex.quote(value))]
    return words + (["--train-on-evaluation-data"] if settings.get("train_on_evaluation_data") else [])


def answers_options(config, format, checkpoint):
    """Return what scripts.export is told of a checkpoint and its sampling; EvalPlus has no place for them."""
    settings = as_json({name: config["sampling"][name] for name in ("temperature", "max_tokens", "seed")})
    told = f"--protocol {shlex.quote(protocol(config, ex.all_languages(config)))}"
    return told if format == "evalplus" else f"--checkpoint {checkpoint} --settings {shlex.quote(settings)} {told}"


def protocol(config, languages):
    """Return how models are asked in `languages`, as JSON: the style, and for chats what it says of these PLs.

    That alone: an edit of anything else in a PL's file asks no model again.
    """
    style = config["prompts"]["style"]
    if style == "plain":
        return as_json({"style": style})
    with stop_on_user_error():
        entries = load_languages(languages)
    return as_json({"style": style, "languages": {
        key: {"name": entry["name"], "fence": entry["fence"]} for key, entry in entries.items()
    }})  # fmt: skip


def mixture_protocol(config, mixture):
    """Return how a mixture's problems are asked, as JSON; for bridges with the line comments of their PLs."""
    languages = ex.recipe_languages(config, mixture)
    told = protocol(config, languages)
    if ex.recipe(config, mixture)["rule"] != "bridge":
        return told
    with stop_on_user_error():
        entries = load_languages(languages)
    return as_json(json.loads(told) | {"comments": {key: entry["comment"]["line"] for key, entry in entries.items()}})


def source_settings(config):
    """Return the settings of the config's problem source, as JSON."""
    return as_json(config["problems"][config["problems"]["source"]])


def as_json(value):
    """Return a config block as one JSON text, the form in which it reaches a job."""
    return json.dumps(value, sort_keys=True)
