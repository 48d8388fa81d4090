"""The whole analysis on made-up verdicts: a planted effect comes back, and where there is none, none is found.

Every completion is a coin whose logit is difficulty of the problem in this PL + effect of SFT and RL + shift of this
training run. The truth is the mean gain of these problems without the shifts. Bad input: see test_transfer_table.
"""

import contextlib
import csv

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from crosspl.alignment import COLUMNS as ALIGNMENT_COLUMNS
from crosspl.io import write_csv, write_rows
from scripts import ablation_table, alignment_transfer, power, transfer_matrix, transfer_table

LANGUAGES = ["python", "perl", "lua", "php"]
SFT_LANGUAGES = ["python", "perl"]
ORACLES = ["lua", "php"]
TRANSFER = {"base": 0.0, "same_problems": 0.2, "dose_50": 0.7, "parallel": 1.2, "languages_1": 0.2}  # RL, in logits
SEVERAL = {"inits": list(TRANSFER), "sources": ["python", "perl"], "oracles": ORACLES, "seeds": [0, 1, 2]}
SMALL = {"inits": ["base", "parallel", "same_problems"], "sources": ["python"], "oracles": [], "seeds": [0, 1]}
DOSES = {"same_problems": 0.0, "dose_50": 0.5, "parallel": 1.0}
INTACT = ["parallel", "same_problems"]
SFT, OWN, ABLATED = 0.2, 1.4, -1.0  # logits: of SFT, of RL in its own PL, of the PL direction removed


def effect(transfer, init, source, language):
    return OWN if source == language else transfer[init]


