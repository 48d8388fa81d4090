"""Training ends at the first gradient that is not a number, before the weights are changed by it, and leaves a dump.

In: the trainer, a folder under work/. Out: AssertionError, and in the folder not_a_number.json (step, the last logged
values, the norm of every gradient, what was trained on in RL) and the adapter's weights before the step. transformers
itself replaces such losses in its log by the mean of the others (logging_nan_inf_filter).
"""

import json
import os

import torch
from safetensors.torch import save_file

from crosspl.io import write_text

LOGGED = 3  # last entries of the learning curve


def guard(trainer, folder):
    """Make `trainer` look at its gradients before it clips them: clipping makes all of them what one is."""
    clip = trainer._clip_grad_norm

    def checked(model):
        check(trainer, model, folder / f"process{os.environ.get('RANK', 0)}")
        return clip(model)

    trainer._clip_grad_norm = checked


def check(trainer, model, folder):
    """Raise AssertionError, after a dump into `folder`, for a gradient that is not a number."""
    named = [(name, one) for name, one in model.named_parameters() if one.grad is not None]
    norms = torch.stack(torch._foreach_norm([one.grad for _, one in named]))
    if torch.isfinite(norms).all():
        return
    step = trainer.state.global_step + 1
    by_name = {name: float(norm) for (name, _), norm in zip(named, norms)}
    dump(trainer, step, by_name, named, folder)
    bad = [name for (name, _), norm in zip(named, norms) if not torch.isfinite(norm)]
    raise AssertionError(
        f"not a number at step {step}: the gradients of {len(bad)} of {len(named)} weights, such as {bad[0]}; "
        f"what led to it is in {folder}"
    )


def dump(trainer, step, norms, named, folder):
    """Write what is known."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: one.detach().cpu().contiguous() for name, one in named}, folder / "weights.safetensors")
    answers = [
        {"problem": row.get("problem"), "completion": completion, "tokens": len(ids)}
        for row, completion, ids in getattr(trainer, "answers", [])
    ]
    rewards = getattr(trainer, "rewards", None)
    found = {
        "step": step, "history": trainer.state.log_history[-LOGGED:], "gradient_norms": norms, "answers": answers,
        "rewards": None if rewards is None else rewards.tolist(),
    }  # fmt: skip
    write_text(folder / "not_a_number.json", json.dumps(found, indent=1, default=float))
