"""A teacher behind a real HTTP server: what is asked, what becomes of the answers, kills, other processes, rules."""

import json
import secrets
import signal
import subprocess
import threading
from collections import Counter

import pytest
import yaml
from teacher_server import PROGRAMS, serving, taught
from teaching import files, problem, program, run, settings, start
from test_bad_input import message
from workflow_run import SMOKE, copy_repository, snakemake

from crosspl.io import read_csv, read_rows
from crosspl.judge.client import Judge
from crosspl.problems import judge_row


@pytest.fixture
def server():
    with serving() as found:
        yield found


def table(folder, language="lua"):
    """The table's rows by prompt, numbers as numbers."""
    rows = read_csv(folder / f"{language}.csv")
    return {row["prompt"]: {name: int(row[name]) for name in list(row)[2:]} for row in rows}


def test_which_programs_are_asked_for_and_what_becomes_of_them(tmp_path, server):
    problems = [*(problem(n) for n in range(4)), problem(4, split="eval"), problem(5), problem(6)]
    programs = [program(0), program(0, name="b"), program(1), program(1, "lua"), program(2, "lua", verdict="WA"),
                program(2, verdict="WA"), program(3, claimed="rejected"), program(4), program(5), program(9),
                program(5, "lua", claimed="rejected"), program(6, "perl")]  # fmt: skip
    files(tmp_path, problems, programs)
    done = run(tmp_path, settings(server.url))
    assert done.returncode == 0, done.stderr
    rows = read_rows(tmp_path / "lua.jsonl.gz")
    assert [(row["problem"], row["prompt"], row["sample"], row["translated_from"]) for row in rows] == [
        ("own/0", "translate", 0, "own/0/python/a"), ("own/0", "translate", 1, "own/0/python/b"),
        ("own/2", "solve", 0, None), ("own/3", "solve", 0, None),
        ("own/5", "translate", 0, "own/5/python/a"), ("own/5", "translate", 1, "own/5/python/a"),
        ("own/6", "solve", 0, None),
    ]  # fmt: skip
    assert {(row["claimed"], row["teacher"], row["language"], row["source"]) for row in rows} == {
        ("unverified", "stand-in", "lua", "teacher")
    }
    assert [row["license"] for row in rows][:3] == ["CC0-1.0", "CC0-1.0", "CC-BY-4.0"]
    assert len({row["id"] for row in rows}) == len(rows) == len(server.requests)
    found = table(tmp_path)
    assert found["translate"]["asked"] == found["translate"]["answered"] == found["translate"]["extracted"] == 4
    assert found["solve"]["asked"] == 3 and found["translate"]["distinct"] in (2, 3, 4)
    with Judge(["lua"], jobs=1, work=tmp_path / "judge") as judge:
        verdicts = judge.judge(
            [judge_row(problems[int(row["problem"][4:])], "lua", row["code"], row["id"]) for row in rows]
        )
    assert {row["verdict"] for row in verdicts} == {"OK"}


def test_what_is_sent(tmp_path, server):
    files(tmp_path, [problem(0), problem(1)], [program(0, code="print('```')\n")])
    made = settings(server.url, calls={"key": "OWN_KEY"}, extra={"top_k": 3}, samples={"translate": 1})
    message(run(tmp_path, made), "OWN_KEY", "teacher.calls.key")
    done = run(tmp_path, made, OWN_KEY="sk-secret")
    assert done.returncode == 0, done.stderr
    (body, headers), (solving, _) = server.requests
    assert headers["Authorization"] == "Bearer sk-secret"
    [asked] = body["messages"]
    assert "````python\nprint('```')\n````" in asked["content"] and "Print 2 a + b. (0)" in asked["content"]
    assert "3\n" not in asked["content"], "the tests are not shown"
    assert "main.lua" in asked["content"] and "python" not in solving["messages"][0]["content"].lower()
    assert {name: body[name] for name in ("model", "temperature", "max_tokens", "top_k")} == {
        "model": "stand-in", "temperature": 0.8, "max_tokens": 200, "top_k": 3
    }  # fmt: skip
    assert "top_p" not in body and body["seed"] != solving["seed"]
    texts = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(texts) > 5 and not any(b"sk-secret" in text for text in [*texts, done.stderr.encode()])


