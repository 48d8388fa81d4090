"""What a teacher is asked: to translate a program, to write one with comments first, or to solve a problem.

In: a problem (statement, what a program begins with), a verified program in another PL, the PLs' entries. Out:
messages. `comment` and `bridge` are the two steps of Bridge-Coder's Bridge-Assisted Generation (arXiv 2410.18957): a
commented program in a PL that the model knows well, and with it in view the program in the target PL. Tests are never
shown, only what the statement says.
"""

from crosspl.prompts import fenced

PROMPTS = ("translate", "bridge", "solve")


def translate(problem, program, source, target):
    """Return the messages that ask for `program`, in the PL `source`, in the PL `target` (entries)."""
    return [user(
        f"Translate a program from {source['name']} to {target['name']}.\n\n{statement(problem)}"
        f"This {source['name']} program solves it:\n\n{block(program['code'], source)}\n\n{demand(problem, target)}"
    )]  # fmt: skip


def solve(problem, target):
    """Return the messages that ask for a program in the PL `target`."""
    return [user(f"Solve a problem in {target['name']}.\n\n{statement(problem)}{demand(problem, target)}")]


def comment(problem, program, source):
    """Return the messages that ask for a program with comments; no target is named, so all targets share the answer."""
    return [user(
        f"Explain a {source['name']} program by comments.\n\n{statement(problem)}"
        f"This {source['name']} program solves it:\n\n{block(program['code'], source)}\n\n"
        "Write the same program again, and before each part of it a comment that says what the part does and why, so "
        f"that somebody who does not know {source['name']} could write the program in another language. Change nothing "
        f"but the comments. Answer with the program alone, in one block that begins with ```{source['fence'][0]}"
    )]  # fmt: skip


def bridge(problem, program, commented, source, target):
    """Return the messages that ask for the program in `target` after the answer `commented` to `comment`."""
    return [
        *comment(problem, program, source),
        {"role": "assistant", "content": commented},
        user(f"Now write it in {target['name']}, part by part as the comments say. {demand(problem, target)}"),
    ]


def user(text):
    return {"role": "user", "content": text}


def statement(problem):
    """Return what the problem says, "" where it says nothing beside how a program begins."""
    return f"The problem:\n\n{problem['statement'].strip()}\n\n" if problem["statement"] else ""


def demand(problem, target):
    """Return how the program is to be, and how the answer."""
    name, fence = target["name"], target["fence"][0]
    if problem["begin"]:
        what = (
            f"Write {name} code that begins with the following and completes it:\n\n{block(problem['begin'], target)}"
            "\n\nKeep the names and types. Tests will be appended to it: write no main program, and print nothing. "
        )
    elif problem["harness"]:
        what = f"Write {name} code to which tests will be appended: write no main program, and print nothing. "
    else:
        what = (
            f"Write one complete {name} program, for a file {target['source']}, that reads standard input and writes "
            "standard output as the problem says, and nothing else. "
        )
    return f"{what}Use the standard library only. Answer with the code alone, in one block that begins with ```{fence}"


def block(code, entry):
    """Return code as a fenced block."""
    return fenced(code, entry["fence"][0])
