"""Translation: pairs of PLs, how they are asked in both styles, rewards in the target PL, and what is left out."""

import json
import shutil

import pytest
from tiny import WORLD, right_programs

from crosspl.errors import UserError
from crosspl.io import read_csv, read_rows, write_rows
from crosspl.judge.client import Judge
from crosspl.languages import load_languages
from crosspl.microworld import world
from crosspl.microworld.printers import PRINTERS, STYLES
from crosspl.problems import of_split
from crosspl.protocol import PLAIN, ask, gold_answer, program_of
from crosspl.rewards import execution_reward
from crosspl.translation import as_problems, language_of
from crosspl.translation_pairs import build_pairs
from scripts import build_ir_documents
from scripts import build_pairs as command

CHAT_LANGUAGES = load_languages(["python", "perl", "lua"]).items()
CHAT = {
    "style": "chat",
    "languages": {key: {"name": entry["name"], "fence": entry["fence"]} for key, entry in CHAT_LANGUAGES},
}


@pytest.fixture(scope="module")
def problems():
    return of_split(world.build_problems(WORLD), "rl")


@pytest.fixture(scope="module")
def programs(problems):
    rows = right_programs(problems, ["python", "perl", "lua"], WORLD)
    return {key: [row for row in rows if row["language"] == key] for key in ("python", "perl", "lua")}


def right(problem, language):
    return PRINTERS[language].render(world.tree(problem["ast"]), STYLES[1])


def test_every_two_different_languages_are_a_pair(problems, programs):
    pairs, table = build_pairs(problems, programs, ["python", "perl"], ["perl", "lua"])
    assert {(one["from"], one["into"]) for one in pairs} == {("python", "perl"), ("python", "lua"), ("perl", "lua")}
    assert len({one["id"] for one in pairs}) == len(pairs) == 3 * len(problems)
    assert all(row["pairs"] == row["problems"] == len(problems) for row in table)
    assert {one["family"] for one in pairs} == {problem["family"] for problem in problems}


def test_pairs_without_program_or_tests_are_counted(problems, programs):
    untested = [problem | {"tests": []} if number == 0 else problem for number, problem in enumerate(problems)]
    wrong = {"python": [row | {"verdict": "WA"} if row["problem"] == problems[1]["id"] else row
                        for row in programs["python"]]}  # fmt: skip
    pairs, table = build_pairs(untested, wrong, ["python"], ["lua"])
    assert table == [{"split": "rl", "from": "python", "into": "lua", "problems": len(problems),
                      "pairs": len(problems) - 2, "without_program": 1, "without_tests": 1}]  # fmt: skip
    assert not {one["problem"] for one in pairs} & {problems[0]["id"], problems[1]["id"]}


def test_a_harness_must_be_there_in_the_target_language(problems, programs):
    harness = [problem | {"tests": [], "harness": {"lua": "-- asserts"}} for problem in problems]
    pairs, table = build_pairs(harness, programs, ["python"], ["lua", "perl"])
    assert {one["into"] for one in pairs} == {"lua"} and table[1]["without_tests"] == len(problems)


def questions(problems, programs, sources, targets):
    return as_problems(problems, build_pairs(problems, programs, sources, targets)[0])


@pytest.mark.parametrize("protocol", [PLAIN, CHAT], ids=["plain", "chat"])
def test_the_program_is_shown_and_the_statement_is_not(problems, programs, protocol):
    for question in questions(problems, programs, ["python", "perl"], ["lua"]):
        language = language_of(question, "python")
        prompt = ask(question, language, protocol)
        text = prompt if isinstance(prompt, str) else prompt[0]["content"]
        assert language == "lua" and question["shown"]["code"] in text and question["statement"] not in text
        assert ("Lua" if protocol is CHAT else "lua") in text
        assert ("Python" in text or "Perl" in text) == (protocol is CHAT)


def test_a_declaration_in_the_target_is_given_and_kept(problems):
    problem = problems[0] | {"prompts": {"lua": "local function f(a)\n"}, "statement": None, "into": "lua",
                             "shown": {"language": "python", "code": "def f(a): return a"}}  # fmt: skip
    assert ask(problem, "lua", PLAIN).endswith("```\nlocal function f(a)\n")
    answer = gold_answer(problem, "lua", "local function f(a)\n  return a\nend", PLAIN)
    assert program_of(answer, problem, "lua", PLAIN).code == "local function f(a)\n  return a\nend"
    assert "```lua\nlocal function f(a)\n```" in ask(problem, "lua", CHAT)[0]["content"]


def test_a_program_with_fences_cannot_end_the_one_around_it(problems):
    problem = problems[0] | {"into": "lua", "shown": {"language": "python", "code": 's = """\n```\n"""'}}
    for protocol in (PLAIN, CHAT):
        prompt = ask(problem, "lua", protocol)
        text = prompt if isinstance(prompt, str) else prompt[0]["content"]
        assert '````python\ns = """\n```\n"""\n````' in text


