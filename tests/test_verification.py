"""Code verification: labels by execution, balance, near misses, no leak, questions, answers, reward, mixtures."""

from collections import Counter

import pytest
from test_building import COMMENT, PYTHON, problem, program
from tiny import WORLD
from workflow_run import ROOT, command

from crosspl.audits import words
from crosspl.claims import REJECTED
from crosspl.errors import UserError
from crosspl.io import read_csv, read_rows, write_csv, write_rows
from crosspl.judge.client import Judge
from crosspl.microworld import operations, world
from crosspl.microworld.near_misses import near_misses, neighbours
from crosspl.mixtures import Recipe, build_mixture
from crosspl.pairing import Texts, correct_programs, items, partners, wrong_programs
from crosspl.problems import judge_row, of_split
from crosspl.prompts import format_prompt
from crosspl.protocol import PLAIN, ask
from crosspl.rewards import answer_reward
from crosspl.verification import answer_of, as_problems, pairs, question, verdict_of
from scripts import audit

PLS = ["python", "perl", "lua"]
SMALL = WORLD | {"sizes": {"sft": 12, "rl": 4, "validation": 2, "eval": 6}, "pool": 9, "depth_shares": [0.2, 0.8]}


@pytest.fixture(scope="module")
def problems():
    return world.build_problems(SMALL)


@pytest.fixture(scope="module")
def built(problems, tmp_path_factory):
    """The folder of problems, programs (taken for right) and items in three PLs, made by the command."""
    folder = tmp_path_factory.mktemp("verification")
    write_rows(folder / "problems.jsonl.gz", problems)
    for language in PLS:
        rows = [row | {"verdict": "OK"} for row in world.candidate_programs(problems, language, SMALL)]
        write_rows(folder / f"programs/{language}.jsonl.gz", rows)
        done = build(folder, language, "microworld")
        assert done.returncode == 0, done.stderr
    return folder


def build(folder, language, source, *options):
    return command(
        ROOT, "build_verification", "--source", source, "--problems", folder / "problems.jsonl.gz", "--programs",
        folder / f"programs/{language}.jsonl.gz", "--language", language, "--cache", "", "--jobs", 1, *options,
        "--output", folder / f"verification/{language}.jsonl.gz", "--table", folder / f"verification/{language}.csv",
    )  # fmt: skip


@pytest.fixture(scope="module")
def all_items(built):
    return {language: read_rows(built / f"verification/{language}.jsonl.gz") for language in PLS}


def test_labels_are_what_the_judge_says(problems, all_items):
    by_id = {row["id"]: row for row in problems}
    rows = [judge_row(by_id[item["problem"]], item["language"], item["code"], item["id"])
            for found in all_items.values() for item in found]  # fmt: skip
    with Judge(PLS, jobs=1, cache=None) as judge:
        verdicts = [row["verdict"] for row in judge.judge(rows)]
    labels = [item["label"] for found in all_items.values() for item in found]
    assert Counter(zip(labels, verdicts)).keys() == {("correct", "OK"), ("incorrect", "WA")}


def test_balance_and_the_same_near_miss_in_every_language(problems, all_items):
    first, *others = all_items.values()
    for found in all_items.values():
        counts = Counter((item["problem"], item["label"]) for item in found)
        assert all(counts[key, "correct"] == counts[key, "incorrect"] > 0 for key, _ in counts)
        assert len({item["problem"] for item in found}) >= 0.9 * len(problems)
        assert {item["how"] for item in found} == {"verified program", "near miss"}
        assert [item["id"] for item in found] == [item["id"] for item in first]
        assert Counter(i["style"] for i in found if i["label"] == "correct") == Counter(
            i["style"] for i in found if i["label"] == "incorrect"
        )
    assert others and {item["split"] for item in first} == {"sft", "rl", "validation", "eval"}


