"""The microworld: splits by meaning, equal settings give equal rows, true tests, statements that mean one thing."""

import random
from collections import Counter
from copy import deepcopy
from itertools import product
from pathlib import Path

import pytest
import yaml
from tiny import WORLD

from crosspl.errors import UserError
from crosspl.microworld import operations, world
from crosspl.microworld.printers import PRINTERS, STYLES
from crosspl.microworld.statements import PHRASES, statement
from crosspl.problems import check_problems, of_split

DEFAULT = yaml.safe_load((Path(__file__).parent.parent / "config.yaml").read_text())["problems"]["microworld"]
STEPS = [(op, k) for op in operations.STAGES for k in operations.arguments(op)]


@pytest.fixture(scope="module")
def problems():
    return world.build_problems(WORLD)


@pytest.fixture(scope="module")
def corpus(problems):
    return world.pretraining_corpus(problems, WORLD)


def with_settings(**changes):
    return deepcopy(WORLD) | changes


def test_sizes_and_fields(problems):
    assert Counter(row["split"] for row in problems) == WORLD["sizes"]
    assert check_problems(problems, "here") == problems
    for row in problems:
        assert row["difficulty"] == len(row["ast"]) - 1 in (1, 2)
        assert len(row["tests"]) == WORLD["tests"]


def test_families_are_in_one_split(problems, corpus):
    splits = [{row["family"] for row in of_split(problems, split)} for split in world.SPLITS]
    splits.append({row["family"] for row in corpus})
    assert sum(map(len, splits)) == len(set().union(*splits))
    assert len(set().union(*splits[:4])) == len(problems), "two problems of one split are the same family"


def twins(settings):
    """Return the groups of ASTs from different splits or the corpus that agree on 200 lists drawn as for tests."""
    rows = world.build_problems(settings)
    places = {world.tree(row["ast"]): row["split"] for row in rows}
    seen, options = {row["family"] for row in rows}, settings["pretraining"]
    rng = random.Random(f"{settings['seed']} pretraining")
    for depth in sorted(map(int, options["programs"])):
        drawn = world.draw_families(rng, options["programs"][str(depth)], world.one_depth(depth), seen)
        places |= {ast: "corpus" for ast, _ in drawn}
    rng, groups = random.Random("fresh lists"), {}
    lists = [world.draw_list(rng, rng.randint(1, 9)) for _ in range(200)]
    for ast in places:
        groups.setdefault(tuple(operations.run(ast, values) for values in lists), []).append(ast)
    return [group for group in groups.values() if len({places[ast] for ast in group}) > 1]


def test_no_two_splits_agree_on_fresh_lists():
    assert twins(WORLD) == []


def test_no_two_splits_of_the_default_agree_on_fresh_lists():
    assert twins(DEFAULT) == []


def test_equal_settings_give_equal_rows(problems, corpus):
    again = world.build_problems(deepcopy(WORLD))
    assert again == problems
    assert world.pretraining_corpus(again, deepcopy(WORLD)) == corpus
    for language in PRINTERS:
        programs = world.candidate_programs(problems, language, WORLD)
        assert programs == world.candidate_programs(again, language, WORLD)
    other = world.build_problems(with_settings(seed=5))
    assert {row["family"] for row in other} != {row["family"] for row in problems}


@pytest.mark.parametrize("split, kept", [("sft", ("eval", "validation", "rl")), ("rl", ("eval", "validation"))])
def test_a_larger_training_set_leaves_evaluation_as_it_was(problems, split, kept):
    larger = world.build_problems(with_settings(sizes=WORLD["sizes"] | {split: WORLD["sizes"][split] + 20}))
    assert len(of_split(larger, split)) == len(of_split(problems, split)) + 20
    for name in kept:
        assert of_split(larger, name) == of_split(problems, name)


def test_outputs_of_tests_are_what_the_reference_says(problems):
    for row in problems:
        for test in row["tests"]:
            lines = test["stdin"].split("\n")
            assert lines.pop() == "" and len(lines) == WORLD["cases"]
            outputs = [operations.run(world.tree(row["ast"]), [int(x) for x in line.split()]) for line in lines]
            assert test["stdout"] == "".join(f"{output}\n" for output in outputs)


def test_tests_are_not_met_by_one_constant():
    outputs = {row["id"]: {line for test in row["tests"] for line in test["stdout"].split("\n")[:-1]}
               for row in world.build_problems(DEFAULT)}  # fmt: skip
    assert [name for name, found in outputs.items() if len(found) < 2] == []


def test_no_stage_can_be_left_out(problems):
    probes = world.probe_inputs()
    for row in problems:
        ast = world.tree(row["ast"])
        outputs = [operations.run(ast, values) for values in probes]
        for place in range(len(ast) - 1):
            assert [operations.run(ast[:place] + ast[place + 1 :], values) for values in probes] != outputs


def test_every_phrase_means_one_step():
    """So a statement, split at its commas, parses back to one AST: even and `div 2` alone are two ways to say one."""
    meanings = {}
    for op, phrases in PHRASES.items():
        for phrase, k in product(phrases, operations.arguments(op)):
            assert ", " not in phrase
            meanings.setdefault(phrase.format(k=k), set()).add((op, k))
    assert {text: steps for text, steps in meanings.items() if len(steps) > 1} == {}
    assert len(meanings) == sum(3 * len(operations.arguments(op)) for op in PHRASES)
    assert set(PHRASES) == {*operations.STAGES, *operations.REDUCERS}


