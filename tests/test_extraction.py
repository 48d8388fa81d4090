"""The program in an answer: blocks marked with the PL's names, else blocks without a mark, else everything."""

import pytest

from crosspl.languages import known_languages, load_language
from crosspl.prompts import extract_code

CASES = [  # answer, program in lua
    ("print(1)\n", "print(1)"),
    ("Sure:\n```lua\nprint(1)\n```\nDone.", "print(1)"),
    ("```Lua\nprint(1)\n```", "print(1)"),
    ("```lua title=x\r\nprint(1)\r\n```\r\n", "print(1)"),
    ("```python\nprint(0)\n```\n```lua\nprint(1)\n```\n```text\n1\n```", "print(1)"),
    ("```lua\nprint(0)\n```\nBetter:\n```lua\nprint(1)\n```", "print(1)"),
    ("```\nprint(1)\n```\n```python\nprint(0)\n```", "print(1)"),
    ("~~~lua\nprint('```')\n~~~", "print('```')"),
    ("````lua\nprint('\\\n```\n')\n````", "print('\\\n```\n')"),
    ("1. So:\n   ```lua\n   print(1)\n   ```", "   print(1)"),
    ("```lua\nprint(1)", "print(1)"),
    ("```lua\n```", ""),
    ("", ""),
    ("Write `x` and ```y``` inline", "Write `x` and ```y``` inline"),
    ("```python\nprint(0)\n```", "```python\nprint(0)\n```"),
]


@pytest.mark.parametrize("answer, program", CASES)
def test_cases(answer, program):
    assert extract_code(answer, ["lua"]) == program


def test_without_fences_all_of_it_is_the_program():
    for answer, _ in CASES:
        assert extract_code(answer) == answer.rstrip()


@pytest.mark.parametrize("language", known_languages())
def test_every_language(language):
    """What a PL's self-test says comes back from a block with each of its marks, beside blocks of other PLs."""
    entry = load_language(language)
    code = entry["selftest"]["code"]
    for mark in entry["fence"]:
        answer = f"Text.\n```output\n3\n```\n```{mark}\n{code}\n```\n```\nother\n```\n"
        assert extract_code(answer, entry["fence"]) == code.rstrip()