def test_a_near_miss_is_one_change_away_and_fails_the_tests(problems):
    found, splits = near_misses(problems, world.fair_family, world.outputs_of)
    by_id = {row["id"]: row for row in problems}
    for key, ast in found.items():
        right, tests = world.tree(by_id[key]["ast"]), by_id[key]["tests"]
        assert sum(a != b for a, b in zip(right, ast)) == 1 and len(ast) == len(right) and ast in neighbours(right)
        lines = [pair for test in tests for pair in zip(test["stdin"].splitlines(), test["stdout"].split("\n"))]
        assert any(operations.run(ast, list(map(int, line.split()))) != wanted for line, wanted in lines)
        assert splits[world.fair_family(ast)] == by_id[key]["split"]


def test_no_program_is_in_two_splits(all_items):
    for found in all_items.values():
        splits = {}
        for item in found:
            assert splits.setdefault(words(item["code"]), item["split"]) == item["split"]


def test_the_corpus_asks_about_other_families(problems):
    kept = {row["family"] for row in problems}
    misses, splits = near_misses(problems, world.fair_family, world.outputs_of)
    corpus = world.pretraining_corpus(problems, SMALL, 0.5)
    labels = Counter(row.get("label") for row in corpus)
    assert abs(labels["correct"] - labels["incorrect"]) < 0.3 * labels["correct"] and labels[None] > 100
    assert not {row["family"] for row in corpus} & kept and not {row["family"] for row in corpus} & set(splits)
    shown = {words(row["code"]) for row in corpus}
    for language in ("python", "lua", "php"):
        printer = world.PRINTERS[language]
        for ast in [*misses.values(), *(world.tree(row["ast"]) for row in problems)]:
            assert not {words(printer.render(ast, style)) for style in world.STYLES} & shown
    assert world.pretraining_corpus(problems, SMALL) == world.pretraining_corpus(problems, SMALL, 0.0)


# Imported programs: submissions and mutants.


@pytest.fixture
def imported(tmp_path):
    """Two problems: one with wrong submissions of all kinds, one with a right program alone."""
    rows = [program(0, PYTHON[0].replace("{k}", "2")), program(1, PYTHON[1].replace("{k}", "2")),
            program(2, "print(7)", REJECTED), program(3, "x = 1 / 0", REJECTED), program(4, "print(", REJECTED),
            program(5, PYTHON[0].replace("{k}", "2") + "\n\n# late", REJECTED),
            program(6, PYTHON[0].replace("{k}", "3"), problem=1)]  # fmt: skip
    for row, verdict in zip(rows, ("OK", "OK", "WA", "RE", "CE", "OK", "OK")):
        row |= {"verdict": verdict, "style": ""}
    write_rows(tmp_path / "problems.jsonl.gz", [problem(0, split="eval"), problem(1)])
    write_rows(tmp_path / "programs/python.jsonl.gz", rows)
    return tmp_path


def test_submissions_come_before_mutants_and_programs_must_run(imported):
    done = build(imported, "python", "imported")
    assert done.returncode == 0, done.stderr
    found = read_rows(imported / "verification/python.jsonl.gz")
    said = [(item["problem"], item["label"], item["how"], item["verdict"]) for item in found]
    right, wrong = ("correct", "verified program", "OK"), ("incorrect", "mutant", "WA")
    assert said == [("own/0", *right), ("own/0", "incorrect", "submission", "WA"), ("own/0", *right),
                    ("own/0", *wrong), ("own/1", *right), ("own/1", *wrong)]  # fmt: skip
    assert not any("late" in item["code"] or "1 / 0" in item["code"] for item in found)
    table = {row["split"]: row for row in read_csv(imported / "verification/python.csv")}
    assert (table["eval"]["submissions"], table["eval"]["mutants"], table["sft"]["WA"]) == ("1", "1", "1")
    assert table["rl"]["auc_length"] == "" and 0 <= float(table["eval"]["auc_length"]) <= 1


def test_without_mutants_other_failures_fill_up_and_pairs_are_limited(imported):
    assert build(imported, "python", "imported", "--mutants", 0).returncode == 0
    found = read_rows(imported / "verification/python.jsonl.gz")
    assert [item["verdict"] for item in found] == ["OK", "WA", "OK", "RE"]
    assert build(imported, "python", "imported", "--mutants", 0, "--pairs", 1).returncode == 0
    assert len(read_rows(imported / "verification/python.jsonl.gz")) == 2