def parse(text):
    """Return the AST of a statement by looking every phrase up."""
    known = {
        p.format(k=k): (op, k) for op, phrases in PHRASES.items() for p in phrases for k in operations.arguments(op)
    }
    return tuple(known[part] for part in text.split(", "))


def test_statements_parse_back(problems, corpus):
    for row in problems:
        assert parse(row["statement"]) == world.tree(row["ast"])
    families = {}
    probes = world.probe_inputs()
    for row in corpus:
        if row["statement"]:
            families.setdefault(row["statement"], set()).add(row["family"])
            assert world.family_of(parse(row["statement"]), probes) == row["family"]
    assert all(len(found) == 1 for found in families.values())


def test_paraphrases_are_drawn_with_their_shares():
    rng, ast = random.Random(1), (("even", None), ("sum", None))
    drawn = Counter(statement(ast, [0.5, 0.3, 0.2], rng).split(", ")[0] for _ in range(2000))
    for phrase, share in zip(PHRASES["even"], (0.5, 0.3, 0.2)):
        assert abs(drawn[phrase] / 2000 - share) < 0.05
    assert statement(ast, [0, 0, 1], rng) == "retain multiples of two, report what they add up to"


def test_candidate_programs(problems):
    for language in ("python", "perl"):
        rows = world.candidate_programs(problems, language, WORLD)
        styles = {}
        for row in rows:
            styles.setdefault(row["problem"], []).append(row["style"])
        pool = [row["id"] for row in of_split(problems, "sft")[: WORLD["pool"]]]
        for problem in problems:
            expected = len(STYLES) if problem["id"] in pool else 1
            assert len(set(styles[problem["id"]])) == len(styles[problem["id"]]) == expected
        assert {style for found in styles.values() if len(found) == 1 for style in found} == set(STYLES)
        assert len({row["id"] for row in rows}) == len(rows)


def test_pretraining_shares(corpus):
    languages = Counter(row["language"] for row in corpus)
    assert abs(languages["python"] / len(corpus) - 0.6) < 0.1 and languages["php"] > 20
    raw = {name: [row["statement"] is None for row in corpus if row["language"] == name] for name in languages}
    assert sum(raw["python"]) / len(raw["python"]) < 0.2 < sum(raw["lua"]) / len(raw["lua"])


@pytest.mark.parametrize(
    "changes, said",
    [
        (
            {"sizes": {"sft": 4000, "rl": 0, "validation": 0, "eval": 0}, "depth_shares": [1]},
            "only .* of 4000 new problems",
        ),
        (
            {"sizes": {"sft": 0, "rl": 0, "validation": 0, "eval": 700}, "depth_shares": [1]},
            "problems.microworld: only",
        ),
    ],
)
def test_impossible_sizes(changes, said):
    with pytest.raises(UserError, match=said):
        world.build_problems(with_settings(**changes))


def test_impossible_corpora(problems):
    options = WORLD["pretraining"]
    with pytest.raises(UserError, match="of 9999 new problems"):
        world.pretraining_corpus(problems, with_settings(pretraining=options | {"programs": {"1": 9999, "2": 1}}))
    with pytest.raises(UserError, match=r"no programs in 'java'; it has python, .*printers/"):
        world.pretraining_corpus(problems, with_settings(pretraining=options | {"language_shares": {"java": 1}}))
    with pytest.raises(UserError, match="no programs in 'cpp'"):
        world.candidate_programs(problems, "cpp", WORLD)


def test_impossible_shares(problems):
    options = WORLD["pretraining"]
    with pytest.raises(UserError, match="depth_shares"):
        world.build_problems(with_settings(depth_shares=[0, 0]))
    for key, value in [
        ("depth_shares", {"1": 1}), ("depth_shares", {"1": 0, "2": 0}), ("raw_shares", {"python": 0.1}),
        ("style_shares", [0, 0, 0]), ("language_shares", {"python": 0}),
    ]:  # fmt: skip
        with pytest.raises(UserError, match=rf"problems\.microworld\.pretraining\.{key}"):
            world.pretraining_corpus(problems, with_settings(pretraining=options | {key: value}))


def changed(problems, **fields):
    return [problems[0] | fields, *problems[1:]]


@pytest.mark.parametrize(
    "fields, said",
    [
        ({"split": "test"}, r"here, row 1: field split is 'test'"),
        ({"id": "eval00001"}, r"here, row 2: the id 'eval00001' occurs twice"),
        ({"split": "sft", "family": "other"}, None),
    ],
)
def test_check_problems(problems, fields, said):
    if said is None:
        assert check_problems(changed(problems, **fields), "here")
        return
    with pytest.raises(UserError, match=said):
        check_problems(changed(problems, **fields), "here")


def test_check_problems_names_missing_fields_and_shared_families(problems):
    rows = deepcopy(problems)
    del rows[4]["tests"]
    with pytest.raises(UserError, match="here, row 5: field tests is missing"):
        check_problems(rows, "here")
    family = of_split(problems, "sft")[0]["family"]
    with pytest.raises(UserError, match=rf"family {family} is in the splits eval and sft"):
        check_problems(changed(problems, family=family), "here")
