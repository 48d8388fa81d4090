"""What every training stage shares: trainer arguments, resumption, learning curves, and supervised training itself.

In: a model, rows {"prompt", "completion"} (texts) or {"input_ids", "labels"} (crosspl.chat), a settings block of the
config, a folder for resumable state under work/.
Out: the trained model and its history (list of dicts of floats). Base pretraining and SFT are both `train_supervised`;
the loss is on the completion and its <eos> only (completion-only loss of TRL's SFTTrainer).
"""

import importlib.util
import json
import math
import os
import statistics
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import torch
from accelerate.data_loader import get_sampler
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback, TrainerState, set_seed
from transformers.trainer_callback import ExportableState
from trl import SFTConfig, SFTTrainer

from crosspl import progress, record
from crosspl.errors import Interrupted, UserError
from crosspl.guard import guard
from crosspl.interruption import finish_first, told
from crosspl.io import write_csv
from crosspl.models import FLOAT32

TRAINED = ("prompt", "completion", "input_ids", "labels")  # columns
TRACKING = "CROSSPL_TRACKING"  # environment variable: names from the config's `tracking`


def common(precision, gradient_checkpointing, title):
    """Return the arguments that all trainers share. precision: of the config; adapters stay in float32."""
    return {
        "use_cpu": not torch.cuda.is_available(),
        "bf16": precision["weights"] == "bfloat16",
        "fp16": False,
        "ddp_find_unused_parameters": False,
        "gradient_checkpointing": gradient_checkpointing,
        "gradient_checkpointing_kwargs": {"use_reentrant": False} if gradient_checkpointing else None,
        "report_to": trackers(title),
        "run_name": title,
        "disable_tqdm": True,
        "log_level": "error",
        "save_strategy": "steps",
        "save_total_limit": 1,
        "max_grad_norm": 1.0,
    }


def trackers(title):
    """Return where the learning curve goes beside history.csv, "none" for nowhere."""
    names = os.environ.get(TRACKING, "").split()
    for name in names:
        if not importlib.util.find_spec(name):
            raise UserError(f"tracking: the package {name} is not installed: pip install {name}, or take it out")
    os.environ["TENSORBOARD_LOGGING_DIR"] = f"work/tracking/{title.replace(' ', '_')}"
    return names or "none"


class Report(TrainerCallback):
    """Say how far training is, how fast and how well, and stop it at the first logged value that is not a number."""

    def __init__(self, title):
        self.clock, self.seen, self.last = progress.Progress(title, None), 0, ""

    def on_log(self, arguments, state, control, logs=None, **_):
        if any(isinstance(value, float) and math.isnan(value) for value in (logs or {}).values()):
            raise AssertionError(f"not a number at step {state.global_step}: {logs}")
        if "num_tokens" in (logs or {}):
            new = int(logs["num_tokens"] - self.tokens)
            record.count(trained_tokens=new)
            self.seen += new
            self.tokens = logs["num_tokens"]
        known = [f"{name} {logs[name]:.3f}" for name in ("reward", "loss") if (logs or {}).get(name) is not None]
        self.last = next(iter(known), self.last)

    def on_train_begin(self, arguments, state, control, **_):
        self.tokens = state.num_input_tokens_seen  # GRPO goes on counting after a resumption, SFT begins anew
        self.clock.first = state.global_step
        print(f"{self.clock.title}: step {state.global_step} of {state.max_steps}", file=sys.stderr, flush=True)

    def on_step_end(self, arguments, state, control, **_):
        self.clock.total = state.max_steps
        rate = self.seen / (time.monotonic() - self.clock.start)
        self.clock.update(state.global_step, f"{self.last}, {rate:.0f} tokens/s" if self.seen else self.last)


class StopWhenTold(TrainerCallback):
    """Save and stop after SIGTERM, at the next step that is a multiple of `unit`: what can be taken up bit for bit."""

    def __init__(self, unit):
        self.unit = unit

    def on_step_end(self, arguments, state, control, **_):
        if state.global_step % self.unit == 0 and any_told(arguments.device):
            control.should_save = control.should_training_stop = True


def any_told(device):
    """Return whether this process or, of several that train together, any of them was told to stop."""
    if processes() == 1:
        return told()
    flag = torch.tensor(int(told()), device=device)
    torch.distributed.all_reduce(flag, torch.distributed.ReduceOp.MAX)
    return bool(flag)


class EpochOrder(TrainerCallback, ExportableState):
    """Draw the order of a resumed epoch's rows as it was drawn before: the generator's state then is kept.

    transformers keeps the state of the moment alone; a resumed run would draw every epoch like the first.
    """

    begun = None  # state of the sampler's generator when the epoch began that the next step belongs to

    def state(self):
        return {"args": {}, "attributes": {"begun": self.begun and self.begun.hex()}}

    def on_epoch_begin(self, arguments, state, control, train_dataloader=None, **_):
        kept = state.stateful_callbacks["EpochOrder"]["attributes"]["begun"]
        self.generator = getattr(get_sampler(train_dataloader), "generator", None) or torch.default_generator
        if self.begun is None and kept:
            self.generator.set_state(torch.frombuffer(bytearray.fromhex(kept), dtype=torch.uint8))
        self._note()

    def on_step_end(self, arguments, state, control, **_):
        if state.epoch == int(state.epoch):
            self._note()

    def _note(self):
        self.begun = self.generator.get_state().numpy().tobytes()


