"""HumanEval-X, a problem source: 164 problems with a solution and a test written by hand in each PL, evaluation only.

In: settings {"folder": path, "languages": [PL keys]}; the folder holds the published files, `humaneval_python.jsonl.gz`
and so on. Out: problem rows of the split `eval` with one harness per PL, and the canonical programs. Composition as in
the benchmark's own evaluation: prompt + solution, a newline, test; in Go and Rust the imports of the test come first.
Source: Zheng et al. 2023, arXiv 2303.17568, Apache-2.0. What the canonical programs do in which PL, and why some fail,
is in docs/humaneval_x.md.
"""

import re
from pathlib import Path

from crosspl import io
from crosspl.errors import UserError

SOURCE = "humaneval_x"
LICENSE = "Apache-2.0"
ORIGIN = "https://github.com/THUDM/CodeGeeX, codegeex/benchmark/humaneval-x/*/data"
NAMES = {"python": "python", "javascript": "js", "cpp": "cpp", "java": "java", "go": "go", "rust": "rust"}  # of files
FIELDS = ("task_id", "prompt", "canonical_solution", "test")
MORE_FIELDS = {"go": ("import", "test_setup"), "rust": ("declaration",)}
MAY_BE_EMPTY = ("import",)

# What the tests of a PL import, where it is not part of the PL: a folder that must be there, the packages to install.
# Without it every program would count as CE.
TEST_PACKAGES = {
    "go": ("/usr/share/gocode/src/github.com/stretchr/testify", "golang-github-stretchr-testify-dev"),
    "rust": ("/usr/share/cargo/registry", "cargo librust-rand-dev librust-regex-dev librust-md5-dev"),
}

# A test uses names that the prompt imports (vector, List). An answer need not import them itself, so the harness
# repeats these lines: harmless where the code has them already. Java wants imports first, so there the code must.
IMPORTS = {"python": re.compile(r"^(?:import|from) .*\n", re.M), "cpp": re.compile(r"^(?:#include|using ).*\n", re.M)}

# console.assert only prints. defineProperty, unlike an assignment, also fails loudly when the code has frozen console.
FATAL_ASSERT = """;Object.defineProperty(console, "assert", {value: (condition, ...message) => {
  if (!condition) throw new Error(message.join(" ") || "console.assert failed")
}})
"""

# Go refuses an import that is not used, and an answer may not need all that the prompt imports: the harness uses them.
GO_USES = {
    "bytes": "bytes.Equal", "crypto/md5": "md5.New", "fmt": "fmt.Sprint", "math": "math.Pi", "math/rand": "rand.Int",
    "regexp": "regexp.Compile", "sort": "sort.Ints", "strconv": "strconv.Itoa", "strings": "strings.Split",
    "time": "time.Now",
}  # fmt: skip
GO_MAIN = """
func main() {
    all := func(string, string) (bool, error) { return true, nil }
    testing.Main(all, []testing.InternalTest{{"TEST", TEST}}, nil, nil)
}
"""
RUST_COMMENT = re.compile(r"^/\*.*?^\*/", re.M | re.S)


def build_problems(settings):
    """Return one problem row per HumanEval-X problem, in the order of the benchmark.

    Raises UserError for a missing or damaged file, an incomplete row, files that hold different problems, and missing
    packages that the tests need.
    """
    tables = {language: read_tasks(settings["folder"], language) for language in check_languages(settings["languages"])}
    check_packages(tables)
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
                "code": opening(language, task) + task["canonical_solution"],
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
        "statements": {language: opening(language, tasks[number]) for language, tasks in tables.items()},
        "difficulty": None,
        "comparison": "tokens",
        "tests": [],
        "harness": {language: harness(language, tasks[number]) for language, tasks in tables.items()},
        "source": SOURCE,
        "license": LICENSE,
    }


def opening(language, task):
    """Return what a program begins with: the published prompt, in Go and Rust with what it cannot do without."""
    if language == "rust":
        return task["prompt"] + task["declaration"]  # the prompt is a comment
    if language == "go":
        lines = "".join(f'    "{package}"\n' for package in go_imports(task))
        return f"package main\n\nimport (\n{lines})\n\n{task['prompt'].replace(task['import'], '').lstrip()}"
    return task["prompt"]


def go_imports(task):
    """Return the packages that a Go task imports: each once, or the program does not compile.

    Where the prompt lists none, the benchmark's evaluation adds those that the answer uses; here the solution's.
    """
    listed = re.findall(r'^ *"(.+)"', task["import"] + "\n" + task["test_setup"], re.M)
    used = [name for name in GO_USES if re.search(rf"\b{Path(name).name}\.", task["canonical_solution"])]
    return sorted({*listed, *used})


def harness(language, task):
    """Return the source that the judge appends to a program: its exit status is 0 when the program is right."""
    if language == "javascript":
        return FATAL_ASSERT + task["test"]
    if language == "go":
        uses = [f"var _ = {GO_USES[package]}\n" for package in go_imports(task) if package in GO_USES]
        return "".join(uses) + task["test"] + GO_MAIN.replace("TEST", only_test(r"^func (Test\w+)\(", task))
    if language == "rust":
        return rust_harness(task)
    imports = IMPORTS[language].findall(task["prompt"]) if language in IMPORTS else []
    return "".join(imports) + task["test"]


def rust_harness(task):
    """Return the test module of a Rust task as an ordinary one, and a main that calls its test."""
    module = RUST_COMMENT.sub("", task["test"])  # the whole test of problem 32 is a comment: there it calls nothing
    if not module.strip():
        return "fn main() {}\n"
    name = only_test(r"#\[test\]\s*(?://.*\s*)?fn (\w+)\(", task)
    module = module.replace("#[cfg(test)]", "").replace("#[test]", "pub")
    return f"{module}\nfn main() {{\n    tests::{name}();\n}}\n"


def only_test(pattern, task):
    """Return the name of the one test function in a task's test."""
    names = re.findall(pattern, task["test"], re.M)
    if len(names) != 1:
        raise UserError(f"{task['task_id']}: field test must have one test function, not {len(names)}")
    return names[0]


def read_tasks(folder, language):
    """Return {number: task} of one PL; a task is a row of the benchmark, its number the one in its task_id."""
    path, tasks = table_path(folder, language), {}
    for row_number, row in enumerate(read_table(path), 1):
        where = f"{path}, row {row_number}"
        number = task_number(where, row, FIELDS + MORE_FIELDS.get(language, ()))
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


def task_number(where, row, fields):
    """Return the number in the task_id of a row that has all fields; otherwise a UserError naming row and field."""
    for field in fields:
        if not isinstance(row, dict) or field not in row:
            raise UserError(f"{where}: field {field} is missing. A HumanEval-X row has {', '.join(fields)}")
        if not isinstance(row[field], str) or not (row[field].strip() or field in MAY_BE_EMPTY):
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


def check_packages(languages):
    """Raise a UserError when a package that the tests of a PL import is not installed."""
    for language in languages:
        folder, packages = TEST_PACKAGES.get(language, ("/", ""))
        if not Path(folder).is_dir():
            raise UserError(f"HumanEval-X in {language}: no {folder}, which its tests need: apt-get install {packages}")


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
