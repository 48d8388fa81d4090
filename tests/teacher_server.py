"""A real HTTP server that speaks the chat-completions protocol, and misbehaves where it is told to.

In: a function of (number of the request, body) that says how to reply: a text is a well-formed answer, a Reply is sent
as it is, a function is called with the handler. Out: its address; all requests, and those answered to the end.
"""

import contextlib
import http.server
import json
import re
import threading
from typing import NamedTuple

PROGRAMS = {  # of the problem "Print K a + b."
    "Lua": ["local a, b = io.read('n', 'n')\nprint({k} * a + b)",
            "local s = io.read('n') * {k}\nprint(s + io.read('n'))"],
    "Python": ["a, b = map(int, input().split())\nprint({k} * a + b)"],
}  # fmt: skip


class Reply(NamedTuple):
    """What is sent: status, body, headers; a longer announced length than the body's is a broken connection."""

    status: int
    body: bytes
    headers: dict | None = None
    length: int | None = None


class Server(NamedTuple):
    """A running server: its base URL, all requests (body, headers), the bodies of those that were answered."""

    url: str
    requests: list
    answered: list


def completion(text, finish="stop", **message):
    """Return the body of a chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}
    return json.dumps({"object": "chat.completion", "model": "stand-in-1", "choices": [choice],
                       "usage": {"completion_tokens": 7}}).encode()  # fmt: skip


def taught(number, body):
    """Reply as a model would that knows the answer: with comments to a program, else a program in the PL asked for."""
    asked = body["messages"][-1]["content"]
    everything = " ".join(message["content"] for message in body["messages"])
    if asked.startswith("Explain"):
        return f"Here it is:\n```python\n# multiplies and adds\n{PROGRAMS['Python'][0]}\n```\n"
    target = re.search(r"(?:to|in) (Lua|Python)", asked)[1]
    k = re.search(r"Print (\d+) a \+ b", everything)[1]
    texts = PROGRAMS[target]
    code = texts[body.get("seed", 0) % len(texts)].replace("{k}", k)
    return f"Of course.\n\n```{target.lower()}\n{code}\n```\n\nIt multiplies."


@contextlib.contextmanager
def serving(how=taught):
    """Serve on a free port of this machine until the block ends."""
    server, lock = Server("", [], []), threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                server.requests.append((body, dict(self.headers)))
                number = len(server.requests)
            assert self.path == "/v1/chat/completions"
            reply = how(number, body)
            if callable(reply):
                reply(self)
                self.close_connection = True
                return
            good = isinstance(reply, str)
            reply = Reply(200, completion(reply)) if good else reply
            self.send_response(reply.status)
            for name, value in (reply.headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body) if reply.length is None else reply.length))
            self.end_headers()
            with lock:  # before the last byte: whoever has the answer finds it here
                server.answered.extend([json.dumps(body, sort_keys=True)] * (reply.status == 200))
            self.wfile.write(reply.body)
            self.close_connection = reply.length is not None

        def log_message(self, *_):
            pass

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server._replace(url=f"http://127.0.0.1:{listening.server_port}/v1")
    finally:
        listening.shutdown()
        listening.server_close()
