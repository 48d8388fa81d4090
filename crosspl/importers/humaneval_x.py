"""HumanEval-X: 164 problems with a solution and a test written by hand in each of six PLs; evaluation only.

In: the published files, humaneval_python.jsonl.gz and so on, anywhere below a folder (a checkout of the benchmark too)
or one of them. Out: per problem its row, with a prompt and a harness in each PL whose file is there, and the canonical
programs. Composition as in the benchmark's own evaluation: prompt + solution, a newline, test; in Go and Rust the
imports of the test come first. Files that hold different problems, damaged ones and tests whose packages are not
installed are errors. Source: Zheng et al. 2023, arXiv 2303.17568, Apache-2.0. What the canonical programs do in which
PL, and why some fail, is in docs/humaneval_x.md.
"""

import re
from pathlib import Path

from crosspl.errors import UserError
from crosspl.importers.exit_status import FATAL_ASSERT
from crosspl.importers.reading import files, json_lines, text_of
from crosspl.importers.rows import ACCEPTED, Drop, problem_row, program_row

SOURCE = "humaneval_x"
HUB = None
NAMES = {"python": "python", "javascript": "js", "cpp": "cpp", "java": "java", "go": "go", "rust": "rust"}  # of files
FILES = tuple(f"humaneval_{name}.jsonl.gz" for name in NAMES.values())
LICENSE = "Apache-2.0"
ORIGIN = "https://github.com/THUDM/CodeGeeX, codegeex/benchmark/humaneval-x/*/data"
FIELDS = ("task_id", "prompt", "canonical_solution", "test")
MORE_FIELDS = {"go": ("import", "test_setup"), "rust": ("declaration",)}
MAY_BE_EMPTY = ("import",)

# Where an answer ends. Python, Go: cleanup_code in codegeex/benchmark/utils.py of CodeGeeX; C++, Rust:
# is_code_generation_finished in evaluation/utils.py of CodeGeeX2. In Java and JavaScript both count braces, which no
# text says; Java's is the class that the test brings. bigcode-evaluation-harness has these lists too, but in Go also
# `struct` and `\nfunc`, which cut the canonical solutions of 72, 90 and 158.
STOP = {
    "python": ["\ndef", "\nclass", "\nif", "\n#", "\nprint", "\nassert"],
    "javascript": [],
    "cpp": ["\nint main("],
    "java": ["\npublic class Main"],
    "go": ["\n//", "\nfunc main("],
    "rust": ["\nfn main("],
}

# What the tests of a PL import, where it is not part of the PL: a folder that must be there, the packages to install.
# Without it every program would count as CE.
TEST_PACKAGES = {
    "go": ("/usr/share/gocode/src/github.com/stretchr/testify", "golang-github-stretchr-testify-dev"),
    "rust": ("/usr/share/cargo/registry", "cargo librust-rand-dev librust-regex-dev librust-md5-dev"),
}

# A test uses names that the prompt imports (vector, List). An answer need not import them itself, so the harness
# repeats these lines: harmless where the code has them already. Java wants imports first, so there the code must.
IMPORTS = {"python": re.compile(r"^(?:import|from) .*\n", re.M), "cpp": re.compile(r"^(?:#include|using ).*\n", re.M)}

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


def read(folder, revision):
    """Yield Drops for files that are not there, then each problem and its canonical programs, in the benchmark's order.

    The rows of all PLs are joined in memory, a few megabytes.
    """
    paths = tables(folder)
    tasks = {language: tasks_of(path, language) for language, path in paths.items()}
    check_packages(paths)
    check_same_problems(tasks, paths)
    numbers = list(next(iter(tasks.values())))
    for language in NAMES:
        if language not in tasks:
            name = f"humaneval_{NAMES[language]}.jsonl.gz"
            yield from (Drop("prompt", f"{folder}, {number}", f"no {name}") for number in numbers)
    for number in numbers:
        rows = {language: table[number] for language, table in tasks.items()}
        yield problem(f"{folder}, {number}", number, rows, revision)
        for language, task in rows.items():
            yield program(f"{paths[language]}, {task['task_id']}", number, language, task, revision)


