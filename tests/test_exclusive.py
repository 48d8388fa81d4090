"""Two processes never work on one folder of resumable state: the second waits until the first has ended, however."""

import errno
import fcntl
import subprocess
import sys

import pytest
from workflow_run import ROOT, environment

from crosspl.exclusive import WITHOUT_LOCKS, hold
from crosspl.lock import lock_tree

HOLDER = "import sys; from crosspl.exclusive import hold; print(hold(sys.argv[1]), flush=True); sys.stdin.read()"


def holder(folder):
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], cwd=ROOT, env=environment(), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


def test_the_second_waits_for_the_first(tmp_path):
    folder = tmp_path / "rl/0123"
    with holder(folder) as first, holder(tmp_path / "rl/4567") as other:
        assert first.stdout.readline() == f"{folder}\n" and folder.is_dir()
        assert other.stdout.readline() == f"{tmp_path / 'rl/4567'}\n"
        with holder(folder) as second:
            assert second.stdout.readline() == f"waiting for another process that works on {folder}\n"
            first.kill()
            assert second.stdout.readline() == f"{folder}\n"
            second.stdin.close()
        other.stdin.close()


def test_a_process_may_hold_a_folder_twice(tmp_path):
    assert hold(tmp_path / "a") == hold(tmp_path / "a") == tmp_path / "a"


@pytest.mark.parametrize("number", [*WITHOUT_LOCKS, errno.EIO])
def test_a_file_system_without_locks(tmp_path, monkeypatch, number):
    """Work goes on there, for a run and for its jobs alike; any other trouble with a lock is no reason to."""

    def flock(stream, operation):
        raise OSError(number, "from the file system")

    monkeypatch.setattr(fcntl, "flock", flock)
    for act in (lambda: hold(tmp_path / "state"), lambda: lock_tree(tmp_path / "work/.lock")):
        if number in WITHOUT_LOCKS:
            act()
        else:
            with pytest.raises(OSError, match="from the file system"):
                act()
