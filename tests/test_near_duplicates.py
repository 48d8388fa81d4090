"""Near-duplicates: the estimate is that of the true sets; layout and comments do not count; choices are as promised."""

import random
import resource

import numpy as np
import pytest

from crosspl.grouping import by_problem
from crosspl.languages import load_language
from crosspl.near_duplicates import PERMUTATIONS, distinct, diverse, likeness, shingles, signatures, without_comments

PYTHON = load_language("python")["comment"]
PROGRAM = "n = int(input())\ntotal = 0\nfor value in map(int, input().split()):\n    total += value * n\nprint(total)\n"
OTHER = "import sys\ndata = sys.stdin.read().split()\nprint(sum(int(x) * int(data[0]) for x in data[1:]))\n"


def test_estimate_is_close_to_the_true_similarity():
    dice = random.Random(3)
    names = [f"name{i}" for i in range(40)]
    for _ in range(20):
        first = [dice.choice(names) for _ in range(300)]
        second = [word if dice.random() < 0.97 else dice.choice(names) for word in first]
        sets = [shingles(" ".join(words), PYTHON) for words in (first, second)]
        true = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
        found = signatures([" ".join(first), " ".join(second)], PYTHON)
        assert abs(likeness(found[0], found[1:])[0] - true) < 4 * (true * (1 - true) / PERMUTATIONS) ** 0.5 + 0.02


def test_layout_and_comments_do_not_count_and_names_do():
    copies = [PROGRAM, PROGRAM.replace("    ", "\t") + "# done\n", "# by me\n" + PROGRAM.replace(" = ", "=")]
    matrix = signatures([*copies, PROGRAM.replace("total", "s"), OTHER, ""], PYTHON)
    assert (matrix[0] == matrix[1]).all() and (matrix[0] == matrix[2]).all()
    assert distinct(matrix, 0.9) == [0, 3, 4, 5]


@pytest.mark.parametrize(
    "language, code, bare",
    [
        ("c", "int a; // x\n/* y\n z */int b;", ["int", "a", ";", "int", "b", ";"]),
        ("lua", "a = 1 -- x\n--[[ y\n]] b = 2", ["a", "=", "1", "b", "=", "2"]),
        ("python", "a = 1  # x", ["a", "=", "1"]),
    ],
)
def test_comments_of_each_language(language, code, bare):
    assert without_comments(code, load_language(language)["comment"]).replace(";", " ;").split() == bare


def test_diverse_takes_what_is_least_like_the_chosen():
    base = np.arange(PERMUTATIONS)
    near, far = base.copy(), base + 1000
    near[:10] += 5000
    middle = base.copy()
    middle[:64] += 9000
    matrix = np.array([base, near, middle, far])
    assert diverse(matrix, 2) == [0, 3] and diverse(matrix, 3) == [0, 3, 2] and diverse(matrix, 9) == [0, 3, 2, 1]
    assert diverse(matrix[:0], 2) == []


def test_groups_come_in_the_order_of_the_problems_and_keep_the_order_of_rows():
    dice = random.Random(1)
    problems = [f"p{i}" for i in dice.sample(range(300), 200)]
    rows = [{"problem": f"p{dice.randrange(300)}", "n": n} for n in range(5000)]
    wanted = {problem: [row for row in rows if row["problem"] == problem] for problem in problems}
    found = list(by_problem(iter(rows), problems))
    assert [problem for problem, _ in found] == [problem for problem in problems if wanted[problem]]
    assert dict(found) == {problem: group for problem, group in wanted.items() if group}


def test_memory_does_not_grow_with_the_number_of_rows():
    def largest(count):
        rows = ({"problem": str(n % 6400), "code": "x" * 2000} for n in range(count))
        seen = sum(len(group) for _, group in by_problem(rows, [str(n) for n in range(6400)]))
        assert seen == count
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = largest(6400)
    assert largest(64000) < before + (20 << 10)  # KiB; the rows are 128 MB
