"""How mixtures are matched in difficulty where a source has words for it, as APPS ("interview") and TACO ("EASY")."""

import pytest

from crosspl.matching import broken_matches, describe, matching_rows
from crosspl.mixtures import Recipe, build_mixture

LANGUAGES, P = ["python", "perl", "ruby"], 24
L = len(LANGUAGES)
WORDS = ("EASY", "EASY", "EASY", "HARD", None)
PROBLEMS = [
    {"split": "sft", "id": f"own/{n}", "family": str(n), "statement": f"print {n}", "difficulty": WORDS[n % len(WORDS)]}
    for n in range(L * P + len(WORDS))
]
PROGRAMS = [
    {"problem": problem["id"], "language": language, "style": str(style), "verdict": "OK",
     "code": f"{language} {style} {problem['statement']}"}
    for problem in PROBLEMS for language in LANGUAGES for style in range(L)
]  # fmt: skip


def mixture(name, tokens=None):
    recipe = Recipe(rule=name, languages=LANGUAGES, source="python", problems=P, width=L, tokens=tokens)
    return build_mixture(name, recipe, PROBLEMS, PROGRAMS, len)


@pytest.mark.parametrize("name", ["same_problems", "same_programs", "monolingual"])
def test_words_are_matched_by_their_shares(name):
    parallel = mixture("parallel")
    control = mixture(name, sum(len(row["completion"]) for row in parallel))
    one, other = (describe(what, rows, 10, 8, len) for what, rows in (("parallel", parallel), (name, control)))
    assert one["difficulty"] == other["difficulty"] == {"EASY": 15 / P, "HARD": 5 / P, None: 4 / P}
    assert not broken_matches(matching_rows([one, other], {name: ("difficulty",)}))
    other["difficulty"] = other["difficulty"] | {"HARD": 5 / P + 0.011}
    (said,) = broken_matches(matching_rows([one, other], {name: ("difficulty",)}))
    assert said.startswith(f"{name}: difficulty:HARD is ")


@pytest.mark.parametrize("levels, mean", [((1, 2, 6), 3), ((1, None, 2), 1), ((None, None), 0)])
def test_numbers_are_matched_by_their_mean(levels, mean):
    rows = [{"problem": n, "language": "c", "difficulty": level, "completion": "x"} for n, level in enumerate(levels)]
    assert describe("own", rows, 1, 1, len)["difficulty"] == mean
