"""Chats as tokens, the same ones for SFT, RL and sampling: prompts by the tokenizer's own chat template.

In: a tokenizer, prompts and answers (crosspl.protocol). Out: token ids; a UserError where they do not fit.
A template holds its own <bos>, so none is added to what it makes; TRL's GRPOTrainer does the same with prompts that are
messages. SFT does not leave this to TRL: after the end of an answer templates go on (ChatML with a line break), which
is not to be learned.
"""

import jinja2

from crosspl.errors import UserError

# Templates of Llama 3.2 and later say the day on which they are used: equal settings would give other prompts tomorrow.
# Those of Qwen3 and its like ask for thoughts before the answer, which no program of ours has. Others ignore both.
FIXED = {"date_string": "26 Jul 2024", "enable_thinking": False}


def is_chat(prompt):
    return not isinstance(prompt, str)


def encoded(tokenizer, prompts):
    """Return the padded batch of prompts that a model goes on from."""
    if is_chat(prompts[0]):
        return tokenizer.apply_chat_template(
            prompts, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt", padding=True,
            **FIXED,
        )  # fmt: skip
    return tokenizer(prompts, return_tensors="pt", padding=True)


def ids(tokenizer, messages, **options):
    """Return the token ids of one chat."""
    return tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True, **FIXED, **options)["input_ids"]


def example(tokenizer, prompt, completion):
    """Return {"input_ids", "labels"} of one SFT example: the loss is on the answer and its end token, nothing else."""
    asked, whole = ids(tokenizer, prompt, add_generation_prompt=True), ids(tokenizer, prompt + completion)
    answer = whole[len(asked) :]
    answer = answer[: answer.index(tokenizer.eos_token_id) + 1]
    return {"input_ids": asked + answer, "labels": [-100] * len(asked) + answer}


def check_chat(tokenizer, prompt, where, ends=()):
    """Raise a UserError where `prompt` is a chat that the tokenizer in folder `where` cannot say, or not end.

    ends: tokens that end an answer beside the tokenizer's own.
    """
    if not is_chat(prompt):
        return
    if not tokenizer.chat_template:
        raise UserError(f"{where}: the tokenizer has no chat template: set prompts.style: plain, or take a chat model")
    try:
        asked = ids(tokenizer, prompt, add_generation_prompt=True)
        whole = ids(tokenizer, [*prompt, {"role": "assistant", "content": "answer"}])
    except jinja2.TemplateError as error:
        raise UserError(
            f"{where}: the chat template refuses a question with its answer ({error}): mend it, or set "
            "prompts.style: plain"
        ) from None
    if whole[: len(asked)] != asked:
        raise UserError(
            f"{where}: the chat template puts a question with its answer otherwise than the question alone, so SFT "
            "would not learn what is sampled: mend the template, or set prompts.style: plain"
        )
    if not {tokenizer.eos_token_id, *ends} & {*whole[len(asked) :]}:
        raise UserError(
            f"{where}: the chat template does not end an answer with the tokenizer's eos token {tokenizer.eos_token}, "
            "so no answer would come to its end: set eos_token in tokenizer_config.json"
        )


def context_of(model):
    """Return the most tokens that a model has positions for; None where it does not say."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None)


def check_context(model, tokenizer, prompts, max_tokens, key="sampling.max_tokens"):
    """Return the tokens of the longest prompt.

    UserError when an answer of `max_tokens` tokens (config: `key`) to it would not fit the model's context.
    """
    longest = context_of(model)
    most = max((encoded(tokenizer, [prompt])["input_ids"].shape[1] for prompt in prompts), default=0)
    if longest and most + max_tokens > longest:
        raise UserError(
            f"the longest prompt has {most} tokens and {key} is {max_tokens}, together more than the {longest} of the "
            f"model's context: set {key} to {max(longest - most, 0)} or less"
            + (", which is nothing: leave the problem out" if most >= longest else "")
        )
    return most


def check_answers(tokenizer, rows, max_length, where):
    """Return how many SFT examples have more than `max_length` tokens, so that their answers' ends are not learnt.

    UserError when a prompt alone fills them: TRL drops such examples and says nothing, and mixtures that were matched
    are so no more. rows: texts, or `example`s.
    """
    lost = [number for number, row in enumerate(rows, 1) if _asked(tokenizer, row) >= max_length]
    if lost:
        raise UserError(
            f"{where}, row {lost[0]}: the prompt alone has {_asked(tokenizer, rows[lost[0] - 1])} tokens, so that of "
            f"the answer nothing is left at sft.max_length = {max_length}; so it is with {len(lost)} of {len(rows)} "
            "rows: set it higher"
        )
    return sum(_whole(tokenizer, row) > max_length for row in rows)


def _asked(tokenizer, row):
    """Return the tokens of an SFT example before its answer."""
    return row["labels"].count(-100) if "labels" in row else len(tokenizer(row["prompt"])["input_ids"])


def _whole(tokenizer, row):
    """Return the tokens of an SFT example with its answer and <eos>."""
    if "labels" in row:
        return len(row["input_ids"])
    return len(tokenizer(row["prompt"] + row["completion"])["input_ids"]) + 1
