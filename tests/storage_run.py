"""Run the workflow with its results in object storage: in the environment of `make plugins`, on a real local S3 server.

In: a tree, options. Out: finished processes, and what is in the bucket.
"""

import os
import subprocess
from contextlib import contextmanager

import pytest
from workflow_run import ROOT, SMOKE, environment

PYTHON = ROOT / ".venv-plugins/bin/python"
BUCKET = "bucket"  # names have three letters or more
KEYS = {"SNAKEMAKE_STORAGE_S3_ACCESS_KEY": "test", "SNAKEMAKE_STORAGE_S3_SECRET_KEY": "test"}
SERVER = """
import boto3, sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
server.start()
url = "http://%s:%s" % server.get_host_and_port()
keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
client = boto3.client("s3", endpoint_url=url, **keys)
client.create_bucket(Bucket="bucket")
print(url, flush=True)
for line in sys.stdin:  # what the tests ask about the bucket
    verb, key = line.split()
    if verb == "delete":
        client.delete_object(Bucket="bucket", Key=key)
        print("deleted", flush=True)
    elif verb == "get":
        print(client.get_object(Bucket="bucket", Key=key)["Body"].read().hex(), flush=True)
    else:
        found = client.list_objects_v2(Bucket="bucket", Prefix=key).get("Contents", [])
        print(*(one["Key"] for one in found), flush=True)
"""


@contextmanager
def s3_server():
    """Yield a function that sends a command to a new S3 server, and the server's address."""
    if not PYTHON.exists():
        pytest.skip("needs the plugins for object storage: make plugins")
    process = subprocess.Popen(
        [PYTHON, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    url = next(line.strip() for line in process.stdout if line.startswith("http:"))

    def ask(verb, key):
        process.stdin.write(f"{verb} {key}\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    try:
        yield ask, url
    finally:
        process.terminate()
        process.wait()


def snakemake(tree, *options, **more):
    """Run Snakemake with the plugins to its end."""
    found = environment(**KEYS, **more)
    found["PATH"] = f"{PYTHON.parent}{os.pathsep}{found['PATH']}"
    argv = [PYTHON, "-m", "snakemake", *options, "--configfile", SMOKE]
    return subprocess.run(argv, cwd=tree, env=found, capture_output=True, text=True, timeout=900)
