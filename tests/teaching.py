"""What the tests of the teacher share: problems `Print K a + b`, verified programs, settings, the command.

In: a folder, a server's address. Out: files, settings, finished or running processes.
"""

import json
import subprocess
import sys

from workflow_run import ROOT, environment

from crosspl.io import write_rows

CALLS = {"base_url": None, "key": None, "concurrency": 1, "rate": None, "timeout_s": 20, "tries": 3, "backoff_s": 0.01,
         "longest_wait_s": 5, "most_failed": 0}  # fmt: skip
SETTINGS = {"model": "stand-in", "from": ["python"], "into": ["lua"], "splits": ["sft"], "wanted": 1,
            "samples": {"translate": 2, "bridge": 0, "solve": 1}, "temperature": 0.8, "top_p": None, "max_tokens": 200,
            "seed": 5, "extra": {}, "calls": CALLS}  # fmt: skip


def problem(number, **changes):
    k, pairs = number % 7 + 2, [(number, 3), (5, number + 2), (0, 1)]
    return {
        "id": f"own/{number}", "family": f"own/{number}", "split": "sft", "statement": f"Print {k} a + b. ({number})",
        "difficulty": None, "comparison": "tokens", "harness": None, "source": "own", "license": "CC-BY-4.0",
        "tests": [{"stdin": f"{a} {b}\n", "stdout": f"{k * a + b}\n"} for a, b in pairs], **changes,
    }  # fmt: skip


def program(number, language="python", verdict="OK", name="a", **changes):
    return {"id": f"own/{number}/{language}/{name}", "problem": f"own/{number}", "language": language,
            "code": f"a, b = map(int, input().split())\nprint({number % 7 + 2} * a + b)", "verdict": verdict,
            "license": "CC0-1.0", **changes}  # fmt: skip


def settings(url, **changes):
    """Return the block `teacher`; changes of `calls` and `samples` are put into these."""
    made = SETTINGS | {"calls": CALLS | {"base_url": url}}
    for name, value in changes.items():
        made[name] = made[name] | value if name in ("calls", "samples") else value
    return made


def files(folder, problems, programs):
    """Write the command's inputs."""
    write_rows(folder / "problems.jsonl", problems)
    write_rows(folder / "programs.jsonl", programs)


def argv(folder, made, language="lua"):
    """Return the command line, with all files and answers in `folder`."""
    options = {"problems": folder / "problems.jsonl", "programs": folder / "programs.jsonl", "language": language,
               "settings": json.dumps(made), "cache": folder / "answers", "output": folder / f"{language}.jsonl.gz",
               "table": folder / f"{language}.csv"}  # fmt: skip
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return [sys.executable, "-m", "scripts.translate_programs", *words]


def run(folder, made, language="lua", **env):
    """Run the command to its end."""
    return subprocess.run(argv(folder, made, language), cwd=ROOT, env=variables(**env), capture_output=True, text=True)


def start(folder, made, **env):
    """Start the command."""
    return subprocess.Popen(argv(folder, made), cwd=ROOT, env=variables(**env), stderr=subprocess.PIPE, text=True)


def variables(**env):
    return environment(no_proxy="127.0.0.1", NO_PROXY="127.0.0.1", **env)
