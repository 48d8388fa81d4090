"""An endpoint that misbehaves in every way: what is asked again and what not, what is counted, what is said of it."""

import datetime
import email.utils
import socket
import threading
import time
from collections import Counter

import pytest
from teacher_server import Reply, completion, serving, taught
from teaching import CALLS, SETTINGS

from crosspl.errors import UserError
from crosspl.teacher.answers import key_of
from crosspl.teacher.calls import Again, Pace, Question, ask_all
from crosspl.teacher.endpoint import endpoint, retry_after

SAMPLING = {name: SETTINGS[name] for name in ("temperature", "top_p", "max_tokens", "seed", "extra")}
SLOW = threading.Event()  # never set while a test runs


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def questions(count):
    made = []
    for number in range(count):
        text = f"Solve a problem in Lua.\n\nPrint {number + 2} a + b."
        asked = {"model": "m", "messages": [{"role": "user", "content": text}], "sampling": SAMPLING, "sample": 0}
        made.append(Question(key_of(**asked), asked, "solve"))
    return made


def ask(folder, url, count=4, **calls):
    """Return (answers, counts) of some questions."""
    calls, counts = CALLS | {"base_url": url} | calls, {"solve": Counter()}
    answers = ask_all(questions(count), endpoint("m", SAMPLING, calls), folder, calls, counts, "asking")
    return answers, +counts["solve"]


def first(reply, times=1):
    """Reply so to the first requests, then well."""
    return lambda number, body: reply if number <= times else taught(number, body)


def hang(handler):
    SLOW.wait(3)


