"""Reinforcement learning from execution: GRPO (Shao et al. 2024, arXiv 2402.03300) by TRL, with a LoRA adapter.

In: a model under a trainable adapter (the SFT adapter, or a fresh one from `base`), problems of the RL split, a reward.
Out: the trained model and its learning curve. No KL term, group-normalised rewards, token-level loss ("dapo").
"""

from datasets import Dataset
from transformers import set_seed
from trl import GRPOConfig, GRPOTrainer

from crosspl.prompts import problem_prompt
from crosspl.training import COMMON, Report, run


def train_grpo(model, tokenizer, problems, language, reward, settings, seed, state, title):
    """Train on `settings["generations"]` batches of prompts × samples answers in `language`.

    Checkpoints fall on generation boundaries only: from inside a generation a resumed run would not be bit-identical.
    """
    set_seed(seed)
    minibatches, answers = settings["minibatches"], settings["prompts"] * settings["samples"]
    arguments = GRPOConfig(
        output_dir=str(state),
        per_device_train_batch_size=answers // minibatches,
        steps_per_generation=minibatches,
        num_generations=settings["samples"],
        max_steps=settings["generations"] * minibatches,
        max_completion_length=settings["max_tokens"],
        temperature=settings["temperature"],
        top_k=0,
        top_p=1.0,
        beta=0.0,
        loss_type=settings["loss"],
        learning_rate=settings["learning_rate"],
        lr_scheduler_type=settings["schedule"],
        warmup_steps=settings["warmup"],
        save_steps=settings["save_generations"] * minibatches,
        logging_steps=minibatches,
        mask_truncated_completions=settings["mask_truncated"],
        seed=seed,
        **COMMON,
    )
    rows = [{"prompt": problem_prompt(problem, language), "problem": problem["id"]} for problem in problems]
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=reward,
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[Report(title)],
    )
    return run(trainer, state)
