"""Curriculum and masks of StepCoder, in real runs of RL with real programs in the judge's boxes."""

import pytest
import torch
from test_resuming import Killed, kill_at
from tiny import WORLD, right_programs
from tiny_training import GRPO, fresh, length_reward

from crosspl import models
from crosspl.errors import UserError
from crosspl.judge.client import Judge
from crosspl.microworld import world
from crosspl.problems import judge_row, of_split
from crosspl.prompts import format_prompt
from crosspl.protocol import PLAIN, ask, program_of
from crosspl.rl import train as rl
from crosspl.rl.curriculum import beginning, stages
from crosspl.rl.line_masks import LineMasks, places
from crosspl.rl.trainer import Trainer

CODE = "x = int(input())\nif x > 2:\n    print(1)\nelse:\n    print(2)\n    print(3)\n"
CHAT = {"style": "chat", "languages": {"python": {"name": "Python 3", "fence": ["python"]}}}


@pytest.fixture(scope="module")
def problems():
    return of_split(world.build_problems(WORLD), "rl")


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    with Judge(["python"], jobs=2, work=tmp_path_factory.mktemp("judge")) as judge:
        yield judge


def test_beginnings_end_before_a_branch():
    assert beginning(CODE, 0.75) == "x = int(input())\nif x > 2:\n    print(1)\n"
    assert beginning(CODE, 0.1) == "x = int(input())\n"
    assert beginning("a = 1\nb = 2\nc = 3\nprint(a)\n", 0.5) == "a = 1\nb = 2\n"
    assert beginning("print(1)\n", 0.9) == ""


def test_a_right_rest_of_a_beginning_is_a_right_program(judge, problems):
    programs = {row["problem"]: row["code"] for row in right_programs(problems, ["python"], WORLD)}
    first, last = stages(problems, "python", programs, [0.5, 0], "plain")
    assert last == problems and all(one["id"].endswith("~0.5") for one in first)
    rows, wrong = [], []
    for problem, plain in zip(first, problems):
        prompt, code = ask(problem, "python", PLAIN), programs[plain["id"]]
        assert prompt.startswith(format_prompt("python", plain["statement"])) and len(prompt) > len(
            ask(plain, "python", PLAIN)
        )
        given = prompt.removeprefix(format_prompt("python", plain["statement"]))
        assert code.startswith(given)
        rest = program_of(code[len(given) :], problem, "python", PLAIN).code
        rows.append(judge_row(problem, "python", rest, problem["id"]))
        wrong.append(
            judge_row(problem, "python", program_of("print('no')", problem, "python", PLAIN).code, problem["id"])
        )
    assert {row["verdict"] for row in judge.judge(rows)} == {"OK"}
    assert "OK" not in {row["verdict"] for row in judge.judge(wrong)}
    shown, _ = stages(problems, "python", programs, [0.5, 0], "chat")
    assert "Complete the Python 3 code below" in ask(shown[0], "python", CHAT)[0]["content"]


def test_without_right_programs(problems):
    with pytest.raises(UserError, match="no problem of the split rl has a right program in python"):
        stages(problems, "python", {}, [0.5, 0], "plain")
    some = stages(problems, "python", {problems[0]["id"]: CODE}, [0.5, 0], "plain")[0]
    assert some[1:] == problems[1:] and some[0] != problems[0]


def test_stages_follow_one_another(base, tokenizer, tmp_path, problems):
    programs = {row["problem"]: row["code"] for row in right_programs(problems, ["python"], WORLD)}
    asked, seen = stages(problems, "python", programs, [0.75, 0.5, 0], "plain"), []

    def reward(completions, problem, **_):
        seen.append({one.partition("~")[2] for one in problem})
        return length_reward(completions)

    settings = GRPO | {"generations": 7, "minibatches": 1}
    rl.train_grpo(fresh(base), tokenizer, asked, "python", reward, settings, 0, tmp_path, "rl")
    assert seen == [{"0.75"}] * 2 + [{"0.5"}] * 2 + [{""}] * 3


