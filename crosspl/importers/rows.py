"""What every importer yields: problems, programs that people wrote for them, and what was left out and why.

In: the fields of a published data set. Out: plain rows in the project's words, with licence and origin. A problem has
tests on standard input or one harness per PL; a program has the verdict its source gave it, `accepted` or `rejected`,
which the judge is asked to confirm.
"""

# Importers take all words of their rows from here.
from crosspl.claims import ACCEPTED, REJECTED, UNVERIFIED, Drop  # noqa: F401
from crosspl.languages import language_of


def problem_row(where, key, statement, tests, *, source, license, revision, split="sft", family=None, difficulty=None,
                harness=None, comparison="tokens", **more):  # fmt: skip
    """Return one problem, its id `source/key`, or a Drop when it has no statement or nothing to be judged by.

    tests: [{"stdin": text, "stdout": text or list of texts, "public": bool}]. harness: {PL: source} instead of tests;
    prompts: {PL: text} instead of a statement. more: date "YYYY-MM-DD", title, limits {"cpu_s", "memory_mib"}, checker,
    tags, prompts, stop {PL: [text]}.
    """
    if not (statement or "").strip() and not more.get("prompts"):
        return Drop("problem", where, "no statement")
    if not tests and not harness:
        return Drop("problem", where, "no tests")
    identity = f"{source}/{key}"
    return {
        "id": identity,
        "family": family or identity,
        "split": split,
        "statement": statement,
        "difficulty": difficulty,
        "comparison": comparison,
        "tests": tests,
        "harness": harness,
        "source": source,
        "license": license,
        "revision": revision,
        **{name: value for name, value in more.items() if value is not None},
    }


def program_row(where, key, problem, label, code, claimed, *, source, license, revision, **more):
    """Return one program for the problem `source/problem`, or a Drop when it is empty or in a PL that we have not.

    label: the data set's name of the PL. claimed: ACCEPTED or REJECTED, as the source says; the judge is asked later.
    """
    language = language_of(label)
    if language is None:
        return Drop("program", where, f"PL not known: {label}")
    if not (code or "").strip():
        return Drop("program", where, "empty program")
    return {
        "id": f"{source}/{key}",
        "problem": f"{source}/{problem}",
        "language": language,
        "code": code,
        "claimed": claimed,
        "source": source,
        "license": license,
        "revision": revision,
        **{name: value for name, value in more.items() if value is not None},
    }
