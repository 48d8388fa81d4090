"""Prompts that begin with a part of the right program, less of it from stage to stage (StepCoder's CCCS).

In: problems with a right program each, the shares of it that are given, stage by stage. Out: per stage the problems
with that beginning. StepCoder (Dou et al. 2024, arXiv 2402.01391, section 3.2) lets completion start at conditional
statements of the canonical solution and moves the start from its end to its beginning; so here, by lines.
"""

import re

from crosspl.errors import UserError
from crosspl.prompts import format_prompt
from crosspl.protocol import opening

BRANCH = re.compile(r"\s*(\}\s*)?(if|elif|else|elsif|for|foreach|while|until|unless|switch|case|match|loop|do)\b")


def stages(problems, language, programs, shares, style):
    """Return [problems of a stage]; those of share 0 are as they were. programs: {problem id: right program}.

    A problem without a right program is asked whole in every stage; UserError when none has one.
    """
    if not any(problem["id"] in programs for problem in problems):
        raise UserError(f"rl.curriculum: no problem of the split rl has a right program in {language}")
    return [[begun(problem, language, programs.get(problem["id"]), share, style) for problem in problems]
            for share in shares]  # fmt: skip


def begun(problem, language, code, share, style):
    """Return the problem whose prompt holds the share of `code`; its id says so."""
    given = beginning(code, share) if code and share else ""
    if not given:
        return problem
    before = opening(problem, language)
    if before is not None and not given.startswith(before):
        return problem
    if style == "plain" and before is None:
        given = format_prompt(language, problem["statement"]) + given  # its lines are comments
    prompts = (problem.get("prompts") or {}) | {language: given}
    return problem | {"id": f"{problem['id']}~{share:g}", "prompts": prompts}


def beginning(code, share):
    """Return the first lines of a program, up to the branch that is nearest to `share` of them, never all of it."""
    lines = code.splitlines(keepends=True)
    inner = range(1, len(lines))
    cuts = [number for number in inner if BRANCH.match(lines[number])] or list(inner)
    cut = min(cuts, key=lambda number: abs(number - share * len(lines)), default=0)
    return "".join(lines[:cut])
