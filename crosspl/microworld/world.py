"""The microworld, a problem source: pipelines of list operations with a statement, tests and programs in many PLs.

In: the `problems.settings` of the config. Out: problem rows, candidate programs in several styles per PL, and the raw
pretraining corpus of the base model. Every example is drawn from a seeded generator, so equal settings give equal rows.

A *family* is a behaviour: two problems with equal outputs on all probe inputs are the same family, and no family occurs
in two splits, the pretraining corpus included (DESIGN section 7).
"""

import hashlib
import random
from collections import Counter
from functools import cache

from crosspl.errors import UserError
from crosspl.microworld import operations
from crosspl.microworld.near_misses import near_miss, near_misses
from crosspl.microworld.printers import PRINTERS, STYLES
from crosspl.microworld.statements import statement

SPLITS = ("eval", "validation", "rl", "sft")  # drawn in this order: a larger training set leaves `eval` as it was
PROBES = 64
LONGEST = 9  # list in a probe or a test
EFFECT = 0.1  # share of the probes on which leaving out a stage must change the output
TRIES = 400  # draws per wanted problem before the settings are called impossible


def build_problems(settings):
    """Return the problem rows of all splits (schema: schemas/problem.schema.json)."""
    check_shares("depth_shares", settings["depth_shares"])
    for name, shares in settings["phrase_shares"].items():
        check_shares(f"phrase_shares.{name}", shares)
    rng = random.Random(settings["seed"])
    seen, rows = set(), []
    for split in SPLITS:
        for number, (ast, family) in enumerate(
            draw_families(rng, settings["sizes"][split], settings["depth_shares"], seen)
        ):
            shares = settings["phrase_shares"]["sft" if split == "sft" else "rl_and_eval"]
            rows.append(
                {
                    "id": f"{split}{number:05d}",
                    "family": family,
                    "split": split,
                    "statement": statement(ast, shares, rng),
                    "difficulty": len(ast) - 1,
                    "ast": ast,
                    "comparison": "lines",
                    "tests": draw_tests(rng, ast, settings["tests"], settings["cases"]),
                    "harness": None,
                    "limits": settings["limits"],
                    "source": "microworld",
                    "license": "Apache-2.0",
                }
            )
    return rows


