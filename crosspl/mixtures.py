"""SFT mixtures and what each of them is matched with (DESIGN section 6).

In: problems of the `sft` split, verified programs per PL, the SFT languages (L of them), P problems.
Out: SFT rows {"problem", "family", "language", "style", "difficulty", "prompt", "completion"}; the matching table.

parallel       P problems, each in all L languages, a different style in each
same_problems  control A: the same P problems, L programs (styles) each, all in one PL per problem, PLs rotated
same_programs  control B: P·L problems, one PL each
monolingual    control C: the same P problems, L programs each, all in the source PL
"""

from collections import Counter
from itertools import permutations

from crosspl.errors import UserError
from crosspl.prompts import problem_prompt

# What is equal to `parallel` by construction; off by more than TOLERANCE the run fails.
MATCHED = {
    "parallel": (),
    "same_problems": ("problems", "programs", "tokens", "language_shares", "difficulty", "steps"),
    "same_programs": ("programs", "tokens", "language_shares", "difficulty", "steps"),
    "monolingual": ("problems", "programs", "difficulty", "steps"),
}
TOLERANCE = 0.01


def verified_programs(programs):
    """Return {problem: {language: [program, …]}} of the distinct programs with verdict OK, in the files' order."""
    table = {}
    for program in programs:
        found = table.setdefault(program["problem"], {}).setdefault(program["language"], [])
        if program["verdict"] == "OK" and program["code"] not in [other["code"] for other in found]:
            found.append(program)
    return table


def build_mixture(name, problems, programs, languages, source, size, count_tokens, target=None):
    """Return the rows of mixture `name` for P = `size`; raise UserError where the data do not suffice.

    `target` is the number of completion tokens to come close to. It is reached by the choice of which problem of a
    block gets which PL, so PL shares stay exact.
    """
    table = verified_programs(programs)
    chosen = choose_problems(name, problems, table, languages, source, size)
    width = len(languages)
    blocks = [chosen[start : start + width] for start in range(0, len(chosen), width)]
    rows, tokens = [], 0
    for number, block in enumerate(blocks):
        options = [
            [_row(problem, table[problem["id"]][language], choice) for problem, language, choice in option]
            for option in OPTIONS[name](number, block, languages, source)
        ]
        sums = [sum(count_tokens(row["completion"]) for row in option) for option in options]
        goal = (target or 0) * (number + 1) / len(blocks)
        best = min(range(len(options)), key=lambda n: abs(tokens + sums[n] - goal) if target else n)
        rows, tokens = rows + options[best], tokens + sums[best]
    return rows


def choose_problems(name, problems, table, languages, source, size):
    """Return the problems of a mixture; `same_programs` has L times as many of each difficulty."""
    width = len(languages)
    usable = [p for p in problems if p["id"] in table and all(table[p["id"]].get(pl) for pl in languages)]
    most = max((len(found) for by_language in table.values() for found in by_language.values()), default=0)
    if most < width:
        raise UserError(
            f"config, languages.sft: {width} PLs need {width} different verified programs per problem and PL, of which "
            f"there are at most {most}. Take fewer PLs, or a problem source with more programs"
        )
    full = [p for p in usable if all(len(table[p["id"]].get(pl, ())) >= width for pl in {*languages, source})]
    chosen = full[:size]
    if len(chosen) < size:
        raise _too_few(name, size, languages, len(chosen))
    if name != "same_programs":
        return chosen
    wanted = Counter({difficulty: width * n for difficulty, n in Counter(p["difficulty"] for p in chosen).items()})
    for problem in [p for p in usable if p not in chosen]:
        if wanted[problem["difficulty"]] > sum(p["difficulty"] == problem["difficulty"] for p in chosen):
            chosen = chosen + [problem]
    if len(chosen) < size * width:
        raise _too_few(name, size * width, languages, len(chosen))
    return chosen


def _too_few(name, wanted, languages, found):
    return UserError(
        f"config, mixtures.problems: {name} needs {wanted} problems of the sft split with verified programs in "
        f"{', '.join(languages)}, in the difficulties of `parallel`; there are {found}. Lower mixtures.problems"
    )


# Each gives the ways to fill a block of L problems: lists of (problem, language, which of its programs).


def _parallel(number, block, languages, source):
    start = number * len(languages)
    return [[(p, pl, start + k + step) for k, p in enumerate(block) for step, pl in enumerate(languages)]]


def _same_problems(number, block, languages, source):
    return [
        [(p, pl, step) for p, pl in zip(block, order) for step in range(len(languages))]
        for order in permutations(languages)
    ]


def _same_programs(number, block, languages, source):
    return [[(p, pl, number) for p, pl in zip(block, order)] for order in permutations(languages)]


def _monolingual(number, block, languages, source):
    return [[(p, source, step) for p in block for step in range(len(languages))]]


OPTIONS = {
    "parallel": _parallel,
    "same_problems": _same_problems,
    "same_programs": _same_programs,
    "monolingual": _monolingual,
}


def _row(problem, found, choice):
    program = found[choice % len(found)]
    return {
        "problem": problem["id"],
        "family": problem["family"],
        "language": program["language"],
        "style": program["style"],
        "difficulty": problem["difficulty"],
        "prompt": problem_prompt(problem, program["language"]),
        "completion": program["code"],
    }


def describe(name, rows, steps, batch, count_tokens):
    """Return the numbers in which mixtures are compared; `count_tokens(text)` counts the tokens of a completion."""
    languages = Counter(row["language"] for row in rows)
    return {
        "mixture": name,
        "problems": len({row["problem"] for row in rows}),
        "programs": len(rows),
        "distinct_programs": len({row["completion"] for row in rows}),
        "tokens": sum(count_tokens(row["completion"]) for row in rows),
        "difficulty": sum(row["difficulty"] or 0 for row in rows) / len(rows),
        "steps": steps,
        "epochs": steps * batch / len(rows),
        "language_shares": {language: languages[language] / len(rows) for language in sorted(languages)},
    }


def matching_rows(descriptions):
    """Return the rows of matching.csv: every number of every mixture, `parallel`'s, and how far they are apart."""
    reference = next((d for d in descriptions if d["mixture"] == "parallel"), None)
    rows = []
    for description in descriptions:
        for quantity, value in _flat(description):
            other = dict(_flat(reference)).get(quantity, 0.0) if reference else None
            declared = quantity.split(":")[0] in MATCHED[description["mixture"]]
            off = abs(value - other) / other if other else (None if other is None else float(value != 0))
            rows.append(
                {
                    "mixture": description["mixture"],
                    "quantity": quantity,
                    "value": round(value, 4),
                    "parallel": None if other is None else round(other, 4),
                    "off_by": None if off is None else round(off, 4),
                    "declared": "matched" if declared else "",
                    "ok": "" if not declared or off is None else ("yes" if off <= TOLERANCE else "NO"),
                }
            )
    return rows


MATCHING_COLUMNS = ("mixture", "quantity", "value", "parallel", "off_by", "declared", "ok")


def _flat(description):
    """Yield (quantity, number), one quantity per language share."""
    for key, value in description.items():
        if key == "language_shares":
            yield from ((f"language_shares:{language}", share) for language, share in value.items())
        elif key != "mixture":
            yield key, value


def broken_matches(rows):
    """Return what to tell the user about declared matches that do not hold."""
    return [
        f"{row['mixture']}: {row['quantity']} is {row['value']}, parallel has {row['parallel']}"
        for row in rows
        if row["ok"] == "NO"
    ]
