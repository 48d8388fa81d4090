"""Reinforcement learning from execution: GRPO (Shao et al. 2024, arXiv 2402.03300) by TRL, with a LoRA adapter.

In: a model under a trainable adapter (the SFT adapter, or a fresh one from `base`), problems of the RL split, a reward.
Out: the trained model and its learning curve. By default no KL term, group-normalised rewards, token-level loss
("dapo"). The KL divergence from the init is measured all the same, on answers that the init gave before the first step.
"""

import random

from datasets import Dataset
from transformers import set_seed
from trl import GRPOConfig

from crosspl.chat import FIXED, is_chat
from crosspl.interruption import finish_first
from crosspl.models import FLOAT32
from crosspl.protocol import PLAIN, ask
from crosspl.rl.delivery import Delivery, canaries
from crosspl.rl.divergence import KL_ANSWERS, Divergence
from crosspl.rl.gepo import Stream
from crosspl.rl.rollouts import InPlace
from crosspl.rl.trainer import Extras, Trainer
from crosspl.training import Report, common, processes, run
from crosspl.translation import language_of


@finish_first()
def train_grpo(
    model, tokenizer, stages, language, reward, settings, seed, state, title, protocol=PLAIN, precision=FLOAT32,
    engine=None, line_masks=None, groups=(),
):  # fmt: skip
    """Train on `settings["generations"]` batches of prompts × samples answers in `language`.

    stages: lists of problems, asked one list after the other for equal numbers of generations. Checkpoints fall on
    generation boundaries only: from inside a generation a resumed run would not be bit-identical.
    groups: of the off-policy stream (crosspl.rl.gepo), if any.
    """
    set_seed(seed)
    rows = rows_of(stages, language, protocol, settings, seed)
    arguments = GRPOConfig(
        **batches(settings),
        output_dir=str(state),
        num_generations=settings["samples"],
        max_completion_length=settings["max_tokens"],
        temperature=settings["temperature"],
        top_k=0,
        top_p=1.0,
        beta=settings["beta"],
        epsilon=settings["clip"][0],
        epsilon_high=settings["clip"][1],
        loss_type=settings["loss"],
        scale_rewards="group" if (settings["method"], settings["loss"] == "dr_grpo") == ("grpo", False) else "none",
        vllm_importance_sampling_mode="token_truncate",
        vllm_importance_sampling_clip_max=settings["importance_cap"],
        learning_rate=settings["learning_rate"],
        lr_scheduler_type=settings["schedule"],
        warmup_steps=settings["warmup"],
        save_steps=settings["save_generations"] * settings["minibatches"],
        logging_steps=settings["minibatches"],
        mask_truncated_completions=settings["mask_truncated"],
        seed=seed,
        disable_dropout=True,  # else what is compared with rollouts and references is another network each time
        shuffle_dataset=len(stages) == 1,
        chat_template_kwargs=FIXED if is_chat(rows[0]["prompt"]) else None,
        **common(precision, settings["gradient_checkpointing"], title),
    )
    prompts = [row["prompt"] for row in rows[:KL_ANSWERS]]
    engine = engine or InPlace(settings["batch"])
    extras = Extras(
        settings["method"],
        engine,
        delivery=Delivery(engine, canaries(tokenizer, prompts), arguments.bf16) if engine.own_weights else None,
        finished=getattr(reward, "finished", None),
        line_masks=line_masks,
        redraw=settings["redraw"],
        stream=stream_of(model, groups, settings, arguments, seed),
        weight=settings["weight"],
    )
    trainer = Trainer(
        extras=extras,
        model=model,
        reward_funcs=reward,
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[Report(title), Divergence(model, tokenizer, prompts, settings, seed, arguments.bf16)],
    )
    return run(trainer, state, unit=settings["minibatches"])


def stream_of(model, groups, settings, arguments, seed):
    """Return the stream of groups beside RL, None where there is none: the step is then that of RL alone."""
    chosen = settings["off_policy"]
    if not chosen["groups"] or not chosen["weight"]:
        return None
    place = arguments.process_index, processes(), arguments.bf16
    return Stream(model, groups, chosen, arguments.max_steps, seed, *place)


def rows_of(stages, language, protocol, settings, seed):
    """Return what is asked: the problems of a single stage, which TRL shuffles; of several every prompt in order."""
    asked = [
        [
            {"prompt": ask(problem, language_of(problem, language), protocol), "problem": problem["id"]}
            for problem in stage
        ]
        for stage in stages
    ]
    if len(stages) == 1:
        return asked[0]
    dice, rows = random.Random(seed), []
    for number, stage in enumerate(asked):
        first, last = (settings["generations"] * n // len(asked) for n in (number, number + 1))
        wanted, chosen = (last - first) * settings["prompts"], []
        while len(chosen) < wanted:
            chosen += dice.sample(stage, len(stage))
        rows += chosen[:wanted]
    return rows


def batches(settings):
    """Return TRL's words for a generation of prompts × samples answers, its minibatches and their micro-batches."""
    answers = settings["prompts"] * settings["samples"]
    minibatch = answers // settings["minibatches"]
    own = minibatch // processes()
    micro = settings["micro_batch"] or own
    return {
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": own // micro,
        "steps_per_generation": own // micro * settings["minibatches"],
        "max_steps": settings["generations"] * settings["minibatches"],
    }
