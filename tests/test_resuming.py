"""Training that was killed ends with the same bits as training that was not; on a real Llama of one layer."""

import shutil

import pytest
import torch
from tiny import training_rows
from tiny_training import SFT, fresh, grpo, sft

from crosspl import models, training
from crosspl.rl import train as rl


class Killed(Exception):
    """Stands for SIGKILL."""


def kill_at(monkeypatch, step, draws=0):
    """Make training end at `step`, if any, before its checkpoint; each step draws `draws` random numbers."""

    class Killer(training.Report):
        def on_step_end(self, arguments, state, control, **_):
            torch.rand(draws)
            if state.global_step == step:
                raise Killed

    monkeypatch.setattr(training, "Report", Killer)
    monkeypatch.setattr(rl, "Report", Killer)


def test_resumed_sft_is_bit_identical(base, tokenizer, tmp_path, monkeypatch):
    """Killed before the first checkpoint, between two, and after the last step but before the adapter was saved."""
    model, history = sft(base, tokenizer, tmp_path / "whole")
    assert [entry["step"] for entry in history][:6] == [1, 2, 3, 4, 5, 6]
    shutil.copytree(tmp_path / "whole", tmp_path / "killed at 7")
    for step in (1, 5, 7):
        state = tmp_path / f"killed at {step}"
        if step < 7:
            with monkeypatch.context() as patch, pytest.raises(Killed):
                kill_at(patch, step)
                sft(base, tokenizer, state)
        if step == 5:
            half_written(state)
        torch.rand(7)
        again, history_again = sft(base, tokenizer, state)
        assert models.adapter_hash(again) == models.adapter_hash(model)
        assert history_again == history


@pytest.mark.parametrize("train, settings, kills", [
    (sft, {"steps": 16, "save_steps": 4}, [9, 11, 15]),  # 6 steps are an epoch: in mid-epoch, twice from one checkpoint
    (sft, {"steps": 16, "save_steps": 6}, [7, 14]),  # between two epochs
    (grpo, {"generations": 10}, [12, 16]),  # 4 generations are an epoch
    (grpo, {"generations": 10}, [9, 18]),
])  # fmt: skip
def test_resumed_in_a_later_epoch(base, tokenizer, tmp_path, monkeypatch, train, settings, kills):
    """The order of the rows is that of the epoch, also where steps draw random numbers, as with dropout."""
    with monkeypatch.context() as patch:
        kill_at(patch, None, draws=1)
        model, history = train(base, tokenizer, tmp_path / "whole", **settings)
    for step in kills:
        with monkeypatch.context() as patch, pytest.raises(Killed):
            kill_at(patch, step, draws=1)
            train(base, tokenizer, tmp_path / "killed", **settings)
        assert training.newest_checkpoint(tmp_path / "killed")
    with monkeypatch.context() as patch:
        kill_at(patch, None, draws=1)
        again, history_again = train(base, tokenizer, tmp_path / "killed", **settings)
    assert history_again == history
    assert models.adapter_hash(again) == models.adapter_hash(model)


@pytest.mark.parametrize("start", [fresh, models.load_base], ids=["adapter", "base"])
def test_training_that_is_over_stays_as_it_is(base, tokenizer, tmp_path, start):
    """Killed after the last step, in mid-epoch, before the weights were saved: Trainer would do one step more."""
    settings = SFT | {"steps": 5, "schedule": "constant", "save_steps": 1}
    train = lambda model: training.train_supervised(model, tokenizer, training_rows(), settings, 0, tmp_path, "sft")  # noqa: E731
    whole, history = train(start(base))
    again, history_again = train(start(base))
    assert history_again == history and history[-1]["step"] == 5
    weights = [dict(model.named_parameters()) for model in (whole, again)]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


def half_written(state):
    """Leave in `state`, after checkpoint 4, what kills in the middle of saving leave."""
    for step, left in ((6, None), (8, ""), (10, '{"epoch": 0.5, "glob')):
        (state / f"checkpoint-{step}").mkdir()
        (state / f"checkpoint-{step}/adapter_model.safetensors").write_bytes(b"half")
        if left is not None:
            (state / f"checkpoint-{step}/trainer_state.json").write_text(left)
        assert training.newest_checkpoint(state) == str(state / "checkpoint-4")


def test_no_checkpoint(tmp_path):
    (tmp_path / "runs").mkdir()
    assert training.newest_checkpoint(tmp_path) is None


def test_resumed_grpo_is_bit_identical(base, tokenizer, tmp_path, monkeypatch):
    model, history = grpo(base, tokenizer, tmp_path / "whole")
    assert models.adapter_hash(model) != models.adapter_hash(fresh(base))
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, 6)  # at the end of the third generation, before its checkpoint
        grpo(base, tokenizer, tmp_path / "killed")
    assert training.newest_checkpoint(tmp_path / "killed").endswith("checkpoint-4")
    for state in ("killed", "whole"):  # and a run that is over stays as it is
        torch.rand(7)
        again, history_again = grpo(base, tokenizer, tmp_path / state)
        assert models.adapter_hash(again) == models.adapter_hash(model)
        assert history_again == history
