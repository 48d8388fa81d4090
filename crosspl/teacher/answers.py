"""Answers that a teacher has given: one small file each, so that nothing is asked twice.

In: what was asked. Out: work/teacher/{2 digits}/{key}.json with question and answer. The key is a hash of the model's
name, the messages, the sampling settings and the sample's number; where the model was reached is not in it. Files
appear whole and at once: a process may be killed at any time, and several may work on the same folder, also over a
network (SQLite's locks are not safe there).
"""

import hashlib
import json
import os
import sys
from pathlib import Path

from crosspl.errors import UserError
from crosspl.io import read_json

FOLDER = "work/teacher"


def key_of(model, messages, sampling, sample):
    """Return the key of an answer; equal questions have equal keys."""
    question = {"model": model, "messages": messages, "sampling": sampling, "sample": sample}
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()


def kept(folder, key):
    """Return the answer with this key, or None; one that was damaged by a crash of the machine is no answer."""
    path = _path(folder, key)
    if not path.exists():
        return None
    try:
        answer = read_json(path)["answer"]
        if isinstance(answer["text"], str) and isinstance(answer["finish"], str):
            return answer
    except (UserError, KeyError, TypeError):
        pass
    print(f"{path} is damaged; asking again", file=sys.stderr)
    path.unlink(missing_ok=True)
    return None


def keep(folder, key, question, answer):
    """Keep an answer and return the one that is kept: that of another process where it was first."""
    path = _path(folder, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{key}.{os.uname().nodename}.{os.getpid()}.tmp")
    try:
        with open(temporary, "w", encoding="utf-8") as stream:
            json.dump({"question": question, "answer": answer}, stream)
            stream.flush()
            os.fsync(stream.fileno())
        _name(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return kept(folder, key) or answer


def _name(temporary, path):
    """Give a file its name unless another has it; where the file system has no links, the last one wins."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    except OSError:
        os.replace(temporary, path)


def _path(folder, key):
    return Path(folder) / key[:2] / f"{key}.json"
