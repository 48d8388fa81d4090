"""Sample answers from a checkpoint by vLLM: what crosspl.sampling gives, from another engine.

In: vllm.LLM, an adapter folder or none, prompts, sampling settings, a seed. Out: per prompt a list of answers {"text",
"tokens", "truncated"}. Every answer has a seed of its own, so that none depends on its neighbours; that an answer is
the same bit for bit in another batch no GPU promises. Answers so far are kept in a file while others are written.
"""

import json
from pathlib import Path

from crosspl import record, vllm_engine
from crosspl.chat import encoded
from crosspl.errors import Interrupted
from crosspl.interruption import finish_first, told
from crosspl.io import write_text
from crosspl.sampling import answer_of, seed_of

PIECE = 512  # answers between two looks at whether to stop


def sample(llm, lora, tokenizer, ends, prompts, samples, temperature, max_tokens, seed, keep=None, stops=None):
    """Return `samples` answers per prompt; temperature 0 is greedy and gives one. stops: texts per prompt.

    ends: tokens that end an answer. `keep`: file of an unfinished call with these very arguments; None for none.
    """
    stops = stops or [()] * len(prompts)
    ids = [encoded(tokenizer, [prompt])["input_ids"][0].tolist() for prompt in prompts]
    asked = [(place, number) for place in range(len(prompts)) for number in range(samples)]
    answers = json.loads(Path(keep).read_text()) if keep and Path(keep).exists() else []
    with finish_first():
        for start in range(len(answers), len(asked), PIECE):
            piece = asked[start : start + PIECE]
            requests = [
                vllm_engine.request(
                    temperature=temperature, max_tokens=max_tokens, stop_token_ids=ends,
                    stop=list(stops[place]) or None, seed=seed_of(seed, place, number),
                )
                for place, number in piece
            ]  # fmt: skip
            outputs = vllm_engine.generate(llm, [ids[place] for place, _ in piece], requests, lora)
            found = [
                answer_of(tokenizer, list(output.outputs[0].token_ids), ends, ids[place][-1], stops[place])
                | {"truncated": output.outputs[0].finish_reason == "length"}
                for output, (place, _) in zip(outputs, piece)
            ]
            answers += found
            record.count(generated_tokens=sum(answer["tokens"] for answer in found))
            record.beat()
            if keep and len(answers) < len(asked):
                write_text(keep, json.dumps(answers))
            if told() and len(answers) < len(asked):
                raise Interrupted(f"told to stop (SIGTERM) after {len(answers)} of {len(asked)} answers; run again")
    if keep:
        Path(keep).unlink(missing_ok=True)
    return [answers[place : place + samples] for place in range(0, len(answers), samples)]