def candidate_programs(problems, language, settings):
    """Return a program in every style for the first `settings["pool"]` sft problems, and one for every other problem.

    Styles rotate over problems, slowly enough not to go together with a PL that also rotates.
    """
    printer, rows, pool = printer_of(language), [], settings["pool"]
    for number, problem in enumerate(problems):
        full = problem["split"] == "sft" and pool > 0
        pool -= full
        for step in range(len(STYLES) if full else 1):
            style = STYLES[(number // len(STYLES) + step) % len(STYLES)]
            rows.append(
                {
                    "id": f"{problem['id']}/{language}/{style}",
                    "problem": problem["id"],
                    "family": problem["family"],
                    "language": language,
                    "style": style,
                    "code": printer.render(tree(problem["ast"]), style),
                }
            )
    return rows


def wrong_programs(problems, language):
    """Return for a near miss of every problem one program in each style; not yet judged."""
    found, _ = near_misses(problems, fair_family, outputs_of)
    printer = printer_of(language)
    return [
        {"problem": problem, "language": language, "style": style, "code": printer.render(ast, style)}
        for problem, ast in found.items()
        for style in STYLES
    ]


def check_shares(key, shares, wanted=()):
    """Raise UserError unless `shares` (a list, or a dict that has `wanted` as keys) has something to draw."""
    missing = [name for name in wanted if name not in shares]
    if missing:
        raise UserError(
            f"config, problems.microworld.{key}: there is no share for {missing[0]!r}; give it one, 0 to skip it"
        )
    if not any(shares.values() if isinstance(shares, dict) else shares):
        raise UserError(f"config, problems.microworld.{key}: all shares are 0, so nothing can be drawn")


def printer_of(language):
    """Return the printer of a PL."""
    if language not in PRINTERS:
        raise UserError(
            f"the microworld has no programs in {language!r}; it has {', '.join(PRINTERS)} "
            "(a new PL is one module in crosspl/microworld/printers/)"
        )
    return PRINTERS[language]


def pretraining_corpus(problems, settings, asked=0.0, translated=0.0):
    """Return documents {"statement", "language", "style", "family", "code"}; raw code has no statement.

    PL shares are unequal (the source PL is rich, the others are poor) and part of the code has no statement, as in the
    corpora that real base models are trained on. asked: share of the code with a statement that becomes a question,
    with a label; half of these programs are near misses. translated: share of it that translates a program, "shown".
    """
    options = settings["pretraining"]
    check_shares("pretraining.depth_shares", options["depth_shares"], options["programs"])
    check_shares("pretraining.style_shares", options["style_shares"])
    check_shares("pretraining.language_shares", options["language_shares"])
    rng = random.Random(f"{settings['seed']} pretraining")
    questions = Questions(problems, settings["seed"], asked) if asked else None
    seen = set(questions.families) if questions else {row["family"] for row in problems}
    depths = sorted(int(depth) for depth in options["programs"])
    pools = {d: list(draw_families(rng, options["programs"][str(d)], one_depth(d), seen)) for d in depths}
    languages = sorted(options["language_shares"])
    printers = {language: printer_of(language) for language in languages}
    raw_shares = {pl: options["raw_shares"].get(pl, options["raw_shares"].get("other")) for pl in languages}
    check_shares("pretraining.raw_shares", {pl: 1 for pl, share in raw_shares.items() if share is not None}, languages)
    language_shares = [options["language_shares"][language] for language in languages]
    if translated and sum(map(bool, language_shares)) < 2:
        raise UserError("config, problems.microworld.pretraining.language_shares: translation.pretraining_share takes "
                        "programs in two PLs; give a second one a share, or set it to 0")  # fmt: skip
    documents, dice = [], random.Random(f"{settings['seed']} translations")  # others stay as they are without them
    for _ in range(options["documents"]):
        ast, family = rng.choice(pools[rng.choices(depths, [options["depth_shares"][str(d)] for d in depths])[0]])
        language = rng.choices(languages, language_shares)[0]
        raw = rng.random() < raw_shares[language]
        style = rng.choices(STYLES, options["style_shares"])[0]
        text = None if raw else statement(ast, settings["phrase_shares"]["pretraining"], rng)
        label = questions.label(ast, family) if questions and not raw else {}
        code = printers[language].render(label.pop("ast", ast), style)
        row = {"statement": text, "language": language, "style": style, "family": family, "code": code}
        if text and not label and dice.random() < translated:
            other = dice.choices(
                languages, [share * (pl != language) for pl, share in zip(languages, language_shares)]
            )[0]
            row["shown"] = {"language": other, "code": printers[other].render(ast, dice.choice(STYLES))}
        documents.append(row | label)
    return documents


class Questions:
    """Draws which documents ask whether a program is right, by a generator of its own: the others stay as they were."""

    def __init__(self, problems, seed, share):
        self.rng, self.share, self.found = random.Random(f"{seed} questions"), share, {}
        self.families = near_misses(problems, fair_family, outputs_of)[1]

    def label(self, ast, family):
        """Return {} for a document that asks nothing, else its label, and the tree that it shows instead."""
        if self.rng.random() >= self.share:
            return {}
        if family not in self.found:
            self.found[family] = near_miss(ast, family, fair_family, lambda _, other: other not in self.families)
        if self.rng.random() < 0.5 or not self.found[family]:
            return {"label": "correct"}
        return {"label": "incorrect", "ast": self.found[family][0]}


def one_depth(depth):
    """Return depth shares that always draw `depth` stages."""
    return [1 if d == depth else 0 for d in range(1, depth + 1)]


def tree(ast):
    """Return `ast` as nested tuples (JSON gives lists)."""
    return tuple((op, k) for op, k in ast)


def draw_families(rng, count, depth_shares, seen):
    """Yield `count` (ast, family) pairs of new families; adds them to `seen`."""
    probes = probe_inputs()
    for found in range(count):
        for _ in range(TRIES):
            ast = draw_ast(rng, depth_shares)
            family = family_of(ast, probes)
            if family and family not in seen:
                seen.add(family)
                yield ast, family
                break
        else:
            raise UserError(
                f"config, problems.microworld: only {found} of {count} new problems of depth shares {depth_shares} "
                "could be found; ask for fewer or deeper ones"
            )


def draw_ast(rng, depth_shares):
    """Return a random pipeline: 1 to len(depth_shares) stages, then a reducer."""
    depth = rng.choices(range(1, len(depth_shares) + 1), depth_shares)[0]
    stages = [rng.choice(operations.STAGES) for _ in range(depth)]
    arguments = [rng.randint(2, 9) if op in operations.ARGUMENTS else None for op in stages]
    return tuple(zip(stages, arguments)) + ((rng.choice(operations.REDUCERS), None),)


def probe_inputs():
    """Return the fixed lists on which behaviours are compared: the empty one, short ones and ordinary ones."""
    rng = random.Random("probes")
    return [[]] + [draw_list(rng, 1 + number % LONGEST) for number in range(PROBES - 1)]


def draw_list(rng, length):
    """Return `length` ints from 0 to 30, sometimes with repeats next to each other."""
    return [rng.randint(0, 12 if rng.random() < 0.5 else 30) for _ in range(length)]


def family_of(ast, probes):
    """Return the behaviour hash of `ast`, or None where it is not a fair problem.

    Not fair: a stage that hardly any probe would miss, one output on most probes, remainders of negative numbers (PLs
    differ), numbers of 10^8 and more (C's int).
    """
    outputs = outputs_of(ast, probes)
    if outputs is None or Counter(outputs).most_common(1)[0][1] > PROBES / 2:
        return None
    for position in range(len(ast) - 1):
        without = outputs_of(ast[:position] + ast[position + 1 :], probes)
        if without and sum(a != b for a, b in zip(without, outputs)) < EFFECT * PROBES:
            return None
    return hashlib.md5("|".join(outputs).encode(), usedforsecurity=False).hexdigest()[:16]


@cache
def fair_family(ast):
    """Return `family_of` on the fixed probes."""
    return family_of(ast, probe_inputs())


def outputs_of(ast, inputs):
    """Return the output of `ast` on every input, or None when a value leaves what all PLs agree on."""
    outputs = []
    for values in inputs:
        for op, k in ast[:-1]:
            if op in ("even", "odd", "div", "mod") and any(value < 0 for value in values):
                return None
            values = operations.apply_stage(op, k, values)
            if any(not -(10**8) < value < 10**8 for value in values):
                return None
        outputs.append(operations.apply_reducer(ast[-1][0], values))
    return outputs


def draw_tests(rng, ast, count, cases):
    """Return `count` stdin/stdout tests of `cases` lines each, one list per line, outputs as varied as can be had."""
    tests = []
    for _ in range(count):
        drawn = [draw_cases(rng, ast, cases) for _ in range(4)]
        inputs, outputs = max(drawn, key=lambda pair: len(set(pair[1])))
        stdin = "".join(" ".join(map(str, values)) + "\n" for values in inputs)
        tests.append({"stdin": stdin, "stdout": "".join(output + "\n" for output in outputs)})
    return tests


def draw_cases(rng, ast, cases):
    """Return `cases` (inputs, outputs) on which all PLs agree."""
    inputs, outputs = [], []
    for _ in range(TRIES):
        values = draw_list(rng, rng.randint(1, LONGEST))
        output = outputs_of(ast, [values])
        if output:
            inputs, outputs = inputs + [values], outputs + output
        if len(inputs) == cases:
            return inputs, outputs
    raise AssertionError(f"no {cases} test cases for {ast}")
