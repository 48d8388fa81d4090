"""Which of many candidate programs parse, without running them: the language's `parser` program, in a box.

In: a judge, a language, programs. Out: one bool per program. The parser reads `<bytes>\\n<program>` records and prints
1 or 0 per program; when one program brings it down, the batch is halved until that program is alone.
"""

from crosspl.errors import SandboxError, UserError

BATCH = 500
LIMITS = {"cpu_s": 30}


def parses(judge, language, codes):
    """Return whether each of `codes` is a syntactically valid program."""
    parser = judge.entries[language]["parser"]
    if parser is None:
        raise UserError(f"language {language} has no parser program; judge the programs to see whether they compile")
    codes, answers = list(codes), []
    batches = [codes[start : start + BATCH] for start in range(0, len(codes), BATCH)]
    rows = [parser_row(language, parser, batch) for batch in batches]
    for batch, outcome in zip(batches, judge.run(rows)):
        answers += read_answers(judge, language, batch, outcome)
    return answers


def parser_row(language, parser, codes):
    """Return the row that runs the parser on `codes`."""
    sizes = [len(code.encode(errors="surrogatepass")) for code in codes]
    stdin = "".join(f"{size}\n{code}" for size, code in zip(sizes, codes))
    return {"language": language, "code": parser["code"], "stdin": stdin, "limits": LIMITS}


def read_answers(judge, language, codes, outcome):
    """Return the parser's answers, halving the batch when it did not answer for all."""
    if outcome["verdict"] == "JE":
        raise SandboxError(f"the judge could not run the parser of {language}: {outcome['message']}")
    lines = outcome["stdout"].split()
    if outcome["verdict"] == "OK" and len(lines) == len(codes):
        return [line == "1" for line in lines]
    if len(codes) == 1:
        return [False]
    middle = len(codes) // 2
    return parses(judge, language, codes[:middle]) + parses(judge, language, codes[middle:])
