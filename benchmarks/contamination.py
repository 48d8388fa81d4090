"""How many planted copies of eval problems each signal finds, and how many look-alikes it takes for copies.

In: tests/data/contamination/planted.yaml, a microworld; with --humaneval-x FOLDER also the published files. Out: with
--output FILE JSON (benchmarks/contamination.json is the committed one): per signal and kind of case [found, planted],
wrong finds, normal forms across PLs, the confusion matrix of the parsers, time of 10,000 x 1,000 statements.
"""

import argparse
import json
import random
import time

import yaml

from crosspl.contamination.behaviour import Behaviours
from crosspl.contamination.likeness import ngrams, overlap
from crosspl.contamination.normal_form import normal_form, skeleton
from crosspl.contamination.same_programs import same_programs
from crosspl.contamination.statements import same_statements
from crosspl.contamination.test_sets import same_tests
from crosspl.errors import run_command
from crosspl.importers import humaneval_x
from crosspl.io import write_json
from crosspl.judge.client import Judge
from crosspl.judge.parsers import parses
from crosspl.languages import load_language
from crosspl.microworld import world
from crosspl.microworld.printers import PRINTERS

PLANTED = "tests/data/contamination/planted.yaml"
RUN = ("python", "lua")  # PLs of the planted programs
PARSED = ("python", "perl", "ruby", "lua", "php", "javascript")
COMPARED = ("python", "javascript", "cpp", "java", "go", "rust")  # of HumanEval-X


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--humaneval-x", help="folder of the published files")
    parser.add_argument("--jobs", type=int, default=2, help="boxes at a time")
    parser.add_argument("--output")
    args = parser.parse_args(argv)
    with Judge(dict.fromkeys((*RUN, *PARSED)), jobs=args.jobs) as judge:
        cases = planted(judge)
        result = {"planted": {"statement": statements(cases), "tests": tests(cases), "program": programs(cases),
                              "behaviour": behaviours(judge, cases)},
                  "microworld": microworld_copies(judge),
                  "parsers": {"microworld": confusion(judge, microworld_programs())}}  # fmt: skip
        if args.humaneval_x:
            rows = humaneval_programs(args.humaneval_x)
            result["parsers"]["humaneval_x"] = confusion(
                judge, {key: list(codes.values()) for key, codes in rows.items()}
            )
            result["humaneval_x_across_pls"] = across(rows)
            result["humaneval_x_statements"] = humaneval_statements(args.humaneval_x)
    result["seconds_for_10000_x_1000_statements"] = seconds(10000, 1000)
    print(json.dumps(result, indent=1))
    if args.output:
        write_json(args.output, result)


def planted(judge, path=PLANTED):
    """Return the planted cases, with the tests that their Python programs give, for the look-alikes their own."""
    with open(path, encoding="utf-8") as stream:
        cases = yaml.safe_load(stream)
    for case in cases:
        for part in (case, case["others"]):
            rows = [{"language": "python", "code": part["python"], "stdin": text} for text in case["inputs"]]
            outputs = [row["stdout"] for row in judge.run(rows)]
            part["tests"] = [{"stdin": i, "stdout": o} for i, o in zip(case["inputs"], outputs)]
    return cases


def problem(key, statement, found):
    return {"id": key, "statement": statement, "tests": found, "comparison": "tokens", "harness": None}


def eval_problems(cases):
    return [problem(case["id"], case["statement"], case["tests"]) for case in cases]


def look_alikes(cases):
    return [problem(f"{case['id']}, other", case["others"]["statement"], case["others"]["tests"]) for case in cases]


def score(found, copies, cases):
    """Return found and planted copies, and what was found and is no copy. found: (training id, eval id, …) rows."""
    found = {pair[:2] for pair in found}
    wanted = {(copy, case["id"]) for case, copy in zip(cases, copies)} if copies else set()
    return {"found": len(found & wanted), "planted": len(wanted), "wrong": len(found - wanted)}


def statements(cases):
    """Return scores per kind of copy of a statement, and of the look-alikes."""
    kinds = {"verbatim": lambda case: case["statement"],
             "wrapped": lambda case: case["statement"].upper().replace(" ", "\n  "),
             "within": lambda case: "This is a task of a winter contest for beginners. " * 4 + case["statement"],
             "reworded": lambda case: case["copies"]["reworded"],
             "retold": lambda case: case["copies"]["retold"]}  # fmt: skip
    ids = [f"{case['id']}, copy" for case in cases]
    scores = {}
    for kind, change in kinds.items():
        training = [problem(key, change(case), []) for key, case in zip(ids, cases)]
        scores[kind] = score(same_statements(training, eval_problems(cases)), ids, cases)
    return scores | {"look-alikes": score(same_statements(look_alikes(cases), eval_problems(cases)), None, cases)}


