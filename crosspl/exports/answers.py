"""A checkpoint's answers with their verdicts, by PL, reading and problem: what the evaluation formats are made of.

In: problems.jsonl.gz, completions and verdicts of one checkpoint. Out: Answers. Anything that does not fit together,
and any judge error, is a UserError.
"""

from typing import NamedTuple

from crosspl.errors import UserError
from crosspl.io import read_rows
from crosspl.judge.verdicts import VERDICTS
from crosspl.problems import check_problems
from crosspl.protocol import PLAIN, ask, program_of, said, stop_texts

SAME = ("problem", "language", "reading", "sample")


class Answers(NamedTuple):
    """All answers of one checkpoint to one problem in one PL and reading.

    prompt: what the model was asked. stops: texts at which its answer ends. harness: source after the program, or None.
    rows: {"text", "code", "verdict"}.
    """

    problem: dict
    language: str
    reading: str
    prompt: str
    stops: list
    harness: str | None
    rows: list

    @property
    def pass_at_1(self):
        """The share of right answers, which is the unbiased estimate for k = 1."""
        return sum(row["verdict"] == "OK" for row in self.rows) / len(self.rows)


def read_answers(problems, completions, verdicts, protocol=PLAIN):
    """Return {(language, reading): [Answers, …]}, problems in the order of the answers."""
    by_id = {problem["id"]: problem for problem in check_problems(read_rows(problems), problems)}
    answered, judged = read_rows(completions), read_rows(verdicts)
    if [[row[key] for key in SAME] for row in answered] != [[row[key] for key in SAME] for row in judged]:
        raise UserError(f"{verdicts}: not the verdicts of {completions}. Judge the checkpoint again.")
    if any("label" in row for row in judged):
        raise UserError(
            f"{verdicts}: on answers to questions of code verification, which hold no programs, so there is nothing to "
            "export; results/verification_accuracy.csv has what they are worth"
        )
    found = {}
    for number, (answer, verdict) in enumerate(zip(answered, judged), 1):
        check_verdict(f"{verdicts}, row {number}", verdict["verdict"])
        problem, language, reading = by_id.get(answer["problem"]), answer["language"], answer["reading"]
        if problem is None:
            raise UserError(f"{completions}, row {number}: problem {answer['problem']!r} is not in {problems}")
        group = found.setdefault((language, reading), {})
        if problem["id"] not in group:
            harness = problem["harness"][language] if problem["harness"] else None
            prompt, stops = said(ask(problem, language, protocol)), stop_texts(problem, language, protocol)
            group[problem["id"]] = Answers(problem, language, reading, prompt, stops, harness, [])
        code = program_of(answer["text"], problem, language, protocol).code
        row = {"text": answer["text"], "code": code, "verdict": verdict["verdict"]}
        group[problem["id"]].rows.append(row)
    return {key: list(group.values()) for key, group in found.items()}


def check_verdict(where, verdict):
    """Raise a UserError for a judge error and for what is no verdict."""
    if verdict == "JE":
        raise UserError(
            f"{where}: the judge failed (JE), which says nothing about the program: judge again, then export"
        )
    if verdict not in VERDICTS:
        raise UserError(f"{where}: field verdict is {verdict!r}; it must be one of {', '.join(VERDICTS)}")


def temperature_of(reading, settings):
    """Return the temperature of a reading; greedy is 0."""
    return settings["temperature"] if reading == "sampled" else 0.0
