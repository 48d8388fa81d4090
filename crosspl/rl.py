"""Reinforcement learning from execution: GRPO (Shao et al. 2024, arXiv 2402.03300) by TRL, with a LoRA adapter.

In: a model under a trainable adapter (the SFT adapter, or a fresh one from `base`), problems of the RL split, a reward.
Out: the trained model and its learning curve. No KL term, group-normalised rewards, token-level loss ("dapo"). The KL
divergence from the init is measured all the same, on answers that the init gave before the first step.
"""

import torch
from datasets import Dataset
from transformers import TrainerCallback, set_seed
from trl import GRPOConfig, GRPOTrainer

from crosspl.interruption import finish_first
from crosspl.prompts import problem_prompt
from crosspl.training import COMMON, Report, run

KL_ANSWERS = 64  # of the init, on which the divergence is measured


class Divergence(TrainerCallback):
    """Log KL(init || policy) in nats per answer: the log-probability that the init's own answers have lost on average.

    Not `crosspl.sampling`: an edit there must not run RL again.
    """

    @torch.no_grad()
    def __init__(self, model, tokenizer, prompts, settings, seed):
        inputs = tokenizer(prompts, return_tensors="pt", padding=True).to(model.device)
        self.prompt, self.temperature = inputs["input_ids"].shape[1], settings["temperature"]
        with torch.random.fork_rng():  # training must draw what it would have drawn without this
            torch.manual_seed(seed)
            self.tokens = model.generate(
                **inputs, do_sample=True, temperature=self.temperature, top_k=0, top_p=1.0,
                max_new_tokens=settings["max_tokens"], pad_token_id=tokenizer.pad_token_id,
                eos_token_id=tokenizer.eos_token_id, disable_compile=True,
            )  # fmt: skip
        answers = self.tokens[:, self.prompt :] != tokenizer.pad_token_id
        self.seen = torch.cat([inputs["attention_mask"], answers.long()], dim=1)
        self.before = self.log_probability(model)

    @torch.no_grad()
    def log_probability(self, model):
        """Return the mean over answers of their log-probability, summed over tokens, <eos> included."""
        logits = model(input_ids=self.tokens, attention_mask=self.seen).logits[:, self.prompt - 1 : -1]
        scores = torch.log_softmax(logits / self.temperature, -1)
        own = scores.gather(2, self.tokens[:, self.prompt :, None])[..., 0]
        return float((own * self.seen[:, self.prompt :]).sum(dim=1).mean())

    def on_log(self, arguments, state, control, model=None, **_):
        if "reward" in state.log_history[-1]:
            state.log_history[-1]["kl"] = self.before - self.log_probability(model)


@finish_first()
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
    canaries = [row["prompt"] for row in rows[:KL_ANSWERS]]
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=reward,
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[Report(title), Divergence(model, tokenizer, canaries, settings, seed)],
    )
    return run(trainer, state, unit=minibatches)
