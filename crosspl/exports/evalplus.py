"""EvalPlus: samples.jsonl and samples_eval_results.json, a folder per PL and reading.

In: a checkpoint's answers and verdicts. Out: {language}-{reading}/samples.jsonl, lines {task_id, solution}, and
samples_eval_results.json, {date, hash, eval: {task_id: [{task_id, solution, base_status, …}]}, pass_at_k}.
Format: evalplus/evalplus (Apache-2.0), evalplus/evaluate.py; 0.3.1 knows the second file by this name only, later
versions by samples.eval_results.json too. Our tests are its base tests; there are no plus tests, so
plus_status is null. Failed tests are not kept by the verdicts. date is fixed, so that equal content has equal bytes.
"""

from crosspl.exports.answers import read_answers
from crosspl.io import write_json, write_rows
from crosspl.protocol import PLAIN
from crosspl.provenance import file_hash

STATUS = {"OK": "pass", "TLE": "timeout", "ILE": "timeout", "CTLE": "timeout"}  # the others: fail
NO_DATE = "1970-01-01 00:00"


def export(output, *, problems, completions, verdicts, protocol=PLAIN):
    """Write both files of every PL and reading."""
    for (language, reading), group in read_answers(problems, completions, verdicts, protocol).items():
        folder = output / f"{language}-{reading}"
        tasks = {answers.problem["id"]: [entry(answers, row) for row in answers.rows] for answers in group}
        entries = [one for entries in tasks.values() for one in entries]
        write_rows(folder / "samples.jsonl", [{key: one[key] for key in ("task_id", "solution")} for one in entries])
        mean = sum(answers.pass_at_1 for answers in group) / len(group)
        found = {"date": NO_DATE, "hash": file_hash(problems), "eval": tasks, "pass_at_k": {"base": {"pass@1": mean}}}
        write_json(folder / "samples_eval_results.json", found)


def entry(answers, row):
    """Return what EvalPlus says of one answer, with our verdict beside it."""
    return {
        "task_id": answers.problem["id"],
        "solution": row["code"],
        "base_status": STATUS.get(row["verdict"], "fail"),
        "plus_status": None,
        "base_fail_tests": [],
        "plus_fail_tests": [],
        "verdict": row["verdict"],
    }
