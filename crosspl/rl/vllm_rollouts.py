"""Answers by vLLM beside the trainer on its GPU: base weights of its own, and the trained adapter brought to it.

In: crosspl.vllm_engine, the trainer. Out: what every engine gives (crosspl.rl.rollouts): answers as token ids, with
log-probabilities, so that the trainer can weigh tokens by how far the engine's probabilities are from its own.
"""

import shutil
from pathlib import Path

from safetensors.torch import load_file

from crosspl import vllm_engine
from crosspl.models import ADAPTER_FILES, tensors_hash


class Vllm:
    """llm: of vllm_engine.load; folder: where adapters lie while they are read, best in memory (/dev/shm)."""

    own_weights = True

    def __init__(self, llm, folder):
        self.llm, self.folder, self.lora = llm, Path(folder), None

    def deliver(self, trainer):
        """Write the trained adapter where the engine reads it with the next prompts."""
        number = 1 if self.lora is None else self.lora.lora_int_id + 1
        path = self.folder / str(number)
        model = trainer.accelerator.unwrap_model(trainer.model)
        model.save_pretrained(path, selected_adapters=["default"])
        if self.lora:
            shutil.rmtree(self.lora.lora_path)
        self.lora = vllm_engine.adapter(path, number)

    def adapter_hash(self):
        """Return the hash of the weights that the engine reads."""
        return tensors_hash(load_file(Path(self.lora.lora_path) / ADAPTER_FILES[0]))

    def generate(self, trainer, prompt_ids, finished=None, most=None):
        """Return (token ids of the answers, their log-probabilities); most: tokens, where fewer than training's."""
        settings = {"temperature": trainer.temperature, "stop_token_ids": trainer.eos_token_ids, "logprobs": 0,
                    "max_tokens": most or trainer.max_completion_length, "detokenize": False}  # fmt: skip
        requests = [vllm_engine.request(**settings) for _ in prompt_ids]
        hand_on = finished and (lambda number, output: finished([number], [list(output.outputs[0].token_ids)]))
        outputs = vllm_engine.generate(self.llm, prompt_ids, requests, self.lora, hand_on)
        answers = [output.outputs[0] for output in outputs]
        return [list(one.token_ids) for one in answers], [vllm_engine.log_probabilities(one) for one in answers]
