"""vLLM in this process: answers of the base model under a LoRA adapter that is read from a folder.

In: the base folder, adapters as PEFT saves them, prompts as token ids, one vLLM sampling request per prompt. Out:
answers as token ids with their log-probabilities, in the order of the prompts; each is handed on when it is finished.
The adapter stays an adapter: merged into weights of 16 or 4 bits it would be rounded (huggingface/trl#6688, #3466), and
merging and unmerging at every step drifts. Checked against vllm 0.31.0; imported where it is asked for, not before.
"""

import importlib.util
import os

from crosspl.errors import UserError

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # that vLLM has kernels for


def load(base, precision, lora_rank, context, memory=0.9, seed=0, processes=1, rank=0):
    """Return vllm.LLM on this process's GPU. context: tokens of prompt and answer; memory: share of the GPU's."""
    if not importlib.util.find_spec("vllm"):
        raise UserError(
            "the engine vllm needs the package vllm (envs/gpu/vllm.lock); or set the engine to transformers"
        )
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")  # the engine in this process: its steps are ours
    from vllm import LLM

    options = {}
    if processes > 1:  # every trainer process has an engine of its own
        options["distributed_executor_backend"] = "external_launcher"
    return LLM(
        model=str(base),
        dtype=precision["weights"],
        quantization="bitsandbytes" if precision["quantization"] else None,
        enable_lora=True,
        max_lora_rank=next(size for size in RANKS if size >= lora_rank),
        max_loras=1,
        max_model_len=context,
        gpu_memory_utilization=memory,
        logprobs_mode="processed_logprobs",  # at the temperature of sampling, as the trainer computes them
        seed=seed + rank,
        disable_log_stats=True,
        **options,
    )


def request(**settings):
    """Return vllm.SamplingParams for one answer, given when it is finished, from the model's own distribution."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(top_p=1.0, top_k=0, output_kind=RequestOutputKind.FINAL_ONLY, **settings)


def adapter(folder, number):
    """Return the request for an adapter; another number for every state of the weights, or vLLM takes the old one."""
    from vllm.lora.request import LoRARequest

    return LoRARequest(f"adapter{number}", number, str(folder))


def generate(llm, prompts, requests, lora=None, finished=None):
    """Return one vllm.RequestOutput per prompt (token ids). finished(number, output) is called as each is done.

    requests: vllm.SamplingParams, one per prompt. What LLM.generate does, with the outputs as they come.
    """
    engine, outputs = llm.llm_engine, [None] * len(prompts)
    for number, (ids, request) in enumerate(zip(prompts, requests)):
        engine.add_request(str(number), {"prompt_token_ids": list(ids)}, request, lora_request=lora)
    while engine.has_unfinished_requests():
        for output in engine.step():
            if output.finished:
                outputs[int(output.request_id)] = output
                if finished:
                    finished(int(output.request_id), output)
    return outputs


def log_probabilities(output):
    """Return the log-probabilities of the tokens of one vllm.CompletionOutput; NaN where vLLM had none."""
    return [chosen[token].logprob for token, chosen in zip(output.token_ids, output.logprobs)]
