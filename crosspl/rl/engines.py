"""Which engine writes the answers of RL, as the settings say.

In: the settings of RL, the base folder, the prompts. Out: an engine (crosspl.rl.rollouts, crosspl.rl.vllm_rollouts).
"""

import atexit
import os
import shutil
import tempfile

from accelerate import PartialState

from crosspl import vllm_engine
from crosspl.chat import encoded
from crosspl.rl.rollouts import InPlace
from crosspl.rl.vllm_rollouts import Vllm
from crosspl.training import processes

IN_MEMORY = "/dev/shm"


def engine_of(settings, base, tokenizer, prompts, precision, lora_rank, memory, seed):
    """Return the engine; vLLM takes the share `memory` of the GPU and keeps it."""
    if settings["rollouts"] == "transformers":
        return InPlace(settings["batch"])
    longest = max(encoded(tokenizer, [prompt])["input_ids"].shape[1] for prompt in prompts)
    rank = int(os.environ.get("RANK", 0))
    if processes() > 1:
        PartialState()  # vLLM joins the processes' group; where there is none yet it would make one of its own
    told = longest + settings["max_tokens"], memory, seed, processes(), rank
    llm = vllm_engine.load(base, precision, lora_rank, *told)
    folder = tempfile.mkdtemp(prefix="crosspl-adapter-", dir=IN_MEMORY if os.path.isdir(IN_MEMORY) else None)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Vllm(llm, folder)
