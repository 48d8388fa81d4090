"""Answers in another PL than the one asked for, told by the real parsers in the real judge."""

import pytest
from tiny import WORLD

from crosspl.judge.client import Judge
from crosspl.microworld import world
from crosspl.microworld.printers import PRINTERS, STYLES
from crosspl.problems import judge_row, of_split
from crosspl.wrong_language import wrong_language

LANGUAGES = ["python", "perl", "ruby", "lua", "php"]
BROKEN = {
    "python": "for x in (",
    "perl": "my @a = ((;",
    "ruby": "puts(( ]",
    "lua": "for do then",
    "php": "<?php echo ((",
}


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    with Judge(LANGUAGES, jobs=1, work=tmp_path_factory.mktemp("judge")) as judge:
        yield judge


@pytest.fixture(scope="module")
def problem():
    return of_split(world.build_problems(WORLD), "eval")[0]


def render(problem, language, style=STYLES[1]):
    return PRINTERS[language].render(world.tree(problem["ast"]), style)


def asked(judge, problem, pairs):
    """Return (verdict, wrong language) of every (language asked for, code)."""
    rows = [judge_row(problem, language, code, str(number)) for number, (language, code) in enumerate(pairs)]
    verdicts = [row["verdict"] for row in judge.judge(rows, stop_on_first_failure=True)]
    return list(zip(verdicts, wrong_language(judge, rows, verdicts), strict=True))


def test_every_program_asked_as_every_other_language(judge, problem):
    pairs = [(wanted, written) for wanted in LANGUAGES for written in LANGUAGES]
    found = asked(judge, problem, [(wanted, render(problem, written)) for wanted, written in pairs])
    for (wanted, written), (verdict, strange) in zip(pairs, found):
        assert (verdict == "OK") == (wanted == written), (wanted, written)
        assert strange == (wanted != written), (wanted, written, verdict)


def test_python_asked_as_php_prints_its_own_text_and_is_found(judge, problem):
    """PHP takes text outside of its tags for output: no error, and still no PHP program."""
    [(verdict, strange)] = asked(judge, problem, [("php", render(problem, "python"))])
    assert (verdict, strange) == ("WA", True)


def test_what_parses_nowhere_is_a_broken_answer(judge, problem):
    for _, strange in asked(judge, problem, list(BROKEN.items())):
        assert not strange
    cut = [(language, render(problem, language)[:-3] + "((") for language in LANGUAGES]
    assert not any(strange for _, strange in asked(judge, problem, cut))


def test_right_wrong_and_failing_programs_of_the_language_are_not_found(judge, problem):
    wrong = {"python": "print(-1)", "perl": "print -1", "ruby": "puts(-1)", "lua": "print(-1)", "php": "<?php echo -1;"}
    fails = {"python": "1 / 0", "perl": "die 'x'", "ruby": "raise 'x'", "lua": "error('x')", "php": "<?php nothing();"}
    pairs = [
        *wrong.items(),
        *fails.items(),
        *((pl, render(problem, pl, style)) for pl in LANGUAGES for style in STYLES),
    ]
    found = asked(judge, problem, pairs)
    assert [verdict for verdict, _ in found] == ["WA"] * 5 + ["RE"] * 5 + ["OK"] * 15
    assert not any(strange for _, strange in found)


def test_nothing_is_found_in_nothing(judge, problem):
    assert asked(judge, problem, [("python", ""), ("php", " ")]) == [("NC", False), ("NC", False)]
    assert wrong_language(judge, [], []) == []


def test_equal_texts_are_told_apart_by_what_was_asked(judge, problem):
    code = render(problem, "python")
    pairs = [("python", code), ("ruby", code), ("python", code), ("lua", code)]
    assert [strange for _, strange in asked(judge, problem, pairs)] == [False, True, False, True]
