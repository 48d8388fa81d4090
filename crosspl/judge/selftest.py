"""Prove every toolchain before it judges anything.

In: a judge and its language entries. Out: {language: version line}. A missing command or a failed self-test is a
UserError that says what to install; no language is ever skipped.
"""

from crosspl.errors import UserError
from crosspl.languages import install_commands


def check_languages(judge, entries):
    """Run the version command and the self-test of every language, all at once."""
    versions = [{"language": key, "argv": entry["version"], "limits": {"cpu_s": 10}} for key, entry in entries.items()]
    found = {}
    for key, outcome in zip(entries, judge.run(versions)):
        text = (outcome["stdout"].strip() or outcome["message"]).splitlines()
        if outcome["verdict"] != "OK" or not text:
            raise UserError(missing(entries[key], entries[key]["version"], outcome))
        found[key] = text[0].strip()
    judge.toolchains = found
    judge.prepare()
    tests = [selftest_row(key, entry) for key, entry in entries.items()]
    for key, outcome in zip(entries, judge.run(tests)):
        if outcome["verdict"] != "OK" or outcome["stdout"].split() != entries[key]["selftest"]["stdout"].split():
            raise UserError(missing(entries[key], entries[key]["run"], outcome))
    return found


def selftest_row(key, entry):
    """Return the self-test as a row to run."""
    test = entry["selftest"]
    return {"language": key, "code": test["code"], "stdin": test["stdin"], "limits": {"cpu_s": 10}}


def missing(entry, command, outcome):
    """Return what to tell the user about a toolchain that does not work."""
    packages = entry["packages"]
    ways = [" ".join(command) for command in install_commands(packages)]
    ways += [f"conda install {' '.join(packages['conda'])}"] if packages.get("conda") else []
    detail = outcome["message"].strip().splitlines()[:1] or [f"output {outcome.get('stdout', '')[:60]!r}"]
    return (
        f"language {entry['key']}: {' '.join(command)} does not work in the box ({outcome['verdict']}: {detail[0]}). "
        f"{' or '.join(ways)}"
    )