def drip(handler):
    """Send byte after byte, each in time, until the other side has had enough."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    try:
        while not SLOW.wait(0.02):
            handler.wfile.write(b" ")
    except OSError:
        pass


def reset(handler):
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    handler.connection.close()
    handler.wfile = handler.rfile = open("/dev/null", "r+b")  # noqa: SIM115  (the server flushes it)


ONCE = {  # what the first two requests bring: a reply, the kind of trouble
    "429": (Reply(429, b'{"error": {"message": "slow down"}}', {"Retry-After": "0"}), "rate_limited"),
    "429 without Retry-After": (Reply(429, b"{}"), "rate_limited"),
    "429 with nonsense": (Reply(429, b"{}", {"Retry-After": "soon"}), "rate_limited"),
    "500": (Reply(500, b"oh"), "server_errors"),
    "503 with Retry-After": (Reply(503, b"", {"Retry-After": "0.01"}), "server_errors"),
    "529": (Reply(529, b"\xff\xfe"), "server_errors"),
    "never": (hang, "timeouts"),
    "drips": (drip, "timeouts"),
    "closes": (lambda handler: None, "broken"),
    "resets": (reset, "broken"),
    "truncated": (Reply(200, completion("x")[:-9], {}, 999), "broken"),
    "half JSON": (Reply(200, completion("x")[:-9]), "malformed"),
    "HTML": (Reply(200, b"<html>Login</html>"), "malformed"),
    "not UTF-8": (Reply(200, b"\xff\xfe\xff"), "malformed"),
    "nothing": (Reply(200, b""), "malformed"),
    "a list": (Reply(200, b"[]"), "malformed"),
    "error of status 200": (Reply(200, b'{"error": {"message": "overloaded"}}'), "malformed"),
    "no choices": (Reply(200, b'{"choices": []}'), "malformed"),
    "choices null": (Reply(200, b'{"choices": null}'), "malformed"),
    "no content": (Reply(200, completion(None)), "malformed"),
    "tool call": (Reply(200, completion(None, "tool_calls")), "malformed"),
    "content is a number": (Reply(200, completion(3)), "malformed"),
}


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize("name", ONCE)
def test_what_may_pass_is_asked_again(tmp_path, name, concurrency):
    reply, kind = ONCE[name]
    timeout = 0.3 if kind == "timeouts" else 20
    with serving(first(reply, 2)) as server:
        answers, counts = ask(tmp_path, server.url, concurrency=concurrency, timeout_s=timeout)
        assert len(answers) == 4 and len(server.requests) == 6
        assert counts == {"asked": 4, kind: 2}
        assert all(answer["text"].startswith("Of course") for answer in answers.values())
    answers, counts = ask(tmp_path, server.url)  # the server is gone
    assert len(answers) == 4 and counts == {"asked": 4, "from_cache": 4}


KEPT = {  # answers that are answers, but no programs
    "cut off": (completion("```lua\nprint(1)", "length"), "length"),
    "all of it reasoning": (completion(None, "length"), "length"),
    "filtered": (completion(None, "content_filter"), "content_filter"),
    "filtered half way": (completion("pri", "content_filter"), "content_filter"),
    "refused": (completion(None, "stop", refusal="I will not"), "content_filter"),
}


@pytest.mark.parametrize("name", [name for name in KEPT if name != "refused"])
def test_answers_that_are_no_programs_are_kept(tmp_path, name):
    body, finish = KEPT[name]
    with serving(first(Reply(200, body))) as server:
        for requests in (4, 4):
            answers, _ = ask(tmp_path, server.url)
            assert sorted(answer["finish"] for answer in answers.values()) == sorted([finish] + ["stop"] * 3)
            assert len(server.requests) == requests


def test_a_refusal_is_filtered(tmp_path):
    body = completion("", "stop", refusal="I will not")
    with serving(first(Reply(200, body))) as server:
        answers, _ = ask(tmp_path, server.url)
        assert [answer["finish"] for answer in answers.values()].count("content_filter") == 1


def test_refused_questions_are_left_out_and_counted(tmp_path):
    with serving(first(Reply(400, b'{"error": {"message": "maximum context length is 10"}}'))) as server:
        answers, counts = ask(tmp_path, server.url)
        assert len(answers) == 3 and counts == {"asked": 4, "refused": 1}
    with serving(first(Reply(422, b"no such field: seed"), 99)) as server:
        with pytest.raises(UserError, match=r"422: no such field: seed.* 3 of 12 answers are kept"):
            ask(tmp_path, server.url, 12)
        assert len(server.requests) == 5, "it would go on like this"


def test_too_many_without_an_answer(tmp_path):
    def one_never(number, body):
        return Reply(500, b"") if "Print 3 a" in body["messages"][0]["content"] else taught(number, body)

    with serving(one_never) as server:
        with pytest.raises(UserError, match=r"1 of 4 questions got no answer .*run again to ask these alone"):
            ask(tmp_path, server.url)
        answers, counts = ask(tmp_path, server.url, most_failed=0.25)
        assert len(answers) == 3
        assert counts == {"asked": 4, "from_cache": 3, "server_errors": 3, "given_up": 1}


ENDS = {  # reply from the third request on, what the user is told
    "401": (Reply(401, b"wrong key sk-own"), r"401: wrong key \[key\]: set the right key"),
    "404": (Reply(404, b"no model m"), r"404: no model m: mend teacher\.model or teacher\.calls\.base_url"),
    "redirect": (Reply(302, b"", {"Location": "http://127.0.0.1:9/v1"}), r"sends us elsewhere \(302\)"),
    "wait": (Reply(429, b"quota", {"Retry-After": "3600"}), r"429: quota: it asks to wait 3600 s, .*longest_wait_s"),
    "always 500": (Reply(500, b"x" * 5000), r"answers 500: x{200}…\. 2 of 9 answers are kept"),
    "always closing": (lambda handler: None, r"broke off \(RemoteDisconnected\)\. 2 of 9"),
}


@pytest.mark.parametrize("name", ENDS)
def test_what_ends_the_run_keeps_what_was_answered(tmp_path, monkeypatch, name):
    monkeypatch.setenv("OWN_KEY", "sk-own")
    reply, said = ENDS[name]
    with serving(lambda number, body: taught(number, body) if number < 3 else reply) as server:
        with pytest.raises(UserError, match=said) as caught:
            ask(tmp_path, server.url, 9, key="OWN_KEY")
        assert "\n" not in str(caught.value) and "sk-own" not in str(caught.value)
    assert len(list(tmp_path.rglob("*.json"))) == 2
    with serving() as server:
        answers, counts = ask(tmp_path, server.url, 9)
        assert len(answers) == 9 and counts["from_cache"] == 2 and len(server.requests) == 7


@pytest.mark.parametrize("concurrency", [1, 4])
def test_nobody_there(tmp_path, concurrency):
    with serving() as server:
        pass
    started = time.monotonic()
    with pytest.raises(UserError, match=r"cannot be reached \(Connection refused\)\. 0 of 50 .* and run again"):
        ask(tmp_path, server.url, 50, concurrency=concurrency)
    assert time.monotonic() - started < 10
    with pytest.raises(UserError, match="cannot be reached"):
        ask(tmp_path, "http://nowhere.invalid/v1", 3)


def test_answers_on_their_way_are_kept_when_another_ends_the_run(tmp_path):
    all_there = threading.Barrier(3)

    def one_wrong(number, body):
        all_there.wait(20)
        return Reply(401, b"") if number == 2 else taught(number, body)

    with serving(one_wrong) as server, pytest.raises(UserError, match="401"):
        ask(tmp_path, server.url, 3, concurrency=3)
    assert len(list(tmp_path.rglob("*.json"))) == 2


@pytest.mark.parametrize("concurrency", [1, 5])
def test_never_more_at_a_time(tmp_path, concurrency):
    lock, now, most = threading.Lock(), [0], [0]

    def counting(number, body):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        text = taught(number, body)
        with lock:
            now[0] -= 1
        return text

    with serving(counting) as server:
        ask(tmp_path, server.url, 40, concurrency=concurrency)
    assert most[0] <= concurrency


def test_rate():
    """Slots are a rate apart however many wait for them; a stop ends the wait."""
    pace, stop, times = Pace(200), threading.Event(), []
    started = time.monotonic()
    threads = [threading.Thread(target=lambda: (pace.wait(stop), times.append(time.monotonic()))) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(late - started > number / 200 - 0.001 for number, late in enumerate(sorted(times)))
    stop.set()
    slow = Pace(0.001)
    slow.wait(stop)
    slow.wait(stop)  # would be 1000 s


def test_retry_after():
    now = datetime.datetime.now(datetime.UTC)
    assert retry_after(email.utils.format_datetime(now + datetime.timedelta(seconds=90))) == pytest.approx(90, abs=3)
    assert retry_after(email.utils.format_datetime(now - datetime.timedelta(seconds=90))) == 0
    assert [retry_after(text) for text in ("7", "0.5", "-3", None, "soon", "")] == [7, 0.5, 0, None, None, None]


def test_a_program_error_is_not_taken_for_trouble(tmp_path):
    """What nobody foresaw keeps its traceback."""
    calls, counts = CALLS | {"concurrency": 2}, {"solve": Counter()}
    with pytest.raises(ZeroDivisionError):
        ask_all(questions(5), lambda messages, sample: 1 / 0, tmp_path, calls, counts, "asking")
    assert issubclass(Again, Exception) and not issubclass(Again, UserError)
