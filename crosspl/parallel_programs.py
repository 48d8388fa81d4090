"""Choose the parallel programs on which the latent space is looked at: one program per problem and PL, same style.

In: problem rows, program rows with verdicts, the split, the PLs. Out: the same problems in every PL. A style shows in a
program's tokens, so programs of one problem in different styles would look less alike than they are.
"""

from typing import NamedTuple

from crosspl.errors import UserError
from crosspl.io import read_rows
from crosspl.problems import check_problems, of_split


class Parallel(NamedTuple):
    """Parallel programs: codes[language][problem], styles[problem]; left_out problems lack a program in some PL."""

    problems: list
    families: list
    styles: list
    codes: list
    left_out: int


def read_parallel(problems, programs, split, languages, pool):
    """Return the Parallel of the files `problems` and `programs` (list); a file that does not serve is a UserError."""
    rows = of_split(check_problems(read_rows(problems), problems), split)
    return choose([check_verified(path) for path in programs], rows, languages, pool)


def check_verified(path):
    """Return the program rows of a file; UserError where a field is absent, `verdict` above all."""
    rows = read_rows(path)
    for number, row in enumerate(rows, 1):
        for field in ("problem", "language", "code", "verdict"):
            if field not in row:
                raise UserError(f"{path}, row {number}: no field '{field}'; give verified programs (build_programs)")
    return rows


def choose(files, problems, languages, pool):
    """Return the Parallel of the first `pool` problems that have a right program of one style in every PL.

    files: program rows, one list per file, in any order. Of several styles the first by name is taken, of several
    programs the first in its file. UserError when fewer than 3 problems are left: nothing could be told from chance.
    """
    right = {}
    for row in (row for rows in files for row in rows if row["verdict"] == "OK" and row["code"].strip()):
        right.setdefault((row["problem"], row["language"]), {}).setdefault(row.get("style") or "", row["code"])
    found = {problem["id"]: _same_style(right, problem["id"], languages) for problem in problems}
    kept = [problem for problem in problems if found[problem["id"]]]
    if len(kept[:pool]) < 3:
        absent = [language for language in languages if not any((p["id"], language) in right for p in problems)]
        why = f"none has one in {', '.join(absent)}" if absent else f"asked for at most {pool}"
        raise UserError(
            f"{len(kept[:pool])} of {len(problems)} problems with a verified program of one style in each of "
            f"{', '.join(languages)} ({why}); 3 are needed: give the programs of every PL, or fewer PLs"
        )
    left_out, kept = len(problems) - len(kept), kept[:pool]
    styles, programs = zip(*(found[problem["id"]] for problem in kept))
    ids, families = [problem["id"] for problem in kept], [problem["family"] for problem in kept]
    return Parallel(ids, families, list(styles), [list(codes) for codes in zip(*programs)], left_out)


def _same_style(right, problem, languages):
    """Return the first style that every PL has, with its program in each PL; None without such a style."""
    by_language = [right.get((problem, language), {}) for language in languages]
    styles = set.intersection(*map(set, by_language))
    return (min(styles), [programs[min(styles)] for programs in by_language]) if styles else None
