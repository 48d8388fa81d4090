"""LM Evaluation Harness: results_{date}.json and samples_{task}_{date}.jsonl, a task per PL and reading.

In: a checkpoint's answers and verdicts. Out: the two kinds of files. Format: EleutherAI/lm-evaluation-harness (MIT),
lm_eval/loggers/evaluation_tracker.py and evaluator.py. Readers order files by {date} and some parse it, but a date of
today would change equal content: it is the first second of 1970 with the microseconds given by a hash of the inputs.
The metric of a problem is its pass@1; a task's is their mean, its stderr the sample standard deviation over the root of
their number, as lm-eval has it: families and seeds are not in it, results/pass_at_1/ has the intervals.
"""

import hashlib
import json
import statistics

from crosspl.exports.answers import read_answers, temperature_of
from crosspl.io import write_json, write_rows
from crosspl.protocol import PLAIN
from crosspl.provenance import file_hash

METRIC, FILTER = "pass@1", "none"


def export(output, *, problems, completions, verdicts, checkpoint, settings, protocol=PLAIN):
    """Write the results of all tasks, and the samples of each."""
    tasks = {
        f"crosspl_{language}_{reading}": group
        for (language, reading), group in read_answers(problems, completions, verdicts, protocol).items()
    }
    date = stand_in_date(checkpoint, settings, *map(file_hash, (problems, completions, verdicts)))
    samples = {task: [sample(*numbered, settings) for numbered in enumerate(group)] for task, group in tasks.items()}
    for task, rows in samples.items():
        write_rows(output / f"samples_{task}_{date}.jsonl", rows)
    write_json(output / f"results_{date}.json", results(tasks, samples, checkpoint, settings))


def stand_in_date(*parts):
    """Return a date in the form of lm-eval's file names that only the parts decide."""
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return f"1970-01-01T00-00-00.{int(digest, 16) % 10**6:06d}"


def sample(number, answers, settings):
    """Return the line of one problem."""
    problem = answers.problem
    tests = hash_of(answers.harness or json.dumps(problem["tests"], sort_keys=True, ensure_ascii=False))
    doc = {key: problem[key] for key in ("id", "family", "statement", "comparison", "source", "license")}
    doc |= {"language": answers.language, "tests_sha256": tests}
    asked = generation(answers.reading, settings, answers.stops)
    return {
        "doc_id": number,
        "doc": doc,
        "target": f"tests {tests}",
        "arguments": {"gen_args_0": {"arg_0": answers.prompt, "arg_1": asked}},
        "resps": [[row["text"] for row in answers.rows]],
        "filtered_resps": [[row["code"] for row in answers.rows]],
        "filter": FILTER,
        "metrics": [METRIC],
        "doc_hash": hash_of(json.dumps(doc, indent=2, ensure_ascii=False)),
        "prompt_hash": hash_of(answers.prompt),
        "target_hash": hash_of(f"tests {tests}"),
        METRIC: answers.pass_at_1,
        "verdicts": [row["verdict"] for row in answers.rows],
    }


def generation(reading, settings, stops=()):
    """Return the settings of generation in lm-eval's words."""
    temperature = temperature_of(reading, settings)
    return {
        "until": list(stops),
        "do_sample": temperature > 0,
        "temperature": temperature,
        "max_gen_toks": settings["max_tokens"],
    }


def results(tasks, samples, checkpoint, settings):
    """Return the content of results_{date}.json."""
    hashes = {
        task: hash_of("".join(row["doc_hash"] + row["prompt_hash"] + row["target_hash"] for row in rows))
        for task, rows in samples.items()
    }
    return {
        "results": {task: scores(task, samples[task]) for task in tasks},
        "group_subtasks": {},
        "configs": {task: task_config(task, group, settings) for task, group in sorted(tasks.items())},
        "versions": dict.fromkeys(sorted(tasks), 0),
        "n-shot": dict.fromkeys(sorted(tasks), 0),
        "higher_is_better": {task: {METRIC: True} for task in sorted(tasks)},
        "n-samples": {task: {"original": len(rows), "effective": len(rows)} for task, rows in samples.items()},
        "config": {"model": "crosspl", "model_args": f"checkpoint={checkpoint}", "random_seed": settings.get("seed")},
        "git_hash": None,
        "date": 0.0,
        "task_hashes": hashes,
        "model_source": "crosspl",
        "model_name": checkpoint,
        "model_name_sanitized": checkpoint.replace("/", "__"),
    }


def scores(task, rows):
    """Return the metrics of one task."""
    values = [row[METRIC] for row in rows]
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else "N/A"
    return {
        "name": task,
        "alias": task,
        "sample_len": len(values),
        f"{METRIC},{FILTER}": sum(values) / len(values),
        f"{METRIC}_stderr,{FILTER}": error,
    }


def task_config(task, group, settings):
    """Return what lm-eval says of a task."""
    return {
        "task": task,
        "dataset_path": group[0].problem["source"],
        "output_type": "generate_until",
        "repeats": len(group[0].rows),
        "num_fewshot": 0,
        "generation_kwargs": generation(group[0].reading, settings),
        "metric_list": [{"metric": METRIC, "aggregation": "mean", "higher_is_better": True}],
    }


def hash_of(text):
    """Return the sha256 of a text, lm-eval's hash_string."""
    return hashlib.sha256(text.encode()).hexdigest()
