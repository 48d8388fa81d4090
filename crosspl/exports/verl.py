"""RL problems in one PL as verl and code-r1 read them: train.parquet (split rl) and test.parquet (split validation).

In: problems, judged programs of the PL, for the reference. Out: the two files, columns data_source, prompt, ability,
reward_model, extra_info; left_out.csv, the problems of those splits that their rewards could not judge, with the
reason.
Format: verl-project/verl, docs on data preparation; ganler/code-r1 (Apache-2.0), examples/data_preprocess/coder1.py and
reward_score/coder1. ground_truth is the JSON {"inputs", "outputs"}, which code-r1 compares without blanks at both ends,
or {"functional"}, source that it puts after the program. data_source is "code" for Python, which sends it to code-r1's
reward; for another PL it is crosspl_{language}, which has no reward there yet: code-r1 would run it as Python.
The evaluated split is not in it.
"""

import json

import pyarrow as pa

from crosspl.errors import UserError
from crosspl.exports.answers import check_verdict
from crosspl.exports.parquet import write_parquet
from crosspl.io import read_rows, stream_rows, write_csv
from crosspl.languages import load_language
from crosspl.licenses import check_redistribution
from crosspl.problems import check_problems
from crosspl.protocol import PLAIN, ask, request

FILES = {"train": "rl", "test": "validation"}
COMPARABLE = ("tokens", "lines", "exact")  # close to what code-r1 does; the others accept what it would refuse
TEXT = pa.string()
SCHEMA = pa.schema({
    "data_source": TEXT,
    "prompt": pa.list_(pa.struct({"role": TEXT, "content": TEXT})),
    "ability": TEXT,
    "reward_model": pa.struct({"style": TEXT, "ground_truth": TEXT}),
    "extra_info": pa.struct({
        "split": TEXT, "index": pa.int64(), "prompt": TEXT, "reference": TEXT, "dataset": TEXT, "problem": TEXT,
        "family": TEXT, "language": TEXT, "comparison": TEXT, "license": TEXT, "revision": TEXT, "plain_prompt": TEXT,
    }),
})  # fmt: skip


def export(output, *, problems, programs, language):
    """Write both files; a split without problems has none."""
    references = first_right(programs, language)
    found, left_out = check_problems(read_rows(problems), problems), []
    for name, split in FILES.items():
        chosen = [problem for problem in found if problem["split"] == split]
        rows = []
        for problem in chosen:
            check_redistribution(f"{problems}, problem {problem['id']}", problem, split)
            if reason := unfit(problem, language):
                left_out.append({"problem": problem["id"], "split": split, "reason": reason})
            else:
                rows.append(row(problem, load_language(language), name, len(rows), references.get(problem["id"], "")))
        if rows:
            write_parquet(output / f"{name}.parquet", SCHEMA, rows)
        elif name == "train":
            raise UserError(
                f"{problems}: no problem of the split rl can be exported for {language}: {reasons(left_out)}"
            )
    write_csv(output / "left_out.csv", ("problem", "split", "reason"), left_out)


def first_right(programs, language):
    """Return {problem: code} of the first right program of each."""
    found = {}
    for path in programs:
        for number, program in enumerate(stream_rows(path), 1):
            check_verdict(f"{path}, row {number}", program["verdict"])
            if program["language"] == language and program["verdict"] == "OK":
                found.setdefault(program["problem"], program["code"])
    return found


def unfit(problem, language):
    """Return why code-r1's reward could not judge answers to a problem, or None."""
    if problem["harness"]:
        return None if language in problem["harness"] else f"no harness in {language}"
    if problem.get("checker"):
        return "judged by a checker"
    if problem["comparison"] not in COMPARABLE:
        return f"outputs compared by {problem['comparison']}"
    if any(not isinstance(test["stdout"], str) for test in problem["tests"]):
        return "several outputs are right"
    return None


def reasons(left_out):
    return ", ".join(sorted({one["reason"] for one in left_out})) or "there is none"


def row(problem, entry, name, index, reference):
    """Return one row."""
    content = request(problem, entry["key"], {"languages": {entry["key"]: entry}})
    return {
        "data_source": "code" if entry["key"] == "python" else f"crosspl_{entry['key']}",
        "prompt": [{"role": "user", "content": content}],
        "ability": "coding",
        "reward_model": {"style": "rule", "ground_truth": ground_truth(problem, entry["key"])},
        "extra_info": {
            "split": name, "index": index, "prompt": content, "reference": reference, "dataset": problem["source"],
            "problem": problem["id"], "family": problem["family"], "language": entry["key"],
            "comparison": problem["comparison"], "license": problem["license"], "revision": problem.get("revision"),
            "plain_prompt": ask(problem, entry["key"], PLAIN),
        },
    }  # fmt: skip


def ground_truth(problem, language):
    """Return the tests as JSON."""
    if problem["harness"]:
        return json.dumps({"functional": problem["harness"][language]}, ensure_ascii=False)
    tests = {
        "inputs": [one["stdin"] for one in problem["tests"]],
        "outputs": [one["stdout"] for one in problem["tests"]],
    }
    return json.dumps(tests, ensure_ascii=False)
