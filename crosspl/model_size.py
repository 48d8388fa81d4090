"""How large the base model of an experiment is, before it is there.

In: the checked config. Out: a Size: parameters, bytes of the copy in results/base/, numbers in a LoRA adapter, and in
words where they are from. A published model is counted in its folder (the headers of its weights), else by
results/base/manifest.json, else by its name ("8B"); the embedded one by the shape of its Llama.
"""

import re
from pathlib import Path
from typing import NamedTuple

from crosspl.external.folders import INDEX, tensors_of, weight_files
from crosspl.io import read_json

NAMED = re.compile(r"(?<![A-Za-z0-9.])(\d+(?:\.\d+)?)([BM])(?![A-Za-z0-9])", re.IGNORECASE)
UNITS = {"B": 1e9, "M": 1e6}
STORED = 2  # bytes of a parameter that is published in bfloat16, as most are
NO_LAYERS = ("embed_tokens", "lm_head", "wte", "wpe", "embed_in", "embed_out", "norm", "ln_")  # LoRA leaves them alone
# The adapter of Llama-3.1-8B on all linear layers at r = 1; adapters grow with width and depth, not with their product.
LLAMA_8B, LLAMA_8B_LORA = 8.03e9, 2_621_440


class Size(NamedTuple):
    """parameters, stored (bytes of weights), lora (numbers in an adapter): None where unknown. said: from where."""

    parameters: float | None
    stored: float | None
    lora: float | None
    said: str


def base_size(config, results="results"):
    """Return the Size of the experiment's base model."""
    name, rank = config["base"]["from"], config["lora"]["r"]
    if not name:
        return embedded(config["base"]["model"], config["base"]["vocabulary"], rank)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return of_folder(folder, rank)
    parameters, said = by_manifest(config["base"], Path(results, "base", "manifest.json")) or by_name(name)
    if parameters is None:
        return Size(None, None, None, said)
    lora = rank * LLAMA_8B_LORA * (parameters / LLAMA_8B) ** (2 / 3)
    return Size(
        parameters, parameters * STORED, lora, f"{said}; its weights taken as bfloat16, adapters after Llama-3.1-8B's"
    )


def embedded(shape, vocabulary, rank):
    """Return the Size of the Llama of crosspl.models.new_llama: float32, tied embeddings, as many keys as queries."""
    hidden, inner, layers = shape["hidden_size"], shape["intermediate_size"], shape["num_hidden_layers"]
    layer = 4 * hidden * hidden + 3 * hidden * inner + 2 * hidden
    parameters = vocabulary * hidden + layers * layer + hidden
    lora = rank * layers * (4 * 2 * hidden + 3 * (hidden + inner))
    return Size(parameters, 4 * parameters, lora, "by base.model and base.vocabulary")


def of_folder(folder, rank):
    """Return the Size of a model whose files are there; a UserError where they are damaged."""
    files = [folder / name for name in weight_files(folder) if name != INDEX]
    tensors = [item for path in files for item in tensors_of(path).items()]
    layers = [shape for name, shape in tensors if len(shape) == 2 and not any(part in name for part in NO_LAYERS)]
    return Size(
        sum(product(shape) for _, shape in tensors),
        sum(path.stat().st_size for path in files),
        rank * sum(map(sum, layers)),
        f"by the files in {folder}",
    )


def product(shape):
    size = 1
    for length in shape:
        size *= length
    return size


def by_manifest(base, path):
    """Return (parameters, where from) of a base model that was taken before, None where this one was not."""
    taken = read_json(path) if path.is_file() else {}
    if (taken.get("from"), taken.get("revision")) != (base["from"], base["revision"]) or "parameters" not in taken:
        return None
    return taken["parameters"], f"by {path}"


def by_name(name):
    """Return (parameters, where from) of a model's name: the number before B or M; None where there is none."""
    found = NAMED.search(name.rstrip("/").split("/")[-1])
    if not found:
        return None, f"how many parameters {name} has is not known: it is no folder here, and its name does not say it"
    return float(found[1]) * UNITS[found[2].upper()], "by its name"
