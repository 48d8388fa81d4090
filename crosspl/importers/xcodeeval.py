"""xCodeEval: 7,514 Codeforces problems with programs in 17 PLs and what became of each when it was run.

In: a folder with problem_descriptions.jsonl, unittest_db.json and program_synthesis/{train,validation,test}/*.jsonl, or
rows that carry their problem themselves (prob_desc_*, hidden_unit_tests). Out: problems with the statement's samples
(public) and the hidden tests, and programs: PASSED is accepted, every other outcome rejected. A problem of the
validation or test files is in the split validation or eval.
Format: https://github.com/ntunlp/xCodeEval (MIT), Khan et al. 2023, arXiv 2303.03004. The data set's card says
CC-BY-NC-4.0: not for commercial use.

Memory: the ids of problems and where each description begins; descriptions and tests are read one at a time.
"""

import re
from pathlib import Path

from crosspl import record
from crosspl.errors import UserError
from crosspl.importers.fields import date_of_seconds, limits_of, listed, need, tests_are_text, unix_lines
from crosspl.importers.json_object import entries
from crosspl.importers.reading import is_text, json_lines, parsed
from crosspl.importers.rows import ACCEPTED, REJECTED, Drop, language_of, problem_row, program_row

HUB = "NTU-NLP-sg/xCodeEval"
FILES = ["problem_descriptions.jsonl", "unittest_db.json", "program_synthesis/*/*.jsonl"]
LICENSE = "CC-BY-NC-4.0"
PROGRAMS_LAST = True
SOURCE = "xcodeeval"

SPLITS = {"validation": "validation", "test": "eval"}  # of the folder that a program lies in; others are sft
FAILED = {
    "COMPILATION_ERROR", "RUNTIME_ERROR", "MEMORY_LIMIT_EXCEEDED", "TIME_LIMIT_EXCEEDED", "WRONG_ANSWER",
}  # fmt: skip
STREAMS = {"input_from": "standard input", "output_to": "standard output"}
PYTHON_2 = re.compile(r"(python|pypy)\s*-?2", re.I)
PREFIX = "prob_desc_"
TEXTS = ("description", "input_spec", "output_spec", "notes")


def read(folder, revision):
    """Yield the problems, those with hidden tests first, and then the programs."""
    folder = Path(folder)
    if not folder.is_dir():
        what = "a file" if folder.exists() else "no such folder"
        raise UserError(f"{folder}: {what}; xCodeEval is a folder with {', '.join(FILES)}")
    shards = sorted(folder.glob(FILES[2]))
    if not shards:
        raise UserError(f"{folder}: no files like {FILES[2]}")
    state = {"revision": revision, "splits": splits(shards), "seen": set(), "kept": set()}
    yield from described_problems(folder, state)
    for path in shards:
        for where, row in json_lines(path):
            yield from rows_of(where, row, state)


def splits(shards):
    """Return {src_uid: split} of the problems in the validation and test files."""
    found = {}
    for name, split in SPLITS.items():  # test last: it wins
        for path in shards:
            if path.parent.name == name:
                found |= {need(where, row, "src_uid")[0]: split for where, row in json_lines(path)}
    return found


def described_problems(folder, state):
    """Yield the problems of problem_descriptions.jsonl, joined to their tests; none when neither file is there."""
    path, tests_path = folder / "problem_descriptions.jsonl", folder / "unittest_db.json"
    if not path.exists() and not tests_path.exists():
        return  # the rows carry their problems
    places = {}  # src_uid: where its description begins
    for uid, number, offset in descriptions(path):
        if uid in places:
            yield Drop("problem", f"{path}, line {number}", "id occurs twice")
        else:
            places[uid] = number, offset
    with open(path, "rb") as stream:
        for where, uid, tests in entries(tests_path):
            yield problem(where, uid, description(path, stream, places.get(uid)), tests, state)
        for uid, (number, offset) in places.items():
            if uid not in state["seen"]:
                row = description(path, stream, (number, offset))
                yield problem(f"{path}, line {number}", uid, row, [], state)


def descriptions(path):
    """Yield (src_uid, line number, offset) for each line."""
    record.read(path)
    offset = 0
    try:
        with open(path, "rb") as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    row = parsed(path, number, line)
                    yield need(f"{path}, line {number}", row, "src_uid")[0], number, offset
                offset += len(line)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None


def description(path, stream, place):
    """Return the description at a place that `descriptions` found; for None one without a statement."""
    if place is None:
        return STREAMS
    number, offset = place
    stream.seek(offset)
    return parsed(path, number, stream.readline())


def rows_of(where, row, state):
    """Yield what one line of the program files holds: a program, a problem that it carries, or both."""
    (uid,) = need(where, row, "src_uid")
    own = carried(row)
    if own and (uid not in state["seen"] or "source_code" not in row):
        tests = row.get("hidden_unit_tests", row.get("hidden_unit_test"))
        yield problem(where, uid, own, listed(tests), state)
    if "source_code" in row:
        yield program(where, row, state)
    elif not own:
        raise UserError(f"{where}: neither field source_code nor field description: is this the published file?")


