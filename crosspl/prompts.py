"""The one prompt protocol and the one extraction path, for pretraining, SFT, RL and evaluation alike.

In: a PL key and a problem's statement; out: the prompt string. In: what a model wrote; out: the program to be judged.
The plain protocol asks with two comment lines and takes the whole answer as the program; no chat template.
"""


def format_prompt(language, statement):
    """Return the prompt; a None statement gives the prompt of raw code, which names only the PL."""
    return f"# {language}\n" if statement is None else f"# {language}\n# {statement}\n"


def problem_prompt(problem, language):
    """Return the prompt that asks for `problem` in `language`."""
    return format_prompt(language, problem["statement"])


def extract_code(completion):
    """Return the program in a completion: all of it, without the blanks at its end."""
    return completion.rstrip()
