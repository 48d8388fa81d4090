"""What an experiment on GPUs, or with a published model, costs before it starts.

In: the checked config, what is asked for (crosspl.cost_estimate), a Size of the base model, rates of GPUs. Out: rows
(rule, jobs, GPU-hours, core-hours), None where nothing is known; where the rates are from; one line per assumption.
What is not known before the data are there is assumed, and said.
"""

from pathlib import Path
from typing import NamedTuple

from crosspl import cost_estimate as ce
from crosspl import experiment as ex
from crosspl import rl_plan as rp
from crosspl.gpu_rates import BENCHMARKS, figure, rate_for
from crosspl.io import read_csv, read_json, stream_rows
from crosspl.languages import load_languages

START_S = 120  # of a job on a GPU until it computes: imports, weights, an engine's warm-up
PROMPT = {"microworld": 40, "imported": 400}  # tokens
PROGRAM = {"microworld": 30, "imported": 250}  # tokens
JUDGED_S = 0.0244  # CPU s of a program on its tests: benchmarks/build.json, mean of four interpreted PLs
COMPILED_S = 0.3  # CPU s more where a PL is compiled: benchmarks/judge.json, C++
EVAL_PROBLEMS = 164  # of a data set that is not here yet, as HumanEval has


class Row(NamedTuple):
    """Jobs of a rule, their hours of GPUs and of CPU cores; None: not known."""

    rule: str
    jobs: int
    gpu_h: float | None
    core_h: float | None


class Piece(NamedTuple):
    """Work of one kind: "sft" (training, or a pass over texts), "rl" or "sample"; tokens of answers, of prompts."""

    kind: str
    engine: str | None
    tokens: float
    prompts: float = 0


class Plan(NamedTuple):
    """rows; rates: {line that says where GPU-hours are from: rules}; assumed: lines."""

    rows: list
    rates: dict
    assumed: list


def plan(config, asked, size, data, results="results", folder=BENCHMARKS):
    """Return the Plan of what is asked for. data: of problems_of."""
    problems, said = data
    length, of_sft = example_tokens(config, results)
    work = pieces(config, asked, problems, length)
    cpu = {cost.rule: cost for cost in ce.costs(config, asked)}
    rates, rows = {}, []
    for rule, cost in cpu.items():
        core_h = judged_hours(config, rule, cost, problems, asked)
        gpus = config["resources"][ce.STAGE[rule]]["gpu"] if rule in ce.STAGE else 0
        if gpus:
            gpu_h = gpu_hours(config, work[rule], cost.jobs - (rule == "align"), size, rates, rule, folder)
            rows.append(Row(rule, cost.jobs, gpu_h, None if gpu_h is None else gpu_h + core_h))
        elif rule in ce.STAGE and config["base"]["from"]:
            rows.append(Row(rule, cost.jobs, 0.0, None))
        else:
            rows.append(Row(rule, cost.jobs, 0.0, core_h))
    return Plan(rows, rates, assumptions(config, rows, said, of_sft))


def pieces(config, asked, problems, length):
    """Return {rule: [Piece]} of the rules that compute with the model."""
    source, sampling = config["problems"]["source"], config["sampling"]
    sft, rl = ce.trained(asked.models)
    base, train = config["base"]["training"], config["sft"]
    answers = ce.answers(config, problems[sampling["split"]])
    asked_tokens = answers * sampling["max_tokens"] / 2, answers * PROMPT[source]
    looked_at = ce.programs_looked_at(config, problems[config["alignment"]["split"]]) * PROGRAM[source]
    return {
        "train_base": [Piece("sft", None, base["steps"] * base["batch"] * base["max_length"] / 2)],
        "train_sft": [Piece("sft", None, train["steps"] * train["batch"] * length)] * len(sft),
        "train_rl": [rl_piece(config, name, PROMPT[source]) for name in rl],
        "sample": [Piece("sample", sampling["engine"], *asked_tokens)] * len(asked.models),
        "sample_translations": [Piece("sample", sampling["engine"], *asked_tokens)]
        * (len(asked.models) * ce.translations(config)),
        "sample_ablated": [Piece("sample", "transformers", *asked_tokens)] * len(asked.ablated),
        "align": [Piece("sft", None, looked_at)] * (len(asked.aligned) + 1),  # and the untrained control
    }


def rl_piece(config, name, prompt):
    """Return the work of one RL run."""
    settings, answers = rp.rl_settings(config, name.split("/")[1]), ce.rl_answers(config, name)
    return Piece("rl", settings["rollouts"], answers * settings["max_tokens"] / 2, answers * prompt)


def gpu_hours(config, work, jobs, size, rates, rule, folder):
    """Return the GPU-hours of a rule, None for a model of unknown size; `rates` collects {where from: rules}."""
    if size.parameters is None:
        return None
    hours = jobs * START_S * config["resources"][ce.STAGE[rule]]["gpu"] / 3600
    known = {}
    for piece in work:
        key = piece.kind, piece.engine
        if key not in known:
            known[key] = rate_for(piece.kind, config["precision"], piece.engine, size.parameters, folder)
            rates.setdefault(known[key].said, []).append(rule)
        rate = known[key]
        hours += (piece.tokens + piece.prompts * rate.prompts) / rate.tokens_per_s / 3600
    return hours