def test_places_of_tokens(tokenizer):
    text = "print('é€')\n  x\n"
    ids = tokenizer(text).input_ids + [tokenizer.eos_token_id]
    found = places(tokenizer, ids, text)
    assert found[0][0] == 0 and found[-1] == (len(text), len(text)) and found[-2][1] == len(text)
    assert all(begin <= end for begin, end in found) and [b for _, b in found[:-1]] == [a for a, _ in found[1:]]


@pytest.mark.parametrize("protocol", [PLAIN, CHAT], ids=["plain", "chat"])
def test_tokens_of_lines_that_no_test_executed(judge, tokenizer, problems, protocol):
    problem = problems[0] | {"tests": [{"stdin": "5\n", "stdout": "1\n"}]}
    text = CODE if protocol is PLAIN else f"Here it is:\n```python\n{CODE}```\nThat was it."
    ids = tokenizer(text).input_ids + [tokenizer.eos_token_id]
    completion = text if protocol is PLAIN else [{"role": "assistant", "content": text}]
    masks = LineMasks(judge, [problem], "python", 1, protocol, tokenizer)
    [mask] = masks([{"problem": problem["id"]}], [completion], [ids])
    lost = "".join(tokenizer.decode([token]) for token, kept in zip(ids, mask) if not kept)
    assert "".join(lost.split()) == "print(2)print(3)" and mask[-1] == 1
    broken = "print((" if protocol is PLAIN else [{"role": "assistant", "content": "no"}]
    [whole] = masks([{"problem": problem["id"]}], [broken], [[5, 6]])
    assert whole == [1, 1]


def test_masked_tokens_have_no_gradient(base, tokenizer, tmp_path, monkeypatch, problems):
    """With the second half of every answer masked, the loss does not depend on it and is divided by what is left."""
    batches, generate = [], Trainer._generate_and_score_completions
    tap = lambda self, inputs: batches.append(generate(self, inputs)) or batches[-1]  # noqa: E731
    monkeypatch.setattr(Trainer, "_generate_and_score_completions", tap)
    halves = lambda rows, texts, ids: [[1] * (len(one) // 2) + [0] * (len(one) - len(one) // 2) for one in ids]  # noqa: E731
    told = [problems], "python", length_reward, GRPO | {"generations": 1, "minibatches": 1}, 0
    model, history = rl.train_grpo(fresh(base), tokenizer, *told, tmp_path, "rl", line_masks=halves)
    [batch] = batches
    assert 0.3 < history[0]["executed_share"] <= 0.5
    assert batch["num_items_in_batch"] == batch["tool_mask"].sum()
    trained = fresh(base)
    ids, mask = (torch.cat([batch[f"prompt_{x}"], batch[f"completion_{x}"]], 1) for x in ("ids", "mask"))
    logits = trained(input_ids=ids, attention_mask=mask).logits[:, batch["prompt_ids"].shape[1] - 1 : -1]
    own = logits.log_softmax(-1).gather(2, batch["completion_ids"][..., None])[..., 0]
    ratio = (own - own.detach()).exp() * batch["advantages"][:, None]
    (-(ratio * batch["tool_mask"]).sum() / batch["tool_mask"].sum()).backward()
    norm = torch.stack([one.grad.norm() for one in trained.parameters() if one.grad is not None]).norm()
    assert history[0]["grad_norm"] == pytest.approx(float(norm), rel=1e-3)
    assert models.adapter_hash(model) != models.adapter_hash(fresh(base))


def test_resumed_in_the_middle_of_a_curriculum(base, tokenizer, tmp_path, monkeypatch, problems):
    programs = {row["problem"]: row["code"] for row in right_programs(problems, ["python"], WORLD)}
    asked = stages(problems, "python", programs, [0.75, 0.5, 0], "plain")
    train = lambda state: rl.train_grpo(  # noqa: E731
        fresh(base), tokenizer, asked, "python", length_reward, GRPO | {"generations": 6}, 0, state, "rl"
    )
    model, history = train(tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, 8)
        train(tmp_path / "killed")
    again, history_again = train(tmp_path / "killed")
    assert history_again == history and models.adapter_hash(again) == models.adapter_hash(model)
