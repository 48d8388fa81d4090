"""Ask a teacher many questions: several at a time, no faster than allowed, again after what may pass.

In: questions, a teacher, settings {"concurrency", "rate", "tries", "backoff_s", "longest_wait_s", "most_failed"}, the
folder of answers. Out: an answer or None per question, and counts of what happened. An answer is kept before its worker
asks anything else.
"""

import contextlib
import queue
import random
import threading
import time
from typing import NamedTuple

from crosspl import record
from crosspl.errors import Interrupted, UserError
from crosspl.progress import Progress
from crosspl.teacher.answers import keep, kept

IN_A_ROW = 5  # questions that got no answer, with none between that did: it would be so with the others
TROUBLE = ("unreachable", "rate_limited", "server_errors", "timeouts", "broken", "malformed")


class Again(Exception):
    """No answer this time. kind: one of TROUBLE; said: what happened, with the address; wait: seconds, if asked for."""

    def __init__(self, kind, said, wait=None):
        super().__init__(said)
        self.kind, self.said, self.wait = kind, said, wait


class Refused(Exception):
    """This question will not be answered: too long, or not liked."""


class Question(NamedTuple):
    """key: crosspl.teacher.answers.key_of; asked: what it is of; what: the row of the table that it counts in."""

    key: str
    asked: dict
    what: str


class Outcome(NamedTuple):
    """What came of one question: an answer or None, kinds of trouble, the last trouble in words, whether refused."""

    answer: dict | None
    trouble: list
    said: str = ""
    refused: bool = False


def ask_all(questions, ask, folder, calls, counts, title):
    """Return {key: answer} of the questions that are answered; equal questions are asked once.

    counts: {what: Counter}. UserError when the teacher cannot be reached, wants nobody, or leaves too many unanswered.
    """
    questions = list({question.key: question for question in questions}.values())
    answers = {question.key: answer for question in questions if (answer := kept(folder, question.key))}
    for question in questions:
        counts[question.what].update(asked=1, from_cache=question.key in answers)
    missing = [question for question in questions if question.key not in answers]
    row = unanswered = 0
    progress = Progress(title, len(missing))
    with contextlib.closing(outcomes(missing, ask, folder, calls)) as found:
        for done, (question, outcome) in enumerate(found, 1):
            count(counts[question.what], outcome)
            progress.update(done)
            row = 0 if outcome.answer else row + 1
            unanswered += not outcome.answer and not outcome.refused
            if outcome.answer:
                answers[question.key] = outcome.answer
            elif row == IN_A_ROW or outcome.trouble[-1:] == ["unreachable"]:
                raise stopped(outcome.said, len(answers), len(questions))
    if unanswered > calls["most_failed"] * len(questions):
        raise UserError(
            f"{unanswered} of {len(questions)} questions got no answer (teacher.calls.most_failed: "
            f"{calls['most_failed']}); run again to ask these alone"
        )
    return answers


def count(counter, outcome):
    """Add what came of a question."""
    counter.update(outcome.trouble)
    counter.update(refused=outcome.refused, given_up=not (outcome.answer or outcome.refused))
    record.count(generated_tokens=(outcome.answer or {}).get("tokens") or 0)


def stopped(said, done, total):
    return UserError(f"{said}. {done} of {total} answers are kept: start or mend the endpoint and run again")


def outcomes(questions, ask, folder, calls):
    """Yield (question, Outcome) in the order in which they come; leaving the generator ends the workers."""
    stop, pace = threading.Event(), Pace(calls["rate"])

    def work(question):
        return question, outcome_of(question, ask, folder, calls, pace, stop)

    if calls["concurrency"] == 1:  # in this thread, which a signal can interrupt
        yield from map(work, questions)
        return
    todo, done = queue.SimpleQueue(), queue.SimpleQueue()
    for question in questions:
        todo.put(question)
    size = min(calls["concurrency"], len(questions))
    threads = [threading.Thread(target=worker, args=(work, todo, done, stop), daemon=True) for _ in range(size)]
    for thread in threads:
        thread.start()
    try:
        for _ in questions:
            found = done.get()
            if isinstance(found, BaseException):
                raise found
            yield found
    except (Exception, GeneratorExit) as error:
        stop.set()
        for thread in threads if not isinstance(error, Interrupted) else ():
            thread.join()  # what is being answered was paid for; who is told to stop has no time for it
        raise


def worker(work, todo, done, stop):
    """Work off a queue; an exception goes to whoever reads the results."""
    while not stop.is_set():
        try:
            done.put(work(todo.get_nowait()))
        except queue.Empty:
            return
        except BaseException as error:
            done.put(error)
            return


def outcome_of(question, ask, folder, calls, pace, stop):
    """Ask one question until there is an answer, at most `tries` times."""
    trouble, said = [], ""
    for attempt in range(calls["tries"]):
        pace.wait(stop)
        if stop.is_set():
            break
        try:
            answer = ask(question.asked["messages"], question.asked["sample"])
            return Outcome(keep(folder, question.key, question.asked, answer), trouble)
        except Refused as error:
            return Outcome(None, trouble, str(error), True)
        except Again as error:
            trouble, said = [*trouble, error.kind], error.said
            if attempt + 1 < calls["tries"]:
                stop.wait(pause(attempt, error, calls))
    return Outcome(None, trouble, said)


def pause(attempt, error, calls):
    """Return how many seconds to wait: what was asked for, else twice as long each time; never the same for all."""
    longest = calls["longest_wait_s"]
    if error.wait is not None:
        if error.wait > longest:
            raise UserError(
                f"{error.said}: it asks to wait {error.wait:.0f} s, more than teacher.calls.longest_wait_s "
                f"({longest}); run again then, what was answered is kept"
            )
        return error.wait + random.uniform(0, calls["backoff_s"])
    return random.uniform(0.5, 1) * min(longest, calls["backoff_s"] * 2**attempt)


class Pace:
    """Lets at most `rate` questions begin per second; None: as many as there are."""

    def __init__(self, rate):
        self.gap, self.next, self.lock = 1 / rate if rate else 0.0, 0.0, threading.Lock()

    def wait(self, stop):
        """Return when the next question may begin, or when `stop` is set."""
        with self.lock:
            begin = max(time.monotonic(), self.next)
            self.next = begin + self.gap
        stop.wait(begin - time.monotonic())
