"""Load and save models and adapters, and prove that an adapter is what it claims to be.

In: a base folder (config, weights, tokenizer) and an adapter folder. Out: models on which to train or sample; weight
hashes; UserError or AssertionError where a hand-over is broken (the field's commonest silent failure is an adapter that
never reached the model that is sampled).
"""

import hashlib
import importlib.metadata
import importlib.util
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
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    LlamaConfig,
    LlamaForCausalLM,
    set_seed,
)

from crosspl import record
from crosspl.errors import UserError
from crosspl.io import read_json, write_json
from crosspl.provenance import file_hash

FLOAT32 = {"weights": "float32", "quantization": None}
SCRATCH = ".saving-"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
CHAT_TEMPLATE = "chat_template.jinja"  # where it is not in tokenizer_config.json
BASE_FILES = ("model.safetensors", "config.json", *TOKENIZER_FILES)
ADAPTER_FILES = ("adapter_model.safetensors", "adapter_config.json")

torch.set_num_threads(1)  # two threads collapse 5-10x as soon as anything else uses a core
transformers.utils.logging.disable_progress_bar()
transformers.utils.logging.set_verbosity_error()


def load_tokenizer(base):
    """Return the tokenizer of a base folder; pad and eos must differ, or the end of an answer is never learned."""
    tokenizer = AutoTokenizer.from_pretrained(base, padding_side="left")
    _note_read(base, *TOKENIZER_FILES, *([CHAT_TEMPLATE] if Path(base, CHAT_TEMPLATE).exists() else []))
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id == tokenizer.eos_token_id:
        raise UserError(f"{base}: the tokenizer's pad token must exist and differ from its eos token")
    return tokenizer


def use_gpus(number):
    """Make this process see as many GPUs as it was given; raise a UserError where there are fewer.

    Called before anything touches CUDA. Of more GPUs than it was given it takes the first: trainers would else share a
    batch out over all of them. With CROSSPL_REHEARSAL set, a cluster run is tried on machines that only say that they
    have GPUs.
    """
    if torch.cuda.device_count() > number:
        names = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(torch.cuda.device_count())))
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(names.split(",")[:number])
        if torch.cuda.is_initialized():
            raise AssertionError("CUDA was initialised before the job said how many GPUs it was given")
    elif torch.cuda.device_count() < number and not os.environ.get("CROSSPL_REHEARSAL"):
        raise UserError(
            f"this job asks for {number} GPUs (resources) and sees {torch.cuda.device_count()}: run it where there are "
            "so many, or set gpu: 0 to compute on the CPU"
        )


def device():
    """Return where this process computes: its own GPU of several, or the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))


def load_base(base, precision=FLOAT32):
    """Return the base model of a folder in `precision` (config: precision), on its device, in evaluation mode."""
    _note_read(base, "config.json", "model.safetensors")
    options = {"dtype": getattr(torch, precision["weights"])}
    if precision["quantization"]:
        options |= {"quantization_config": nf4(options["dtype"]), "device_map": {"": device()}}
    model = AutoModelForCausalLM.from_pretrained(base, **options).eval()
    if not precision["quantization"]:
        model = model.to(device())
    for module in model.modules():
        # On CPUs with AVX512_BF16 bitsandbytes' kernel for evaluation would pack the 4-bit weights anew and round their
        # scales, for good: training after an evaluation would then have no gradient through these layers.
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return model


def nf4(dtype):
    """Return the quantization of QLoRA (Dettmers et al. 2023, arXiv 2305.14314): NF4, the constants quantized too."""
    if not importlib.util.find_spec("bitsandbytes"):
        raise UserError("precision.quantization: nf4 needs the package bitsandbytes (envs/gpu/train.lock)")
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )


def fresh_adapter(model, lora, seed):
    """Return `model` under a new LoRA adapter whose initial weights depend on `seed` alone."""
    set_seed(seed)
    config = LoraConfig(task_type="CAUSAL_LM", target_modules="all-linear", lora_dropout=0.0, **lora)
    return get_peft_model(model, config)


def load_adapter(model, folder, trainable=False):
    """Return `model` under the adapter in `folder`, whose file must have the hash that its manifest states."""
    check_adapter(folder)
    adapted = PeftModel.from_pretrained(model, folder, is_trainable=trainable)
    assert_loaded(adapted, folder)
    return adapted


def check_adapter(folder):
    """Raise a UserError unless the weights in `folder` have the hash that their manifest states; they count as read."""
    stated = read_json(Path(folder) / "manifest.json")["weights_sha256"]
    if file_hash(Path(folder) / ADAPTER_FILES[0]) != stated:
        raise UserError(
            f"{folder}: the adapter's weights are not those of its manifest; delete the folder and run again"
        )
    _note_read(folder, *ADAPTER_FILES)


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
    return tensors_hash(get_peft_model_state_dict(model))


def tensors_hash(tensors):
    """Return a hash of {name: tensor}."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
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
    optional = [name for name in ("bitsandbytes", "vllm") if importlib.util.find_spec(name)]
    names = ["torch", "transformers", "trl", "peft", "tokenizers", *optional]
    return {name: importlib.metadata.version(name) for name in names}


def model_files(base, adapter=None):
    """Return the paths of what makes a model: the base's files and, where there is one, the adapter's."""
    own = [f"{adapter}/{name}" for name in ADAPTER_FILES] if adapter else []
    template = [f"{base}/{CHAT_TEMPLATE}"] if Path(base, CHAT_TEMPLATE).exists() else []
    return [f"{base}/{name}" for name in BASE_FILES] + template + own


def stack():
    """Return what must not change under state that is taken up again: versions, kind of device, processes."""
    several = {"processes": os.environ["WORLD_SIZE"]} if int(os.environ.get("WORLD_SIZE", 1)) > 1 else {}
    return {**versions(), "device": "cuda" if torch.cuda.is_available() else "cpu", **several}


def rank_of(model):
    """Return the rank of a model's LoRA adapter."""
    return model.peft_config["default"].r


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
        scores = torch.log_softmax(model(input_ids=ids).logits[0, :-1].float(), -1)
        sums.append(scores.gather(1, ids[0, 1:, None]).sum())
    return torch.stack(sums).cpu()


@torch.no_grad()
def prove_adapter(model, base_model, tokenizer, texts):
    """Raise unless the adapter of `model` does something and does nothing once its weights are zero; returns the proof.

    `base_model` is a separately loaded base, so a merge or a wrong base cannot hide. The weights are put back.
    """
    base = canary_log_probs(base_model, tokenizer, texts)
    with_adapter = canary_log_probs(model, tokenizer, texts)
    saved = {name: tensor.clone() for name, tensor in get_peft_model_state_dict(model).items()}
    lora = [parameter for name, parameter in model.named_parameters() if ".default." in name]  # not a KL term's copy
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


def hand_over(model, base, tokenizer, canaries, start, folder, manifest, precision=FLOAT32):
    """Save the adapter with its proofs; raise AssertionError when its hash is still `start`: nothing was trained."""
    end = adapter_hash(model)
    if end == start:
        raise AssertionError("hand-over: training did not change the adapter's weights")
    proof = prove_adapter(model, load_base(base, precision), tokenizer, canaries)
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