def test_bridge(tmp_path, server):
    """First the program with comments, once for all samples and PLs, then the program in the target PL."""
    files(tmp_path, [problem(0), problem(1)], [program(0), program(1)])
    made = settings(server.url, samples={"translate": 0, "bridge": 3}, calls={"concurrency": 4})
    done = run(tmp_path, made)
    assert done.returncode == 0, done.stderr
    conversations = [body["messages"] for body, _ in server.requests]
    assert [len(messages) for messages in conversations] == [1] * 2 + [3] * 6
    assert all("# multiplies" in messages[1]["content"] for messages in conversations[2:])
    assert all(messages[0] in (conversations[0][0], conversations[1][0]) for messages in conversations[2:])
    assert table(tmp_path)["comment"]["answered"] == 2 and table(tmp_path)["bridge"]["extracted"] == 6
    assert len(read_rows(tmp_path / "lua.jsonl.gz")) == 6


def test_nothing_is_asked_twice(tmp_path, server):
    files(tmp_path, [problem(n) for n in range(5)], [program(n) for n in range(5)])
    made = settings(server.url, calls={"concurrency": 3})
    assert run(tmp_path, made).returncode == 0
    first, asked = (tmp_path / "lua.jsonl.gz").read_bytes(), len(server.requests)
    with serving() as elsewhere:  # where the model is reached does not matter
        assert run(tmp_path, settings(elsewhere.url, calls={"concurrency": 2, "tries": 1})).returncode == 0
        assert elsewhere.requests == [] and (tmp_path / "lua.jsonl.gz").read_bytes() == first
        assert table(tmp_path)["translate"]["from_cache"] == table(tmp_path)["translate"]["answered"] == 10
        assert run(tmp_path, settings(elsewhere.url, samples={"translate": 3})).returncode == 0
        assert len(elsewhere.requests) == 5, "one more sample of each"
    for change in ({"model": "other"}, {"temperature": 0.9}, {"seed": 6}, {"max_tokens": 9}, {"extra": {"a": 1}}):
        assert run(tmp_path, settings(server.url, **change)).returncode == 0
        assert len(server.requests) == asked + 10, change
        asked += 10
    damaged = sorted((tmp_path / "answers").rglob("*.json"))[0]
    damaged.write_bytes(damaged.read_bytes()[:50])
    for sample in (made, settings(server.url, samples={"translate": 3})):
        done = run(tmp_path, sample)
        assert done.returncode == 0, done.stderr
    assert len(server.requests) <= asked + 1


@pytest.mark.parametrize("concurrency", [1, 3])
def test_killed_in_the_middle(tmp_path, concurrency):
    """kill -9 while answers are awaited: what was answered is not asked again, and the result is the same."""
    files(tmp_path, [problem(n) for n in range(6)], [program(n) for n in range(6)])
    arrived, gate = threading.Semaphore(0), threading.Event()

    def held(number, body):
        if number > 5:
            arrived.release()
            gate.wait()
        return taught(number, body)

    with serving(held) as server:
        made = settings(server.url, calls={"concurrency": concurrency})
        process = start(tmp_path, made)
        for _ in range(concurrency):  # all workers wait: none of them can have an answer in its hands
            assert arrived.acquire(timeout=60)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        early = list(server.answered)
        assert len(early) == 5 and not (tmp_path / "lua.jsonl.gz").exists()
        gate.set()
    with serving() as server:
        done = run(tmp_path, settings(server.url, calls={"concurrency": concurrency}))
        assert done.returncode == 0, done.stderr
        again = [json.dumps(body, sort_keys=True) for body, _ in server.requests]
        assert len(again) == 7 and not set(early) & set(again)
        whole = (tmp_path / "lua.jsonl.gz").read_bytes()
        (tmp_path / "other").mkdir()
        files(tmp_path / "other", [problem(n) for n in range(6)], [program(n) for n in range(6)])
        assert run(tmp_path / "other", settings(server.url)).returncode == 0
        assert (tmp_path / "other" / "lua.jsonl.gz").read_bytes() == whole


@pytest.mark.parametrize("concurrency", [1, 3])
def test_told_to_stop(tmp_path, concurrency):
    files(tmp_path, [problem(n) for n in range(6)], [program(n) for n in range(6)])
    arrived, gate = threading.Semaphore(0), threading.Event()

    def held(number, body):
        if number > 5:
            arrived.release()
            gate.wait()
        return taught(number, body)

    with serving(held) as server:
        process = start(tmp_path, settings(server.url, calls={"concurrency": concurrency}))
        for _ in range(concurrency):
            assert arrived.acquire(timeout=60)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
        gate.set()
    assert process.returncode == 75 and said.startswith("error: told to stop") and "Traceback" not in said
    assert len(list((tmp_path / "answers").rglob("*.json"))) == 5


