"""A server that speaks as much of the Hugging Face hub's protocol as a download of a data set needs.

In: the files of one data set at one commit. Out: an endpoint for HF_ENDPOINT; the requests that came; ways to fail.
Source of the protocol: huggingface_hub 2.4 (hf_api.list_repo_tree, file_download.http_get, utils._http).
"""

import contextlib
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hub:
    """files: {path: bytes}; kind: datasets or models. gated: 401 as for a data set whose terms were not accepted.

    breaks: connections that end in the middle of a file, so many; silent: then no byte comes any more.
    """

    def __init__(self, name, commit, files, kind="datasets"):
        self.name, self.commit, self.files, self.kind = name, commit, files, kind
        self.gated, self.breaks, self.silent, self.requests = False, 0, False, []

    def ranges(self):
        """Return the byte ranges that were asked for."""
        return [asked for method, _, asked in self.requests if method == "GET" and asked]

    def paths(self):
        return [path for method, path, _ in self.requests if method == "GET"]


def handler_of(hub):
    """Return the class that answers for one hub."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_HEAD(self):
            self.answer(False)

        def do_GET(self):
            self.answer(True)

        def answer(self, body):
            path = self.path.partition("?")[0]
            hub.requests.append((self.command, path, self.headers.get("Range")))
            tree = re.fullmatch(rf"/api/{hub.kind}/{hub.name}/tree/(\w+)", path)
            place = f"/datasets/{hub.name}" if hub.kind == "datasets" else f"/{hub.name}"  # models are at the top
            file = re.fullmatch(rf"{place}/resolve/(\w+)/(.+)", path)
            found = tree or file
            if hub.gated:
                return self.refuse(401, "GatedRepo")
            if not found:
                return self.refuse(404, "RepoNotFound")
            if found[1] != hub.commit:
                return self.refuse(404, "RevisionNotFound")
            if tree:
                return self.send(200, json.dumps(entries(hub.files)).encode(), {"Content-Type": "application/json"})
            if file[2] not in hub.files:
                return self.refuse(404, "EntryNotFound")
            self.send_file(hub.files[file[2]], body)

        def refuse(self, status, code):
            self.send(status, b"{}", {"X-Error-Code": code, "X-Error-Message": code})

        def send_file(self, data, body):
            start = int(re.match(r"bytes=(\d+)-", self.headers.get("Range") or "bytes=0-")[1])
            headers = {"ETag": f'"{oid(data)}"', "X-Repo-Commit": hub.commit, "Accept-Ranges": "bytes"}
            if start:
                headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            self.send(206 if start else 200, data[start:], headers, body)

        def send(self, status, data, headers, body=True):
            cut = len(data)
            if status in (200, 206) and "ETag" in headers and body and hub.breaks:
                hub.breaks -= 1
                cut = 0 if hub.silent else len(data) // 2
                hub.silent = hub.silent or hub.silent is None
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(data))}).items():
                self.send_header(name, value)
            self.end_headers()
            if body and self.command == "GET":
                self.wfile.write(data[:cut])
            if cut < len(data):
                self.close_connection = True

    return Handler


def oid(data):
    """Return git's name of a file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def entries(files):
    """Return the listing of a data set."""
    return [{"type": "file", "path": path, "size": len(data), "oid": oid(data)} for path, data in files.items()]


@contextlib.contextmanager
def serving(hub):
    """Yield the endpoint of a hub that answers until the end of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(hub))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
