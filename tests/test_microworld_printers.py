"""The microworld's reference semantics by known answers, and every printer against them in the real interpreters."""

import random
import re
import shutil

import pytest

from crosspl.judge.client import Judge
from crosspl.languages import load_language
from crosspl.microworld import operations
from crosspl.microworld.printers import PRINTERS, STYLES

STEPS = [(op, k) for op in operations.STAGES for k in operations.arguments(op)]
REMAINDERS = {"even", "odd", "div", "mod"}
LISTS = [
    [],
    [5],
    [0, 0],
    [9, 8, 7, 6, 5],
    [1, 1, 2, 2, 3],
    [100, 20, 3],
    [2, 14, 30, 5, 27, 8, 12, 63, 10, 40],
    [-3, -20, -7],
    [4, -4, 0],
]


def sample_asts(seed: int) -> list[operations.Ast]:
    """Random ASTs of one to three stages in which every op with every argument, and every reducer, occurs."""
    rng = random.Random(seed)
    steps = rng.sample(STEPS, len(STEPS))
    asts = []
    while steps:
        depth = 1 + len(asts) % 3
        stages, steps = steps[:depth], steps[depth:]
        asts.append((*stages, (operations.REDUCERS[len(asts) % len(operations.REDUCERS)], None)))
    return asts


def agreed(ast: operations.Ast, values: list[int]) -> bool:
    """Whether all PLs agree on this input: no remainder of a negative int, nothing beyond C's int."""
    for op, k in ast[:-1]:
        if op in REMAINDERS and any(x < 0 for x in values):
            return False
        values = operations.apply_stage(op, k, values)
        if any(abs(x) >= 10**9 for x in values):
            return False
    return abs(sum(values)) < 2**31


def stdin_and_stdout(ast: operations.Ast) -> dict[str, str]:
    """One test of all lists that fit the AST, one a line."""
    inputs = [values for values in LISTS if agreed(ast, values)]
    return {
        "stdin": "".join(" ".join(map(str, values)) + "\n" for values in inputs),
        "stdout": "".join(operations.run(ast, values) + "\n" for values in inputs),
    }


def normalised(code: str) -> list[str]:
    """The tokens of a program with its words renamed in order of appearance: equal for mere renamings."""
    names: dict[str, str] = {}
    tokens = re.findall(r"[A-Za-z_]\w*|\d+|\S", code)
    return [names.setdefault(t, f"v{len(names)}") if t[0].isalpha() or t[0] == "_" else t for t in tokens]


@pytest.mark.parametrize(
    ("op", "k", "expected"),
    [
        ("even", None, [4, 0, 6]),
        ("odd", None, [3, 3]),
        ("div", 3, [3, 0, 3, 6]),
        ("gt", 3, [4, 6]),
        ("lt", 4, [3, 0, 3]),
        ("add", 2, [5, 6, 2, 5, 8]),
        ("sub", 4, [-1, 0, -4, -1, 2]),
        ("mul", 5, [15, 20, 0, 15, 30]),
        ("sq", None, [9, 16, 0, 9, 36]),
        ("mod", 4, [3, 0, 0, 3, 2]),
        ("sort", None, [0, 3, 3, 4, 6]),
        ("rsort", None, [6, 4, 3, 3, 0]),
        ("rev", None, [6, 3, 0, 4, 3]),
        ("tail", None, [4, 0, 3, 6]),
        ("take", 2, [3, 4]),
    ],
)
def test_stage(op, k, expected):
    values = [3, 4, 0, 3, 6]
    assert operations.apply_stage(op, k, values) == expected
    assert values == [3, 4, 0, 3, 6]
    assert operations.apply_stage(op, k, []) == []


@pytest.mark.parametrize(
    ("op", "expected", "of_empty"),
    [
        ("sum", "4", "0"),
        ("max", "7", "0"),
        ("min", "-5", "0"),
        ("len", "3", "0"),
        ("last", "2", "0"),
        ("all", "7 -5 2", ""),
    ],
)
def test_reducer(op, expected, of_empty):
    assert operations.apply_reducer(op, [7, -5, 2]) == expected
    assert operations.apply_reducer(op, []) == of_empty


def test_extremes_of_negative_ints_are_not_zero():
    assert operations.apply_reducer("max", [-3, -20, -7]) == "-3"
    assert operations.apply_reducer("min", [3, 20, 7]) == "3"


def test_run_applies_the_stages_in_order():
    ast = (("gt", 3), ("sq", None), ("take", 2), ("all", None))
    assert operations.run(ast, [5, 1, 4, 9]) == "25 16"
    assert operations.run(ast, []) == ""
    for ast in sample_asts(0):
        for values in LISTS:
            stepwise = values
            for op, k in ast[:-1]:
                stepwise = operations.apply_stage(op, k, stepwise)
            assert operations.run(ast, values) == operations.apply_reducer(ast[-1][0], stepwise)


def test_the_sample_covers_every_op_and_argument():
    ops = {op for ast in sample_asts(0) for op, _ in ast}
    assert ops == {*operations.STAGES, *operations.REDUCERS}
    assert {step for ast in sample_asts(0) for step in ast[:-1]} == set(STEPS)


@pytest.mark.parametrize("language", PRINTERS)
def test_styles_are_different_programs(language):
    printer = PRINTERS[language]
    assert printer.STYLES == STYLES
    assert len(STYLES) >= 3
    shallow = [(step, (reducer, None)) for step in STEPS for reducer in operations.REDUCERS]
    for ast in shallow + sample_asts(1):
        programs = [printer.render(ast, style) for style in STYLES]
        assert len({tuple(normalised(code)) for code in programs}) == len(STYLES), ast
        for code in programs:
            assert not code.endswith("\n")
            assert not re.search(r"<[ak]>", code), "a placeholder was left in"


def test_first_lines_tell_the_languages_apart():
    lines: dict[str, set[str]] = {}
    for language, printer in PRINTERS.items():
        for ast in sample_asts(2):
            for style in STYLES:
                # Only the beginning: in a nested style the rest of the line is the program itself.
                lines.setdefault(language, set()).add(printer.render(ast, style).split("\n")[0][:12])
    for language, own in lines.items():
        others = set().union(*(found for other, found in lines.items() if other != language))
        assert not own & others


@pytest.mark.parametrize("language", PRINTERS)
def test_programs_print_what_the_reference_says(language, tmp_path):
    command = load_language(language)["version"][0]
    if not shutil.which(command):
        pytest.skip(f"{command} is not installed")
    # A different sample per style: together they put every op with every argument into every style.
    rows = [
        {
            "id": f"{style}/{number}",
            "language": language,
            "code": PRINTERS[language].render(ast, style),
            "tests": [stdin_and_stdout(ast)],
            "comparison": "exact",
        }
        for seed, style in enumerate(STYLES)
        for number, ast in enumerate(sample_asts(10 + seed))
    ]
    with Judge([language], jobs=2, work=tmp_path) as judge:
        verdicts = judge.judge(rows)
    wrong = [
        (row["id"], verdict["verdict"], row["code"])
        for row, verdict in zip(rows, verdicts, strict=True)
        if verdict["verdict"] != "OK"
    ]
    assert not wrong, f"{len(wrong)} of {len(rows)} programs failed; the first: {wrong[0]}"
