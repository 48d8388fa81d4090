"""What lies in the folder of a published model or adapter, and whether it can be loaded at all.

In: a folder as transformers' save_pretrained writes it (config.json, model.safetensors or model.safetensors.index.json
with its shards, tokenizer), or as PEFT's does (adapter_config.json, adapter_model.safetensors). Out: the files that
decide its answers; a UserError of one line, before a GPU is asked for, where something is missing or cut off. Only the
headers of the weights are read (github.com/huggingface/safetensors, "Format"), and nothing heavy is imported.
"""

import json
from pathlib import Path

from crosspl.errors import UserError

CONFIG, ADAPTER_CONFIG = "config.json", "adapter_config.json"
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
TOKENIZERS = (("tokenizer.json",), ("tokenizer.model",), ("vocab.json", "merges.txt"))  # one of these must be there
BESIDE = (  # files that decide answers too, where there are such
    "generation_config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "chat_template.jinja", "chat_template.json",
)  # fmt: skip
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
LORA = (".lora_A.weight", ".lora_B.weight")
LONGEST_HEADER = 100_000_000  # bytes, of the format


def model_files(folder):
    """Return the paths of all files of a model that decide its answers, weights first."""
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    if not (folder / CONFIG).is_file():
        is_adapter = (folder / ADAPTER_CONFIG).is_file()
        hint = ", but an adapter of PEFT: name it as `adapter`, and its base as `model`" if is_adapter else ""
        raise UserError(f"{folder}: no {CONFIG}, so no model of transformers{hint}")
    config = json_of(folder / CONFIG)
    if method := (config.get("quantization_config") or {}).get("quant_method"):
        raise UserError(f"{folder}: quantized ({method}); only models in full weights can be evaluated")
    tokenizer = [name for names in TOKENIZERS for name in names if (folder / name).is_file()]
    if not any(set(names) <= set(tokenizer) for names in TOKENIZERS):
        raise UserError(f"{folder}: no tokenizer (tokenizer.json); copy its files from where the model is from")
    beside = [name for name in (CONFIG, *tokenizer, *BESIDE) if (folder / name).is_file()]
    return [str(folder / name) for name in (*weight_files(folder), *beside)]


def weight_files(folder):
    """Return the names of the files of a model's weights, those that transformers would load."""
    if (folder / WEIGHTS).is_file():
        names = [WEIGHTS]
    elif (folder / INDEX).is_file():
        names = [*sorted(set(json_of(folder / INDEX).get("weight_map", {}).values())), INDEX]
    else:
        raise UserError(f"{folder}: {_no_weights(folder, WEIGHTS)}")
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise UserError(f"{folder}: {len(missing)} of the {len(names) - 1} files of {INDEX} are missing: {missing[0]}")
    for name in names:
        if name != INDEX:
            tensors_of(folder / name)
    return names


def _no_weights(folder, wanted):
    """Return why there are no weights that can be loaded."""
    pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
    if pickles:
        return (
            f"no {wanted}, only {pickles[0]}: such a file can run code when it is read; load it where you trust it and "
            "call save_pretrained, which writes safetensors"
        )
    return f"no weights ({wanted})"


def adapter_files(folder, model):
    """Return the paths of an adapter's files; `model` is the folder of the model that it is put on."""
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    if not (folder / ADAPTER_CONFIG).is_file():
        raise UserError(f"{folder}: no {ADAPTER_CONFIG}, so no adapter of PEFT")
    if (kind := json_of(folder / ADAPTER_CONFIG).get("peft_type")) != "LORA":
        raise UserError(
            f"{folder}: an adapter of kind {kind}; only LoRA can be evaluated (merge others into the model)"
        )
    if not (folder / ADAPTER_WEIGHTS).is_file():
        raise UserError(f"{folder}: {_no_weights(folder, ADAPTER_WEIGHTS)}")
    check_fit(folder, Path(model))
    return [str(folder / name) for name in (ADAPTER_WEIGHTS, ADAPTER_CONFIG)]


def check_fit(adapter, model):
    """Raise a UserError where an adapter is plainly of another model: no layer of it is there, or one of other sizes.

    By names and shapes in the files; what a model calls its layers once it is loaded, PEFT compares then.
    """
    pairs = lora_pairs(tensors_of(adapter / ADAPTER_WEIGHTS))
    base = {}
    for name in weight_files(model):
        base |= tensors_of(model / name) if name != INDEX else {}
    shapes = {layer: base.get(f"{layer}.weight") or base.get(f"{layer.partition('.')[2]}.weight") for layer in pairs}
    if pairs and not any(shapes.values()):
        raise UserError(f"{adapter}: of another architecture than {model}, which has no layer {next(iter(pairs))}")
    for layer, shape in shapes.items():
        if shape and sorted(shape) != sorted(pairs[layer]):  # some write a layer's weight the other way round
            sizes = " and ".join(" x ".join(map(str, sorted(one))) for one in (pairs[layer], shape))
            raise UserError(f"{adapter}: of another model than {model}: {layer} is {sizes}")


def lora_pairs(tensors):
    """Return {layer: [outputs, inputs]} of what a LoRA adapter changes, embeddings apart."""
    found = {}
    for name, shape in tensors.items():
        for place, end in enumerate(LORA):
            if name.endswith(end) and len(shape) == 2:
                layer = name.removesuffix(end).removeprefix("base_model.model.")
                found.setdefault(layer, [0, 0])[1 - place] = shape[1 - place]
    return {layer: shape for layer, shape in found.items() if all(shape)}


def tensors_of(path):
    """Return {name: shape} of a safetensors file, which must be as long as its header says."""
    size = path.stat().st_size
    with open(path, "rb") as stream:
        start = stream.read(8)
        if start == b"version ":
            raise UserError(f"{path}: a pointer of Git LFS, not the file itself; type: git lfs pull")
        length = int.from_bytes(start, "little")
        text = stream.read(length) if length <= min(LONGEST_HEADER, size) else b""
    try:
        header = {name: value for name, value in json.loads(text).items() if name != "__metadata__"}
        end = max([value["data_offsets"][1] for value in header.values()], default=0)
        shapes = {name: value["shape"] for name, value in header.items()}
    except (ValueError, AttributeError, KeyError, TypeError, IndexError):
        raise UserError(f"{path}: no safetensors file; copy or fetch it again") from None
    if size != 8 + length + end:
        raise UserError(f"{path}: {size} bytes, {8 + length + end} by its header; copy or fetch it again")
    return shapes


def json_of(path):
    """Return the dict of a JSON file of somebody else's."""
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({str(error).splitlines()[0]})") from None
    if not isinstance(found, dict):
        raise UserError(f"{path}: not a JSON object")
    return found
