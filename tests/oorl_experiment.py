"""A made-up OORL experiment: verdict files of every row of the ladder, with planted levels, and the commands' options.

In: a folder, what is planted. Out: DIR/{checkpoint}.jsonl.gz of generation and DIR/translation/{PL}/… of translation.
"""

import numpy as np

from crosspl.io import read_csv, write_rows
from scripts import oorl_tables

LANGUAGES = ["python", "perl", "lua"]
ORIGINS = ["python", "perl"]
SEEDS = [1, 2, 3]
ROWS = {"none": "base", "rl": "base__rl", "rl_dpo": "base__dpo", "rl_gepo": "base__gepo",
        "rl_gepo_programs": "base__programs", "parallel_oorl": "parallel__oorl"}  # fmt: skip
GAINS = {"base__rl": 0.2, "base__dpo": 0.2, "base__gepo": 0.4, "base__programs": 0.4, "parallel__oorl": 0.4}
START = {"base": 0.25, "parallel": 0.35}
PAPER = "docs/reference/oorl_table4.csv"


def verdict_rows(generator, level, languages, problems):
    """Yield two sampled verdicts per problem and PL. level: {PL: pass@1}; problems: {PL: how many}."""
    for language in languages:
        for number in range(problems.get(language, problems[""])):
            chance = np.clip(level[language] + 0.3 * (number % 2) - 0.15, 0, 1)
            for sample in range(2):
                yield {"problem": f"p{number:03}", "family": f"f{number}", "language": language, "reading": "sampled",
                       "sample": sample, "verdict": "OK" if generator.random() < chance else "WA",
                       "wrong_language": False, "extracted": True, "truncated": False, "tokens": 5}  # fmt: skip


def levels(rows=ROWS, gains=GAINS, seeds=SEEDS):
    """Return {checkpoint: planted pass@1}."""
    found = {"base": START["base"]}
    for seed in seeds:
        for init in rows.values():
            start = init.partition("__")[0]
            if start != "base":
                found[f"sft/{start}/seed{seed}"] = START[start]
            if init != "base":
                found[f"rl/{init}/python/seed{seed}"] = START[start] + gains[init]
    return found


def write_experiment(folder, problems=None, extra=(), seed=0, **others):
    """Write all verdict files. extra: (PL translated from, checkpoint prefix, PL, more pass@1), a planted gain."""
    generator, problems = np.random.default_rng(seed), {"": 120} | (problems or {})
    for origin in [None, *ORIGINS]:
        for name, level in levels(**others).items():
            targets = [language for language in LANGUAGES if language != origin]
            planted = dict.fromkeys(targets, level)
            for where, prefix, language, more in extra:
                if where == origin and name.startswith(prefix):
                    planted[language] += more
            path = folder / f"verdicts/translation/{origin}" if origin else folder / "verdicts"
            write_rows(path / f"{name}.jsonl.gz", list(verdict_rows(generator, planted, targets, problems)))


def options(folder, planned=ROWS, **other):
    """Return the options that say what was run, and others."""
    inits = list(dict.fromkeys(["base", *planned.values()]))
    found = {"verdicts": folder / "verdicts", "inits": inits, "sources": ["python"], "seeds": SEEDS,
             "languages": LANGUAGES, "sft-languages": ["python", "perl"], "method": "grpo", "draws": 200,
             "bootstrap-seed": 1, "margin": 0.1, "from": ORIGINS, **other}  # fmt: skip
    return [text for name, value in found.items()
            for text in (f"--{name}", *map(str, value if isinstance(value, list) else [value]))]  # fmt: skip


def build(folder, rows=ROWS, **other):
    """Run scripts.oorl_tables; return {table: rows}."""
    named = [f"{name}={init}" for name, init in rows.items()]
    own = {"rows": named, "paper": PAPER, "output": folder / "oorl"} | other
    oorl_tables.main(options(folder, rows, **own))
    return {path.stem: read_csv(path) for path in own["output"].glob("*.csv")}


def pick(rows, **wanted):
    """Return the one row with these cells; `origin` stands for the column `from`."""
    if "origin" in wanted:
        wanted["from"] = wanted.pop("origin")
    [found] = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return found
