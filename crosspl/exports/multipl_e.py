"""MultiPL-E: a folder per PL and reading, in it NAME.results.json.gz per problem, as MultiPL-E leaves them.

In: a checkpoint's answers and verdicts. Out: {source}-{tag}-{checkpoint}-{temperature}-verbatim/*.results.json.gz, each
{name, language, prompt, …, results: [{program, stdout, stderr, exit_code, status, timestamp}]}; pass is status "OK" and
exit_code 0. Format: nuprl/MultiPL-E, evaluation/src/main.py and pass_k.py, which are read here, not copied.
There is no "temperature": pass_k.py gives pass@1 for 0.2, which it takes a file without one for, and refuses all others
but 0.8. Ours is in "sampling". Outputs are not kept by the judge's verdicts, times would change equal content: stdout
and stderr are empty, timestamp is 0.
"""

import re

from crosspl.errors import UserError
from crosspl.exports.answers import read_answers, temperature_of
from crosspl.io import write_json
from crosspl.protocol import PLAIN

TAGS = {  # its names of PLs; others keep ours
    "bash": "sh", "cpp": "cpp", "csharp": "cs", "d": "d", "elixir": "elixir", "go": "go_test.go", "haskell": "hs",
    "java": "java", "javascript": "js", "lua": "lua", "ocaml": "ml", "perl": "pl", "php": "php",
    "python": "py", "r": "r", "racket": "rkt", "ruby": "rb", "rust": "rs", "scala": "scala", "typescript": "ts",
}  # fmt: skip
TIMEOUT, BROKEN, EXCEPTION = ("Timeout", -1), ("SyntaxError", 1), ("Exception", 1)
STATUS = {"OK": ("OK", 0), "TLE": TIMEOUT, "ILE": TIMEOUT, "CE": BROKEN, "CTLE": BROKEN}  # the others: Exception


def export(output, *, problems, completions, verdicts, checkpoint, settings, protocol=PLAIN):
    """Write one folder per PL and reading."""
    for (language, reading), group in read_answers(problems, completions, verdicts, protocol).items():
        sampling = {
            "temperature": temperature_of(reading, settings),
            "max_tokens": settings["max_tokens"],
            "top_p": 1.0,
        }
        written = set()
        for answers in group:
            name = name_of(answers.problem)
            folder = folder_name(answers.problem["source"], language, checkpoint, sampling["temperature"])
            if (folder, name) in written:
                raise UserError(f"{problems}: two problems would be named {name} in a MultiPL-E folder; rename one")
            written.add((folder, name))
            write_json(output / folder / f"{name}.results.json.gz", results(name, answers, checkpoint, sampling))


def folder_name(source, language, checkpoint, temperature):
    """Return the name of a folder as in MultiPL-E: data set, PL, model, temperature, terminology of the prompt."""
    tag = TAGS.get(language, language).removesuffix("_test.go")
    return f"{source}-{tag}-{checkpoint.replace('/', '_')}-{temperature}-verbatim"


def name_of(problem):
    """Return a problem's id without its source, as a file name."""
    return re.sub(r"[^\w.+-]+", "_", problem["id"].removeprefix(problem["source"] + "/"))


def results(name, answers, checkpoint, sampling):
    """Return the content of one file."""
    tests = answers.harness or ""
    return {
        "name": name,
        "language": TAGS.get(answers.language, answers.language),
        "prompt": answers.prompt,
        "doctests": "",
        "original": answers.problem["id"],
        "prompt_terminology": "verbatim",
        "tests": tests,
        "stop_tokens": answers.stops,
        "sampling": sampling,
        "model": checkpoint,
        "license": answers.problem["license"],
        "results": [result(row, tests) for row in answers.rows],
    }


def result(row, tests):
    """Return one entry of "results", with our verdict beside its status."""
    status, exit_code = STATUS.get(row["verdict"], EXCEPTION)
    return {
        "program": f"{row['code']}\n{tests}" if tests else row["code"],
        "stdout": "",
        "stderr": "",
        "exit_code": exit_code,
        "status": status,
        "timestamp": 0,
        "verdict": row["verdict"],
    }
