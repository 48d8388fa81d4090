"""100,000 candidate programs through import and builder: speed, memory, what is left: `make benchmark-build`.

In: nothing; the data set is made here, of microworld problems and programs that are really right and really wrong, in
docs/data_format.md's form: per problem and PL three right ones in different styles, and two of exact and near copies,
small errors that are claimed to be right, and other problems' programs. Out: a table, and with --output FILE JSON
(benchmarks/build.json is the committed one): per number of programs and stage programs/s, CPU milliseconds per program
(which a busy machine changes less), the peak memory of the stage's process, and the table of stages. Each stage is a
process of its own. The stages that need no verdict are measured on all programs, there as if all were right; judging,
by the command of rule build_programs, until --seconds are over.
"""

import argparse
import contextlib
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks.measure import load, machine_facts
from crosspl.building import Choice, Stages, to_judge, to_keep
from crosspl.errors import run_command
from crosspl.grouping import by_problem, with_problems
from crosspl.importers import imported
from crosspl.importers.rows import ACCEPTED, REJECTED
from crosspl.io import read_csv, stream_rows, write_json, write_rows
from crosspl.languages import load_language
from crosspl.microworld import world
from crosspl.mutants import mutants

ROOT = Path(__file__).parent.parent
LANGUAGES = ("python", "perl", "lua", "php")
EACH = 5  # programs per problem and PL
CHOICE = {"near_duplicates": 0.9, "judged": 3, "rejected": 0, "per_problem": 2}
SPLITS = {"seed": 0, "shares": {"sft": 0.7, "rl": 0.2, "validation": 0.05, "eval": 0.05}, "eval_from": None,
          "fewest_tests": 2, "most_tests": 10}  # fmt: skip
ORIGIN = {"source": "made", "license": "CC0-1.0", "revision": "1"}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, nargs="+", default=[10000, 100000], help="sizes (10000 100000)")
    parser.add_argument("--seconds", type=float, default=1500, help="most that judging one size may take (1500)")
    parser.add_argument("--jobs", type=int, default=2, help="boxes at a time")
    parser.add_argument("--output", metavar="FILE", help="write the result here")
    parser.add_argument("--unjudged", metavar="LANGUAGE", help=argparse.SUPPRESS)  # the stage's own process
    args = parser.parse_args(argv)
    if args.unjudged:
        return unjudged(args.unjudged)
    result = {
        "languages": LANGUAGES,
        "choice": CHOICE,
        "machine": machine_facts({}),
        "load_before": load(),
        "sizes": {},
    }
    for count in args.programs:
        with tempfile.TemporaryDirectory(prefix="crosspl-build-") as name:
            result["sizes"][str(count)] = found = one_size(Path(name), count, args)
        show(count, found)
    result["load_after"] = load()
    if args.output:
        write_json(args.output, result)


