"""SFT mixtures, one rule each (DESIGN section 6).

In: problems of the `sft` split, verified programs per PL, a Recipe. Out: SFT rows {"problem", "family", "language",
"style", "difficulty", "prompt", "completion"}, prompts and completions as crosspl.protocol has them, and "code" where
the completion is not the program itself. L is the number of PLs, P the number of problems.

parallel       P problems, each in all L languages, a different style in each
same_problems  control A: the same P problems, L programs (styles) each, all in one PL per problem, PLs rotated
same_programs  control B: P·L problems, one PL each
monolingual    control C: the same P problems, L programs each, all in the source PL
dose           the same P problems; `share` of them as in parallel, the others as in same_problems
bridge         parallel, each program after the commented one in the source PL (crosspl.bridges); `share` of it without

In the task of code verification a pair of a correct and an incorrect program takes the place of a program: two rows.
"""

from collections import Counter
from itertools import permutations
from typing import NamedTuple

from crosspl.bridges import bridged
from crosspl.errors import UserError
from crosspl.protocol import PLAIN, as_answer, ask, gold_answer, matched_text
from crosspl.verification import as_problem, pairs

# What is equal to `parallel` by construction, per rule.
MATCHED = {
    "parallel": (),
    "same_problems": ("problems", "programs", "tokens", "language_shares", "difficulty", "steps"),
    "same_programs": ("programs", "tokens", "language_shares", "difficulty", "steps"),
    "monolingual": ("problems", "programs", "difficulty", "steps"),
    "dose": ("problems", "programs", "tokens", "language_shares", "difficulty", "steps"),
    "bridge": ("problems", "programs", "language_shares", "difficulty", "steps"),  # shares of programs asked for
    "equal_tokens": ("tokens", "difficulty", "steps"),  # `parallel` in other PLs
    "fewer_problems": ("language_shares", "steps"),  # `parallel` with fewer problems
}
TOO_FAR = 0.01  # as matching.TOLERANCE: being off by more ends the run


class Recipe(NamedTuple):
    """How a mixture is made.

    languages: its PLs. source: the PL of `monolingual`. problems: P. width: how many different programs per problem and
    PL the pool must have, so that all mixtures of an experiment choose alike. tokens: completion tokens to come close
    to; None: whatever the problems give. share: parallel part of `dose`, part of `bridge` without bridges. fit: take as
    many problems as give the tokens, in the difficulties of the first P. bridge_in: answer or prompt.
    """

    rule: str
    languages: list
    source: str
    problems: int
    width: int
    tokens: int | None = None
    share: float = 0.0
    fit: bool = False
    bridge_in: str = "answer"


def verified_programs(programs):
    """Return {problem: {language: [program, …]}} of the distinct programs with verdict OK, in the files' order."""
    table = {}
    for program in programs:
        found = table.setdefault(program["problem"], {}).setdefault(program["language"], [])
        if program["verdict"] == "OK" and program["code"] not in [other["code"] for other in found]:
            found.append(program)
    return table


def build_mixture(name, recipe, problems, programs, count_tokens, protocol=PLAIN):
    """Return the rows of mixture `name`; raise UserError where the data do not suffice.

    The recipe's tokens are reached by the choice of which problem of a block gets which PL, so PL shares stay exact;
    where they are to fit, by taking whole problems until the tokens are there. programs: verified ones, or the items
    of code verification.
    """
    table = pairs(programs) if programs and "label" in programs[0] else verified_programs(programs)
    chosen = choose_problems(name, recipe, problems, table)
    width = len(recipe.languages)
    blocks = [chosen[start : start + width] for start in range(0, len(chosen), width)]
    ways, sizes = OPTIONS[recipe.rule], {}

    def rows_of(problem, language, choice):
        return _rows(problem, table[problem["id"]][language], choice, protocol)

    def size(problem, language, choice):
        """Return the tokens of one program, which is in many options, counted once."""
        key = problem["id"], language, choice
        if key not in sizes:
            sizes[key] = sum(count_tokens(matched_text(row)) for row in rows_of(problem, language, choice))
        return sizes[key]

    sums = [[sum(size(*one) for one in way) for way in ways(n, block, recipe)] for n, block in enumerate(blocks)]
    picked = _along(sums, recipe.tokens)
    if recipe.tokens and not recipe.fit:
        picked = _nearer(sums, picked, recipe.tokens)
    taken = [one for n, block in enumerate(blocks) for one in ways(n, block, recipe)[picked[n]]]
    rows = [row for one in taken for row in rows_of(*one)]
    if recipe.rule == "bridge":
        rows = bridged(rows, chosen, table, recipe, protocol)
    return _cut(name, rows, recipe, count_tokens) if recipe.fit else rows