def tests(cases):
    """Return scores of copied test sets: all, the half of them with other blanks, and other problems' outputs."""
    ids = [f"{case['id']}, copy" for case in cases]
    kinds = {"all": lambda found: found,
             "most, other blanks": lambda found: [
                 {name: text.replace("\n", " \n") for name, text in test.items()} for test in found[:3]]}  # fmt: skip
    scores = {}
    for kind, change in kinds.items():
        training = [problem(key, "", change(case["tests"])) for key, case in zip(ids, cases)]
        scores[kind] = score(same_tests(training, eval_problems(cases)), ids, cases)
    return scores | {"look-alikes": score(same_tests(look_alikes(cases), eval_problems(cases)), None, cases)}


def programs(cases):
    """Return scores of programs by their text alone, and of the look-alikes."""
    comments = {key: load_language(key)["comment"] for key in RUN}
    held_out = {case["id"]: [row("python", case["python"])] for case in cases}
    ids = [f"{case['id']}, copy" for case in cases]
    scores = {}
    for kind in ("renamed", "reordered", "lua"):
        language = kind if kind in RUN else "python"
        taught = {key: [row(language, case["copies"][kind])] for key, case in zip(ids, cases)}
        scores[kind] = score(same_programs(taught, held_out, comments), ids, cases)
    others = {f"{case['id']}, other": [row("python", case["others"]["python"])] for case in cases}
    return scores | {"look-alikes": score(same_programs(others, held_out, comments), None, cases)}


def row(language, code):
    return {"language": language, "code": code}


def behaviours(judge, cases):
    """Return scores of programs by what they do; their problems have the tests that the copy's author would have."""
    scores = {}
    ids = [f"{case['id']}, copy" for case in cases]
    for kind in ("renamed", "reordered", "lua"):
        language = kind if kind in RUN else "python"
        copies = {key: row(language, case["copies"][kind]) for key, case in zip(ids, cases)}
        scores[kind] = score(behave(judge, cases, copies, {k: c["tests"][1:] for k, c in zip(ids, cases)}), ids, cases)
    others = {f"{case['id']}, other": case["others"] for case in cases}
    rows = {key: row("python", part["python"]) for key, part in others.items()}
    found = behave(judge, cases, rows, {key: part["tests"] for key, part in others.items()})
    return scores | {"look-alikes": score(found, None, cases)}


def behave(judge, cases, copies, found):
    """Return what Behaviours finds for training programs `copies` {id: row} with tests `found`."""
    rows = eval_problems(cases) + [problem(key, "", found[key]) for key in copies]
    taught = copies | {case["id"]: row("python", case["python"]) for case in cases}
    return list(
        Behaviours(judge, {one["id"]: one for one in rows}, taught).same(list(copies), [c["id"] for c in cases])
    )


def microworld_copies(judge, count=60):
    """Return the score of eval problems that come again with fresh tests and in another PL, among as many others.

    No threshold was chosen on these.
    """
    with open("config.yaml", encoding="utf-8") as stream:
        settings = yaml.safe_load(stream)["problems"]["microworld"]
    settings |= {"seed": 77, "sizes": {"sft": count, "rl": 0, "validation": 0, "eval": count}, "pool": 0}
    rows = list(world.build_problems(settings))
    dice = random.Random(78)
    copies = [
        one
        | {"id": f"{one['id']}, copy", "split": "sft", "tests": world.draw_tests(dice, world.tree(one["ast"]), 2, 6)}
        for one in rows
        if one["split"] == "eval"
    ]
    chosen = {one["problem"]: one for one in world.candidate_programs(rows, "lua", settings)}
    chosen |= {one["problem"]: one for one in world.candidate_programs(copies, "perl", settings)}
    problems = {one["id"]: one for one in [*rows, *copies]}
    held_out = [one["id"] for one in rows if one["split"] == "eval"]
    training = [key for key, one in problems.items() if one["split"] == "sft"]
    found = Behaviours(judge, problems, chosen).same(training, held_out)
    return score(found, [f"{key}, copy" for key in held_out], [{"id": key} for key in held_out])