def one_size(tree, count, args):
    """Return the figures of all stages for about `count` programs."""
    os.chmod(tree, 0o755)
    (tree / "languages").symlink_to(ROOT / "languages")
    problems, programs = write_data(tree / "data", count)
    stages = {"import": stage(tree, programs, "scripts.import_problems", "--source", "jsonl", "--from", "data",
                              "--output", "results/imported")}  # fmt: skip
    stages["build_problems"] = stage(tree, problems, "scripts.build_problems", "--source", "imported", "--settings",
                                     json.dumps(SPLITS), "--output", "results/problems.jsonl.gz")  # fmt: skip
    parts = [stage(tree, programs // len(LANGUAGES), "benchmarks.build", "--unjudged", key) for key in LANGUAGES]
    for name in ("near_duplicates", "choice"):
        stages[name] = joined([part[name] | {"peak_mib": part["peak_mib"]} for part in parts])
    stages["judging"], table = judging(tree, args)
    if table:
        stages["parallel_matrix"] = stage(
            tree, programs, "scripts.parallel_matrix", "--problems", "results/problems.jsonl.gz", "--languages",
            *LANGUAGES, "--programs", *(f"results/programs/{key}.jsonl.gz" for key in LANGUAGES), "--output", "m.csv",
        )  # fmt: skip
    return {"problems": problems, "programs": programs, "stages": stages, "table": table}


def write_data(folder, count):
    """Write problems.jsonl.gz and programs.jsonl.gz, in any order; return how many."""
    settings = yaml.safe_load((ROOT / "config.yaml").read_text())["problems"]["microworld"]
    number = count // (EACH * len(LANGUAGES))
    settings |= {"seed": 41, "sizes": {"sft": number, "rl": 0, "validation": 0, "eval": 0}, "pool": number}
    problems = list(world.build_problems(settings))
    kept = ("statement", "difficulty", "comparison", "tests", "limits")
    rows = [{"id": f"made/{row['id']}", **{name: row[name] for name in kept}, **ORIGIN} for row in problems]
    write_rows(folder / "problems.jsonl.gz", rows)
    dice, programs = random.Random(42), []
    for language in LANGUAGES:
        comment, groups = load_language(language)["comment"], {}
        for row in world.candidate_programs(problems, language, settings):
            groups.setdefault(row["problem"], []).append(row["code"])
        for key, codes in groups.items():
            other = groups[dice.choice(problems)["id"]][0]
            found = [(code, ACCEPTED) for code in codes] + dice.sample(extras(dice, codes, other, comment), 2)
            programs += [program(key, language, place, *one) for place, one in enumerate(found)]
    dice.shuffle(programs)
    write_rows(folder / "programs.jsonl.gz", programs)
    return len(problems), len(programs)


def extras(dice, codes, other, comment):
    """Return (code, claimed) of what people send too."""
    code = dice.choice(codes)
    line = f"{comment['line']} solution {dice.random()}\n"
    broken = (mutants(code, comment, 1, dice.random()) or [other])[0]
    return [
        (code + "\n", ACCEPTED),
        (line + code, ACCEPTED),
        (code.replace("\n", " \n\n"), ACCEPTED),
        (broken, ACCEPTED),
        (other, REJECTED),
    ]


def program(key, language, place, code, claimed):
    return {"id": f"made/{key}/{language}/{place}", "problem": f"made/{key}", "language": language, "code": code,
            "claimed": claimed, **ORIGIN}  # fmt: skip


def stage(tree, count, module, *options):
    """Run a command to its end; return its figures, or what it printed as JSON, and its peak memory."""
    _, seconds, used, printed = run(tree, module, options)
    with contextlib.suppress(ValueError):
        return json.loads(printed) | {"peak_mib": used["peak_mib"]}
    return figures(count, seconds, **used)


def run(tree, module, options, seconds=None):
    """Run a command, at most so long; return whether it came to its end, seconds, what it used and printed."""
    start, used, log = time.monotonic(), tree / "used.json", tree / "log"
    argv = [sys.executable, "-m", "benchmarks.used", used, module, *map(str, options)]
    with open(tree / "printed", "w") as out, open(log, "w") as errors:
        path = os.environ | {"PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(argv, cwd=tree, stdout=out, stderr=errors, env=path)
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()
            status = None
    if status:
        raise SystemExit(f"{module} failed: {log.read_text()[-2000:]}")
    found = json.loads(used.read_text())
    peak = max(found["peak_mib"], found["children_peak_mib"])
    found = {"cpu_s": found["cpu_s"], "peak_mib": peak}
    return status == 0, time.monotonic() - start, found, (tree / "printed").read_text()


def figures(count, seconds, cpu_s, peak_mib=None):
    """Return the figures of a stage."""
    found = {"programs": count, "wall_s": round(seconds, 1), "per_s": round(count / seconds, 1)}
    return found | {"cpu_s": round(cpu_s, 1), "cpu_ms_each": round(1e3 * cpu_s / count, 2), "peak_mib": peak_mib}


def joined(parts):
    """Return the figures of several PLs as one: memory is that of the largest."""
    sums = (sum(part[name] for part in parts) for name in ("programs", "wall_s", "cpu_s"))
    return figures(*sums, max(part["peak_mib"] for part in parts))


def unjudged(language):
    """Measure what comes before and after judging, and print it; runs in the folder of the run."""
    choice, comment, stages = Choice(**CHOICE), load_language(language)["comment"], Stages()
    path, after, count, judged = "results/problems.jsonl.gz", [0, 0], 0, 0
    start = clocks()
    ids = [row["id"] for row in stream_rows(path)]
    candidates = imported.candidate_programs(stream_rows(path), language, {})
    for _, rows in with_problems(by_problem(candidates, ids), stream_rows(path)):
        chosen = to_judge(rows, choice, comment, stages)
        between = clocks()
        to_keep([row | {"verdict": "OK"} for row in chosen], choice, comment, stages)
        after = [spent + now - then for spent, now, then in zip(after, clocks(), between)]
        count, judged = count + len(rows), judged + len(chosen)
    before = [now - then - spent for spent, now, then in zip(after, clocks(), start)]
    print(json.dumps({"near_duplicates": figures(count, *before), "choice": figures(judged, *after)}))


def clocks():
    return time.monotonic(), time.process_time()


def judging(tree, args):
    """Return the figures of build_programs over all PLs, as far as it comes, and the table of stages if to the end."""
    parts, rows, left, before = [], [], args.seconds, 0
    for key in LANGUAGES:
        options = ["--source", "imported", "--settings", "{}", "--choice", json.dumps(CHOICE), "--problems",
                   "results/problems.jsonl.gz", "--language", key, "--jobs", args.jobs, "--output",
                   f"results/programs/{key}.jsonl.gz", "--stages", f"results/programs/{key}.csv"]  # fmt: skip
        done, seconds, used, _ = run(tree, "scripts.build_programs", options, left)
        total = verdicts_in(tree)
        parts.append({"language": key, "to_the_end": done} | figures(total - before, seconds, **used))
        rows += read_csv(tree / f"results/programs/{key}.csv") if done else []
        left, before = left - seconds, total
        if left <= 0 or not done:
            break
    whole = len(parts) == len(LANGUAGES) and parts[-1]["to_the_end"]
    return joined(parts) | {"to_the_end": whole, "by_language": parts}, rows if whole else None


def verdicts_in(tree):
    """Return how many verdicts the judge has kept: those of a command that was stopped count."""
    with contextlib.closing(sqlite3.connect(tree / "work/judge/verdicts.sqlite")) as cache:
        return cache.execute("select count(*) from verdicts").fetchone()[0]


def show(count, found):
    """Print the figures of one size."""
    print(f"\n{found['programs']} programs for {found['problems']} problems in {len(LANGUAGES)} PLs")
    print(f"{'stage':18}{'programs':>10}{'s':>9}{'per s':>10}{'CPU ms each':>13}{'peak MiB':>10}")
    for name, row in found["stages"].items():
        text = "" if row.get("to_the_end", True) else "  (stopped)"
        print(
            f"{name:18}{row['programs']:10}{row['wall_s']:9}{row['per_s']:10}{row['cpu_ms_each']:13}{row['peak_mib']:10}{text}"
        )
    sys.stdout.flush()


if __name__ == "__main__":
    run_command(main)
