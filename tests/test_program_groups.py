"""Groups of parallel programs and wrong ones, broken rows, and what the config and the installer say of groups."""

import copy
from collections import Counter

import pytest
from test_building import program
from tiny import WORLD, right_programs

from crosspl import groups_inputs
from crosspl.claims import REJECTED
from crosspl.config_training import check_training
from crosspl.errors import UserError
from crosspl.groups import programs
from crosspl.groups.rows import bare, check_groups
from crosspl.groups.stages import Stages
from crosspl.judge.client import Judge
from crosspl.microworld import world
from crosspl.problems import judge_row, of_split
from crosspl.workflow import read_config

PLS = ["python", "perl", "lua"]
SMALL = WORLD | {"sizes": {"sft": 4, "rl": 4, "validation": 0, "eval": 2}, "pool": 4}
SETTINGS = {"languages": PLS, "candidates": 4, "max_chars": 5000}
RIGHT = {"python": "x = int(input())\nprint(x * 3 - 1)", "perl": "$x = <STDIN>; print $x * 3 - 1, qq(\\n);",
         "lua": "local x = io.read('n')\nprint(x * 3 - 1)"}  # fmt: skip
WRONG = {"python": "x = int(input())\nprint(x * 3)", "perl": "$x = <STDIN>; print $x - 1, qq(\\n);",
         "lua": "print(io.read('n'))"}  # fmt: skip
OWN = {"id": "own/0", "family": "own", "harness": None, "comparison": "tokens",
       "tests": [{"stdin": "1\n", "stdout": "2\n"}, {"stdin": "5\n", "stdout": "14\n"}]}  # fmt: skip


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    with Judge(PLS, jobs=2, work=tmp_path_factory.mktemp("judge")) as judge:
        yield judge


def judged(codes, verdict, first=0):
    """Return program rows, as build_programs leaves them."""
    return [program(number, code, language=language) | {"verdict": verdict, "style": ""}
            for number, (language, code) in enumerate(codes.items(), first)]  # fmt: skip


def grouped(judge, rows, near_misses=None, asked=OWN, **changes):
    """Return (group rows, {(stage, reason): its numbers}) of one problem."""
    stages = Stages(programs.STAGES)
    found = programs.groups(judge, [(asked, rows)], SETTINGS | changes, stages, near_misses or {})
    numbers = {(row["stage"], row["reason"]): (row["groups"], row["winners"], row["losers"]) for row in stages.rows()}
    return check_groups(found, "groups"), numbers


def test_near_misses_of_the_world(judge):
    every = world.build_problems(SMALL)
    near_misses, rows, stages = {}, right_programs(every, PLS, SMALL), Stages(programs.STAGES)
    for language in PLS:
        for row in world.wrong_programs(every, language):
            near_misses.setdefault((row["problem"], language), []).append(row)
    asked = [(one, [row for row in rows if row["problem"] == one["id"]]) for one in of_split(every, "sft")]
    found = check_groups(programs.groups(judge, asked, SETTINGS, stages, near_misses), "groups")
    assert len(found) == 4 and found == programs.groups(judge, asked, SETTINGS, stages, near_misses)
    by_id, verdicts = {row["id"]: row for row in every}, Counter()
    for row in found:
        assert row["source"] is None and row["form"] == "programs" and row["id"] == row["problem"]
        assert [one["language"] for one in row["winners"]] == [one["language"] for one in row["losers"]] == PLS
        [style] = {one["how"].rpartition("/")[2] for one in row["winners"]}  # the PLs have the same
        assert {one["how"] for one in row["losers"]} == {f"near miss, {style}"}
        answers = row["winners"] + row["losers"]
        asked = [judge_row(by_id[row["problem"]], one["language"], one["code"], "") for one in answers]
        for one, said in zip(answers, judge.judge(asked)):
            verdicts[one.get("kind", "winner"), said["verdict"]] += 1
    assert verdicts == {("winner", "OK"): 12, ("differs", "WA"): 12}
    assert len({one["how"].rpartition("/")[2] for row in found for one in row["winners"]}) > 1  # not always one style


def test_submissions_come_first_and_then_mutants(judge):
    rows = judged(RIGHT, "OK") + judged({"python": WRONG["python"]}, "WA", 3) + judged({"lua": "print("}, "RE", 4)
    [row], numbers = grouped(judge, rows)
    assert [one["how"].split(" ")[0] for one in row["losers"]] == ["submission", "mutant", "mutant"]
    assert {one["kind"] for one in row["losers"]} == {"differs"}
    assert numbers["groups", ""] == (1, 3, 3) and numbers["winners", ""] == (None, 3, None)