@finish_first()
def train_supervised(model, tokenizer, rows, settings, seed, state, title, precision=FLOAT32):
    """Train `model` on `rows`; resumes from the newest checkpoint in `state`. Returns (model, history)."""
    set_seed(seed)
    arguments = SFTConfig(
        output_dir=str(state),
        **batches(settings),
        max_steps=settings["steps"],
        learning_rate=settings["learning_rate"],
        lr_scheduler_type=settings["schedule"],
        lr_scheduler_kwargs={"num_decay_steps": settings["decay_steps"]} if settings["decay_steps"] else None,
        warmup_steps=settings["warmup"],
        weight_decay=settings["weight_decay"],
        adam_beta2=settings["adam_beta2"],
        max_length=settings["max_length"],
        save_steps=settings["save_steps"],
        logging_steps=1,  # of what lies between two logs a checkpoint knows nothing
        packing=settings["packing"],
        seed=seed,
        train_sampling_strategy="group_by_length",  # less padding,
        **common(precision, settings["gradient_checkpointing"], title),
    )
    with unrounded(model):
        trainer = SFTTrainer(
            model=model,
            args=arguments,
            train_dataset=Dataset.from_list([{k: row[k] for k in TRAINED if k in row} for row in rows]),
            processing_class=tokenizer,
            callbacks=[Report(title)],
        )
    model, entries = run(trainer, state)
    return model, averaged(entries, settings["log_steps"])


@contextmanager
def unrounded(model):
    """Put a QLoRA adapter back as it was after the block, in which a trainer is made.

    TRL's trainers round it to bfloat16: small steps would be lost, and RL would not begin with the adapter of SFT.
    """
    kept = [(parameter, parameter.data) for parameter in model.parameters() if parameter.requires_grad]
    yield
    for parameter, data in kept:
        if parameter.dtype != data.dtype:
            parameter.data = data


def batches(settings):
    """Return transformers' words for a batch, over all processes, and its micro-batches."""
    own = settings["batch"] // processes()
    micro = settings["micro_batch"] or own
    return {"per_device_train_batch_size": micro, "gradient_accumulation_steps": own // micro}


def processes():
    """Return how many processes train this model together (accelerate launch)."""
    return int(os.environ.get("WORLD_SIZE", 1))


def averaged(entries, steps):
    """Return one entry per `steps` logged ones: the means, and the last step.

    Left out: TRL counts an SFT run's tokens from the resumption on, wrongly after an interruption.
    """
    windows = [entries[start : start + steps] for start in range(0, len(entries), steps)]
    return [
        {key: statistics.fmean(entry[key] for entry in window) for key in window[-1] if key != "num_tokens"}
        | {"step": window[-1]["step"]}
        for window in windows
    ]


def run(trainer, state, unit=1):
    """Train to the end from the newest checkpoint in `state`, if any; return (model, history of float dicts).

    After SIGTERM (within `finish_first`) it saves at the next multiple of `unit` steps and raises Interrupted.
    """
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(StopWhenTold(unit))
    trainer.add_callback(EpochOrder())
    guard(trainer, Path(state) / "not_a_number")
    Path(state).mkdir(parents=True, exist_ok=True)
    checkpoint = newest_checkpoint(state)
    if checkpoint:
        print(f"continuing from {checkpoint}", flush=True)
    if not _load_if_finished(trainer, checkpoint):
        trainer.train(resume_from_checkpoint=checkpoint)
    if trainer.state.global_step < trainer.args.max_steps:
        raise Interrupted(f"told to stop (SIGTERM); saved after step {trainer.state.global_step}, run again to go on")
    return trainer.model, history(trainer.state.log_history)


def _load_if_finished(trainer, checkpoint):
    """Load a checkpoint of the last step and return True: `train` would do one step more from it."""
    state = TrainerState.load_from_json(Path(checkpoint, "trainer_state.json")) if checkpoint else None
    if not state or state.global_step < trainer.args.max_steps:
        return False
    trainer._load_from_checkpoint(checkpoint)
    trainer.state = state
    return True


def newest_checkpoint(state):
    """Return the newest complete checkpoint in `state`, or None; a kill while saving leaves a partial one."""
    steps = {int(path.name.removeprefix("checkpoint-")): path for path in Path(state).glob("checkpoint-*")}
    return next((str(steps[step]) for step in sorted(steps, reverse=True) if _is_complete(steps[step])), None)


def _is_complete(checkpoint):
    """Return True when trainer_state.json, written last, is whole, and every process's random state is there."""
    ranks = [f"rng_state_{rank}.pth" for rank in range(processes())] if processes() > 1 else []
    try:
        whole = json.loads((checkpoint / "trainer_state.json").read_text())
        return bool(whole) and all((checkpoint / name).exists() for name in ranks)
    except (FileNotFoundError, json.JSONDecodeError):
        return False


def history(logs):
    """Return the learning curve: the logged dicts with float values; timings are left out, so that reruns agree.

    TRL logs None for the mean reward of a generation in which no answer could be judged; it is left out too.
    """
    return [
        {key: float(value) for key, value in entry.items() if value is not None and not _is_timing(key)}
        for entry in logs
        if "train_runtime" not in entry
    ]


def _is_timing(key):
    return key.endswith(("_time", "_runtime", "_per_second")) or key == "total_flos"


def write_history(path, entries):
    """Write the learning curve as CSV, one row per logged step."""
    columns = ["step"] + sorted({key for entry in entries for key in entry} - {"step"})
    write_csv(path, columns, [{key: round(value, 6) for key, value in entry.items()} for entry in entries])