def judged_hours(config, rule, cost, problems, asked):
    """Return the core-hours of a rule beside what feeds its GPUs: of judging above all; of a CPU's rule all."""
    gpus = config["resources"][ce.STAGE[rule]]["gpu"] if rule in ce.STAGE else 0
    sources = config["languages"]["source"]
    if rule == "train_rl" and gpus:
        answers = sum(ce.rl_answers(config, name) for name in ce.trained(asked.models)[1])
        return 0.0 if ex.is_verification(config) else answers * judging_s(config, sources) / 3600
    if gpus:
        return 0.0
    languages = ex.all_languages(config)
    if config["problems"]["source"] == "imported" and rule in ("build_programs", "judge_completions"):
        if rule == "build_programs":
            programs = cost.jobs * (problems["sft"] + problems["eval"]) * (config["programs"]["judged"] or 1)
        else:
            programs = cost.jobs * ce.answers(config, problems[config["sampling"]["split"]])
        return programs * judging_s(config, languages) / 3600
    return cost.cpu_s / 3600


def judging_s(config, languages):
    """Return the CPU seconds of judging one program, the mean over PLs."""
    if config["problems"]["source"] == "microworld":
        return ce.UNITS["judge_completions"]
    compiled = sum(bool(entry["compile"]) for entry in load_languages(languages).values())
    return JUDGED_S + COMPILED_S * compiled / len(languages)


def problems_of(config, results):
    """Return ({split: problems}, the assumption in words or ""); a data set's are counted where it was imported."""
    if config["problems"]["source"] == "microworld":
        return ce.sizes(config), ""
    path = Path(results, "problems.jsonl.gz")
    counts = dict.fromkeys(("sft", "rl", "validation", "eval"), 0)
    if path.is_file() and Path(results, "imported").is_dir():
        for row in stream_rows(path):
            counts[row["split"]] += 1
        return counts, f"problems as counted in {path}"
    counts |= {config["sampling"]["split"]: EVAL_PROBLEMS, config["alignment"]["split"]: EVAL_PROBLEMS}
    counts["sft"] = counts["sft"] or config["mixtures"]["problems"]
    return counts, (
        f"{EVAL_PROBLEMS} problems to evaluate on, as HumanEval has, and {counts['sft']} for SFT (mixtures.problems), "
        f"programs to judge per problem and PL: {config['programs']['judged'] or 1}; the data are not here yet"
    )


def example_tokens(config, results):
    """Return (tokens of an SFT example, the assumption in words); those of matching.csv where this model made it."""
    longest, source = config["sft"]["max_length"], config["problems"]["source"]
    path, manifest = Path(results, "sft_data", "matching.csv"), Path(results, "base", "manifest.json")
    if config["sft"]["packing"]:
        return longest, f"rows of SFT full to the last of their {longest} tokens (packing)"
    taken = read_json(manifest).get("from") if manifest.is_file() and path.is_file() else None
    if taken and taken == config["base"]["from"]:
        tokens = answer_tokens(read_csv(path))
        return min(longest, PROMPT[source] + tokens), f"answers of SFT of {tokens:.0f} tokens, the mean of {path}"
    return longest / 2, f"examples of SFT of half of sft.max_length, {figure(longest / 2)} tokens"


def answer_tokens(rows):
    """Return the mean number of tokens of a program by the rows of matching.csv, over mixtures."""
    found = {"tokens": {}, "programs": {}}
    for row in rows:
        if row["quantity"] in found:
            found[row["quantity"]] |= {row["mixture"]: float(row["value"]), row["other"]: float(row["other_value"])}
    return sum(found["tokens"].values()) / sum(found["programs"].values())


def assumptions(config, rows, problems, of_sft):
    """Return what was assumed, one line each."""
    source, gpus = config["problems"]["source"], config["resources"]
    rules = {row.rule for row in rows if row.rule in ce.STAGE and gpus[ce.STAGE[row.rule]]["gpu"]}
    settings = [config["rl"], *(config["rl"] | variant["settings"] for variant in config["rl_variants"].values())]
    several = any(gpus[ce.STAGE[rule]]["gpu"] > 1 for rule in rules)
    aside = [row.rule for row in rows if row.core_h is None and row.rule not in rules]
    lines = {
        problems: bool(problems),
        of_sft: "train_sft" in rules,
        f"examples of the base model of half of its max_length, {config['base']['training']['max_length'] / 2:.0f} "
        "tokens, at the speed of SFT": "train_base" in rules,
        f"answers of half of max_tokens; where a rate is of prompts too, prompts of {PROMPT[source]} tokens": rules
        & {"train_rl", "sample", "sample_translations", "sample_ablated"},
        f"programs of {PROGRAM[source]} tokens for the alignment, at the speed of SFT, which is slower": "align"
        in rules,
        "no group of answers drawn again (rl.redraw)": "train_rl" in rules and any(one["redraw"] for one in settings),
        f"{START_S} s of its GPUs until a job computes; one core busy per GPU": rules,
        "several GPUs as fast as their number": several,
        f"{judging_s(config, ex.all_languages(config)):.2g} CPU s to judge an answer or program "
        "(benchmarks/build.json, judge.json); tests of your data may take longer": source == "imported",
        f"nothing of {', '.join(aside)}, which run a published model on CPUs: their hours are not known": aside,
        "the teacher is not in it": config["teacher"],
        "groups beside RL (rl.off_policy) are not in it": "train_rl" in rules
        and rp.group_forms(config, rp.inits(config)),
    }
    return [line for line, holds in lines.items() if holds]