def test_several_processes_at_once(tmp_path):
    """They agree on every answer, although the teacher says something else each time."""
    files(tmp_path, [problem(n) for n in range(8)], [program(n) for n in range(8)])

    def different(number, body):
        return taught(number, body).replace("print(", f"print({number} - {number} + ")

    with serving(different) as server:
        made = settings(server.url, calls={"concurrency": 2})
        folders = [tmp_path / name for name in "abc"]
        for folder in folders:
            folder.mkdir()
            files(folder, [problem(n) for n in range(8)], [program(n) for n in range(8)])
            (folder / "answers").symlink_to(tmp_path / "answers")
        (tmp_path / "answers").mkdir()
        processes = [start(folder, made) for folder in folders]
        for process in processes:
            _, said = process.communicate(timeout=120)
            assert process.returncode == 0, said
    written = {(folder / "lua.jsonl.gz").read_bytes() for folder in folders}
    assert len(written) == 1
    assert len(list((tmp_path / "answers").rglob("*"))) == 16 + len(list((tmp_path / "answers").iterdir()))


def test_settings_that_are_wrong(tmp_path, server):
    files(tmp_path, [problem(0)], [program(0)])
    message(run(tmp_path, settings(server.url) | {"wanted": 0}), "teacher.wanted", "0")
    message(run(tmp_path, settings("http://user:pass@host/v1")), "teacher.calls.base_url")
    message(run(tmp_path, settings(None)), "teacher.model", "stand-in", "base_url")
    message(run(tmp_path, settings(server.url, **{"from": ["klingon"]})), "klingon")
    assert server.requests == [] and not list(tmp_path.glob("lua*"))


def test_through_the_rules(tmp_path, server, monkeypatch):
    """Programs of a teacher join those of people: only what passes is right. The key is written nowhere."""
    key = f"sk-{secrets.token_hex(16)}"  # the tree holds this file
    monkeypatch.setenv("OWN_KEY", key)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    tree, own = copy_repository(tmp_path / "tree"), tmp_path / "own"
    own.mkdir()
    people = [program(n, claimed="accepted", source="own") for n in range(12)]
    codes = ["print('wrong')", *(PROGRAMS["Lua"][0].replace("{k}", str(n + 2)) for n in (1, 2, 3))]
    people += [program(n, "lua", claimed="accepted", source="own", code=code) for n, code in enumerate(codes)]
    for name, rows in (("problems", [problem(n) for n in range(12)]), ("programs", people)):
        (own / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    imported = {"format": "jsonl", "from": str(own), "revision": None, "seed": 1, "eval_from": None, "fewest_tests": 1,
                "shares": {"sft": 1, "rl": 0, "validation": 0, "eval": 0}, "most_tests": 9}  # fmt: skip
    config = {"languages": {"source": ["python"], "sft": ["python"], "unseen": ["lua"]},
              "problems": {"source": "imported", "imported": imported},
              "teacher": settings(server.url, into=["lua", "python"], calls={"key": "OWN_KEY"})}  # fmt: skip
    (tree / "own.yaml").write_text(yaml.safe_dump(config))
    targets = ["results/parallel_matrix.csv", "results/programs.csv"]
    done = snakemake(tree, *targets, configs=(SMOKE, "own.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert Counter(row["language"] for row in read_rows(tree / "results/teacher/lua.jsonl.gz")) == {"lua": 18}
    assert read_rows(tree / "results/teacher/python.jsonl.gz") == [], "all problems have a program in python"
    assert {headers["Authorization"] for _, headers in server.requests} == {f"Bearer {key}"}
    assert subprocess.run(["grep", "-rl", key, str(tree)], capture_output=True, text=True).stdout == ""
    stages = {row["stage"]: int(row["problems"]) for row in read_csv(tree / "results/programs/lua.csv")}
    assert stages["by a teacher, right"] == 9 and stages["right"] == 12
    matrix = read_csv(tree / "results/parallel_matrix.csv")
    assert [row["lua"] for row in matrix] == ["OK"] * 12
    config["teacher"]["calls"]["rate"] = 9.0
    (tree / "own.yaml").write_text(yaml.safe_dump(config))
    assert "Nothing to be done" in snakemake(tree, *targets, configs=(SMOKE, "own.yaml")).stderr
    config["teacher"]["temperature"] = 0.7
    (tree / "own.yaml").write_text(yaml.safe_dump(config))
    planned = snakemake(tree, "--dry-run", *targets, configs=(SMOKE, "own.yaml")).stdout
    assert "translate_programs" in planned and "existing_programs" not in planned
