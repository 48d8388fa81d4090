"""The prompt protocol: what is asked, and that gold programs come back from the answers that say them, in every PL."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from test_import_multipl_e import PLS, imported, row, write

from crosspl import workflow as wf
from crosspl.errors import UserError
from crosspl.io import read_csv, read_rows, write_rows
from crosspl.judge.client import Judge
from crosspl.languages import known_languages, load_languages
from crosspl.matching import describe
from crosspl.mixtures import Recipe, build_mixture
from crosspl.problems import judge_row
from crosspl.protocol import PLAIN, ask, code_of, gold_answer, program_of, said, stop_texts
from crosspl.rewards import execution_reward
from crosspl.round_trip import come_back
from scripts import judge_completions, round_trip, score

ROOT = Path(__file__).parent.parent
ENTRIES = load_languages(known_languages(), ROOT / "languages")
CHAT = {"style": "chat", "languages": ENTRIES}
PROBLEM = {"id": "p/1", "family": "p/1", "split": "eval", "statement": "Print 1.", "difficulty": None, "source": "p",
           "license": "CC0-1.0", "comparison": "tokens", "tests": [{"stdin": "", "stdout": "1\n"}],
           "harness": None}  # fmt: skip
BEGUN = PROBLEM | {
    "statement": None, "tests": [], "harness": {"python": "assert f(1) == 2"}, "prompts": {"python": "def f(x):\n"},
    "stop": {"python": ["\ndef", "\n#", ""]},
}  # fmt: skip
PROGRAMS = {  # of PROBLEM in Python: what is hard on the way
    "fence in a string": 'print("""1\n"""[:1])\n"""\n```\n"""',
    "block of its own": 'text = """\n```python\nprint(0)\n```\n"""\nprint(1)',
    "longer fence": 'text = """\n``````\n~~~~\n"""\nprint(1)',
    "CRLF": "x = 1\r\nprint(x)\r\n",
    "trailing blanks": "print(1)  \n\n \n",
    "indented fence": 'if 1:\n    text = """\n   ```\n"""\n    print(1)',
    "leading line break": "\n\nprint(1)\n",
}


@pytest.fixture
def work(tmp_path, monkeypatch):
    """An own working directory that knows the languages."""
    for name in ("languages", "schemas"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_plain_prompts_are_those_of_pretraining_or_the_opening_alone():
    assert ask(PROBLEM, "lua", PLAIN) == "# lua\n# Print 1.\n"
    assert ask(BEGUN, "python", PLAIN) == "def f(x):\n"
    with pytest.raises(UserError, match="p/1: no statement and no prompt in lua"):
        ask(BEGUN, "lua", PLAIN)
    both = BEGUN | {"statement": "Add one."}
    assert (ask(both, "python", PLAIN), ask(both, "lua", PLAIN)) == ("def f(x):\n", "# lua\n# Add one.\n")


def test_chat_prompts_name_the_pl_as_people_do():
    [turn] = ask(PROBLEM, "csharp", CHAT)
    assert turn["role"] == "user" and turn["content"].endswith("\n\nPrint 1.")
    for part in (ENTRIES["csharp"]["name"], "standard input", "standard output", "```csharp block"):
        assert part in turn["content"]
    content = said(ask(BEGUN, "python", CHAT))
    assert "standard input" not in content and content.endswith("```python\ndef f(x):\n```")
    assert "Add one." in said(ask(BEGUN | {"statement": "Add one."}, "python", CHAT))


@pytest.mark.parametrize("protocol", [PLAIN, CHAT], ids=["plain", "chat"])
@pytest.mark.parametrize("language", known_languages())
def test_every_pl_comes_back(language, protocol):
    code = ENTRIES[language]["selftest"]["code"]
    back, reason = come_back(PROBLEM, language, code, protocol)
    assert (back, reason) == (code.rstrip(), None)


@pytest.mark.parametrize("protocol", [PLAIN, CHAT], ids=["plain", "chat"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_hard_programs_come_back(name, protocol):
    code = PROGRAMS[name]
    assert come_back(PROBLEM, "python", code, protocol) == (code.rstrip(), None)


ANSWERS = [  # answer in a chat about Lua, program, whether one was found
    ("Here:\n```lua\nprint(1)\n```\nDone.", "print(1)", True),
    ("```lua\nprint(1)", "print(1)", True),
    ("```lua\r\nprint(1)\r\n```\r\n", "print(1)", True),
    ("```\nprint(1)\n```\n```python\nprint(0)\n```", "print(1)", True),
    ("```python\nprint(0)\n```", "```python\nprint(0)\n```", False),
    ("print(1)\n", "print(1)", False),
    ("```lua\n\n```", "", False),
    ("", "", False),
]


@pytest.mark.parametrize("answer, code, found", ANSWERS)
def test_chat_answers(answer, code, found):
    assert program_of(answer, PROBLEM, "lua", CHAT) == (code, found)
    assert program_of([{"role": "assistant", "content": answer}], PROBLEM, "lua", CHAT) == (code, found)


def test_plain_answers():
    assert program_of("print(1)\n\n", PROBLEM, "lua", PLAIN) == ("print(1)", True)
    assert program_of("```lua\nx\n```", PROBLEM, "lua", PLAIN) == ("```lua\nx\n```", True)
    assert program_of(" \n", PROBLEM, "lua", PLAIN) == ("", False)
    for answer, code in {
        "    return x + 1\ndef g(): pass": "def f(x):\n    return x + 1",
        "    return x + 1\n\n# done\n# so": "def f(x):\n    return x + 1",
        "def g(x): return x": "def f(x):\ndef g(x): return x",  # what stops lies in the answer alone
    }.items():
        assert program_of(answer, BEGUN, "python", PLAIN) == (code, True)
    assert program_of("\ndef g(): pass", BEGUN, "python", PLAIN) == ("def f(x):", False)
    assert stop_texts(BEGUN, "python", CHAT) == stop_texts(PROBLEM, "python", PLAIN) == []


def test_a_program_that_begins_otherwise_is_no_answer():
    assert gold_answer(BEGUN, "python", "def f(y):\n    return y + 1", PLAIN) is None
    code = "def f(x):\n    return x + 1"
    assert gold_answer(BEGUN, "python", code, PLAIN) == "    return x + 1"
    assert come_back(BEGUN, "python", code, PLAIN) == come_back(BEGUN, "python", code, CHAT) == (code, None)


@pytest.mark.parametrize("tag, language", [("lua", "lua"), ("pl", "perl"), ("rb", "ruby")])
@pytest.mark.parametrize("protocol", [PLAIN, CHAT], ids=["plain", "chat"])
def test_multipl_e_through_the_one_path(tmp_path, monkeypatch, tag, language, protocol):
    """Prompt, right and wrong answers that go on after a stop text as base models do, judged with the harness."""
    monkeypatch.chdir(ROOT)
    if not shutil.which((ENTRIES[language]["run"])[0]):
        pytest.skip(f"no {language}")
    _, [problem] = imported(write(tmp_path / "mpe", {f"humaneval-{tag}": [row(tag)]}))
    texts = {"OK": PLS[tag]["right"], "RE": PLS[tag]["wrong"]}
    codes = [problem["prompts"][language] + text for text in texts.values()]
    answers = [gold_answer(problem, language, code, protocol) for code in codes]
    if protocol is PLAIN:
        assert ask(problem, language, protocol) == PLS[tag]["prompt"] and answers == list(texts.values())
        answers = [answer + PLS[tag]["stop"] + " ( [ { no program" for answer in answers]
    found = [program_of(answer, problem, language, protocol) for answer in answers]
    assert [program.code for program in found] == [code.rstrip() for code in codes]
    rows = [judge_row(problem, language, program.code, "x") | {"limits": {"cpu_s": 10}} for program in found]
    with Judge([language], jobs=1, work=tmp_path / "judge") as judge:
        assert [one["verdict"] for one in judge.judge(rows)] == list(texts)


def program(number, code, problem=PROBLEM["id"], verdict="OK"):
    return {"id": f"p/1/{number}", "problem": problem, "language": "python", "style": "", "code": code,
            "verdict": verdict}  # fmt: skip


def trip(work, programs, *options, problem=PROBLEM, protocol=PLAIN):
    """Run scripts.round_trip; return (row of counts, lost programs)."""
    write_rows(work / "problems.jsonl.gz", [problem])
    write_rows(work / "python.jsonl.gz", programs)
    round_trip.main(["--problems", "problems.jsonl.gz", "--programs", "python.jsonl.gz", "--language", "python",
                     "--protocol", json.dumps(protocol), "--output", "table.csv", "--lost", "lost.csv", "--jobs", "2",
                     *options])  # fmt: skip
    [found] = read_csv("table.csv")
    return found, read_csv("lost.csv")


def counts(found):
    return [int(found[name]) for name in ("programs", "same", "judged_again", "survived", "lost")]


@pytest.mark.parametrize("protocol", [PLAIN, CHAT], ids=["plain", "chat"])
def test_round_trip_judges_only_what_has_changed(work, protocol):
    programs = [program(n, code) for n, code in enumerate(PROGRAMS.values())]
    found, lost = trip(work, [*programs, program("wrong", "print(2)", verdict="WA")], protocol=protocol)
    assert counts(found) == [7, 4, 3, 7, 0] and lost == [] and found["style"] == protocol["style"]


SENSITIVE = "import os\nsize = os.path.getsize('main.py')\nprint(1 if size == {size} else 0)\n"


def test_lost_programs_end_the_run_or_are_published(work):
    """A program that counts its own bytes does not survive without its last line break; the first lost one is named."""
    code = SENSITIVE.format(size=len(SENSITIVE.format(size=10)))
    programs = [program(1, "print(1)"), program(2, code)]
    with pytest.raises(UserError, match="python: program p/1/2 of problem p/1 comes back without the blanks") as caught:
        trip(work, programs)
    assert "1 of 2 gold programs" in str(caught.value) and "\n" not in str(caught.value)
    assert not Path("table.csv").exists() and not Path("lost.csv").exists()
    found, [lost] = trip(work, programs, "--most-lost", "0.5")
    assert counts(found) == [2, 1, 1, 1, 1] and (lost["program"], lost["problem"]) == ("p/1/2", "p/1")


def test_stop_texts_and_other_beginnings_lose_programs(work):
    good, helper = "def f(x):\n    return x + 1", "def f(x):\n    return g(x)\ndef g(x):\n    return x + 1"
    other = "def f(y):\n    return y + 1"
    programs = [program(n, code) for n, code in enumerate((good, helper, other))]
    with pytest.raises(UserError, match="p/1/2 of problem p/1 does not begin with the prompt"):
        trip(work, programs, problem=BEGUN)
    found, lost = trip(work, programs, "--most-lost", "0.7", problem=BEGUN)
    assert counts(found) == [3, 1, 1, 1, 2]
    assert {one["program"]: one["reason"].split(" (")[0] for one in lost} == {
        "p/1/2": "does not begin with the prompt of its problem", "p/1/1": "comes back as another text",
    }  # fmt: skip
    found, lost = trip(work, programs, problem=BEGUN, protocol=CHAT)
    assert counts(found) == [3, 3, 0, 3, 0] and lost == []


def test_mixtures_hold_the_answers_that_say_the_programs(work):
    problems = [PROBLEM | {"id": f"p/{n}", "family": f"p/{n}", "split": "sft", "difficulty": 1} for n in range(4)]
    programs = [program(n, f"print({n})\n", f"p/{n}") for n in range(4)]
    recipe = Recipe("parallel", ["python"], "python", 4, 1)
    plain = build_mixture("parallel", recipe, problems, programs, len)
    chat = build_mixture("parallel", recipe, problems, programs, len, CHAT)
    assert [one["completion"] for one in plain] == [one["code"] for one in programs] == [code_of(one) for one in chat]
    assert not any("code" in one for one in plain)
    for one in chat:
        assert [turn["role"] for turn in one["prompt"] + one["completion"]] == ["user", "assistant"]
        assert program_of(one["completion"], problems[0], "python", CHAT) == (one["code"].rstrip(), True)
    described = describe("parallel", chat, 1, 1, len)
    assert described["tokens"] == sum(len(said(one["completion"])) for one in chat)
    assert described["distinct_programs"] == 4


def test_rewards_read_what_judging_reads(work):
    answers = [f"So:\n```{mark}\nprint(1)\n```" for mark in ("python", "py", "lua")] + ["print(1)"]
    chats = [[{"role": "assistant", "content": answer}] for answer in answers]
    metrics = {}
    with Judge(["python"], jobs=2) as judge:
        reward = execution_reward(judge, [PROBLEM], "python", 1, protocol=CHAT)
        assert reward(chats, ["p/1"] * 4, log_metric=metrics.__setitem__) == [1.0, 1.0, 0.0, 1.0]
        assert metrics["extraction_failure_rate"] == 0.5
        plain = execution_reward(judge, [PROBLEM], "python", 1)
        assert plain(answers, ["p/1"] * 4, log_metric=metrics.__setitem__) == [0.0, 0.0, 0.0, 1.0]


def test_answers_in_one_pl_are_judged_by_a_checker_in_another(work):
    write_rows("problems.jsonl.gz", [PROBLEM | {"checker": "raise SystemExit(0)"}])
    write_rows("answers.jsonl.gz", [{"problem": "p/1", "language": "perl", "reading": "greedy", "sample": 0,
                                     "text": "print 2;", "tokens": 3, "truncated": False}])  # fmt: skip
    judge_completions.main(["--completions", "answers.jsonl.gz", "--problems", "problems.jsonl.gz", "--languages",
                            "perl", "--cache", "", "--output", "verdicts.jsonl.gz"])  # fmt: skip
    assert [row["verdict"] for row in read_rows("verdicts.jsonl.gz")] == ["OK"]


def test_extraction_failures_are_reported_per_pl_and_reading(work):
    answers = ["```python\nprint(1)\n```", "print(1)", "No."]
    write_rows("problems.jsonl.gz", [PROBLEM | {"id": f"p/{n}", "family": f"p/{n}"} for n in range(3)])
    write_rows("verdicts/answers.jsonl.gz", [
        {"problem": f"p/{n}", "language": "python", "reading": reading, "sample": 0, "text": text, "tokens": 3,
         "truncated": False}
        for reading in ("greedy", "sampled") for n, text in enumerate(answers if reading == "greedy" else answers[:2])
    ])  # fmt: skip
    judge_completions.main(["--completions", "verdicts/answers.jsonl.gz", "--problems", "problems.jsonl.gz",
                            "--languages", "python", "--protocol", json.dumps(CHAT), "--jobs", "2", "--output",
                            "verdicts/base.jsonl.gz"])  # fmt: skip
    assert [(one["extracted"], one["verdict"]) for one in read_rows("verdicts/base.jsonl.gz")] == [
        (True, "OK"), (False, "OK"), (False, "RE"), (True, "OK"), (False, "OK"),
    ]  # fmt: skip
    score.main(["--verdicts", "verdicts/base.jsonl.gz", "--output", "base.csv", "--draws", "50", "--seed", "0"])
    rates = {one["reading"]: one["extraction_failure_rate"] for one in read_csv("base.csv")}
    assert rates == {"greedy": "0.6667", "sampled": "0.5000"}


def test_jobs_are_told_the_style_and_of_pls_only_what_prompts_say(monkeypatch, work):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    assert wf.protocol(config, ["lua"]) == '{"style": "plain"}'
    config["prompts"]["style"] = "chat"
    told = wf.protocol(config, ["lua", "csharp"])
    assert json.loads(told) == {"style": "chat", "languages": {
        key: {"name": ENTRIES[key]["name"], "fence": ENTRIES[key]["fence"]} for key in ("lua", "csharp")
    }}  # fmt: skip
    (work / "languages").unlink()
    shutil.copytree(ROOT / "languages", work / "languages")
    path = work / "languages/lua.yaml"
    path.write_text(path.read_text() + "# a comment\ntime_factor: 2\n")
    assert wf.protocol(config, ["lua", "csharp"]) == told
    path.write_text(path.read_text().replace("fence: [lua]", "fence: [lua5]"))
    assert wf.protocol(config, ["lua", "csharp"]) != told
