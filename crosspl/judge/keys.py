"""Content keys: what a verdict and a compiled program depend on.

In: language entry, toolchain version, program, tests, limits. Out: sha256 digests in hex. The judge's own sources are
part of a verdict's key, so that a changed rule never meets old verdicts.
"""

import functools
import hashlib
import json
from pathlib import Path

RUN_ONLY = ("parser", "selftest", "stop", "aliases", "fence", "comment", "name", "packages")  # change no verdict


@functools.cache
def judge_digest():
    """Return the digest of the judge's sources."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.iterdir()):
        if path.suffix in (".py", ".c", ".bpf"):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def digest_of(value):
    """Return the sha256 of a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def effective(entry):
    """Return what of a language entry can change a verdict."""
    return {name: value for name, value in entry.items() if name not in RUN_ONLY}


def program_key(entry, toolchain, row, stop):
    """Return the key of one row's verdict."""
    tests = [[test["stdin"], test["stdout"]] for test in row.get("tests") or []]
    return digest_of([
        judge_digest(), effective(entry), toolchain, row.get("code") or "", tests,
        row.get("harness"), row.get("limits"), row.get("comparison") or "tokens", row.get("checker"), bool(stop),
    ])  # fmt: skip


def artefact_key(entry, toolchain, task):
    """Return the key of one compiled program."""
    return digest_of([effective(entry), toolchain, task["code"], task["harness"]])


def prepared_key(entry, toolchain):
    """Return the key of the files a language prepares."""
    return digest_of([entry["prepare"], entry["binds"], entry["env"], toolchain])[:32]
