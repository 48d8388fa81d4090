"""What a model is asked, which answer says a program, and which program an answer says: the one way for all of them.

In: a problem, a PL, a protocol: {"style": "plain"}, or {"style": "chat", "languages": {PL: {"name", "fence"}}} with
what languages/*.yaml says. Out: prompts and answers as texts, or as the messages of a chat; programs. Gold programs,
mixtures, RL, sampling, judging and exports all come here. docs/prompts.md has the table of styles.
The completion style and its stop texts are those of MultiPL-E (Cassano et al. 2023, 10.1109/TSE.2023.3267446).
"""

from typing import NamedTuple

from crosspl.errors import UserError
from crosspl.prompts import cut, extract_code, fenced, fenced_code, format_prompt, to_translate

STYLES = ("plain", "chat")
PLAIN = {"style": "plain"}


class Program(NamedTuple):
    """The program that an answer says. Where no program was found in it, code is the whole answer."""

    code: str
    extracted: bool


def answerable(problem, language):
    """Return whether answers to a problem in a PL could be judged."""
    return not problem["harness"] or language in problem["harness"]


def opening(problem, language):
    """Return what programs for a problem begin with in a PL, or None where the statement is all that is asked."""
    return (problem.get("prompts") or {}).get(language)


def stop_texts(problem, language, protocol):
    """Return the texts before the first of which an answer ends; there are none where an answer is a whole program."""
    if protocol["style"] == "chat" or opening(problem, language) is None:
        return []
    return [text for text in (problem.get("stop") or {}).get(language) or [] if text]


def ask(problem, language, protocol):
    """Return the prompt that asks for `problem` in `language`: a text, or the messages of a chat."""
    begun, shown = opening(problem, language), problem.get("shown")
    if begun is None and problem["statement"] is None and not shown:
        raise UserError(f"problem {problem['id']}: no statement and no prompt in {language}, so it cannot be asked")
    if protocol["style"] == "chat":
        return [{"role": "user", "content": request(problem, language, protocol)}]
    if shown:
        return format_prompt(language, to_translate(shown)) + (begun or "")
    return format_prompt(language, problem["statement"]) if begun is None else begun


def request(problem, language, protocol):
    """Return the user's turn of a chat, which asks for one fenced block, or what a question asks."""
    entry, begun = protocol["languages"][language], opening(problem, language)
    name, mark = entry["name"], entry["fence"][0]
    if "label" in problem:  # the question of code verification; asked without these words, chat models say more
        words = f"Below is a program in {name}, after its task. Answer with one word, correct or incorrect."
        return f"{words}\n\n{problem['statement']}"
    if shown := problem.get("shown"):
        return translation_request(shown, begun, name, mark, protocol)
    if begun is not None:
        task = f"{problem['statement']}\n\n" if problem["statement"] else ""
        return (
            f"Complete the {name} code below; keep its names and types. Answer with the whole program, from its first "
            f"line on, in one ```{mark} block.\n\n{task}{fenced(begun, mark)}"
        )
    reading = "" if problem["harness"] else ", which reads standard input and writes standard output"
    return (
        f"Solve the task below with a program in {name}{reading}. "
        f"Answer with the whole program in one ```{mark} block.\n\n{problem['statement']}"
    )


def translation_request(shown, begun, name, mark, protocol):
    """Return the user's turn that asks for a program in another PL, with the declaration there where one is given."""
    other = protocol["languages"][shown["language"]]
    given = f"\n\nBegin with this; keep its names and types.\n\n{fenced(begun, mark)}" if begun is not None else ""
    return (
        f"Translate the {other['name']} program below into {name}; it must do the same. Answer with the whole program "
        f"in one ```{mark} block.\n\n{fenced(shown['code'], other['fence'][0])}{given}"
    )


def gold_answer(problem, language, code, protocol):
    """Return the answer that says the program `code`, as `ask` gives prompts; None where no answer could say it."""
    if protocol["style"] == "chat":
        return as_answer(fenced(code, protocol["languages"][language]["fence"][0]), protocol)
    begun = opening(problem, language) or ""
    return code[len(begun) :] if code.startswith(begun) else None


def as_answer(text, protocol):
    """Return an answer of these words: a text, or the messages of a chat."""
    return [{"role": "assistant", "content": text}] if protocol["style"] == "chat" else text


def program_of(answer, problem, language, protocol):
    """Return the Program that an answer (text or messages) says.

    In a chat it is in a fenced block. Otherwise it is all that was written before a stop text, after what the program
    begins with. An answer without a program is judged all the same, and `extracted` is False.
    """
    text = said(answer)
    if protocol["style"] == "chat":
        fences = protocol["languages"][language]["fence"]
        found = fenced_code(text, fences)
        return Program(extract_code(text, fences), bool(found))
    text = cut(text, stop_texts(problem, language, protocol))
    return Program(((opening(problem, language) or "") + text).rstrip(), bool(text.strip()))


def said(turns):
    """Return the text of a prompt or an answer: of messages that of the last."""
    return turns if isinstance(turns, str) else turns[-1]["content"]


def code_of(example):
    """Return the program of a training example: its answer is the program, where it does not say otherwise."""
    return example.get("code") or said(example.get("completion") or "")


def programs_in(example):
    """Return [(PL, program)] of a training example: the one asked for, and its bridge (crosspl.bridges)."""
    bridge = example.get("bridge")
    return [(example.get("language"), code_of(example)), *([(bridge["language"], bridge["code"])] if bridge else [])]


def matched_text(example):
    """Return the text of a training example whose tokens are matched: the answer, which the loss is on.

    In code verification, where every answer is one word, it is the program shown.
    """
    return example["code"] if "label" in example else said(example["completion"])