def _along(sums, tokens):
    """Return which option of each block is taken, so that the tokens grow evenly to `tokens`; None: the first."""
    picked, total = [], 0
    for number, block in enumerate(sums):
        goal = (tokens or 0) * (number + 1) / len(sums)
        best = min(range(len(block)), key=lambda n: abs(total + block[n] - goal) if tokens else n)
        picked.append(best)
        total += block[best]
    return picked


def _nearer(sums, picked, tokens):
    """Return `picked`; where its sum is too far from `tokens`, with single blocks changed as long as that helps.

    Tokens do not grow evenly where later problems are longer than earlier ones, as in HumanEval.
    """
    picked, total = list(picked), sum(block[n] for block, n in zip(sums, picked))
    if abs(total - tokens) <= TOO_FAR * tokens:
        return picked
    while True:
        off, number, n = min(
            (abs(total - block[picked[number]] + size - tokens), number, n)
            for number, block in enumerate(sums)
            for n, size in enumerate(block)
        )
        if off >= abs(total - tokens):
            return picked
        total += sums[number][n] - sums[number][picked[number]]
        picked[number] = n


def _cut(name, rows, recipe, count_tokens):
    """Return the first problems of `rows` whose tokens come closest to the recipe's."""
    width, total, sums = len(recipe.languages) * (2 if "label" in rows[0] else 1), 0, []
    for start in range(0, len(rows), width):
        total += sum(count_tokens(matched_text(row)) for row in rows[start : start + width])
        sums.append(total)
    if total < recipe.tokens:
        raise UserError(
            f"config, mixtures.variants.{name}: {len(sums)} problems of the sft split have {total} tokens in "
            f"{', '.join(recipe.languages)}; {recipe.tokens} are needed. Lower mixtures.problems or add problems"
        )
    best = min(range(len(sums)), key=lambda n: abs(sums[n] - recipe.tokens))
    return rows[: (best + 1) * width]


def choose_problems(name, recipe, problems, table):
    """Return the problems of a mixture; `same_programs` has L times as many of each difficulty.

    To fit tokens: all that can be used, so ordered that every beginning has the difficulties of the first P.
    """
    asked = [*recipe.languages, *([recipe.source] if recipe.rule == "bridge" else [])]
    usable = [p for p in problems if p["id"] in table and all(table[p["id"]].get(pl) for pl in asked)]
    most = max((len(found) for by_language in table.values() for found in by_language.values()), default=0)
    if most < recipe.width:
        raise UserError(
            f"config, languages.sft: {recipe.width} PLs need {recipe.width} different verified programs per problem "
            f"and PL, of which there are at most {most}. Take fewer PLs, or a problem source with more programs"
        )
    needed = {*recipe.languages, recipe.source}
    full = [p for p in usable if all(len(table[p["id"]].get(pl, ())) >= recipe.width for pl in needed)]
    chosen = full[: recipe.problems]
    if recipe.fit:
        return _balanced(full + _others(usable, full), chosen)
    if len(chosen) < recipe.problems:
        languages = dict.fromkeys([*recipe.languages, recipe.source])
        raise _too_few(name, recipe.problems, f"{recipe.width} different verified programs", languages, len(chosen))
    return _same_programs_problems(name, recipe, chosen, usable) if recipe.rule == "same_programs" else chosen


def _same_programs_problems(name, recipe, chosen, usable):
    """Return `chosen` and others, L times as many of each difficulty."""
    width = len(recipe.languages)
    lacking = Counter({level: (width - 1) * n for level, n in Counter(p["difficulty"] for p in chosen).items()})
    for problem in _others(usable, chosen):
        if lacking[problem["difficulty"]]:
            lacking[problem["difficulty"]] -= 1
            chosen = chosen + [problem]
    if len(chosen) < recipe.problems * width:
        what = "verified programs, in the difficulties of `parallel`,"
        raise _too_few(name, recipe.problems * width, what, recipe.languages, len(chosen))
    return chosen