def problem(where, number, rows, revision):
    """Return the problem row of one number from {PL: its task}."""
    return problem_row(
        where, number, None, [], split="eval", source=SOURCE, license=LICENSE, revision=revision,
        prompts={language: opening(language, task) for language, task in rows.items()},
        harness={language: harness(language, task) for language, task in rows.items()},
        stop={language: STOP[language] for language in rows},
    )  # fmt: skip


def program(where, number, language, task, revision):
    """Return the row of the canonical program of one task."""
    return program_row(
        where, f"{number}/{language}/canonical", number, language, canonical(language, task), ACCEPTED,
        style="canonical", source=SOURCE, license=LICENSE, revision=revision,
    )  # fmt: skip


def canonical(language, task):
    """Return the whole canonical program of a task."""
    return opening(language, task) + task["canonical_solution"]


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


def tables(folder):
    """Return {PL: path} of the published files in or below `folder`, or of the one file that it is."""
    if not Path(folder).exists():
        raise UserError(f"{folder}: no such folder. {download()}")
    try:
        found = files(folder, *FILES)
    except UserError:
        raise UserError(f"{folder}: no files like {FILES[0]}. {download()}") from None
    paths = {}
    for language, name in zip(NAMES, FILES):
        named = [path for path in found if path.name == name]
        if len(named) > 1:
            raise UserError(
                f"{folder}: {name} is there twice, {named[0]} and {named[1]}: give a folder with one of them"
            )
        if named:
            paths[language] = named[0]
    if not paths:
        raise UserError(f"{folder}: not one of the files {', '.join(FILES)}")
    return paths


def download():
    """Return what to do where the files are not there."""
    return (
        "git clone --depth 1 https://github.com/THUDM/CodeGeeX, and give its folder codegeex/benchmark/humaneval-x "
        "(--from, problems.imported.from, or make humaneval-x FOLDER=...)"
    )


def tasks_of(path, language):
    """Return {number: task} of one file; a task is a row of the benchmark, its number the one in its task_id."""
    try:
        tasks = {}
        for where, row in json_lines(path):
            number = task_number(where, row, FIELDS + MORE_FIELDS.get(language, ()))
            if number in tasks:
                raise UserError(f"{where}: field task_id: {row['task_id']!r} occurs twice: get the file again")
            tasks[number] = row
        if not tasks:
            raise UserError(f"{path}: no rows: get the file again")
    except UserError as error:
        raise UserError(f"{error} from {ORIGIN}") from None
    return tasks


def task_number(where, row, fields):
    """Return the number in the task_id of a row that has all fields; otherwise a UserError naming row and field."""
    for field in fields:
        if not text_of(where, row, field).strip() and field not in MAY_BE_EMPTY:
            raise UserError(f"{where}: field {field} is empty: get the file again")
    number = re.fullmatch(r"\w+/(\d+)", row["task_id"])
    if not number:
        raise UserError(
            f"{where}: field task_id must look like CPP/0, not {row['task_id']!r}: is it HumanEval-X? If so, get the "
            "file again"
        )
    return int(number[1])


def check_packages(paths):
    """Raise a UserError when a package that the tests of a PL import is not installed."""
    for language, path in paths.items():
        folder, packages = TEST_PACKAGES.get(language, ("/", ""))
        if not Path(folder).is_dir():
            raise UserError(
                f"HumanEval-X in {language}: no {folder}, which its tests need: apt-get install {packages}, or move "
                f"{path} elsewhere to go without {language}"
            )


def check_same_problems(tasks, paths):
    """Raise a UserError when a PL lacks a problem that another has: averages over PLs would compare unlike sets."""
    everything = set().union(*tasks.values())
    for language, table in tasks.items():
        missing = sorted(everything - set(table))
        if missing:
            shown = ", ".join(map(str, missing[:5])) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
            raise UserError(
                f"{paths[language]}: no problem {shown}, which other PLs have: get the file again from {ORIGIN}"
            )
