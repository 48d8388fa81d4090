"""Two processes never work on one folder of resumable state: the second waits until the first has ended, however."""

import subprocess
import sys

from workflow_run import ROOT, environment

from crosspl.exclusive import hold

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
