"""Load and save models and adapters, and prove that an adapter is what it claims to be.

In: a base folder (config, weights, tokenizer) and an adapter folder. Out: models on which to train or sample; weight
hashes; UserError or AssertionError where a hand-over is broken (the field's commonest silent failure is an adapter that
never reached the model that is sampled).
"""

import hashlib
import importlib.metadata
import os
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no rule fetches anything behind the user's back
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TQDM_DISABLE", "1")  # progress is ours (crosspl.progress), one line at a time

import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, set_seed

from crosspl import record
from crosspl.errors import UserError
from crosspl.io import read_json, write_json
from crosspl.provenance import file_hash

SCRATCH = ".saving-"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
BASE_FILES = ("model.safetensors", "config.json", *TOKENIZER_FILES)
ADAPTER_FILES = ("adapter_model.safetensors", "adapter_config.json")

torch.set_num_threads(1)  # two threads collapse 5-10x as soon as anything else uses a core
transformers.utils.logging.disable_progress_bar()
transformers.utils.logging.set_verbosity_error()


def load_tokenizer(base):
    """Return the tokenizer of a base folder; pad and eos must differ, or the end of an answer is never learned."""
    tokenizer = AutoTokenizer.from_pretrained(base, padding_side="left")
    _note_read(base, "tokenizer.json", "tokenizer_config.json")
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id == tokenizer.eos_token_id:
        raise UserError(f"{base}: the tokenizer's pad token must exist and differ from its eos token")
    return tokenizer


def load_base(base):
    """Return the float32 base model of a folder, in evaluation mode."""
    _note_read(base, "config.json", "model.safetensors")
    return AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()


def fresh_adapter(model, lora, seed):
    """Return `model` under a new LoRA adapter whose initial weights depend on `seed` alone."""
    set_seed(seed)
    config = LoraConfig(task_type="CAUSAL_LM", target_modules="all-linear", lora_dropout=0.0, **lora)
    return get_peft_model(model, config)


def load_adapter(model, folder, trainable=False):
    """Return `model` under the adapter in `folder`, whose file must have the hash that its manifest states."""
    folder = Path(folder)
    stated = read_json(folder / "manifest.json")["weights_sha256"]
    found = file_hash(folder / ADAPTER_FILES[0])
    if found != stated:
        raise UserError(
            f"{folder}: the adapter's weights are not those of its manifest; delete the folder and run again"
        )
    adapted = PeftModel.from_pretrained(model, folder, is_trainable=trainable)
    _note_read(folder, *ADAPTER_FILES)
    assert_loaded(adapted, folder)
    return adapted


def _note_read(folder, *names):
    for name in names:
        record.read(Path(folder) / name)


def assert_loaded(model, folder):
    """Raise unless the active adapter of `model` equals the file in `folder`, tensor by tensor."""
    on_disk = load_file(Path(folder) / ADAPTER_FILES[0])
    in_memory = get_peft_model_state_dict(model)
    if on_disk.keys() != in_memory.keys() or not all(torch.equal(on_disk[k], in_memory[k].cpu()) for k in on_disk):
        raise AssertionError(f"hand-over: the adapter in memory is not the one in {folder}")


def adapter_hash(model):
    """Return a hash of the active adapter's weights, equal on every machine for equal bits."""
    digest = hashlib.sha256()
    for name, tensor in sorted(get_peft_model_state_dict(model).items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def new_llama(shape, tokenizer, seed):
    """Return a freshly initialised Llama with tied embeddings for `tokenizer`."""
    set_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        **shape,
    )
    return LlamaForCausalLM(config)


def versions():
    """Return the versions of the packages that decide what training gives."""
    return {name: importlib.metadata.version(name) for name in ("torch", "transformers", "trl", "peft", "tokenizers")}


def model_files(base, adapter=None):
    """Return the paths of what makes a model: the base's files and, where there is one, the adapter's."""
    own = [f"{adapter}/{name}" for name in ADAPTER_FILES] if adapter else []
    return [f"{base}/{name}" for name in BASE_FILES] + own


