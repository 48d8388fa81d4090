"""Planted copies of eval problems are found, look-alikes are not taken for copies, and what is found is left out."""

import random

import pytest
import yaml
from tiny import WORLD, right_programs
from workflow_run import ROOT

from benchmarks import contamination as benchmark
from crosspl.contamination import likeness
from crosspl.contamination.behaviour import evidence, forms_of
from crosspl.contamination.fate import SAME_COLUMNS, excluded_rows, left_over, without
from crosspl.contamination.likeness import ngrams, overlap
from crosspl.contamination.normal_form import normal_form, skeleton
from crosspl.contamination.statements import same_statements
from crosspl.contamination.test_sets import same_tests
from crosspl.io import read_csv, write_rows
from crosspl.judge.client import Judge
from crosspl.languages import load_language
from crosspl.microworld import world
from scripts import find_same_problems as command

LEAST = {  # signal: kind of case: copies that must be found, of 4
    "statement": {"verbatim": 4, "wrapped": 4, "within": 4, "reworded": 4},
    "tests": {"all": 4, "most, other blanks": 4},
    "program": {"renamed": 4},
    "behaviour": {"renamed": 4, "reordered": 4, "lua": 4},
}
COMMENT = {"line": "#", "block": None}


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        with Judge(benchmark.RUN, jobs=1, work=tmp_path_factory.mktemp("judge")) as judge:
            cases = benchmark.planted(judge)
            yield {
                "statement": benchmark.statements(cases),
                "tests": benchmark.tests(cases),
                "program": benchmark.programs(cases),
                "behaviour": benchmark.behaviours(judge, cases),
            }


@pytest.mark.parametrize("signal", LEAST)
def test_planted_copies_are_found_and_look_alikes_are_not(scores, signal):
    for kind, least in LEAST[signal].items():
        assert scores[signal][kind]["found"] >= least, (kind, scores[signal][kind])
    assert [kind for kind, score in scores[signal].items() if score["wrong"]] == []


def test_lsh_finds_what_comparing_all_pairs_finds():
    dice = random.Random(3)
    base = [{str(n) for n in dice.sample(range(10000), 60)} for _ in range(40)]
    near = {}
    for n, one in enumerate(base):
        kept = dice.sample(sorted(one), dice.randrange(30, 60))
        near[f"t{n}"] = {*kept, *(str(m) for m in dice.sample(range(10000), 10))}
    held_out = {f"e{n}": one for n, one in enumerate(base)}
    wanted = {(a, b): overlap(near[a], held_out[b]) for a in near for b in held_out}
    found = {(a, b): (j, c) for a, b, j, c in likeness.alike(near, held_out)}
    assert all(found[pair] == wanted[pair] for pair in found)
    assert {pair for pair, (jaccard, _) in wanted.items() if jaccard >= 0.35} <= found.keys()


def test_ngrams_and_empty_statements():
    assert ngrams([], 3) == set() and ngrams(["a"], 3) == {"a"} and ngrams(list("abcd"), 3) == {"a b c", "b c d"}
    empty = [{"id": "x", "statement": None}, {"id": "y", "statement": "  "}]
    assert list(same_statements(empty, empty)) == []


def test_short_statements_must_be_equal():
    def one(key, text):
        return {"id": key, "statement": text}

    held_out = [one("e", "square each, print the sum")]
    assert list(same_statements([one("t", "Square each;\nprint the  sum.")], held_out)) == [("t", "e", 1.0)]
    assert list(same_statements([one("t", "square each, print the maximum")], held_out)) == []


def test_one_trivial_test_in_common_says_nothing():
    trivial = {"stdin": "1\n", "stdout": "1\n"}
    others = [{"stdin": f"{n}\n", "stdout": f"{n * n}\n"} for n in range(2, 9)]
    held_out = [{"id": "e", "tests": [trivial, *others]}]
    assert list(same_tests([{"id": "t", "tests": [trivial]}], held_out)) == []
    assert list(same_tests([{"id": "t", "tests": others[:3]}], held_out)) == [("t", "e", 1.0)]
    assert list(same_tests([{"id": "t", "tests": [one | {"stdout": "0\n"} for one in others]}], held_out)) == []


def test_normal_form_keeps_what_makes_two_programs_different():
    first = normal_form("total = 0  # note\nfor x in a: total += max(x, 3)", COMMENT)
    assert first == normal_form("s=0\nfor element in row: s += max(element,3)", COMMENT)
    assert first != normal_form("s=0\nfor element in row: s += min(element,3)", COMMENT)
    assert first != normal_form("s=0\nfor element in row: s += max(element,4)", COMMENT)
    assert normal_form("x = 3", COMMENT, literals=False) == normal_form("y = 40", COMMENT, literals=False)
    assert normal_form("size = n", COMMENT) == normal_form("m = n", COMMENT)