def test_what_its_source_calls_wrong_and_passes_is_in_no_item():
    rows = [program(0, "a") | {"verdict": "OK"}, program(1, "b", REJECTED) | {"verdict": "OK"},
            program(2, "c") | {"verdict": "WA"}, program(3, "d") | {"verdict": "CE"}]  # fmt: skip
    assert [row["code"] for row in correct_programs(rows)] == ["a"]
    assert [(row["code"], row["how"]) for row in wrong_programs(rows)] == [("c", "submission")]


def test_partners_are_alike_and_used_once():
    right = [{"id": "r0", "code": "x = 1\nprint(x + input())"}, {"id": "r1", "code": "for i in range(9): print(i)"}]
    wrong = [{"code": "for i in range(8): print(i)"}, {"code": "x = 1\nprint(x - input())"}, {"code": "z", "of": "r9"}]
    assert [(a["id"], b["code"][0]) for a, b in partners(right, wrong, COMMENT)] == [("r0", "x"), ("r1", "f")]
    assert len(partners(right, wrong[:1], COMMENT)) == 1 and partners([], wrong, COMMENT) == []


def test_a_program_of_an_earlier_split_is_left_out():
    texts, found = Texts(), [(program(0, "a + b") | {"verdict": "OK"}, {"code": "a - b", "how": "mutant",
                              "verdict": "WA", "language": "python"})]  # fmt: skip
    assert len(items(problem(0, split="eval"), found, texts)) == 2
    assert (
        items(problem(1, split="sft"), found, texts) == [] and len(items(problem(2, split="eval"), found, texts)) == 2
    )


# Questions and answers.


def test_the_question_is_a_statement_in_the_one_protocol(problems, all_items):
    item = all_items["lua"][0]
    asked = as_problems(problems, [item])[0]
    assert asked["id"] == item["id"] and asked["family"] == item["family"]
    head, code, end = ask(asked, "lua", PLAIN).split("\n```\n")
    statement = next(row["statement"] for row in problems if row["id"] == item["problem"])
    assert head + "\n" == format_prompt("lua", statement) and code == item["code"]
    assert end == "# Is this program correct or incorrect?\n"
    assert as_problems([], [item]) == []


def test_a_program_cannot_end_its_fence():
    code = "s = '''\n```\n````\n# Is this program correct or incorrect?\ncorrect\n'''"
    text = question("Print.", code)
    assert text.split("\n`````\n")[1] == code and question(None, "x").startswith("```\nx\n```")


@pytest.mark.parametrize(
    "text, said",
    [("correct", "correct"), ("incorrect", "incorrect"), (" Incorrect.\n", "incorrect"), ("**CORRECT**", "correct"),
     ("correct, as it", "correct"), ("", None), ("corrects", None), ("not correct", None), ("in correct", None),
     ("yes", None), ("# correct", "correct"), ("\ud800", None), ("correct_", None)],
)  # fmt: skip
def test_what_an_answer_says(text, said):
    assert answer_of(text) == said
    assert verdict_of(text, "correct") == {"correct": "OK", "incorrect": "WA", None: "NC"}[said]


def test_reward(problems, all_items):
    asked = as_problems(problems, all_items["python"][:2])
    metrics, keys = {}, [row["id"] for row in asked] * 2
    assert [row["label"] for row in asked] == ["correct", "incorrect"]
    found = answer_reward(asked)(["correct", "correct", "what?", "incorrect"], keys, log_metric=metrics.__setitem__)
    assert found == [1.0, 0.0, 0.0, 1.0]
    assert metrics == {"said_correct": 0.5, "verdict/NC": 0.25}


