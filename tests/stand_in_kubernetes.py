"""A stand-in for the API of Kubernetes: it takes jobs and secrets, and runs each job's container here in a new folder.

In: a folder for the pods, the folders behind persistent volumes, the PATH of the image. Out: the server's address, and
the jobs that it was given. What a pod has is what its job says: its command, its environment from secrets, its volumes.
"""

import base64
import http.server
import json
import os
import re
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{{name: stand-in, cluster: {{server: "{url}"}}}}]
contexts: [{{name: stand-in, context: {{cluster: stand-in, user: test}}}}]
users: [{{name: test, user: {{token: test}}}}]
current-context: stand-in
"""


@contextmanager
def cluster(folder, claims, path):
    """Yield the path of a kubeconfig and the list of jobs; `claims` maps persistent volumes to folders."""
    jobs, pods, secrets = [], {}, {}

    def start(job):
        jobs.append(job)
        spec = job["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        pod = folder / job["metadata"]["name"]
        pod.mkdir()
        for mount in container["volumeMounts"]:
            place = pod / Path(mount["mountPath"]).relative_to(container["workingDir"])
            if mount["name"] in claims:
                place.symlink_to(claims[mount["name"]])
        found = {one["name"]: secrets[one["valueFrom"]["secretKeyRef"]["key"]] for one in container["env"]}
        with open(pod.with_suffix(".log"), "w") as log:
            pods[pod.name] = subprocess.Popen(
                [*container["command"], *container["args"]], cwd=pod, stdout=log, stderr=log,
                env={"PATH": path, "HOME": str(pod)} | found,
            )  # fmt: skip

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self):
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
            found = body
            if self.command == "POST" and self.path.endswith("/secrets"):
                secrets.update({key: base64.b64decode(value).decode() for key, value in body["data"].items()})
            elif self.command == "POST" and self.path.endswith("/jobs"):
                start(body)
            elif name := re.search(r"/jobs/([^/]+)/status$", self.path):
                status = pods[name[1]].poll()
                found = {"status": {"succeeded": int(status == 0), "failed": int(status not in (None, 0))}}
            elif "/pods" in self.path:
                found = {"items": []}
            data = json.dumps(found).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = folder / "kubeconfig"
    config.write_text(KUBECONFIG.format(url=f"http://127.0.0.1:{server.server_port}"))
    try:
        yield config, jobs
    finally:
        server.shutdown()
        for pod in pods.values():
            pod.kill()
            pod.wait()


def image(folder, python):
    """Return the PATH of an image that has `python` and all that pods would install."""
    folder.mkdir()
    (folder / "pip").write_text("#!/bin/sh\n# all is there already\n")
    (folder / "pip").chmod(0o755)
    return os.pathsep.join([str(folder), str(python.parent), "/usr/local/bin", "/usr/bin", "/bin"])
