"""HumanEval-X, a problem source: 164 problems with a solution and a test written by hand in each PL, evaluation only.

In: settings {"folder": path, "languages": [PL keys]}; the folder holds the published files, `humaneval_python.jsonl.gz`
and so on. Out: problem rows of the split `eval` with one harness per PL, and the canonical programs. Composition as in
the benchmark's own evaluation: prompt + solution, a newline, test. Source: Zheng et al. 2023, arXiv 2303.17568,
Apache-2.0. What the canonical programs do in which PL, and why some fail, is in docs/humaneval_x.md.
"""

import re
from pathlib import Path

from crosspl import io
from crosspl.errors import UserError

SOURCE = "humaneval_x"
LICENSE = "Apache-2.0"
ORIGIN = "https://github.com/THUDM/CodeGeeX, codegeex/benchmark/humaneval-x/*/data"
NAMES = {"python": "python", "javascript": "js", "cpp": "cpp", "java": "java"}  # PL key -> its name in the file names
FIELDS = ("task_id", "prompt", "canonical_solution", "test")

# A test uses names that the prompt imports (vector, List). An answer need not import them itself, so the harness
# repeats these lines: harmless where the code has them already. Java wants imports first, so there the code must.
IMPORTS = {"python": re.compile(r"^(?:import|from) .*\n", re.M), "cpp": re.compile(r"^(?:#include|using ).*\n", re.M)}

# console.assert only prints. defineProperty, unlike an assignment, also fails loudly when the code has frozen console.
FATAL_ASSERT = """;Object.defineProperty(console, "assert", {value: (condition, ...message) => {
  if (!condition) throw new Error(message.join(" ") || "console.assert failed")
}})
"""


def build_problems(settings):
    """Return one problem row per HumanEval-X problem, in the order of the benchmark.

    Raises UserError for a missing or damaged file, an incomplete row, and files that hold different problems.
    """
    tables = {language: read_tasks(settings["folder"], language) for language in check_languages(settings["languages"])}
    check_same_problems(tables, settings["folder"])
    return [problem_row(number, tables) for number in next(iter(tables.values()))]


def candidate_programs(problems, language, settings):
    """Return the canonical program of each of `problems` in `language`, in their order."""
    check_languages([language])
    tasks = {f"{SOURCE}/{number}": task for number, task in read_tasks(settings["folder"], language).items()}
    rows = []
    for problem in problems:
        if problem["id"] not in tasks:
            raise UserError(f"problem {problem['id']!r} is not in {table_path(settings['folder'], language)}")
        task = tasks[problem["id"]]
        rows.append(
            {
                "id": f"{problem['id']}/{language}/canonical",
                "problem": problem["id"],
                "family": problem["family"],
                "language": language,
                "style": "canonical",
                "code": task["prompt"] + task["canonical_solution"],
            }
        )
    return rows


def problem_row(number, tables):
    """Return the problem row of one problem from {language: {number: task}}."""
    return {
        "id": f"{SOURCE}/{number}",
        "family": f"{SOURCE}/{number}",
        "split": "eval",
        "statement": None,  # each PL has its own: the prompt holds the signature
        "statements": {language: tasks[number]["prompt"] for language, tasks in tables.items()},
        "difficulty": None,
        "comparison": "tokens",
        "tests": [],
        "harness": {language: harness(language, tasks[number]) for language, tasks in tables.items()},
        "source": SOURCE,
        "license": LICENSE,
    }


def harness(language, task):
    """Return the source that the judge appends to a program: its exit status is 0 when the program is right."""
    if language == "javascript":
        return FATAL_ASSERT + task["test"]
    imports = IMPORTS[language].findall(task["prompt"]) if language in IMPORTS else []
    return "".join(imports) + task["test"]


def read_tasks(folder, language):
    """Return {number: task} of one PL; a task is a row of the benchmark, its number the one in its task_id."""
    path, tasks = table_path(folder, language), {}
    for row_number, row in enumerate(read_table(path), 1):
        where = f"{path}, row {row_number}"
        number = task_number(where, row)
        if number in tasks:
            raise UserError(f"{where}: field task_id: {row['task_id']!r} occurs twice. {get_it_again(path)}")
        tasks[number] = row
    if not tasks:
        raise UserError(f"{path}: no rows. {get_it_again(path)}")
    return tasks


def read_table(path):
    """Return the rows of one file; what io says of a broken one, with the remedy for a file that we cannot rebuild."""
    if not path.parent.is_dir():
        raise UserError(f"{path.parent}: no such folder. Set `folder` to the HumanEval-X files, from {ORIGIN}")
    if not path.exists():
        raise UserError(f"{path}: no such file. {get_it_again(path)}")
    try:
        return io.read_rows(path)
    except UserError as error:
        raise UserError(f"{str(error).removesuffix(io._REMEDY)}{get_it_again(path)}") from None


def task_number(where, row):
    """Return the number in the task_id of a row that has all fields; otherwise a UserError naming row and field."""
    for field in FIELDS:
        if not isinstance(row, dict) or field not in row:
            raise UserError(f"{where}: field {field} is missing. A HumanEval-X row has {', '.join(FIELDS)}")
        if not isinstance(row[field], str) or not row[field].strip():
            raise UserError(f"{where}: field {field} must be a text that is not empty")
    number = re.fullmatch(r"\w+/(\d+)", row["task_id"])
    if not number:
        raise UserError(f"{where}: field task_id must look like CPP/0, not {row['task_id']!r}")
    return int(number[1])


def check_languages(languages):
    """Return `languages`, or raise a UserError naming those that have no file we can judge."""
    unknown = [language for language in languages if language not in NAMES]
    if unknown or not languages:
        wrong = f"no {', '.join(unknown)}" if unknown else "no language asked for"
        raise UserError(f"HumanEval-X: {wrong}; `languages` can be any of {', '.join(NAMES)}")
    return languages


def check_same_problems(tables, folder):
    """Raise a UserError when a PL lacks a problem that another has: averages over PLs would compare unlike sets."""
    everything = set().union(*tables.values())
    for language, tasks in tables.items():
        missing = sorted(everything - set(tasks))
        if missing:
            path, shown = table_path(folder, language), ", ".join(map(str, missing[:5]))
            more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
            raise UserError(f"{path}: no problem {shown}{more}, which other PLs have. {get_it_again(path)}")


def table_path(folder, language):
    """Return the path of a PL's file."""
    return Path(folder) / f"humaneval_{NAMES[language]}.jsonl.gz"


def get_it_again(path):
    """Return the remedy for a file that is not as published."""
    return f"Copy {path.name} there again from {ORIGIN}"
