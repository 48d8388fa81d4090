"""Language files: every shipped one is valid, and a wrong one is refused by file and key."""

import re
from pathlib import Path

import pytest
import yaml

from crosspl.errors import UserError
from crosspl.judge.tiers import lacking_commands
from crosspl.languages import known_languages, load_language, load_languages

KEYS = known_languages()


@pytest.mark.parametrize("key", KEYS)
def test_shipped_language(key):
    entry = load_language(key)
    assert entry["key"] == key
    assert entry["packages"]["apt"]
    assert entry["parser"] or entry["compile"], "something must tell whether a program is valid"
    kinds = yaml.safe_load(Path(f"tests/languages/{key}.yaml").read_text())
    assert set(kinds) == {"wrong", "failing", "endless", "broken", "hungry"}


def test_unknown_language_lists_the_known():
    with pytest.raises(UserError, match=r"unknown language 'cobol'.*Known: .*lua"):
        load_languages(["lua", "cobol"])


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("run", "python3 main.py", "run must be a list of arguments"),
        ("compile", "gcc -o main", "compile must be a list of arguments"),
        ("colour", "red", "colour"),
        ("memory", {"mode": "big", "overhead": 1}, r"memory\.mode"),
        ("nproc", "8", "nproc"),
        ("source", "../main.lua", "source"),
        ("selftest", {"code": "", "stdin": ""}, "selftest.*stdout"),
    ],
)
def test_wrong_entry_names_file_and_key(tmp_path, key, value, message):
    entry = yaml.safe_load(Path("languages/lua.yaml").read_text()) | {key: value}
    (tmp_path / "lua.yaml").write_text(yaml.safe_dump(entry))
    with pytest.raises(UserError, match=re.escape(str(tmp_path / "lua.yaml")) + ".*" + message):
        load_language("lua", tmp_path)


def test_file_that_is_not_yaml(tmp_path):
    (tmp_path / "lua.yaml").write_text("run: [")
    with pytest.raises(UserError, match="not YAML"):
        load_language("lua", tmp_path)


def test_no_alias_names_two_languages():
    names = [(alias, key) for key in KEYS for alias in {*load_language(key)["aliases"], key}]
    owners = {}
    for alias, key in names:
        assert owners.setdefault(alias, key) == key


def test_what_lies_where_no_box_sees_it_is_lacking(tmp_path, monkeypatch):
    """As rustup's compiler in ~/.cargo/bin: `make runtimes` then has to install another."""
    for folder in ("home", "conda/bin"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "own-compiler").write_text("#!/bin/sh\n")
        (tmp_path / folder / "own-compiler").chmod(0o755)
    entry = {"version": ["own-compiler", "-v"], "compile": None, "run": ["env", "./main"]}
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'home'}:/usr/bin")
    assert lacking_commands(entry) == ["own-compiler"]
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path / "conda"))
    assert lacking_commands(entry) == []
