"""Rewards by execution: right 1, wrong 0, unknown None; only tests can be a reward."""

from types import SimpleNamespace

import pytest
from tiny import WORLD, right_programs

from crosspl.errors import UserError
from crosspl.judge.client import Judge
from crosspl.microworld import world
from crosspl.microworld.printers import PRINTERS, STYLES
from crosspl.problems import judge_row, of_split
from crosspl.rewards import execution_reward


@pytest.fixture(scope="module")
def problems():
    return of_split(world.build_problems(WORLD), "rl")


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    with Judge(["python"], jobs=1, work=tmp_path_factory.mktemp("judge")) as judge:
        yield judge


def right(problem, style=STYLES[0]):
    return PRINTERS["python"].render(world.tree(problem["ast"]), style)


def test_right_wrong_and_empty(judge, problems):
    first, other = problems[:2]
    answers = [
        (right(first), first, 1.0),
        (right(other, STYLES[2]) + "\n\n", other, 1.0),
        (right(other), first, 0.0),
        ("", first, 0.0),
        (" \n", first, 0.0),
        ("print(", first, 0.0),
        ("while True: pass", first, 0.0),
        ("import os; os._exit(0)", first, 0.0),
        (right(first) + "\nprint(1)", first, 0.0),
        (right(first) + "\nraise SystemExit(1)", first, 0.0),
        (f"print(open(0).read(), end='')\nprint({first['tests'][0]['stdout']!r}, end='')", first, 0.0),
        ("print('\ud800')", first, 0.0),
    ]
    reward = execution_reward(judge, problems, "python", 1)
    metrics = {}
    found = reward(
        completions=[text for text, _, _ in answers], problem=[problem["id"] for _, problem, _ in answers],
        prompts=["x"] * len(answers), log_metric=metrics.__setitem__, trainer_state=None,
    )  # fmt: skip
    assert found == [wanted for _, _, wanted in answers]
    assert all(isinstance(value, float) for value in found)
    assert metrics["verdict/TLE"] == pytest.approx(1 / len(answers)) and metrics["verdict/JE"] == 0
    assert execution_reward(judge, problems, "python", 1)([right(first)], [first["id"]]) == [1.0]


def test_answers_in_another_language_are_counted(problems):
    lua = right_programs(problems[:1], ["lua"], WORLD)[0]["code"]
    answers = [lua, right(problems[0]), "print(", lua]
    metrics = {}
    with Judge(["python", "lua"], jobs=2, cache=None) as both:
        reward = execution_reward(both, problems, "python", 1)
        assert reward(answers, [problems[0]["id"]] * 4, log_metric=metrics.__setitem__) == [0.0, 1.0, 0.0, 0.0]
    assert metrics["wrong_language_rate"] == 0.5


def test_only_the_first_tests_count(judge, problems):
    problem = problems[0]
    stdin, stdout = problem["tests"][0]["stdin"], problem["tests"][0]["stdout"]
    hack = f"import sys\nprint({stdout!r} if sys.stdin.read() == {stdin!r} else 'no', end='')"
    assert execution_reward(judge, problems, "python", 1)([hack], [problem["id"]]) == [1.0]
    assert execution_reward(judge, problems, "python", 2)([hack], [problem["id"]]) == [0.0]


def test_a_harness_is_no_reward(judge, problems):
    harness = problems[0] | {"tests": [], "harness": {"python": "assert f(1) == 2"}}
    with pytest.raises(UserError, match=rf"problem {harness['id']}: only stdin/stdout tests"):
        execution_reward(judge, [problems[1], harness], "python", 1)
    reward = execution_reward(judge, [harness], "python", 1, harness_reward=True)
    answers = ["def f(x): return x + 1", "def f(x): return x"]
    assert reward(answers, problem=[harness["id"]] * 2) == [1.0, 0.0]


def test_a_judge_error_is_no_reward(problems):
    """The only judge error that can be had at will is one from a judge of our own."""
    verdicts = ["OK", "JE", "WA"]
    broken = SimpleNamespace(
        judge=lambda rows, **_: [{"verdict": verdict} for _, verdict in zip(rows, verdicts)],
        entries={"python": {"parser": None, "comment": {"line": "#"}}},
    )
    metrics = {}
    reward = execution_reward(broken, problems, "python", 1)
    assert reward(["a", "b", "c"], [problems[0]["id"]] * 3, log_metric=metrics.__setitem__) == [1.0, None, 0.0]
    assert metrics["verdict/JE"] == pytest.approx(1 / 3)


def test_judge_rows(problems):
    row = judge_row(problems[0], "python", "x", "key", 1)
    assert row["tests"] == problems[0]["tests"][:1] and row["limits"] == WORLD["limits"] and row["harness"] is None
    assert judge_row(problems[0], "python", "x", "key")["tests"] == problems[0]["tests"]
    harness = problems[0] | {"tests": [], "harness": {"python": "a", "lua": "b"}}
    assert judge_row(harness, "lua", "x", "key")["harness"] == "b"
    assert row["checker"] is None and judge_row(problems[0] | {"checker": "c"}, "lua", "x", "key")["checker"] == "c"