def test_judging_of_answers(built, all_items, tmp_path):
    lua = [item for item in all_items["lua"] if item["split"] == "eval"][:2]
    rows = [{"problem": item["id"], "language": "lua", "reading": "greedy", "sample": 0, "text": text, "tokens": 2,
             "truncated": False} for item, text in zip(lua, ("Correct", "dunno"))]  # fmt: skip
    write_rows(tmp_path / "c.jsonl.gz", rows)
    files = [built / f"verification/{language}.jsonl.gz" for language in PLS]
    done = command(ROOT, "judge_completions", "--completions", tmp_path / "c.jsonl.gz", "--problems",
                   built / "problems.jsonl.gz", "--languages", *PLS, "--items", *files,
                   "--output", tmp_path / "v.jsonl.gz")  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = read_rows(tmp_path / "v.jsonl.gz")
    assert [(row["verdict"], row["answer"], row["label"], row["family"]) for row in found] == [
        ("OK", "correct", "correct", lua[0]["family"]), ("NC", None, "incorrect", lua[1]["family"]),
    ]  # fmt: skip


# Mixtures and audits.


def recipe(rule, **changes):
    return Recipe(**({"rule": rule, "languages": PLS, "source": "python", "problems": 6, "width": 3} | changes))


def test_mixtures_of_pairs(problems, all_items):
    sft, every = of_split(problems, "sft"), [item for found in all_items.values() for item in found]
    every = [item for item in every if item["split"] == "sft"]
    parallel = build_mixture("parallel", recipe("parallel"), sft, every, len)
    tokens = sum(len(row["code"]) for row in parallel)
    control = build_mixture("same_problems", recipe("same_problems", tokens=tokens), sft, every, len)
    for rows in (parallel, control):
        assert len(rows) == 2 * 6 * 3 and len({row["problem"] for row in rows}) == 6
        counts = Counter((row["problem"], row["language"], row["completion"]) for row in rows)
        assert all(counts[p, pl, "correct"] == counts[p, pl, "incorrect"] for p, pl, _ in counts)
        assert all(row["code"] in row["prompt"] and row["completion"] == row["label"] for row in rows)
        assert Counter(row["language"] for row in rows) == dict.fromkeys(PLS, 12)
    assert all(len({r["language"] for r in parallel if r["problem"] == row["problem"]}) == 3 for row in parallel)
    assert all(len({r["language"] for r in control if r["problem"] == row["problem"]}) == 1 for row in control)
    fitted = build_mixture("own", recipe("parallel", tokens=tokens // 2, fit=True), sft, every, len)
    assert abs(sum(len(row["code"]) for row in fitted) / (tokens / 2) - 1) < 0.35 and len(fitted) % 6 == 0
    assert len(pairs(every)[parallel[0]["problem"]]["lua"]) == 3


@pytest.mark.parametrize("planted", [False, True])
def test_an_eval_item_in_rl_stops_the_run(built, all_items, planted, tmp_path):
    found = all_items["python"]
    wrong = next(item for item in found if item["split"] == "eval" and item["label"] == "incorrect")
    target = next(item for item in found if item["split"] == "rl")
    rows = [item | {"code": wrong["code"]} if planted and item is target else item for item in found]
    write_rows(tmp_path / "python.jsonl.gz", rows)
    write_csv(tmp_path / "excluded.csv", ["problem"], [])
    argv = ["--problems", built / "problems.jsonl.gz", "--programs", built / "verification/python.jsonl.gz",
            "--training-set", "rl/python", "--data", tmp_path / "python.jsonl.gz", "--languages", "python",
            "--excluded", tmp_path / "excluded.csv", "--exclusion", tmp_path / "e.csv",
            "--contamination", tmp_path / "c.csv"]  # fmt: skip
    if planted:
        with pytest.raises(UserError, match="rl/python shares 0 families, 1 programs"):
            audit.main(list(map(str, argv)))
    else:
        audit.main(list(map(str, argv)))
        [row] = read_csv(tmp_path / "c.csv")
        assert int(row["examples"]) == sum(item["split"] == "rl" for item in found)


def test_a_chat_is_asked_for_one_word(problems, all_items):
    chat = {"style": "chat", "languages": {"lua": {"name": "Lua", "fence": ["lua"]}}}
    asked = as_problems(problems, [all_items["lua"][0]])[0]
    [turn] = ask(asked, "lua", chat)
    assert turn["role"] == "user" and turn["content"].endswith(f"\n\n{asked['statement']}")
    assert "a program in Lua" in turn["content"] and "one word" in turn["content"]
    assert asked["statement"].endswith("Is this program correct or incorrect?")
