"""What the judge costs beside plain `subprocess.run` and the ways of others: `make benchmark-judge`.

In: the installed toolchains; --compare FILE: an older result. Out: a table, and with --output FILE the same as JSON:
per language and way CPU-ms per test and tests/s on 1 and 2 cores, their ratio to plain, what compiling costs, how
busy the machine was. Status 1 when a ratio is more than 25 % worse than in the older result.
"""

import argparse
import contextlib
import datetime
import functools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import BUSY_ABOVE, METHODS, cpu_clock, idle_baseline, load, machine_facts, measure
from benchmarks.variants import PEERS, TESTS, in_children, make_rows, run_judge, write_program
from crosspl.errors import UserError, run_command
from crosspl.judge.client import Judge
from crosspl.judge.connection import find_setup
from crosspl.judge.keys import judge_digest
from crosspl.judge.launcher import free_uid

WAYS = ("plain", "judge", "bwrap_per_test", "polling")  # the last is slow and measured in the first rounds only
TARGETS = {"lua": 1.6, "cpp": 1.6, "python": 1.1}  # CPU of ours to plain
SECOND_CORE, CPP_COMPILE_S = 0.8, 0.3  # further targets
WORSE = 1.25  # a ratio that grew so much is a regression
FULL = {
    "rounds": 6, "slow_rounds": 2, "idle_s": 1.0,
    "programs": {"lua": 40, "cpp": 40, "python": 12}, "share": {"bwrap_per_test": 0.25, "polling": 0.1},
    "compile": {"cpp": 10, "java": 20}, "plain_compile": 3, "prepare": True,
}  # fmt: skip
QUICK = {
    "rounds": 2, "slow_rounds": 1, "idle_s": 0.2,
    "programs": {"lua": 12, "cpp": 12, "python": 3}, "share": {"bwrap_per_test": 0.25, "polling": 0.1},
    "compile": {"cpp": 3, "java": 4}, "plain_compile": 1, "prepare": False,
}  # fmt: skip


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer programs and rounds: half a minute")
    parser.add_argument("--compare", metavar="FILE", help="an older result")
    parser.add_argument("--output", metavar="FILE", help="write the result here")
    args = parser.parse_args(argv)
    try:
        old = json.loads(Path(args.compare).read_text()) if args.compare else None
    except (OSError, ValueError) as error:
        raise UserError(f"{args.compare}: {error}") from None
    with tempfile.TemporaryDirectory(prefix="crosspl-benchmark-") as name, cpu_clock() as clock:
        os.chmod(name, 0o755)  # the uid of the boxes reads here
        result = run_all(QUICK if args.quick else FULL, Path(name), clock)
    result["quick"] = args.quick
    show(result)
    if args.output:
        Path(args.output).write_text(json.dumps(result, indent=1) + "\n")
    if old and show_changes(old, result):
        return 1


def run_all(plan, folder, clock):
    """Return the whole result."""
    cores = sorted(os.sched_getaffinity(0))
    load_before, baselines, others = load(), [], []
    counts = [1, 2] if len(cores) > 1 else [1]
    samples = {(n, language, way): [] for n in counts for language in TARGETS for way in WAYS}
    compiling = measure_compiling(plan, folder, clock)
    with contextlib.ExitStack() as stack:
        judges = {}
        for count in counts:
            os.sched_setaffinity(0, cores[:count])  # inherited by the launcher and its boxes
            judges[count] = stack.enter_context(Judge(list(TARGETS), jobs=count, work=folder / "work"))
        if judges[1].sandbox != "bwrap":
            raise UserError(f"the benchmark needs bubblewrap; the sandbox here is {judges[1].sandbox}")
        work = prepare_programs(plan, judges[1], folder)
        for number in range(plan["rounds"]):
            print(f"round {number + 1} of {plan['rounds']}", file=sys.stderr)
            for count in counts:
                os.sched_setaffinity(0, cores[:count])
                baselines.append(idle_baseline(plan["idle_s"]))
                for language in TARGETS:
                    for way in WAYS if number < plan["slow_rounds"] else WAYS[:-1]:
                        found = measure_way(plan, work[language], judges[count], way, count, clock, baselines[-1])
                        samples[count, language, way].append(found)
                        others.append(found["others"] / len(cores))
        toolchains = judges[1].toolchains
    os.sched_setaffinity(0, cores)
    busy = {
        "load_before": load_before, "load_after": load(),
        "idle_baseline_cores": round(statistics.median(baselines), 2),
        "others_share": round(statistics.median(others), 3), "others_share_most": round(max(others), 3),
    }  # fmt: skip
    busy["busy"] = max(busy["others_share"], busy["idle_baseline_cores"] / len(cores)) > BUSY_ABOVE
    languages = {language: summary(samples, counts, language, busy["busy"]) for language in TARGETS}
    ratios = {language: found["judge"]["ratio"] for language, found in languages.items()}
    ratios |= {f"{key} compile": found["ratio"] for key, found in compiling.items()}
    return {
        "date": datetime.date.today().isoformat(), "judge": judge_digest()[:16], "method": METHODS[bool(clock)],
        "tests_per_program": TESTS,
        "machine": machine_facts(toolchains), "load": busy, "languages": languages, "compile": compiling,
        "ratios": ratios,
    }  # fmt: skip