def test_skeleton_is_the_same_in_two_pls():
    python = "if x > 3 and y == 2:\n    z += 1\nelif x < 0: z = 'a'"
    lua = 'if x > 3 and y == 2 then z += 1 elseif x < 0 then z = "a" end'
    assert skeleton(python, COMMENT) == skeleton(lua, load_language("lua")["comment"])


def test_forms_of_inputs():
    def forms(*inputs):
        return forms_of([{"stdin": text} for text in inputs])

    assert forms("3\n1 2 3\n") & forms("2\n-1 4\n", "1\n9\n") == {"i/i", "list i/i"}
    assert not forms("3\nabc\n") & forms("3\n1 2\n") and not forms("1.5\n") & forms("2\n")
    assert forms(*["1 2 3 4 5\n"] * 6) == forms(*["1 2\n", "1\n"] * 3) == {"list i/"}


def test_answers_that_are_easy_to_guess_are_little_evidence():
    def bits(*outputs):
        return evidence([{"tests": [{"stdin": str(n), "stdout": text} for n, text in enumerate(outputs)]}])

    assert bits("0", "0", "0") == 0 and bits("YES", "NO") == 2
    assert bits("1 5 3", "7 2 9") > bits("1 1 1", "1 1 2")


def small_world(folder):
    problems = list(world.build_problems(WORLD))
    programs = right_programs(problems, ["python", "lua"], WORLD)
    return problems, programs


def run(folder, problems, programs):
    """Run scripts.find_same_problems; return (pairs, excluded)."""
    write_rows(folder / "problems.jsonl.gz", problems)
    for language in ("python", "lua"):
        write_rows(folder / f"{language}.jsonl.gz", [row for row in programs if row["language"] == language])
    argv = ["--problems", folder / "problems.jsonl.gz", "--languages", "lua", "python", "--jobs", "1", "--cache", "",
            "--programs", folder / "lua.jsonl.gz", folder / "python.jsonl.gz", "--same", folder / "same.csv",
            "--excluded", folder / "excluded.csv"]  # fmt: skip
    command.main([str(part) for part in argv])
    return read_csv(folder / "same.csv"), read_csv(folder / "excluded.csv")


def test_a_world_whose_families_cross_no_split_loses_nothing(tmp_path):
    assert run(tmp_path, *small_world(tmp_path)) == ([], [])


def test_an_eval_problem_in_disguise_is_excluded_with_its_family(tmp_path):
    """In another split, with another statement, other tests, a program in another style and in another PL."""
    problems, programs = small_world(tmp_path)
    held_out = next(row for row in problems if row["split"] == "eval")
    again = [row for row in problems if row["split"] == "sft"][:2]
    drawn = world.draw_tests(random.Random(5), world.tree(held_out["ast"]), 2, 4)
    again[0] |= {"ast": held_out["ast"], "tests": drawn, "statement": "told anew"}
    again[1]["family"] = again[0]["family"]
    ids = {again[0]["id"]}
    programs = [row for row in programs if row["problem"] not in ids and row["problem"] != held_out["id"]]
    programs += list(right_programs([again[0]], ["lua"], WORLD | {"pool": 0}))
    programs += list(right_programs([held_out], ["python"], WORLD))
    same, excluded = run(tmp_path, problems, programs)
    assert {(row["problem"], row["eval_problem"]) for row in same} == {(again[0]["id"], held_out["id"])}
    assert {row["signal"] for row in same} == {"behaviour"} and same[0]["languages"] == "lua python"
    assert [row["problem"] for row in excluded] == [row["id"] for row in again]
    assert [row["reason"] for row in excluded] == ["behaviour", f"family of {again[0]['id']}"]
    left = without([row for row in problems if row["split"] == "sft"], tmp_path / "excluded.csv")
    assert len(left) == 148 and not {row["id"] for row in left} & {row["id"] for row in again}


def test_what_is_left_over_is_named():
    same = [{"problem": "a"}]
    examples = [{"problem": "a"}, {"problem": "b"}, {"problem": "c"}, {"family": "x"}]
    assert left_over(examples, same, {"b"}) == ["a", "b"] and left_over(examples, [], set()) == []


def test_validation_and_training_alike_are_excluded_eval_never():
    problems = {key: {"id": key, "family": key, "split": key[:-1]} for key in ("sft1", "rl1", "validation1", "eval1")}
    same = [
        dict(zip(SAME_COLUMNS, (key, problems[key]["split"], "eval1", "tests", 1.0, ""))) for key in ("rl1", "sft1")
    ]
    assert [row["problem"] for row in excluded_rows(same, problems)] == ["sft1", "rl1"]


def test_the_committed_benchmark_is_of_these_cases():
    with open(benchmark.PLANTED, encoding="utf-8") as stream:
        cases = yaml.safe_load(stream)
    committed = yaml.safe_load((ROOT / "benchmarks/contamination.json").read_text())
    for kinds in committed["planted"].values():
        assert all(score["planted"] in (0, len(cases)) for score in kinds.values())