def carried(row):
    """Return the problem in a program row (fields prob_desc_*) or in a row of validation and test, or None."""
    if PREFIX + "description" in row:
        named = {name.removeprefix(PREFIX): value for name, value in row.items() if name.startswith(PREFIX)}
        return named | {name: row.get(name) for name in ("tags", "difficulty")}
    return row if "description" in row else None


def problem(where, uid, row, hidden, state):
    """Return one problem or its Drop, and note that it was seen, and kept."""
    if uid in state["seen"]:
        return Drop("problem", where, "id occurs twice")
    state["seen"].add(uid)
    made = checked_problem(where, uid, row, hidden, state)
    if not isinstance(made, Drop):
        state["kept"].add(uid)
    return made


def checked_problem(where, uid, row, hidden, state):
    """Return the problem row of a description and its hidden tests, or a Drop."""
    tests = all_tests(row, hidden)
    if tests is None:
        return Drop("problem", where, "tests not understood")
    if any(str(row.get(name)).strip().lower() != value for name, value in STREAMS.items()):
        return Drop("problem", where, "not standard input and output")
    tags = [tag for tag in listed(row.get("tags")) or [] if isinstance(tag, str)]
    if "interactive" in tags:
        return Drop("problem", where, "interactive")
    text = statement(row)
    if not tests_are_text(tests) or not is_text(text):
        return Drop("problem", where, "not UTF-8")
    rating = row.get("difficulty")
    return problem_row(
        where,
        uid,
        text,
        tests,
        source=SOURCE,
        license=LICENSE,
        revision=state["revision"],
        split=state["splits"].get(uid, "sft"),
        difficulty=rating if isinstance(rating, int) and rating > 0 else None,  # -1: not rated
        comparison="float",  # the source compares lines, and then tokens as numbers where they are (to 1e-12)
        date=date_of_seconds(row.get("created_at")),
        limits=limits_of(row.get("time_limit"), row.get("memory_limit")),
        tags=tags or None,
    )


def statement(row):
    """Return the parts of the published statement that are there, in its order."""
    description, given, wanted, notes = (str(row.get(name) or "").strip() for name in TEXTS)
    parts = [description, f"Input\n{given}" if given else "", f"Output\n{wanted}" if wanted else "", notes]
    return "\n\n".join(filter(None, parts)) if description else ""


def all_tests(row, hidden):
    """Return the samples and then the hidden tests, a hidden one that is a sample once; None when one is malformed."""
    inputs, outputs = (listed(row.get(name)) for name in ("sample_inputs", "sample_outputs"))
    if not all(isinstance(part, list) for part in (inputs, outputs, hidden)) or len(inputs) != len(outputs):
        return None
    tests = [one_test(test.get("input"), test.get("output"), False) for test in hidden if isinstance(test, dict)]
    samples = [one_test(stdin, stdout, True) for stdin, stdout in zip(inputs, outputs)]
    if len(tests) < len(hidden) or None in tests or None in samples:
        return None
    places = {tuple(test["stdin"].split()): test for test in tests}
    for test in samples:
        known = places.get(tuple(test["stdin"].split()))
        if known:  # it has all accepted outputs, the sample one
            known["public"] = True
    new = [test for test in samples if tuple(test["stdin"].split()) not in places]
    return new + tests


def one_test(stdin, outputs, public):
    """Return a test or, if it is malformed, None.

    The source's judge turns \\r\\n into \\n before it runs and compares; a program that reads lines would trip over it.
    """
    outputs = outputs if isinstance(outputs, list) else [outputs]
    if not isinstance(stdin, str) or not outputs or not all(isinstance(output, str) for output in outputs):
        return None
    accepted = list(dict.fromkeys(map(unix_lines, outputs)))
    return {"stdin": unix_lines(stdin), "stdout": accepted if len(accepted) > 1 else accepted[0], "public": public}


def program(where, row, state):
    """Return one program or its Drop."""
    uid, code, outcome = need(where, row, "src_uid", "source_code", "exec_outcome")
    (key,) = need(where, row, "code_uid")
    if uid not in state["kept"]:
        return Drop("program", where, "its problem was left out")
    if outcome != "PASSED" and outcome not in FAILED:
        return Drop("program", where, "no verdict")
    if not is_text(code or ""):
        return Drop("program", where, "not UTF-8")
    claimed = ACCEPTED if outcome == "PASSED" else REJECTED
    origin = {"source": SOURCE, "license": LICENSE, "revision": state["revision"]}
    return program_row(where, key, uid, label(where, row), code, claimed, verdict=outcome, **origin)


def label(where, row):
    """Return the name of the PL: `lang` where it is known, else `lang_cluster` ("Python 3 + libs" is Python).

    "Python 2" stays what it is: it is another language.
    """
    name, cluster = need(where, row, "lang", "lang_cluster")
    exact = language_of(str(name)) or PYTHON_2.match(str(name))
    return str(name) if exact else str(cluster)
