"""HumanEval-X from the published files to SFT data, by the commands of the rules: import, matrix, parallel mixtures.

It is for evaluation; `--train-on-evaluation-data` lets it be taken for training here. It has one program per
problem and PL, which is enough for `parallel`. The control `same_problems` wants as many different ones as there are
PLs: here the others are the same programs laid out anew, imported and judged like the first.
"""

import json
from collections import Counter, defaultdict

import pytest
from test_import_humaneval_x import FOLDER, HERE, native, published, published_files

from crosspl.importers import imported
from crosspl.importers.humaneval_x import NAMES
from crosspl.io import read_csv, read_rows, write_rows, write_text
from crosspl.mixtures import MATCHED
from crosspl.protocol import PLAIN, ask
from crosspl.tokenizer import train_tokenizer
from scripts import build_mixture, build_problems, build_programs, import_problems, matching, parallel_matrix

SETTINGS = {"seed": 0, "shares": {"sft": 1, "rl": 0, "validation": 0, "eval": 0}, "eval_from": None, "fewest_tests": 1,
            "most_tests": 1, "train_on_evaluation_data": True}  # fmt: skip
PAIR = ["python", "javascript"]


def laid_out(row, opening):
    """Return the program laid out anew behind its opening: Python with more blank lines, JavaScript unindented."""
    wide, body = row["language"] == "python", row["code"][len(opening) :].splitlines()
    lines = [line if wide else line.strip() for line in body if line.strip()]
    code = opening + ("\n" + "\n\n".join(lines) if wide else "\n".join(lines))
    return row | {"id": row["id"].replace("canonical", "laid_out"), "code": code, "style": "laid_out"}


def build(folder, languages):
    """Judge the programs in `folder`/imported; return (problems, {PL: program rows}, the rows of the matrix)."""
    settings = json.dumps(SETTINGS)
    problems, files = str(folder / "problems.jsonl.gz"), [str(folder / f"{key}.jsonl.gz") for key in languages]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imported, "FOLDER", folder / "imported")
        build_problems.main(["--source", "imported", "--settings", settings, "--output", problems])
        for language, path in zip(languages, files):
            build_programs.main(["--source", "imported", "--settings", settings, "--problems", problems, "--language",
                                 language, "--jobs", "2", "--cache", str(folder / "verdicts.sqlite"), "--output", path,
                                 "--stages", str(folder / f"{language}.csv")])  # fmt: skip
    matrix = str(folder / "matrix.csv")
    parallel_matrix.main(["--problems", problems, "--programs", *files, "--languages", *languages, "--output", matrix])
    return read_rows(problems), {key: read_rows(path) for key, path in zip(languages, files)}, read_csv(matrix)


def mix(folder, languages, name, **changes):
    """Build one mixture with the rule's command; return its rows."""
    made = {"languages": languages, "source": languages[0], **changes}
    recipe, parallel = json.dumps(made | {"rule": name}), json.dumps(made | {"rule": "parallel"})
    codes = [row["code"] for key in languages for row in read_rows(folder / f"{key}.jsonl.gz")]
    if not (folder / "tokenizer.json").exists():
        write_text(folder / "tokenizer.json", train_tokenizer(codes, 600).to_str())
    files = [str(folder / f"{key}.jsonl.gz") for key in languages]
    build_mixture.main(["--problems", str(folder / "problems.jsonl.gz"), "--programs", *files, "--tokenizer",
                        str(folder / "tokenizer.json"), "--mixture", name, "--recipe", recipe, "--parallel", parallel,
                        "--declared", *MATCHED[name], "--steps", "10", "--batch", "8", "--output",
                        str(folder / f"{name}.jsonl.gz")])  # fmt: skip
    return read_rows(folder / f"{name}.jsonl.gz")


def check_rows(rows, problems, programs):
    """Assert that every row is a program that the judge has found right, under the prompt of its problem and PL."""
    by_id = {problem["id"]: problem for problem in problems}
    right = defaultdict(list)
    for language, found in programs.items():
        for row in found:
            if row["verdict"] == "OK":
                right[row["problem"], language].append(row["code"])
    for row in rows:
        assert row["prompt"] == ask(by_id[row["problem"]], row["language"], PLAIN)
        assert any(code.endswith(row["completion"]) for code in right[row["problem"], row["language"]])


def by_problem(rows):
    """Return {problem: the PLs of its rows}."""
    groups = defaultdict(list)
    for row in rows:
        groups[row["problem"]].append(row["language"])
    return groups


