"""Every language in real boxes: right, wrong, failing, endless, uncompilable and memory-hungry programs; its parser.

The programs are in tests/languages/{key}.yaml. By default only the languages of the shipped configs are tested and
must be there; with --all-languages (make test-languages) all of them.
"""

import pytest
import yaml

from crosspl.judge.client import Judge
from crosspl.judge.parsers import parses
from crosspl.languages import known_languages, load_language

REQUIRED = {"python", "javascript", "perl", "ruby", "lua", "php", "c", "cpp", "java"}
LIMITS = {"cpu_s": 0.5, "memory_mib": 256}
TESTS = [{"stdin": "1 2\n", "stdout": "3\n"}, {"stdin": "4 -5\n", "stdout": "-1\n"}]


def programs(key):
    """Return {kind: program} of one language, the self-test's program as "right"."""
    with open(f"tests/languages/{key}.yaml") as stream:
        return {"right": load_language(key)["selftest"]["code"]} | yaml.safe_load(stream)


@pytest.fixture(scope="module", params=known_languages())
def judge(request, tmp_path_factory):
    """A judge of one language."""
    key = request.param
    if key not in REQUIRED and not request.config.option.all_languages:
        pytest.skip(f"{key} is not in the default set; make test-languages")
    with Judge([key], jobs=2, work=tmp_path_factory.mktemp(key)) as judge:
        yield judge


def test_verdicts(judge):
    [(key, entry)] = judge.entries.items()
    wanted = {
        "right": "OK", "wrong": "WA", "failing": "RE", "endless": "TLE", "broken": "CE" if entry["compile"] else "RE",
        "hungry": "MLE", "empty": "NC",
    }  # fmt: skip
    codes = programs(key) | {"empty": " \n"}
    roomy = LIMITS | {"cpu_s": 10, "memory_mib": 128}
    rows = [
        {"id": kind, "language": key, "code": code, "tests": TESTS, "limits": roomy if kind == "hungry" else LIMITS}
        for kind, code in codes.items()
    ]
    found = judge.judge(rows, stop_on_first_failure=True)
    assert {row["id"]: row["verdict"] for row in found} == wanted, [row["message"] for row in found]
    for row in found:
        assert row["sandbox"] == "bwrap" and row["toolchain"]


def test_parser_program(judge):
    [(key, entry)] = judge.entries.items()
    if not entry["parser"]:
        pytest.skip(f"{key} is told valid by its compiler")
    right, broken = programs(key)["right"], programs(key)["broken"]
    accents = right + f"{entry['comment']['line']} \u00e9\u4e16\n"
    assert parses(judge, key, [right, broken, accents, right]) == [True, False, True, True]