def microworld_programs(count=60):
    """Return {PL: programs} of a small world."""
    with open("config.yaml", encoding="utf-8") as stream:
        settings = yaml.safe_load(stream)["problems"]["microworld"]
    settings |= {"seed": 1, "sizes": {"sft": count, "rl": 0, "validation": 0, "eval": 0}, "pool": count}
    problems = list(world.build_problems(settings))
    return {key: [one["code"] for one in world.candidate_programs(problems, key, settings)] for key in PRINTERS}


def humaneval_programs(folder):
    """Return {PL: {problem number: canonical program}}."""
    tables = {language: humaneval_x.tasks_of(path, language) for language, path in humaneval_x.tables(folder).items()}
    return {language: {number: humaneval_x.canonical(language, task) for number, task in tables[language].items()}
            for language in COMPARED}  # fmt: skip


def confusion(judge, written):
    """Return {PL that programs are written in: {PL whose parser takes them: share}}."""
    return {key: {other: round(sum(parses(judge, other, codes)) / len(codes), 4) for other in PARSED}
            for key, codes in written.items()}  # fmt: skip


def across(written):
    """Return how often the nearest program in another PL is of the same problem, and what thresholds find."""
    comments = {key: load_language(key)["comment"] for key in written}
    result = {}
    for name, form in (("skeleton", skeleton), ("normal_form", normal_form)):
        sets = {key: {n: ngrams(form(without_text(code, key), comments[key]), 3) for n, code in codes.items()}
                for key, codes in written.items()}  # fmt: skip
        result[name] = nearest(sets)
    return result


def without_text(code, language):
    """Return Python without its docstring, which no other PL has in that place."""
    return code if language != "python" else code.replace("'''", '"""').split('"""')[0] + code.split('"""')[-1]


def nearest(sets):
    """Return the share of nearest neighbours that are right, and [found, wrong] per threshold of Jaccard."""
    right = total = 0
    levels = {level: [0, 0] for level in (0.3, 0.5, 0.7)}
    for one in sorted(sets):
        for other in sorted(set(sets) - {one}):
            for number, found in sets[one].items():
                likes = {n: overlap(found, against)[0] if found or against else 0 for n, against in sets[other].items()}
                total += 1
                right += max(likes, key=likes.get) == number and likes[number] > 0
                for level, counts in levels.items():
                    counts[0] += likes[number] >= level
                    counts[1] += sum(like >= level for n, like in likes.items() if n != number)
    return {"nearest_is_right": round(right / total, 3), "pairs": total,
            "found_wrong_at": {str(level): counts for level, counts in levels.items()}}  # fmt: skip


def humaneval_statements(folder):
    """Return the score of Java's and JavaScript's prompts against Python's: the same problem, asked in another PL."""
    paths = humaneval_x.tables(folder)
    tables = {
        language: humaneval_x.tasks_of(paths[language], language) for language in ("python", "java", "javascript")
    }
    scores = {}
    for language in ("java", "javascript"):
        held_out = [problem(str(n), task["prompt"], []) for n, task in tables["python"].items()]
        training = [problem(f"copy {n}", task["prompt"], []) for n, task in tables[language].items()]
        cases = [{"id": one["id"]} for one in held_out]
        scores[language] = score(same_statements(training, held_out), [f"copy {c['id']}" for c in cases], cases)
    return scores


def seconds(training, evaluation):
    """Return the CPU time of comparing statements of 250 words, and check that 50 planted ones are found."""
    dice = random.Random(0)
    weights = [1 / (place + 1) for place in range(5000)]
    texts = [[f"w{n}" for n in dice.choices(range(5000), weights, k=250)] for _ in range(training + evaluation)]
    held_out = [problem(f"e{n}", " ".join(text), []) for n, text in enumerate(texts[:evaluation])]
    taught = [problem(f"t{n}", " ".join(text), []) for n, text in enumerate(texts[evaluation:])]
    for n in range(50):
        taught[n]["statement"] = " ".join("zz" if dice.random() < 0.06 else word for word in texts[n])
    start = time.process_time()
    found = {pair[:2] for pair in same_statements(taught, held_out)}
    taken = time.process_time() - start
    assert found == {(f"t{n}", f"e{n}") for n in range(50)}
    return round(taken, 1)


if __name__ == "__main__":
    run_command(main)