def prepare_programs(plan, judge, folder):
    """Return {language: what both sides run}; the judge compiles, and the peers get its binaries."""
    work, uid = {}, free_uid() if os.geteuid() == 0 else None
    for language, count in plan["programs"].items():
        rows, entry = make_rows(language, count), judge.entries[language]
        run_judge(judge, rows)
        programs = []
        for row in rows:
            built = judge._task(row, "tests", False)["built"]  # what the judge kept of the compile just done
            programs.append(write_program(row, entry, folder / "programs" / row["id"], built))
        work[language] = {"rows": rows, "programs": programs, "uid": uid, "setup": find_setup(folder / "work")}
    return work


def measure_way(plan, work, judge, way, count, clock, baseline):
    """Return one sample: CPU-ms per test (of the benchmark, and machine-wide), tests/s, cores that others used."""
    share = plan["share"].get(way, 1)
    programs = work["programs"][: max(count, round(share * len(work["programs"])))]
    if way == "judge":
        used = measure(lambda: run_judge(judge, work["rows"]), clock, baseline)
    else:
        used = measure(
            lambda: in_children(PEERS[way], programs, count, work["uid"], work["setup"]), clock, baseline
        )  # fmt: skip
    tests = len(programs) * TESTS
    return {
        "cpu_ms": 1000 * used["cpu_s"] / tests, "machine_ms": 1000 * used["machine_s"] / tests,
        "per_s": tests / used["wall_s"], "others": used["others"],
    }  # fmt: skip


def summary(samples, counts, language, busy):
    """Return {way: medians over the rounds}; ratios are taken round by round, as load changes between rounds.

    What the whole machine used says nothing about us when others are busy, and is left out.
    """
    result = {}
    for way in WAYS:
        found = {}
        for count in counts:
            here = samples[count, language, way]
            for name, digits in (("cpu_ms", 3), ("per_s", 1), *([] if busy else [("machine_ms", 3)])):
                found[f"{name}_{count}"] = round(statistics.median(one[name] for one in here), digits)
            pairs = zip(here, samples[count, language, "plain"])
            ratio = round(statistics.median(one["cpu_ms"] / plain["cpu_ms"] for one, plain in pairs), 2)
            found["ratio" if count == 1 else "ratio_2"] = ratio
        if len(counts) > 1:
            pairs = zip(samples[1, language, way], samples[2, language, way])
            found["second_core"] = round(statistics.median(two["per_s"] / one["per_s"] for one, two in pairs) - 1, 2)
        result[way] = found
    return result


def measure_compiling(plan, folder, clock):
    """Return per compiled language the CPU seconds of a compile by the judge, once prepared, and of a plain one."""
    baseline, result = idle_baseline(plan["idle_s"]), {}
    for language, command in (("cpp", "g++"), ("java", "javac")):
        if not shutil.which(command):
            continue
        with Judge([language], jobs=1, work=folder / "compile") as judge:
            entry, rows = judge.entries[language], make_rows(language, plan["compile"][language], tests=1)
            prepare = functools.partial(run_prepare, judge, language)
            prepared = measure(prepare, clock, baseline)["cpu_s"] if plan["prepare"] else 0
            outcomes = judge.judge(rows)
        bad = [one for one in outcomes if one["verdict"] != "OK"]
        if bad:
            raise RuntimeError(f"{language}: {bad[0]['verdict']} {bad[0]['message']}")
        plain = []
        for row in rows[: plan["plain_compile"]]:
            home = folder / "plain" / row["id"]
            home.mkdir(parents=True)
            (home / entry["source"]).write_text(row["code"])
            compiler = functools.partial(subprocess.run, entry["compile"], cwd=home, check=True)
            plain.append(measure(compiler, clock, baseline)["cpu_s"])
        each, alone = statistics.median(one["compile_s"] for one in outcomes), statistics.median(plain)
        result[language] = {
            "prepare_once_s": round(prepared, 2) or None, "each_after_s": round(each, 3),
            "toolchain": judge.toolchains[language],
            "programs": len(rows), "plain_s": round(alone, 3), "ratio": round(each / alone, 2),
        }  # fmt: skip
    return result