def _others(problems, chosen):
    """Return the problems that are not among the chosen ones."""
    ids = {problem["id"] for problem in chosen}
    return [problem for problem in problems if problem["id"] not in ids]


def _balanced(problems, like):
    """Return `problems` so ordered that every beginning has about the shares of difficulties of `like`."""
    shares, ranks = Counter(p["difficulty"] for p in like), Counter()
    keys = []
    for problem in problems:
        ranks[problem["difficulty"]] += 1
        share = shares[problem["difficulty"]]
        keys.append((ranks[problem["difficulty"]] - 0.5) / share if share else float("inf"))
    return [problem for _, problem in sorted(zip(keys, problems), key=lambda pair: pair[0])]


def _too_few(name, wanted, what, languages, found):
    return UserError(
        f"config, mixtures.problems: {name} needs {wanted} problems of the sft split with {what} in each of "
        f"{', '.join(languages)}; there are {found}. Lower mixtures.problems, or add programs (docs/import.md)"
    )


# Each gives the ways to fill a block of L problems: lists of (problem, language, which of its programs).


def _parallel(number, block, recipe):
    start = number * len(recipe.languages)
    return [[(p, pl, start + k + step) for k, p in enumerate(block) for step, pl in enumerate(recipe.languages)]]


def _same_problems(number, block, recipe):
    return [
        [(p, pl, step) for p, pl in zip(block, order) for step in range(len(recipe.languages))]
        for order in permutations(recipe.languages)
    ]


def _same_programs(number, block, recipe):
    return [[(p, pl, number) for p, pl in zip(block, order)] for order in permutations(recipe.languages)]


def _monolingual(number, block, recipe):
    return [[(p, recipe.source, step) for p in block for step in range(len(recipe.languages))]]


def _dose(number, block, recipe):
    """Spread the parallel blocks evenly: the share of the first n blocks is never off by more than one block."""
    before, after = (int(count * recipe.share + 1e-9) for count in (number, number + 1))  # 1e-9: 0.1 * 10 is 1
    return (_parallel if after > before else _same_problems)(number, block, recipe)


OPTIONS = {
    "parallel": _parallel,
    "same_problems": _same_problems,
    "same_programs": _same_programs,
    "monolingual": _monolingual,
    "dose": _dose,
    "bridge": _parallel,
}


def _rows(problem, found, choice, protocol):
    """Return the row of a program, or the two rows of a pair."""
    chosen = found[choice % len(found)]
    if not isinstance(chosen, tuple):
        completion = gold_answer(problem, chosen["language"], chosen["code"], protocol)
        if completion is None:
            raise UserError(
                f"program {chosen['id']} does not begin as problem {problem['id']} does in {chosen['language']}, so no "
                "answer can say it: rule round_trip lists such programs, give its list with --lost"
            )
        return [_row(problem, chosen, ask(problem, chosen["language"], protocol), completion)]
    return [
        _row(
            problem,
            item,
            ask(as_problem(problem, item), item["language"], protocol),
            as_answer(item["label"], protocol),
        )
        | {"label": item["label"]}
        for item in chosen
    ]


def _row(problem, program, prompt, completion):
    return {
        "problem": problem["id"],
        "family": problem["family"],
        "language": program["language"],
        "style": program["style"],
        "difficulty": problem["difficulty"],
        "prompt": prompt,
        "completion": completion,
        **({"code": program["code"]} if completion != program["code"] else {}),
    }


def declared(rule, languages, problems, bridge_in="answer"):
    """Return the quantities that a mixture shares with `parallel`; languages, problems: what its recipe changes."""
    if rule in ("parallel", "bridge") and languages:
        return MATCHED["equal_tokens"] if not problems else ("steps",)
    if rule in ("parallel", "bridge") and problems:
        return MATCHED["fewer_problems"]
    return MATCHED[rule] + (("tokens",) if rule == "bridge" and bridge_in == "prompt" else ())