def stack():
    """Return what must not change under state that is taken up again: versions, and the kind of device."""
    return {**versions(), "device": "cuda" if torch.cuda.is_available() else "cpu"}


def trainable_parameters(model):
    """Return the number of parameters that training can change; 0 is an error."""
    count = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    if not count:
        raise AssertionError("hand-over: the model has no trainable parameter")
    return count


@torch.no_grad()
def canary_log_probs(model, tokenizer, texts):
    """Return the summed log-probability of each text under `model`, shape (len(texts),)."""
    model.eval()
    sums = []
    for text in texts:
        ids = tokenizer(text, return_tensors="pt").input_ids.to(model.device)
        scores = torch.log_softmax(model(input_ids=ids).logits[0, :-1], -1)
        sums.append(scores.gather(1, ids[0, 1:, None]).sum())
    return torch.stack(sums).cpu()


@torch.no_grad()
def prove_adapter(model, base_model, tokenizer, texts):
    """Raise unless the adapter of `model` does something and does nothing once its weights are zero; returns the proof.

    `base_model` is a separately loaded base, so a merge or a wrong base cannot hide. The weights are put back.
    """
    base = canary_log_probs(base_model.to(model.device), tokenizer, texts)
    with_adapter = canary_log_probs(model, tokenizer, texts)
    saved = {name: tensor.clone() for name, tensor in get_peft_model_state_dict(model).items()}
    lora = [parameter for name, parameter in model.named_parameters() if "lora_" in name]
    for parameter in lora:
        parameter.zero_()
    zeroed = canary_log_probs(model, tokenizer, texts)
    model.load_state_dict({_full_name(name): tensor for name, tensor in saved.items()}, strict=False)
    if not torch.equal(canary_log_probs(model, tokenizer, texts), with_adapter):
        raise AssertionError("hand-over: the adapter could not be put back after the zero test")
    if not torch.allclose(zeroed, base, atol=1e-4):
        raise AssertionError("hand-over: with a zeroed adapter the model is not the base model")
    if torch.allclose(with_adapter, base, atol=1e-4):
        raise AssertionError("hand-over: the trained adapter does not change the base model's log-probabilities")
    return {"canary_base": base.tolist(), "canary_adapter": with_adapter.tolist(), "canary_zeroed": zeroed.tolist()}


def _full_name(name):
    """Return the parameter name of an adapter tensor inside the PEFT model (the file leaves out the adapter's name)."""
    return name.replace(".lora_A.", ".lora_A.default.").replace(".lora_B.", ".lora_B.default.")


def hand_over(model, base, tokenizer, canaries, start, folder, manifest):
    """Save the adapter with its proofs; raise AssertionError when its hash is still `start`: nothing was trained."""
    end = adapter_hash(model)
    if end == start:
        raise AssertionError("hand-over: training did not change the adapter's weights")
    proof = prove_adapter(model, load_base(base), tokenizer, canaries)
    save_adapter(model, folder, {"adapter_before": start, "adapter_after": end, "proof": proof, **manifest})
    assert_loaded(model, folder)


def save_adapter(model, folder, manifest):
    """Write adapter weights, adapter config and manifest.json into `folder`, each complete or absent."""
    for config in model.peft_config.values():
        config.target_modules = sorted(
            config.target_modules
        )  # a set, which would be written in another order each time
    save_files(model, folder, ADAPTER_FILES)
    write_json(
        Path(folder) / "manifest.json", {"weights_sha256": file_hash(Path(folder) / ADAPTER_FILES[0]), **manifest}
    )


def save_files(model, folder, names):
    """Write the files `names` of `model.save_pretrained` into `folder`, each complete or absent, readable by all."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for left in Path(folder).glob(f"{SCRATCH}*"):  # by a killed command; one alone works on a model at a time
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=folder, prefix=SCRATCH) as scratch:
        model.save_pretrained(scratch)
        for name in names:
            os.chmod(Path(scratch) / name, 0o644)
            os.replace(Path(scratch) / name, Path(folder) / name)
            record.wrote(Path(folder) / name)