def problem_logits(generator, problems):
    """Difficulty of every problem in every PL; two problems are a family."""
    family = np.repeat(generator.normal(-0.3, 1.2, -(-problems // 2)), 2)[:problems]
    return {language: family + generator.normal(0, 0.7, problems) for language in LANGUAGES}


def shifts(generator):
    """What one training run does to every PL, by chance."""
    common = generator.normal(0, 0.08)
    return {language: common + generator.normal(0, 0.04) for language in LANGUAGES}


def write_verdicts(path, generator, difficulty, *parts):
    """Verdicts of two sampled completions and a greedy one; `parts` {language: logit} are added."""
    rows = []
    for language, logits in difficulty.items():
        solved = generator.random((len(logits), 3)) < expit(logits + sum(part[language] for part in parts))[:, None]
        rows += [
            {"problem": f"p{number:03}", "family": f"f{number // 2:03}", "language": language,
             "reading": "greedy" if sample == 2 else "sampled", "sample": sample % 2,
             "verdict": "OK" if one else "WA", "wrong_language": False, "extracted": True, "truncated": False,
             "tokens": 5}
            for number, answers in enumerate(solved) for sample, one in enumerate(answers)
        ]  # fmt: skip
    write_rows(path, rows)


def simulate(folder, seed, problems, plan, transfer, ablated=()):
    """Write the verdicts of a whole experiment, and of the inits `ablated` after RL; return the difficulties."""
    generator = np.random.default_rng(seed)
    difficulty, folder = problem_logits(generator, problems), folder / "verdicts"
    write_verdicts(folder / "base.jsonl.gz", generator, difficulty)
    runs = [(init, source) for init in plan["inits"] for source in plan["sources"]]
    sft = {}
    for init, source in runs + [("base", oracle) for oracle in plan["oracles"]]:
        for n in plan["seeds"]:
            if (init, n) not in sft:
                trained = {language: SFT + shift for language, shift in shifts(generator).items()}
                sft[init, n] = dict.fromkeys(LANGUAGES, 0) if init == "base" else trained
                if init != "base":
                    write_verdicts(folder / f"sft/{init}/seed{n}.jsonl.gz", generator, difficulty, sft[init, n])
            gain = {language: effect(transfer, init, source, language) for language in LANGUAGES}
            after = difficulty, sft[init, n], gain, shifts(generator)
            write_verdicts(folder / f"rl/{init}/{source}/seed{n}.jsonl.gz", generator, *after)
            for kind, change in (("language", ABLATED), ("random", 0.0)) if init in ablated else ():
                path = folder / f"ablated/{kind}/rl/{init}/{source}/seed{n}.jsonl.gz"
                write_verdicts(path, generator, *after, dict.fromkeys(LANGUAGES, change))
    return difficulty


def write_alignment(folder, plan):
    """Retrieval in layer 2 follows the dose, in layer 0 chance; rows of other kinds say something else."""
    generator = np.random.default_rng(5)
    names = {f"sft/{init}/seed{n}": init for init in plan["inits"] if init != "base" for n in plan["seeds"]}
    for name, init in {"base": "base", **names}.items():
        row = {"features": "hidden", "pooling": "mean", "centred": "yes", "metric": "retrieval",
               "language_a": "all", "language_b": "all", "checkpoint": name}  # fmt: skip
        planted = 0.3 + 0.4 * DOSES.get(init, 0) + generator.normal(0, 0.03)
        rows = [row | {"layer": layer, "value": f"{value:.4f}"}
                for layer, value in (("0", 0.5 + generator.normal(0, 0.1)), ("2", planted))]  # fmt: skip
        others = {"features": "tokens", "pooling": "last", "centred": "no", "metric": "cka", "language_a": "lua"}
        rows += [row | {"layer": "2", "value": f"{generator.random():.4f}", key: text} for key, text in others.items()]
        rows += [row | {"layer": "2", "metric": "cosine", "value": ""}]  # not defined
        write_csv(folder / f"alignment/{name}.csv", ALIGNMENT_COLUMNS, rows)


def arguments(options):
    """{name: value} as command-line arguments."""
    return [text for name, value in options.items()
            for text in (f"--{name}", *map(str, value if isinstance(value, list) else [value]))]  # fmt: skip


def run_all(folder, out):
    """Run the whole analysis of the experiment with several sources; everything it writes goes to `out`."""
    out.mkdir()
    files = {name: out / f"{name}.csv" for name in ("contrasts", "headline", "mcnemar")}
    read = {"languages": LANGUAGES, "sft-languages": SFT_LANGUAGES, "method": "grpo", "draws": 300,
            "bootstrap-seed": 1, "verdicts": folder / "verdicts"}  # fmt: skip
    several = SEVERAL | read | {"init-languages": "languages_1=python"}
    transfer_table.main(arguments(several | files | {"output": out / "table.csv"}))
    transfer_matrix.main(arguments(several | {"output": out / "matrix.csv"}))
    aligned = {"alignment": folder / "alignment", "doses": [f"{init}={dose}" for init, dose in DOSES.items()]}
    outputs = {"output": out / "relations.csv", "points": out / "points.csv"}
    alignment_transfer.main(arguments(several | aligned | outputs))
    with (out / "power.txt").open("w") as stream, contextlib.redirect_stdout(stream):
        power.main(arguments(several | {"effect": 3.3}))
    sweep = {"inits": list(DOSES), "sources": "python", "seeds": SEVERAL["seeds"], "points": ["0 %", "50 %", "100 %"]}
    transfer_table.main(arguments(sweep | read | {"output": out / "sweep.csv"}))
    roles = [f"{name}={'sft' if name in SFT_LANGUAGES else 'unseen'}" for name in LANGUAGES]
    ablation = {"inits": INTACT, "source": "python", "seeds": SEVERAL["seeds"], "layer": 2, "roles": roles}
    ablation |= {name: read[name] for name in ("draws", "bootstrap-seed", "verdicts")}
    ablation_table.main(arguments(ablation | {"output": out / "ablation.csv"}))


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """The folder of an experiment with a known effect after the whole analysis, and a function: the true gain."""
    folder = tmp_path_factory.mktemp("planted")
    difficulty = simulate(folder, 1, 120, SEVERAL, TRANSFER, INTACT)
    write_alignment(folder, SEVERAL)
    run_all(folder, folder / "one")

    def truth(init, source, language):
        before = difficulty[language] + (0 if init == "base" else SFT)
        return np.mean(expit(before + effect(TRANSFER, init, source, language)) - expit(before))

    return folder, truth


def read(path):
    return list(csv.DictReader(path.open()))


def pick(rows, **wanted):
    (found,) = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return found


def covers(row, value, low="low", high="high"):
    return float(row[low]) <= value <= float(row[high])


def test_planted_gains_lie_in_intervals_that_are_narrow(planted):
    folder, truth = planted
    rows = read(folder / "one/table.csv")
    assert len(rows) == (5 * 2 + 2) * 4
    found = [covers(row, truth(row["init"], row["source"], row["target"]), "gain_low", "gain_high") for row in rows]
    assert np.mean(found) >= 0.85
    assert max(float(row["mde"]) for row in rows) < 0.12
    matrix = read(folder / "one/matrix.csv")
    for row, cell in zip(rows, matrix, strict=True):
        assert [row[name] for name in ("gain", "gain_low", "gain_high", "p_holm", "role")] == [
            cell[name] for name in ("gain", "gain_low", "gain_high", "p_holm", "role")
        ]


def test_the_headline_finds_the_planted_difference_on_unseen_pls(planted):
    folder, truth = planted
    rows = read(folder / "one/headline.csv")
    assert len(rows) == 2 * 4 * (1 + 2)
    found = []
    for row in rows:
        targets = ORACLES if row["target"] == "mean of unseen" else [row["target"]]
        difference = np.mean([truth("parallel", row["source"], target) - truth(row["control"], row["source"], target)
                              for target in targets])  # fmt: skip
        found.append(covers(row, difference))
        if row["control"] != "dose_50":
            assert difference > 0.1 and row["conclusion"] == "difference" and float(row["p_equivalence"]) > 0.5
            assert float(row["p_value"]) <= float(row["p_holm"]) < 0.05
    assert np.mean(found) >= 0.85
    contrasts = read(folder / "one/contrasts.csv")
    for row in rows:
        if row["target"] != "mean of unseen":
            same = pick(contrasts, **{name: row[name] for name in ("source", "control", "target")})
            assert [row[name] for name in ("contrast", "low", "high", "p_value", "mde")] == [
                same[name] for name in ("contrast", "low", "high", "p_value", "mde")
            ]


def test_greedy_completions_tell_the_same_per_seed(planted):
    rows = read(planted[0] / "one/mcnemar.csv")
    assert len(rows) == (5 * 2 + 2) * 4 * 3
    for seed in "012":
        better = pick(rows, init="parallel", source="python", target="lua", seed=seed)
        assert int(better["gained"]) > int(better["lost"]) and float(better["p_mcnemar"]) < 0.05
    alike = [row for row in rows if row["init"] == "base" and row["source"] != row["target"]]
    assert sum(float(row["p_mcnemar"]) < 0.05 for row in alike) <= stats.binom.ppf(0.999, len(alike), 0.05)


def test_roles_are_those_of_the_init(planted):
    rows = read(planted[0] / "one/matrix.csv")
    assert pick(rows, init="languages_1", source="python", target="perl")["role"] == "unseen"
    assert pick(rows, init="languages_1", source="perl", target="perl")["role"] == "source"
    assert pick(rows, init="parallel", source="python", target="perl")["role"] == "sft"
    assert pick(rows, init="base", source="lua", target="lua")["role"] == "source"
    assert pick(rows, init="base", source="lua", target="php")["role"] == "unseen"


def test_transfer_is_normalized_by_the_oracle(planted):
    folder, truth = planted
    names, found = ["normalized", "normalized_low", "normalized_high"], []
    for row in read(folder / "one/matrix.csv"):
        target = row["target"]
        oracle = truth("base", target, target)
        assert covers(row, oracle, "oracle_gain_low", "oracle_gain_high")
        if (row["init"], row["source"]) == ("base", target):
            assert [row[name] for name in names] == ["1.0000"] * 3
        found.append(covers(row, truth(row["init"], row["source"], target) / oracle, *names[1:]))
    assert np.mean(found) >= 0.85


def test_alignment_goes_with_transfer_where_it_was_planted(planted):
    rows, points = (read(planted[0] / f"one/{name}.csv") for name in ("relations", "points"))
    for relation, n in (("dose → alignment", 9), ("dose → transfer gain", 9), ("alignment → transfer gain", 13),
                        ("alignment → transfer gain, source gain held fixed", 13)):  # fmt: skip
        there = pick(rows, relation=relation, layer="2", metric="retrieval")
        assert there["n"] == str(n)
        assert float(there["statistic"]) > 0.7 and float(there["low"]) > 0.4 and float(there["p_value"]) < 0.01
        nothing = pick(rows, relation=relation, layer="2", metric="cosine")
        assert relation == "dose → transfer gain" or (nothing["n"], nothing["statistic"]) == ("0", "")
        by_chance = pick(rows, relation=relation, layer="0")
        assert relation == "dose → transfer gain" or covers(by_chance, 0)
    table = read(planted[0] / "one/table.csv")
    gains = [float(pick(table, init="parallel", source="perl", target=target)["gain"]) for target in ORACLES]
    runs = [float(point["transfer_gain"]) for point in points if point["layer"] == "2"
            and point["checkpoint"].startswith("rl/parallel/perl/") and point["metric"] == "retrieval"]  # fmt: skip
    assert len(runs) == 3 and np.mean(runs) == pytest.approx(np.mean(gains), abs=2e-4)


def test_what_ablation_takes_away_is_found(planted):
    rows = read(planted[0] / "one/ablation.csv")
    assert len(rows) == 2 * 3 * 4
    for row in rows:
        if row["direction"] == "random":
            assert float(row["p_holm"]) > 0.05
        else:
            assert float(row["change"]) < -0.1 and float(row["high"]) < 0 and float(row["p_holm"]) < 0.05


def test_a_sweep_is_a_part_of_the_table_with_labels(planted):
    table, sweep = (read(planted[0] / f"one/{name}.csv") for name in ("table", "sweep"))
    assert [row["point"] for row in sweep] == ["0 %"] * 4 + ["50 %"] * 4 + ["100 %"] * 4
    for row in sweep:
        same = pick(table, **{name: row[name] for name in ("init", "source", "target")})
        assert all(row[name] == same[name] for name in ("gain", "pass_at_1_before", "pass_at_1_after", "problems"))
    lua = [float(row["gain"]) for row in sweep if row["target"] == "lua"]
    assert lua == sorted(lua)


def test_power_and_headline_say_the_same_of_one_comparison(planted):
    lines = (planted[0] / "one/power.txt").read_text().split("gain of parallel minus gain of ")[1:]
    rows = [row for row in read(planted[0] / "one/headline.csv") if row["target"] == "mean of unseen"]
    assert len(lines) == len(rows) == 8
    for text, row in zip(lines, rows):
        assert text.startswith(f"{row['control']}, RL in {row['source']}")
        words = next(line for line in text.splitlines() if "mean of unseen" in line).split()
        assert float(words[-4]) == pytest.approx(100 * float(row["mde"]), abs=0.06)  # rounded to 0.1
        assert words[-2:] == [row["problems_needed"] or "none", row["seeds_needed"] or "none"]


def test_a_second_run_gives_equal_bytes(planted):
    folder, _ = planted
    run_all(folder, folder / "two")
    names = sorted(path.name for path in (folder / "one").iterdir())
    assert len(names) == 10
    for name in names:
        assert (folder / "one" / name).read_bytes() == (folder / "two" / name).read_bytes()


def test_without_an_effect_a_difference_is_said_rarely_and_equivalence_mostly(tmp_path):
    said = []
    for number in range(20):
        simulate(tmp_path, 100 + number, 60, SMALL, dict.fromkeys(TRANSFER, 0.5))
        options = SMALL | {"languages": LANGUAGES, "sft-languages": SFT_LANGUAGES, "method": "grpo", "margin": 0.2,
                           "draws": 100, "bootstrap-seed": 1, "verdicts": tmp_path / "verdicts",
                           "output": tmp_path / "table.csv", "headline": tmp_path / "headline.csv"}  # fmt: skip
        transfer_table.main(arguments(options))
        row = pick(read(tmp_path / "headline.csv"), control="same_problems", target="mean of unseen")
        said.append(row["conclusion"])
    assert sum(words.startswith("difference") for words in said) <= stats.binom.ppf(0.999, 20, 0.05)
    assert said.count("equivalent") >= 15
