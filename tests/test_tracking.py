"""Learning curves beside history.csv, and what is said while training runs."""

import re

import pytest
from tiny_training import grpo, sft

from crosspl import progress, training
from crosspl.errors import UserError


def test_a_package_that_is_not_there(base, tokenizer, tmp_path, monkeypatch):
    monkeypatch.setenv(training.TRACKING, "tensorboard no_such_tracker")
    monkeypatch.setattr(training.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="tracking: the package tensorboard is not installed: pip install"):
        sft(base, tokenizer, tmp_path)


def test_curves_in_tensorboard(base, tokenizer, tmp_path, monkeypatch):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed; it is optional")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(training.TRACKING, "tensorboard")
    sft(base, tokenizer, tmp_path / "state")
    assert list(tmp_path.glob("work/tracking/sft/events*"))


@pytest.mark.parametrize("train", [sft, grpo])
def test_progress_says_how_far_how_well_and_how_fast(base, tokenizer, tmp_path, monkeypatch, capsys, train):
    monkeypatch.setattr(progress.Progress.__init__, "__defaults__", (0.0,))
    train(base, tokenizer, tmp_path)
    lines = [line for line in capsys.readouterr().err.splitlines() if " to go" in line]
    assert len(lines) == 6
    assert re.fullmatch(r"(sft|rl): 6 of 6, (loss|reward) [\d.]+, \d+ tokens/s, 0 s to go", lines[-1]), lines


def test_after_a_resumption_the_time_left_counts_from_there(monkeypatch, capsys):
    clock = progress.Progress("rl", 100, every=0)
    clock.first, clock.start = 90, clock.start - 50
    clock.update(95, "reward 0.5")
    assert re.search(r"rl: 95 of 100, reward 0\.5, 50 s to go", capsys.readouterr().err)
