"""Data sets from the hub, by the command, through the real client from a real server: whole, broken off, refused."""

import json

import pytest
from hub_server import Hub, serving
from test_bad_input import message
from test_import_livecodebench import row
from workflow_run import ROOT, command, environment

from crosspl.importers import livecodebench
from crosspl.io import read_rows

COMMIT, OTHER = "a" * 39 + "1", "b" * 40
NOWHERE = "http://127.0.0.1:9"  # the port of `discard`: nothing listens


@pytest.fixture
def hub():
    lines = ["".join(json.dumps(row(n)) + "\n" for n in numbers).encode() for numbers in ([0, 1], [2])]
    files = {"test.jsonl": lines[0], "test2.jsonl": lines[1], "README.md": b"# A card", "images/a.png": b"png"}
    return Hub(livecodebench.HUB, COMMIT, files)


@pytest.fixture
def fetch(tmp_path):
    """Return a function that imports from an endpoint; the hub's cache and what is written are kept between calls."""

    def run(endpoint, revision=COMMIT, **more):
        names = ("HF_TOKEN", "HF_HUB_OFFLINE", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY")
        env = {name: value for name, value in environment().items() if name not in names}
        env |= {
            "HF_ENDPOINT": endpoint,
            "HF_HOME": str(tmp_path / "cache"),
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            **more,
        }
        return command(ROOT, "import_problems", "--source", "livecodebench", "--revision", revision, "--output",
                       tmp_path / "out", env=env)  # fmt: skip

    return run


def imported(tmp_path):
    path = tmp_path / "out/problems.jsonl.gz"
    return [(row["id"], row["revision"]) for row in read_rows(path)] if path.exists() else []


def test_a_data_set_is_fetched_once(tmp_path, hub, fetch):
    """Only the files that the importer reads; the second time nothing, also without a network."""
    with serving(hub) as endpoint:
        done = fetch(endpoint)
        assert done.returncode == 0, done.stderr
        asked = [path.rpartition("/")[2] for path in hub.paths() if "/resolve/" in path]
        assert sorted(asked) == ["test.jsonl", "test2.jsonl"]
        wanted = imported(tmp_path)
        assert len(wanted) == 3 and {revision for _, revision in wanted} == {COMMIT}
    for more in ({}, {"HF_HUB_OFFLINE": "1"}):
        (tmp_path / "out/problems.jsonl.gz").unlink()
        done = fetch(NOWHERE, **more)
        assert done.returncode == 0, done.stderr
        assert imported(tmp_path) == wanted


def test_a_connection_that_breaks_is_taken_up_where_it_was(tmp_path, hub, fetch):
    """The client keeps what came in whole chunks, of 10 MiB."""
    hub.files = {"test.jsonl": hub.files["test.jsonl"] + b" " * (24 << 20) + b"\n"}
    hub.breaks = 1
    with serving(hub) as endpoint:
        done = fetch(endpoint)
    assert done.returncode == 0, done.stderr
    assert hub.ranges() == [f"bytes={10 << 20}-"]
    assert len(imported(tmp_path)) == 2


def test_a_connection_that_stays_broken_is_an_error_and_then_goes_on(tmp_path, hub, fetch):
    hub.breaks, hub.silent = 99, None  # half of a file, and then nothing any more
    with serving(hub) as endpoint:
        message(fetch(endpoint), livecodebench.HUB, COMMIT, "cannot be fetched", "Try again", "--from")
        assert not (tmp_path / "out").exists()
        hub.breaks, hub.requests = 0, []
        done = fetch(endpoint)
    assert done.returncode == 0, done.stderr
    assert len(imported(tmp_path)) == 3


@pytest.mark.parametrize(
    "change, revision, said",
    [
        ({"gated": True}, COMMIT, ["gated", "Accept its terms", "hf auth login"]),
        ({}, OTHER, [OTHER, "no such commit"]),
        ({"name": "somebody/else"}, COMMIT, ["not there", "hf auth login"]),
        ({"files": {"README.md": b"# moved"}}, COMMIT, ["no files like test*.jsonl"]),
        ({}, "main", ["--revision", "40 hex digits"]),
    ],
)
def test_refusals(tmp_path, hub, fetch, change, revision, said):
    vars(hub).update(change)
    with serving(hub) as endpoint:
        message(fetch(endpoint, revision), livecodebench.HUB, *said)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("more, said", [({}, "cannot be reached"), ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set")])
def test_no_network_and_no_cache(fetch, more, said):
    message(fetch(NOWHERE, **more), livecodebench.HUB, said, "--from")