def expect_native(matrix, languages):
    """Assert that a problem has a right program in a PL exactly when its canonical one passes natively."""
    truth = native()
    for row in matrix:
        for language in languages:
            if truth[row["problem"], language] != "varies":
                assert (row[language] == "OK") == (truth[row["problem"], language] == "pass"), (row, language)


@published
@pytest.mark.parametrize("count", [24, pytest.param(164, marks=pytest.mark.full)])
def test_parallel_in_all_pls(tmp_path, count):
    for language in HERE:
        name = f"humaneval_{NAMES[language]}.jsonl.gz"
        write_rows(tmp_path / "files" / name, read_rows(FOLDER / name)[:count])
    import_problems.main(["--source", "humaneval_x", "--from", str(tmp_path / "files"), "--split", "sft",
                          "--train-on-evaluation-data", "--output", str(tmp_path / "imported")])  # fmt: skip
    problems, programs, matrix = build(tmp_path, HERE)
    assert len(problems) == len(matrix) == count and {problem["split"] for problem in problems} == {"sft"}
    expect_native(matrix, HERE)
    usable = [row["problem"] for row in matrix if all(row[language] == "OK" for language in HERE)]
    size = len(usable) // len(HERE) * len(HERE)
    assert size >= 0.7 * count
    rows = mix(tmp_path, HERE, "parallel", problems=size, width=1)
    check_rows(rows, problems, programs)
    assert by_problem(rows) == dict.fromkeys(usable[:size], HERE) and len(rows) == size * len(HERE)


@published
def test_import_to_matched_sft_data(tmp_path):
    (tmp_path / "files").mkdir()
    files, own = published_files(tmp_path / "files"), tmp_path / "own"
    import_problems.main(["--source", "humaneval_x", "--from", str(files), "--languages", *PAIR, "--split", "sft",
                          "--train-on-evaluation-data", "--output", str(own)])  # fmt: skip
    kept = {(row["kind"], row["language"]): int(row["rows"]) for row in read_csv(own / "import.csv")
            if row["reason"] == "kept"}  # fmt: skip
    assert kept == {("problem", ""): 164} | {("program", language): 164 for language in PAIR}
    canonical = [row for language in PAIR for row in read_rows(own / f"programs/{language}.jsonl.gz")]
    prompts = {problem["id"]: problem["prompts"] for problem in read_rows(own / "problems.jsonl.gz")}
    others = [laid_out(row, prompts[row["problem"]][row["language"]]) for row in canonical]
    write_rows(own / "programs/laid_out.jsonl.gz", others)
    import_problems.main(
        ["--source", "jsonl", "--from", str(own), "--train-on-evaluation-data", "--output", str(tmp_path / "imported")]
    )
    problems, programs, matrix = build(tmp_path, PAIR)
    expect_native(matrix, PAIR)
    assert {row[f"{language}_right"] for row in matrix for language in PAIR} <= {"0 of 2", "1 of 2", "2 of 2"}
    usable = [row["problem"] for row in matrix if all(row[f"{language}_right"] == "2 of 2" for language in PAIR)]
    size = len(usable) // 2 * 2
    assert size >= 150
    parallel = mix(tmp_path, PAIR, "parallel", problems=size, width=2)
    same = mix(tmp_path, PAIR, "same_problems", problems=size, width=2)
    for rows in (parallel, same):
        check_rows(rows, problems, programs)
        assert len(rows) == 2 * size and Counter(row["language"] for row in rows) == dict.fromkeys(PAIR, size)
    assert by_problem(parallel) == dict.fromkeys(usable[:size], PAIR)
    assert all(len(found) == 2 and len(set(found)) == 1 for found in by_problem(same).values())
    assert by_problem(same).keys() == by_problem(parallel).keys()
    names = [str(tmp_path / f"{name}.jsonl.gz") for name in ("parallel", "same_problems")]
    matching.main(["--mixtures", *names, "--tokenizer", str(tmp_path / "tokenizer.json"), "--declared",
                   json.dumps({name: MATCHED[name] for name in ("parallel", "same_problems")}), "--steps", "10",
                   "--batch", "8", "--output", str(tmp_path / "matching.csv")])  # fmt: skip
    declared = [row for row in read_csv(tmp_path / "matching.csv") if row["declared"] == "matched"]
    assert {row["quantity"].split(":")[0] for row in declared} == set(MATCHED["same_problems"])
    assert all(float(row["off_by"]) <= 0.01 for row in declared)