def test_a_pl_without_a_loser_loses_its_winner(judge):
    unchanging = RIGHT | {"lua": "local x = io.read('l')\nprint(({['1'] = '2', ['5'] = '14'})[x])"}
    rows = judged(unchanging, "OK")
    [row], numbers = grouped(judge, rows)
    assert (
        [one["language"] for one in row["winners"]] == [one["language"] for one in row["losers"]] == ["python", "perl"]
    )
    assert numbers["pairs", "no loser in this PL"] == (None, 1, None)
    none, numbers = grouped(judge, [row for row in rows if row["language"] != "perl"])
    assert none == [] and numbers["groups", "fewer than 2 winners"] == (1, 1, 1)


def test_only_what_does_not_compile_is_invalid():
    def sayer(row):
        return row["code"]

    wrong = {
        ("own/0", language): [answer(language, "a(", "invalid"), answer(language, "b", "differs")]
        for language in PLS[:2]
    }
    wrong["own/0", "lua"] = [answer("lua", "c(", "invalid")]
    row = programs.group(
        OWN, [answer(language, f"{language} is right") for language in PLS], wrong, Stages(programs.STAGES)
    )
    assert sorted(map(sayer, row["losers"])) == ["a(", "b", "c("]  # b is the same text in two PLs: once
    assert [one["kind"] for one in row["losers"]] == ["differs", "invalid", "invalid"]


def answer(language, code, kind=None):
    return {"language": language, "code": code, "how": "made up"} | ({"kind": kind} if kind else {})


def test_what_is_called_wrong_and_passes_is_dropped(judge):
    rows = judged(RIGHT, "OK") + judged({"python": "x = int(input())\nprint(3 * x - 1)"}, "WA", 3)  # the file lies
    rows += judged({"perl": RIGHT["perl"].replace("; ", ";  ")}, "WA", 4)  # blanks alone
    [row], numbers = grouped(judge, rows)
    assert all("submission" not in one["how"] for one in row["losers"])
    assert numbers["losers", "agrees on all tests"][2] >= 1 and numbers["losers", "says the same as another"][2] == 1


@pytest.mark.parametrize(
    "changes, rows, drop",
    [
        ({"tests": []}, RIGHT, ("problems", "no tests")),
        ({"tests": [{"stdin": "1\n", "stdout": "3\n"}]}, RIGHT, ("winners", "verdict WA")),
        ({}, {"python": RIGHT["python"]}, ("groups", "fewer than 2 winners")),
        ({}, {}, ("groups", "fewer than 2 winners")),
        ({"harness": {"lua": ""}, "tests": []}, RIGHT, ("groups", "fewer than 2 winners")),
    ],
    ids=["no tests", "wrong winners", "one winner", "no program", "a harness in one PL"],
)
def test_no_group(judge, changes, rows, drop):
    found, numbers = grouped(judge, judged(rows, "OK"), asked=OWN | changes)
    assert found == [] and drop in numbers and numbers["groups", ""] == (None, None, None)


def test_a_harness_in_every_pl(judge):
    functions = {"python": "def f(x):\n    return x * 3 - 1", "lua": "function f(x)\n  return x * 3 - 1\nend"}
    harness = {"python": "\nassert f(5) == 14\n", "lua": "\nassert(f(5) == 14)\n"}
    [row], _ = grouped(judge, judged(functions, "OK"), asked=OWN | {"tests": [], "harness": harness})
    assert [one["language"] for one in row["winners"]] == ["python", "lua"]
    assert all("assert" not in one["code"] for one in row["winners"] + row["losers"])


def test_long_and_rejected_programs_are_no_winners(judge):
    long = {"python": RIGHT["python"] + "\n" + "# long\n" * 900, "perl": RIGHT["perl"], "lua": RIGHT["lua"]}
    rows = judged(long, "OK") + [program(9, RIGHT["lua"], REJECTED, language="lua") | {"verdict": "OK", "style": ""}]
    [row], numbers = grouped(judge, rows)
    assert [one["language"] for one in row["winners"]] == ["perl", "lua"] and "lua/9" not in row["winners"][1]["how"]
    assert numbers["winners", "longer than max_chars"] == (None, 1, None)


