"""What imported data made general leaves the microworld and its mixtures as they were, to the letter."""

import hashlib
import json

from tiny import WORLD, right_programs

from crosspl.microworld import world
from crosspl.mixtures import Recipe, build_mixture
from crosspl.problems import of_split

LANGUAGES = ["python", "perl", "ruby"]


def test_the_world_and_its_mixtures_are_the_known_ones():
    problems = world.build_problems(WORLD)
    taught = of_split(problems, "sft")
    programs = right_programs(taught, [*LANGUAGES, "lua", "php"], WORLD)
    found, tokens = {"problems": list(problems), "programs": programs}, None
    for name in ("parallel", "same_problems", "monolingual"):
        recipe = Recipe(rule=name, languages=LANGUAGES, source="python", problems=24, width=3, tokens=tokens)
        found[name] = build_mixture(name, recipe, taught, programs, len)
        tokens = tokens or sum(len(row["completion"]) for row in found[name])
    assert {name: hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16] for name, rows in found.items()} == {
        "problems": "28ddbbb8ce9720e9", "programs": "969b6d0dcb94a061", "parallel": "ea21b437ec615dcd",
        "same_problems": "2aef1fdf3bceb9f5", "monolingual": "c05f608cd1fdd48e",
    }  # fmt: skip
