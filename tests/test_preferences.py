"""Groups as tokens: the prompts of SFT and sampling, answers with their end; what cannot be learned from is counted."""

import pytest
from tiny import base_folder

from crosspl import models
from crosspl.chat import example
from crosspl.errors import UserError
from crosspl.groups.rows import IR, PROGRAMS, group_row
from crosspl.io import write_rows
from crosspl.protocol import PLAIN, ask, gold_answer
from crosspl.rl.preferences import preference_groups
from crosspl.trace_rows import describe
from crosspl.translation import as_problem, pair

LANGUAGES = {name: {"name": name.title(), "fence": [name]} for name in ("python", "perl", "c", "llvm_ir")}
CHAT = {"style": "chat", "languages": LANGUAGES}
TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}{{ eos_token }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
PROBLEM = {"id": "p", "family": "f", "split": "rl", "statement": "Print 1.", "tests": [{}], "harness": None}
WINNERS = [{"language": "python", "code": "print(1)", "how": "a"}, {"language": "perl", "code": "print 1", "how": "b"}]
LOSERS = [{"language": "python", "code": "print(2)", "how": "c", "kind": "differs"}]
SOURCE = {"language": "c", "code": "int main() { return 0; }"}
IN_IR = [{"language": "llvm_ir", "code": f"define i32 @main() {{ ret i32 {n} }}", "how": "O1", "kind": "differs"}
         for n in range(3)]  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    base_folder(folder)
    loaded = models.load_tokenizer(folder)
    loaded.chat_template = TEMPLATE
    return loaded


def programs(problem=PROBLEM):
    return group_row(problem, "g", PROGRAMS, None, WINNERS, LOSERS)


def ir():
    return group_row(PROBLEM, "i", IR, SOURCE, IN_IR[:2], IN_IR[2:])


def answers(group):
    return [*group.winners, *group.losers]


def test_each_program_answers_the_prompt_of_its_own_pl(tokenizer):
    [group], left_out = preference_groups([programs()], [PROBLEM], tokenizer, PLAIN, 500, "f")
    assert left_out == {"groups_too_long": 0, "groups_not_said": 0}
    assert (len(group.winners), len(group.losers)) == (2, 1)
    for (prompt, answer), one in zip(answers(group), [*WINNERS, *LOSERS]):
        assert prompt == tokenizer(ask(PROBLEM, one["language"], PLAIN))["input_ids"]
        assert answer[-1] == tokenizer.eos_token_id and tokenizer.decode(answer[:-1]) == one["code"]


def test_ir_answers_the_question_to_translate(tokenizer):
    [group], _ = preference_groups([ir()], [PROBLEM], tokenizer, PLAIN, 900, "f")
    question = as_problem(PROBLEM, pair(PROBLEM, SOURCE["code"], "c", "llvm_ir"))
    asked = tokenizer(ask(question, "llvm_ir", PLAIN))["input_ids"]
    assert [prompt for prompt, _ in answers(group)] == [asked] * 3
    assert SOURCE["code"] in tokenizer.decode(asked) and PROBLEM["statement"] not in tokenizer.decode(asked)


@pytest.mark.parametrize("row", [programs(), ir()], ids=["programs", "ir"])
def test_chats_are_those_that_sft_learns(tokenizer, row):
    [group], _ = preference_groups([row], [PROBLEM], tokenizer, CHAT, 2000, "f")
    for (prompt, answer), one in zip(answers(group), [*row["winners"], *row["losers"]]):
        language = one["language"]
        asked = as_problem(PROBLEM, pair(PROBLEM, SOURCE["code"], "c", language)) if row["source"] else PROBLEM
        learned = example(tokenizer, ask(asked, language, CHAT), gold_answer(asked, language, one["code"], CHAT))
        assert prompt + answer == learned["input_ids"]
        assert [-100] * len(prompt) + answer == learned["labels"] and answer[-1] == tokenizer.eos_token_id


def test_too_long_and_not_to_be_said_are_left_out_and_counted(tokenizer):
    begun = PROBLEM | {"id": "begun", "prompts": {"python": "import sys\n"}}  # none of the group's programs begins so
    mute = PROBLEM | {"id": "mute", "statement": None, "prompts": {"python": "print"}}  # perl cannot be asked for
    rows = [programs(), programs(begun) | {"id": "b"}, programs(mute) | {"id": "m"}, ir()]
    [short, long] = [max(len(prompt) + len(answer) for prompt, answer in answers(group)) for group in
                     preference_groups([programs(), ir()], [PROBLEM], tokenizer, PLAIN, 900, "f")[0]]  # fmt: skip
    assert short < long
    groups, left_out = preference_groups(rows, [PROBLEM, begun, mute], tokenizer, PLAIN, short, "f")
    assert len(groups) == 1 and left_out == {"groups_too_long": 1, "groups_not_said": 2}
    with pytest.raises(
        UserError, match=r"^f: none of the 4 groups can be learned from: 2 have .* than 3 tokens .*, 2 "
    ):
        preference_groups(rows, [PROBLEM, begun, mute], tokenizer, PLAIN, 3, "f")


def test_a_group_of_a_problem_that_is_not_there(tokenizer):
    with pytest.raises(UserError, match=r"^f: group g is of problem p, which is not among the problems"):
        preference_groups([programs()], [], tokenizer, PLAIN, 500, "f")


def test_traces_say_what_groups_and_pairs_hold(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pairs = [pair(PROBLEM, "print(1)", "python", target) for target in ("perl", "ruby")]
    for path, rows in (("results/groups/ir.jsonl.gz", [ir()]), ("results/translation/rl.jsonl.gz", pairs)):
        (tmp_path / path).parent.mkdir(parents=True)
        write_rows(tmp_path / path, rows)
    assert describe("results/groups/ir.jsonl.gz", None, True) == [
        "1 groups of 1 problems: 2 winners and 1 losers", "  i",
    ]  # fmt: skip
    assert describe("results/translation/rl.jsonl.gz", None, True) == [
        "2 pairs of 1 problems: 1 python into perl, 1 python into ruby", "  p/python/perl", "  p/python/ruby",
    ]  # fmt: skip