def test_reward_is_format_and_compilation_and_all_tests_in_the_target(problems, programs, tmp_path):
    asked = questions(problems[:2], programs, ["python"], ["perl", "lua"])
    with Judge(["python", "perl", "lua"], jobs=2, work=tmp_path) as judge:
        for protocol in (PLAIN, CHAT):
            reward = execution_reward(judge, asked, "python", 2, protocol=protocol)
            for question in asked:
                target = question["into"]
                problem = next(one for one in problems if question["id"].startswith(f"{one['id']}/"))
                answers = {
                    1.0: [gold_answer(question, target, right(problem, target), protocol)],
                    0.0: [gold_answer(question, target, text, protocol)
                          for text in (right(problem, "python"), right(problem, target) + "\n)", "")],
                }  # fmt: skip
                if protocol is CHAT:  # a right program without its block keeps no format
                    answers[0.0].append([{"role": "assistant", "content": right(problem, target)}])
                for wanted, texts in answers.items():
                    found = reward(completions=texts, problem=[question["id"]] * len(texts))
                    assert found == [wanted] * len(texts), (target, texts, found)


def test_learning_curve_says_how_many_answers_are_in_another_language(problems, programs, tmp_path):
    asked = questions(problems[:1], programs, ["python"], ["lua"])
    metrics = {}
    with Judge(["python", "lua"], jobs=1, work=tmp_path) as judge:
        texts = [right(problems[0], "python"), right(problems[0], "lua")]
        execution_reward(judge, asked, "python", 2)(texts, [asked[0]["id"]] * 2, log_metric=metrics.__setitem__)
    assert metrics["wrong_language_rate"] == 0.5


def test_no_pair_at_all_is_an_error_that_names_the_languages(tmp_path, problems, programs):
    write_rows(tmp_path / "problems.jsonl.gz", problems)
    write_rows(tmp_path / "python.jsonl.gz", programs["python"])
    out = ["--output", str(tmp_path / "rl.jsonl.gz"), "--table", str(tmp_path / "rl.csv")]
    told = ["--problems", str(tmp_path / "problems.jsonl.gz"), "--programs", str(tmp_path / "python.jsonl.gz"), *out]
    with pytest.raises(UserError, match=r"in python and tests in python: take other PLs \(config: translation\)"):
        command.main([*told, "--split", "rl", "--from", "python", "--into", "python"])
    assert not (tmp_path / "rl.jsonl.gz").exists()
    command.main([*told, "--split", "rl", "--from", "python", "--into", "lua"])
    assert len(read_rows(tmp_path / "rl.jsonl.gz")) == len(problems) == int(read_csv(tmp_path / "rl.csv")[0]["pairs"])


def test_pretraining_shows_the_same_program_in_another_language_and_changes_nothing_else():
    every = world.build_problems(WORLD)
    without, some = (world.pretraining_corpus(every, WORLD, 0.0, share) for share in (0.0, 0.5))
    shown = [row for row in some if "shown" in row]
    stated = [row for row in without if row["statement"]]
    assert [{key: value for key, value in row.items() if key != "shown"} for row in some] == without
    assert 0.35 < len(shown) / len(stated) < 0.65 and all(row["statement"] for row in shown)
    assert all(row["shown"]["language"] != row["language"] for row in shown)
    assert {row["shown"]["language"] for row in shown} == {"python", "lua", "php"}


def test_a_corpus_in_one_language_translates_nothing():
    shares = dict.fromkeys(WORLD["pretraining"]["language_shares"], 0) | {"python": 1}
    alone = WORLD | {"pretraining": WORLD["pretraining"] | {"language_shares": shares}}
    with pytest.raises(UserError, match=r"language_shares: translation\.pretraining_share takes programs in two PLs"):
        world.pretraining_corpus(world.build_problems(alone), alone, 0.0, 0.5)


@pytest.mark.skipif(not shutil.which("clang"), reason="clang is not installed")
def test_ir_for_the_corpus_is_made_or_missed(tmp_path, capsys):
    shares = WORLD["pretraining"]["language_shares"] | {"c": 1}
    settings = WORLD | {"pretraining": WORLD["pretraining"] | {"language_shares": shares}}
    write_rows(tmp_path / "problems.jsonl.gz", world.build_problems(settings))
    argv = ["--source", "microworld", "--problems", str(tmp_path / "problems.jsonl.gz"), "--programs", "3", "--levels",
            "Oz", "O1", "--output", str(tmp_path / "ir.jsonl.gz"), "--settings", json.dumps(settings)]  # fmt: skip
    build_ir_documents.main([*argv, "--max-chars", "100000"])
    rows = read_rows(tmp_path / "ir.jsonl.gz")
    assert len(rows) == 6 and {row["shown"]["language"] for row in rows} == {"c"}
    assert "6 documents; 0 of 6 do not compile, 0 are longer" in capsys.readouterr().err
    with pytest.raises(UserError, match="no C program of the corpus gives LLVM IR"):
        build_ir_documents.main([*argv, "--max-chars", "10"])
