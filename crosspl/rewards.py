"""Rewards by execution: 1 when a program passes its tests, 0 when it does not, None when the judge could not tell.

In: a judge and the problems of the RL split. Out: a TRL reward function, called once per generation batch; it logs the
shares of verdicts and of answers in another PL than the one asked for, among the judge's PLs. A judge error is
never a reward: TRL leaves None out of the group's statistics.
"""

from crosspl import record
from crosspl.errors import UserError
from crosspl.problems import judge_row
from crosspl.prompts import extract_code
from crosspl.wrong_language import wrong_language


def execution_reward(judge, problems, language, tests, harness_reward=False):
    """Return the reward function for answers in `language`, judged on the first `tests` tests of their problem.

    A problem with a harness instead of tests is a UserError unless `harness_reward`: its asserts are in the box.
    """
    by_id = {problem["id"]: problem for problem in problems}
    for problem in problems:
        if not problem["tests"] and not harness_reward:
            raise UserError(
                f"problem {problem['id']}: only stdin/stdout tests can be a reward; an early exit(0) passes a harness."
                " To accept that, set rl.harness_reward: true"
            )

    def reward(completions, problem, completion_ids=(), log_metric=None, **_):
        record.count(generated_tokens=sum(map(len, completion_ids)))
        rows = [
            judge_row(by_id[key], language, extract_code(completion), str(number), tests)
            for number, (completion, key) in enumerate(zip(completions, problem))
        ]
        verdicts = [row["verdict"] for row in judge.judge(rows, stop_on_first_failure=True)]
        if log_metric:
            for name in ("CE", "JE", "RE", "TLE", "WA"):
                log_metric(f"verdict/{name}", verdicts.count(name) / len(verdicts))
            log_metric("wrong_language_rate", sum(wrong_language(judge, rows, verdicts)) / len(rows))
        return [None if verdict == "JE" else float(verdict == "OK") for verdict in verdicts]

    return reward
