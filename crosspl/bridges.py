"""Bridges: the commented program in the source PL before the program in the PL asked for (mixture rule `bridge`).

In: the rows of `parallel`, their problems, verified programs, a Recipe, a protocol with "comments" {PL: mark of a line
comment, or None}. Out: the same rows; those in other PLs than the source have a bridge in the answer, or in the prompt,
and name it: "bridge" {"language", "code"}, with "code" the program asked for. A `share` of the problems stays without.
After Bridge-Coder (Zhang et al. 2025, 10.18653/v1/2025.findings-acl.567); docs/bridges.md says what is ours.
"""

import re

from crosspl.errors import UserError
from crosspl.prompts import fenced
from crosspl.protocol import as_answer, code_of, opening, program_of, said

FIRST = re.compile(r"#!.*\n|<\?(?:php\b)?[ \t]*\n?")  # what nothing may stand before in a program
ENDS = {"php": ("?>", "? >"), "java": ("\\u", "\\ u")}  # what a line comment of a PL cannot hold, and stands for it
ELSE = "Take prompts.style: chat, or bridge_in: prompt"


def bridged(rows, problems, table, recipe, protocol):
    """Return the rows of a mixture with bridges. problems: those of the rows; table: of verified_programs.

    A bridge is the problem's own program in the source PL, where the mixture has one. Problems without bridges are
    spread evenly, as whole blocks of as many problems as there are PLs: each PL then has them in every style.
    """
    known = {problem["id"]: problem for problem in problems}
    sources = {row["problem"]: code_of(row) for row in rows if row["language"] == recipe.source}
    places = {key: number for number, key in enumerate(dict.fromkeys(row["problem"] for row in rows))}
    made = []
    for row in rows:
        key, block = row["problem"], places[row["problem"]] // len(recipe.languages)
        if row["language"] != recipe.source and not is_direct(block, recipe.share):
            found = table[key][recipe.source]
            code = sources.get(key) or found[places[key] % len(found)]["code"]
            row = with_bridge(row, known[key], {"language": recipe.source, "code": code}, recipe.bridge_in, protocol)
        made.append(row)
    return made


def is_direct(block, share):
    """Return whether a block of problems has no bridges: of the first n a `share` has none, to within one block."""
    before, after = (int(count * share + 1e-9) for count in (block, block + 1))  # 1e-9: 0.1 * 10 is 1
    return after > before


def with_bridge(row, problem, bridge, place, protocol):
    """Return a row with a bridge in its "answer" or its "prompt"; UserError where the program would be lost so."""
    text = explained(problem, bridge, protocol["comments"])
    chat = protocol["style"] == "chat"
    put = _in_chat if chat else _in_plain
    prompt, completion = put(row, problem, bridge["language"], text, place, protocol)
    whole = ((opening(problem, row["language"]) or "") + said(completion)).rstrip()
    wanted = program_of(row["completion"], problem, row["language"], protocol).code if chat else whole
    if program_of(completion, problem, row["language"], protocol).code != wanted:
        raise UserError(
            f"problem {problem['id']}: a stop text is in the bridge to {row['language']}, where answers end. {ELSE}"
        )
    return row | {"prompt": prompt, "completion": completion, "code": code_of(row), "bridge": bridge}


def explained(problem, bridge, comments):
    """Return the program of a bridge after a comment with the first line of the statement, where there is one.

    Bridge-Coder has a model write comments about the steps; what nobody wrote is not made up here.
    """
    first = next((line.strip() for line in (problem["statement"] or "").splitlines() if line.strip()), None)
    return (commented([first], bridge["language"], comments) if first else "") + bridge["code"].rstrip() + "\n"


def commented(lines, language, comments):
    """Return lines as line comments of a PL."""
    mark = comments[language]
    if not mark:
        raise UserError(f"mixtures, rule bridge: {language} has no line comment (languages/{language}.yaml). {ELSE}")
    return "".join(f"{mark} {line.replace(*ENDS.get(language, ('', '')))}".rstrip() + "\n" for line in lines)


def _in_chat(row, problem, source, text, place, protocol):
    """Return prompt and answer of a chat: the bridge is a block of its own, and the last block counts."""
    entry = protocol["languages"][source]
    block, answer = fenced(text, entry["fence"][0]), said(row["completion"])
    if place == "answer":
        return row["prompt"], as_answer(f"{block}\n\n{answer}", protocol)
    asked = f"{said(row['prompt'])}\n\nA program in {entry['name']} that solves it:\n\n{block}"
    return [*row["prompt"][:-1], row["prompt"][-1] | {"content": asked}], row["completion"]


def _in_plain(row, problem, source, text, place, protocol):
    """Return prompt and answer as texts: every line of the bridge is a comment of the PL asked for.

    The empty line after it ends a comment that a backslash goes on.
    """
    language, answer = row["language"], row["completion"]
    lines = commented([source, *text.splitlines()], language, protocol["comments"]) + "\n"
    begun = opening(problem, language)
    if place == "prompt":
        return (row["prompt"] + lines if begun is None else lines + row["prompt"]), answer
    if begun is None:
        first = FIRST.match(answer)
        head = first.group().rstrip() + "\n" if first else ""
        return row["prompt"], head + lines + answer[first.end() if first else 0 :]
    if not begun.endswith("\n") and not answer.startswith("\n"):
        raise UserError(
            f"problem {problem['id']}: what its programs begin with in {language} ends within a line, so no comment "
            f"can follow it. {ELSE}"
        )
    return row["prompt"], ("" if begun.endswith("\n") else "\n") + lines + answer
