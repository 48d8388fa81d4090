"""Programming languages: one YAML file each, the only place where anything is known about a language.

In: keys (file names without .yaml) and the folder. Out: checked dicts with defaults filled in and the key as "key".
A wrong file is a UserError that names the file and the key in it.
"""

import json
import re
from functools import cache
from pathlib import Path

import yaml

from crosspl import record
from crosspl.errors import UserError

SCHEMA = Path(__file__).parent.parent / "schemas" / "language.schema.json"
COMPILE_LIMITS = {"cpu": 10, "wall": 60, "as": 2048, "out": 65536}  # s, s, MiB, KiB
DEFAULTS = {
    "aliases": [], "binds": [], "env": {}, "time_factor": 1.0, "time_extra": 0.0, "heap_args": [], "stop": [],
    "parser": None, "prepare": None, "batch": None,
}  # fmt: skip


def known_languages(folder="languages"):
    """Return the keys of all languages in `folder`, sorted."""
    return sorted(path.stem for path in Path(folder).glob("*.yaml"))


def load_language(key, folder="languages"):
    """Return one checked language entry."""
    path = Path(folder) / f"{key}.yaml"
    if "/" in key or not path.exists():
        known = ", ".join(known_languages(folder)) or "none"
        raise UserError(f"unknown language {key!r}: no {path}. Known: {known}")
    try:
        entry = yaml.safe_load(path.read_text())
        record.read(path)
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not YAML ({' '.join(str(error).split())})") from None
    check_entry(path, entry)
    limits = COMPILE_LIMITS | entry.get("compile_limits", {})
    return DEFAULTS | entry | {"key": key, "compile_limits": limits}


def load_languages(keys, folder="languages"):
    """Return {key: entry} for `keys`, in their order."""
    return {key: load_language(key, folder) for key in keys}


def install_commands(packages):
    """Return the command lines that install {"apt": [...], "npm": [...]}."""
    commands = []
    if packages.get("apt"):
        commands.append(["apt-get", "install", *packages["apt"]])
    if packages.get("npm"):
        commands.append(["npm", "install", "--global", *packages["npm"]])
    return commands


def check_entry(path, entry):
    """Raise a UserError naming file and key when the entry does not fit the schema."""
    import jsonschema

    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    errors = sorted(validator.iter_errors(entry), key=lambda error: [str(part) for part in error.absolute_path])
    if not errors:
        return
    error = errors[0]
    where = ".".join(str(part) for part in error.absolute_path) or "top level"
    if where in ("compile", "run", "version") and isinstance(error.instance, str):
        raise UserError(f"{path}: {where} must be a list of arguments, like [python3, main.py], not a shell string")
    raise UserError(f"{path}: {where}: {error.message}")


@cache
def names_of_languages(folder="languages"):
    """Return {name or alias in lower case: key} of all PLs."""
    entries = [load_language(key, folder) for key in known_languages(folder)]
    return {name.lower(): entry["key"] for entry in entries for name in (entry["key"], *entry["aliases"])}


def language_of(name, folder="languages"):
    """Return the key of a PL by a data set's name for it, or None; a version and what is in brackets are ignored.

    "GNU C++17 (64)" is cpp. Python 2 is another language, which we have not.
    """
    text = name.strip().lower()
    if re.match(r"(python|pypy)\s*-?2", text):
        return None
    names = names_of_languages(folder)
    bare = re.sub(r"\s*\(.*\)$", "", text)
    return names.get(text) or names.get(bare) or names.get(re.sub(r"\s*\d[\w.]*$", "", bare))
