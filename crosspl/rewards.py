"""Rewards by execution: 1 when a program passes its tests, 0 when it does not, None when the judge could not tell.

In: a judge and the problems of the RL split. Out: a TRL reward function, called once per generation batch; it logs the
shares of verdicts, of answers in another PL than the one asked for, among the judge's PLs, of chats' answers without a
program, and the signs of crosspl.hacking. A judge error is never a reward: TRL leaves None out of the group's
statistics. In code verification the reward is 1 for the right label.
Its attribute `finished` takes answers while others are being written: they are judged in the meantime.
"""

from concurrent.futures import ThreadPoolExecutor

from crosspl import record
from crosspl.errors import UserError
from crosspl.hacking import hidden_pass_rate, is_empty, is_hard_coded
from crosspl.problems import judge_row
from crosspl.protocol import PLAIN, program_of, said
from crosspl.translation import language_of
from crosspl.verification import CORRECT, answer_of, verdict_of
from crosspl.wrong_language import wrong_language


class EarlyJudge:
    """Judges rows in a thread; `verdicts` waits for them and judges the rest."""

    def __init__(self, judge):
        self.judge, self.pool, self.begun = judge, ThreadPoolExecutor(1), {}

    def begin(self, rows):
        """Judge rows of which not all were begun already."""
        new = {key_of(row): row for row in rows if key_of(row) not in self.begun}
        if new:
            future = self.pool.submit(self.judge.judge, list(new.values()), stop_on_first_failure=True)
            self.begun |= {key: (future, place) for place, key in enumerate(new)}

    def verdicts(self, rows):
        """Return the verdicts of one generation's rows."""
        self.begin(rows)
        found = [self.begun[key_of(row)] for row in rows]
        verdicts = [future.result()[place]["verdict"] for future, place in found]
        self.begun = {}
        return verdicts


def key_of(row):
    """Return what makes rows of one language equal."""
    return row["problem"], row["code"]


def judged_row(problem, program, language, key, tests):
    """Return the judge's row for an answer, in the PL that its question asks for."""
    return judge_row(problem, language_of(problem, language), program.code, key, tests) | {"problem": problem["id"]}


def execution_reward(judge, problems, language, tests, harness_reward=False, protocol=PLAIN, hidden=0):
    """Return the reward function for answers in `language`, judged on the first `tests` tests of their problem.

    hidden: answers per generation that are run on the other tests. A problem with a harness instead of tests is a
    UserError unless `harness_reward`: its asserts are in the box. A translation (crosspl.translation) is in the PL of
    its question, and without the form that was asked for it fails, whatever it does: equation 4 of OORL.
    """
    by_id = {problem["id"]: problem for problem in problems}
    for problem in problems:
        if not problem["tests"] and not harness_reward:
            raise UserError(
                f"problem {problem['id']}: only stdin/stdout tests can be a reward; an early exit(0) passes a harness."
                " To accept that, set rl.harness_reward: true"
            )
    early = EarlyJudge(judge)

    def rows_of(asked, found):
        pairs = enumerate(zip(asked, found))
        return [judged_row(one, program, language, str(n), tests) for n, (one, program) in pairs]

    def programs(completions, asked):
        pairs = zip(completions, asked)
        return [program_of(answer, one, language_of(one, language), protocol) for answer, one in pairs]

    def finished(examples, completions):
        asked = [by_id[example["problem"]] for example in examples]
        early.begin(rows_of(asked, programs(completions, asked)))

    def reward(completions, problem, completion_ids=(), log_metric=None, **_):
        record.count(generated_tokens=sum(map(len, completion_ids)))
        asked = [by_id[key] for key in problem]
        found = programs(completions, asked)
        rows = rows_of(asked, found)
        verdicts = early.verdicts(rows)
        if log_metric:
            passed = [verdict == "OK" for verdict in verdicts]
            for name in ("CE", "JE", "RE", "TLE", "WA"):
                log_metric(f"verdict/{name}", verdicts.count(name) / len(verdicts))
            log_metric("wrong_language_rate", sum(wrong_language(judge, rows, verdicts)) / len(rows))
            if protocol["style"] == "chat":  # plain answers are programs as they are
                log_metric("extraction_failure_rate", sum(not program.extracted for program in found) / len(rows))
            empty = [is_empty(row["code"], judge.entries[row["language"]]["comment"]) for row in rows]
            log_metric("empty_rate", sum(empty) / len(rows))
            coded = [is_hard_coded(row["code"], row["tests"]) for row in rows]
            log_metric("hard_coded_rate", sum(coded) / len(rows))
            earned = [(one, row) for one, row, yes in zip(asked, rows, passed) if yes]
            rate = hidden_pass_rate(judge, earned, tests, hidden) if earned and hidden else None
            if rate is not None:
                log_metric("hidden_pass_rate", rate)
        formless = [one.get("into") and not program.extracted for one, program in zip(asked, found)]
        return [None if verdict == "JE" else float(verdict == "OK" and not lacking)
                for verdict, lacking in zip(verdicts, formless)]  # fmt: skip

    reward.finished = finished
    return reward


def answer_reward(questions):
    """Return the reward function of code verification: 1 for the right label, else 0; nothing is executed."""
    labels = {row["id"]: row["label"] for row in questions}

    def reward(completions, problem, completion_ids=(), log_metric=None, **_):
        record.count(generated_tokens=sum(map(len, completion_ids)))
        texts = [said(answer) for answer in completions]
        verdicts = [verdict_of(text, labels[key]) for text, key in zip(texts, problem)]
        if log_metric:
            log_metric("said_correct", sum(answer_of(text) == CORRECT for text in texts) / len(verdicts))
            log_metric("verdict/NC", verdicts.count("NC") / len(verdicts))
        return [float(verdict == "OK") for verdict in verdicts]

    return reward
