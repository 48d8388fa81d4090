"""As much of vLLM's interface as crosspl.vllm_engine uses, over a real model of transformers with a real adapter.

In: the arguments that vllm 0.31.0 takes. Out: its outputs. Names, argument names, what is in an output, and that an
adapter with a known number is not read again, are those of vllm/entrypoints/llm.py, vllm/v1/engine/llm_engine.py,
vllm/sampling_params.py, vllm/outputs.py and vllm/lora/request.py at that version. Weights are its own, so what does not
arrive is missing.
"""

import enum
import importlib.machinery
import sys
import types
from dataclasses import dataclass, field

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM


class RequestOutputKind(enum.Enum):
    CUMULATIVE, DELTA, FINAL_ONLY = range(3)


@dataclass
class SamplingParams:
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int | None = None
    stop: list | None = None
    stop_token_ids: list | None = None
    max_tokens: int | None = 16
    logprobs: int | None = None
    detokenize: bool = True
    output_kind: RequestOutputKind = RequestOutputKind.CUMULATIVE


@dataclass
class LoRARequest:
    lora_name: str
    lora_int_id: int
    lora_path: str = ""

    def __post_init__(self):
        if self.lora_int_id < 1:
            raise ValueError(f"id must be > 0, got {self.lora_int_id}")


@dataclass
class Logprob:
    logprob: float


@dataclass
class CompletionOutput:
    token_ids: list = field(default_factory=list)
    logprobs: list | None = None
    finish_reason: str | None = None


@dataclass
class RequestOutput:
    request_id: str
    outputs: list
    finished: bool = False


class Engine:
    """One token per request and step; no cache, no batches."""

    def __init__(self, model, ends, longest, tokenizer):
        self.base, self.ends, self.longest, self.tokenizer = model, ends, longest, tokenizer
        self.adapted, self.waiting, self.ignore = {}, {}, False

    def add_request(self, request_id, prompt, params, *, lora_request=None):
        if not isinstance(request_id, str):
            raise TypeError(f"request_id must be a string, got {type(request_id)}")
        if len(prompt["prompt_token_ids"]) + params.max_tokens > self.longest:
            raise ValueError("longer than max_model_len")
        if params.detokenize is False and params.stop:
            raise ValueError("stop strings are only supported when detokenize is True")
        generator = torch.Generator().manual_seed(params.seed) if params.seed is not None else None
        output = CompletionOutput(logprobs=None if params.logprobs is None else [])
        self.waiting[request_id] = [
            list(prompt["prompt_token_ids"]),
            params,
            self._model(lora_request),
            generator,
            output,
        ]
        return f"{request_id}-internal"

    def _model(self, lora):
        if lora is None or self.ignore:
            return self.base.eval()
        if lora.lora_int_id not in self.adapted:  # a number that is known is not read again
            fresh = AutoModelForCausalLM.from_pretrained(self.base.name_or_path, dtype=self.base.dtype)
            self.adapted = {lora.lora_int_id: PeftModel.from_pretrained(fresh, lora.lora_path).eval()}
        return self.adapted[lora.lora_int_id]

    def has_unfinished_requests(self):
        return bool(self.waiting)

    @torch.no_grad()
    def step(self):
        done = []
        for name, (ids, params, model, generator, output) in list(self.waiting.items()):
            logits = model(input_ids=torch.tensor([ids])).logits[0, -1].float()
            scores = torch.log_softmax(logits / (params.temperature or 1.0), -1)
            token = int(
                torch.multinomial(scores.exp(), 1, generator=generator) if params.temperature else scores.argmax()
            )
            ids.append(token)
            output.token_ids.append(token)
            if output.logprobs is not None:
                output.logprobs.append({token: Logprob(float(scores[token]))})
            text = self.tokenizer.decode(output.token_ids) if params.stop else ""
            if token in {*self.ends, *(params.stop_token_ids or ())} or any(stop in text for stop in params.stop or ()):
                output.finish_reason = "stop"
            elif len(output.token_ids) == params.max_tokens:
                output.finish_reason = "length"
            if output.finish_reason:
                del self.waiting[name]
                done.append(RequestOutput(name, [output], finished=True))
        return done[::-1]


class LLM:
    """Takes the arguments that crosspl.vllm_engine gives, by their names."""

    def __init__(
        self, model, *, dtype, quantization, enable_lora, max_lora_rank, max_loras, max_model_len,
        gpu_memory_utilization, logprobs_mode, seed, disable_log_stats, distributed_executor_backend=None,
    ):  # fmt: skip
        from crosspl.models import load_tokenizer

        assert enable_lora and max_loras == 1 and max_lora_rank in (8, 16, 32, 64, 128, 256, 320, 512)
        assert quantization in (None, "bitsandbytes") and logprobs_mode == "processed_logprobs"
        assert 0 < gpu_memory_utilization < 1
        torch.manual_seed(seed)
        loaded = AutoModelForCausalLM.from_pretrained(model, dtype=getattr(torch, dtype)).eval()
        tokenizer = load_tokenizer(model)
        self.llm_engine = Engine(loaded, [tokenizer.eos_token_id], max_model_len, tokenizer)


def install(monkeypatch):
    """Make `import vllm` find this, after TRL has looked for the real one."""
    import trl.trainer.grpo_trainer  # noqa: F401

    parts = {"vllm": (LLM, SamplingParams), "vllm.sampling_params": (SamplingParams, RequestOutputKind),
             "vllm.lora": (), "vllm.lora.request": (LoRARequest,)}  # fmt: skip
    for name, members in parts.items():
        module = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        for member in members:
            setattr(module, member.__name__, member)
        monkeypatch.setitem(sys.modules, name, module)