def run_prepare(judge, language):
    """Prepare a language's compiler, which the judge did when it started, once more to see what it costs."""
    [(_, outcome)] = judge.connection.exchange([{"kind": "prepare", "language": language}])
    if outcome["verdict"] != "OK":
        raise RuntimeError(f"{language}: {outcome['message']}")


def show(result):
    """Print the tables."""
    machine, busy = result["machine"], result["load"]
    print(f"{result['date']}: {machine['cpu']}, {machine['cores']} cores, {machine['kernel']}, {machine['bwrap']}")
    print(f"CPU: {result['method']}")
    state = "BUSY, tests/s mean little" if busy["busy"] else "quiet"
    print(f"load {busy['load_before']} before, {busy['load_after']} after: {state}")
    print(f"others used {busy['idle_baseline_cores']} cores while we waited and, while we measured,", end=" ")
    print(f"{busy['others_share']:.0%} of the machine (most {busy['others_share_most']:.0%})\n")
    heads = ("CPU-ms", "x", "on 2", "x", "whole ms", "tests/s", "on 2", "2nd core")
    print(f"{'':24}" + "".join(f"{head:>10}" for head in heads))
    names = ("cpu_ms_1", "ratio", "cpu_ms_2", "ratio_2", "machine_ms_1", "per_s_1", "per_s_2", "second_core")
    for language, ways in result["languages"].items():
        for way, found in ways.items():
            cells = "".join(f"{found.get(name, '-'):>10}" for name in names)
            print(f"{language:8}{way:16}{cells}")
    print("\ncompile, CPU s           prepare     each  programs    plain      x")
    for language, found in result["compile"].items():
        print(
            f"{language:24}{found['prepare_once_s'] or '-':>8}{found['each_after_s']:>9}{found['programs']:>10}"
            f"{found['plain_s']:>9}{found['ratio']:>7}"
        )
    print()
    for text, value, met in targets(result):
        print(f"{ {True: 'met   ', False: 'MISSED', None: 'unsure'}[met] } {text}: {value}")


def targets(result):
    """Return (text, value, whether it is met) per target; None for a wall on a busy machine."""
    found = []
    for language, most in TARGETS.items():
        ours = result["languages"][language]["judge"]
        found.append((f"{language}: CPU at most {most} x plain", ours["ratio"], ours["ratio"] <= most))
        if "second_core" in ours:
            gain = ours["second_core"]
            met = None if result["load"]["busy"] else gain >= SECOND_CORE
            found.append((f"{language}: second core adds at least {SECOND_CORE:.0%}", gain, met))
    if "cpp" in result["compile"]:
        each = result["compile"]["cpp"]["each_after_s"]
        found.append((f"cpp: a compile takes at most {CPP_COMPILE_S} CPU s", each, each <= CPP_COMPILE_S))
    return found


def show_changes(old, new):
    """Print old and new ratios; return whether one is a regression."""
    print(f"\nratios to plain: {old['date']} ({old['machine']['cpu']}, {old['machine']['kernel']}) and now")
    worse = []
    for name, ratio in new["ratios"].items():
        alike = old["quick"] == new["quick"] or not name.endswith(
            "compile"
        )  # a batch of few programs costs more of each
        before = old["ratios"].get(name) if alike else None
        grew = before is not None and ratio > WORSE * before
        worse += [name] if grew else []
        print(f"{name:14}{before or '-':>8}{ratio:>8}{'  more than 25 % worse' if grew else ''}")
    return bool(worse)


if __name__ == "__main__":
    run_command(main)