# Rows that are no groups.

ROW = {
    "id": "g", "problem": "p", "family": "f", "form": "ir", "source": {"language": "c", "code": "int main() {}"},
    "winners": [answer("llvm_ir", "a"), answer("llvm_ir", "b")], "losers": [answer("llvm_ir", "c", "invalid")],
}  # fmt: skip


def test_a_good_row():
    assert check_groups([ROW, ROW | {"id": "h", "form": "programs", "source": None}], "f")[0] is ROW
    assert check_groups([], "f") == []


@pytest.mark.parametrize(
    "path, value, said",
    [
        ((), [], r"\(all\)"), (("id",), "", "id"), (("problem",), None, "problem"), (("family",), 3, "family"),
        (("form",), "text", "form.*ir, programs"), (("form",), "programs", "source: is there"),
        (("source",), None, "source: is missing"), (("source",), {"language": "c"}, "source"),
        (("source",), ..., "source: is missing"), (("source",), "int main() {}", "source"),
        (("winners",), [], "winners: 0 different ones of 0; at least 2"), (("winners",), None, "winners: must be a l"),
        (("winners", 1), ..., "winners: 1 different ones of 1"), (("winners", 1, "code"), "  a\n", "winners: 1 diff"),
        (("winners", 0, "code"), ..., r"winners\[0\]\.code"), (("winners", 1, "how"), 3, r"winners\[1\]\.how"),
        (("winners", 1), "b", r"winners\[1\]\.language"), (("losers",), [], "losers: there is none"),
        (("losers", 0, "kind"), "worse", r"losers\[0\]\.kind: 'worse' is unknown; known are invalid, differs"),
        (("losers", 0, "kind"), ..., r"losers\[0\]\.kind"), (("losers", 0, "code"), " \n", r"losers\[0\]\.code"),
        (("losers", 0, "code"), "\tb ", "losers: one says the same as a winner"),
    ],
)  # fmt: skip
def test_a_broken_row_is_named(path, value, said):
    rows = [ROW, copy.deepcopy(ROW) | {"id": "h"}]
    place, key = rows, 1
    for part in path:
        place, key = place[key], part
    if value is ...:
        del place[key]
    else:
        place[key] = value
    with pytest.raises(UserError, match=rf"^groups/ir\.jsonl\.gz, row 2: field {said}"):
        check_groups(rows, "groups/ir.jsonl.gz")


def test_an_id_twice():
    with pytest.raises(UserError, match="row 2: field id: occurs twice"):
        check_groups([ROW, ROW], "f")


def test_blanks_do_not_make_a_difference():
    assert bare(" a  b\n\tc ") == bare("a b c") != bare("ab c")


# The config.


@pytest.fixture(scope="module")
def config():
    return read_config(["config.yaml"])


@pytest.mark.parametrize(
    "form, languages, said",
    [
        (
            "programs",
            ["python", "lua"],
            r"off_policy\.groups: programs would train on 'lua', which is in lang",
        ),
        ("programs", ["python", "klingon"], r"groups\.programs\.languages: unknown language 'klingon'; known are awk"),
        ("ir", ["cpp"], r"off_policy\.groups: ir would train on 'cpp', .* groups\.ir\.languages"),
    ],
)
def test_unseen_and_unknown_languages_are_refused(config, form, languages, said):
    changed = copy.deepcopy(config) | {"languages": config["languages"] | {"unseen": ["lua", "php", "cpp"]}}
    changed["groups"][form]["languages"] = languages
    changed["rl"]["off_policy"]["groups"] = form
    with pytest.raises(UserError, match=said):
        check_training(changed, ["config.yaml"])


def test_what_a_form_needs(config):
    assert groups_inputs.settings(config, "programs")["languages"] == config["languages"]["sft"]
    assert groups_inputs.form_languages(config, "ir") == ["c", "llvm_ir", "bash"]
    assert groups_inputs.programs(config, "ir") == ["results/programs/c.jsonl.gz"]
    assert groups_inputs.group_languages(config) == [] == groups_inputs.forms(config)
    changed = copy.deepcopy(config)
    changed["rl"]["off_policy"]["groups"] = "ir"
    assert groups_inputs.forms(changed) == ["ir"]
    assert groups_inputs.group_languages(changed) == ["c", "llvm_ir", "bash"]
