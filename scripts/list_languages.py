"""Print all languages: version, self-test and start-up cost of those installed here, what installs the others.

In: languages/*.yaml. Out: a table; exit status 2 when an installed language fails its self-test.
"""

import argparse

from crosspl.errors import UserError, run_command
from crosspl.judge.client import Judge
from crosspl.judge.selftest import selftest_row
from crosspl.judge.tiers import lacking_commands
from crosspl.languages import install_commands, known_languages, load_language

RUNS = 5
CPU_S = 10


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("languages", nargs="*", metavar="KEY", help="default: all")
    args = parser.parse_args(argv)
    broken = []
    print(f"{'language':12} {'self-test':10} {'start-up':>10}  version, or what installs it")
    for key in args.languages or known_languages():
        entry = load_language(key)
        if lacking_commands(entry):
            commands = " && ".join(" ".join(command) for command in install_commands(entry["packages"]))
            print(f"{key:12} {'-':10} {'-':>10}  {commands}", flush=True)
            continue
        try:
            version, milliseconds = measure(key, entry)
            print(f"{key:12} {'ok':10} {milliseconds:7.1f} ms  {version}", flush=True)
        except UserError as error:
            broken.append(key)
            print(f"{key:12} {'FAILED':10} {'-':>10}  {error}", flush=True)
    if broken:
        raise UserError(f"self-test failed: {', '.join(broken)}")


def measure(key, entry):
    """Return the version line and the least CPU milliseconds of the self-test's program, start-up nearly all of it."""
    with Judge([key], jobs=1) as judge:
        row = selftest_row(key, entry)
        tests = [{"stdin": row["stdin"], "stdout": entry["selftest"]["stdout"]}] * RUNS
        [verdict] = judge.judge([{"language": key, "code": row["code"], "tests": tests, "limits": {"cpu_s": CPU_S}}])
        return judge.toolchains[key], 1000 * min(test["cpu_s"] for test in verdict["tests"])


if __name__ == "__main__":
    run_command(main)
