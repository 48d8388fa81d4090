"""How fast GPUs are: measured by this project (benchmarks/gpu/*.json, `make gpu-check`), else published by others.

In: a kind of work ("sft", "rl", "sample"), the precision and the engine, the parameters of a model. Out: a Rate in
tokens per second and GPU, scaled by the parameters, and one line that says where it is from and by which factor. A
measured file is taken only where precision and engine are those asked for; of several the one whose model is nearest in
size. benchmarks/published.yaml has the others' figures.
"""

import math
from pathlib import Path
from typing import NamedTuple

import yaml

from crosspl.errors import UserError
from crosspl.external.folders import json_of

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
KEYS = {  # of a measured file, {block: {key: type}}; further keys are of no concern here
    "": {"device": str},
    "model": {"name": str, "parameters": (int, float)},
    "precision": {"weights": str, "quantization": (str, type(None))},
    "sft": {"tokens_per_s": (int, float)},
    "rl": {"engine": str, "answers": (int, float), "tokens_per_answer": (int, float), "step_s": (int, float)},
    "sample": {"engine": str, "tokens_per_s": (int, float)},
}
BLOCKS = ("sft", "rl", "sample")  # any of them may be missing
FAR = 4  # times larger or smaller: the model of a rate says little of this one
PUBLISHED = "published by others"
REMEDY = "mend or delete it; `make gpu-check` writes it anew"


class Rate(NamedTuple):
    """tokens_per_s: of answers, or with `prompts` of prompts and answers. said: one line."""

    tokens_per_s: float
    prompts: bool
    said: str


def rate_for(kind, precision, engine, parameters, folder=BENCHMARKS):
    """Return the Rate of a kind of work for a model of so many parameters. engine: None for SFT."""
    wanted = {"weights": precision["weights"], "quantization": precision["quantization"], "engine": engine}
    fitting = [
        row for row in measured(folder) if row["kind"] == kind and all(row[key] == wanted[key] for key in wanted)
    ]
    if fitting:
        row = nearest(fitting, parameters)
        return scaled(row, parameters, False, f"measured, {row['file']} ({row['device']}, {row['model']})")
    row, caveats = published(kind, wanted, parameters, folder)
    start = f"{PUBLISHED}, {row['source']} ({row['device']}, {row['model']}, {row['what']})"
    return scaled(row, parameters, kind != "sft", start, caveats)


def measured(folder=BENCHMARKS):
    """Return one row per block of the files of benchmarks/gpu/, in the files' order."""
    rows = []
    for path in sorted(Path(folder, "gpu").glob("*.json")):
        found = checked(path)
        common = found["precision"] | {
            "device": found["device"], "model": found["model"]["name"], "parameters": found["model"]["parameters"],
            "file": f"{Path(folder).name}/gpu/{path.name}",
        }  # fmt: skip
        for kind in BLOCKS:
            if block := found.get(kind):
                rows.append(common | {"kind": kind, "engine": block.get("engine"), "tokens_per_s": speed(kind, block)})
    return rows


def speed(kind, block):
    """Return tokens per second; a step of RL is `answers` answers with all that is done for them and with them."""
    return block["answers"] * block["tokens_per_answer"] / block["step_s"] if kind == "rl" else block["tokens_per_s"]


def checked(path):
    """Return a measured file's content; a UserError names the file and the key that is wrong."""
    found = json_of(path)
    for block, keys in KEYS.items():
        if block in BLOCKS and found.get(block) is None:
            continue
        values = found.get(block) if block else found
        if not isinstance(values, dict):
            raise UserError(f"{path}: {block} is missing; {REMEDY}")
        for key, kinds in keys.items():
            place = f"{block}.{key}".lstrip(".")
            if key not in values:
                raise UserError(f"{path}: {place} is missing; {REMEDY}")
            value = values[key]
            if not isinstance(value, kinds) or isinstance(value, bool):
                raise UserError(f"{path}: {place} is {value!r}, which cannot be; {REMEDY}")
            if isinstance(value, int | float) and not 0 < value < math.inf:
                raise UserError(f"{path}: {place} is {value}, and must be above 0; {REMEDY}")
    return found


def published(kind, wanted, parameters, folder):
    """Return (row, caveats) of the others' figures; where none fits one of another precision, engine or kind."""
    table = yaml.safe_load(Path(folder, "published.yaml").read_text())
    rows, caveats = table[kind if kind in table else "rl"], []
    if kind not in table:
        caveats.append("of RL, of which answers are a part")
    fitting = [row for row in rows if row["weights"] == wanted["weights"]]
    if not fitting:
        caveats.append(f"in bfloat16: {wanted['weights']} takes longer")
    fitting = fitting or rows
    same = [row for row in fitting if row["quantization"] == wanted["quantization"]]
    if not same:
        caveats.append(f"without quantization: {wanted['quantization']} takes longer")
    row = nearest(same or fitting, parameters)
    if wanted["engine"] and row["engine"] != wanted["engine"]:
        caveats.append(f"with {row['engine']}: {wanted['engine']} takes longer, perhaps several times")
    return row, caveats


def nearest(rows, parameters):
    """Return the row of the model that is nearest in size, by the ratio."""
    return min(rows, key=lambda row: abs(math.log(row["parameters"] / parameters)))


def scaled(row, parameters, prompts, start, caveats=()):
    """Return the Rate of a row for a model of `parameters`: the time grows as they do."""
    factor = parameters / row["parameters"]
    if not 1 / FAR <= factor <= FAR:
        caveats = [*caveats, "models so far apart in size say little of each other"]
    speed_of = f"{figure(row['tokens_per_s'])} tokens/s per GPU"
    said = f"{start}: {speed_of}, times taken x {figure(factor)} for {counted(parameters)}"
    return Rate(row["tokens_per_s"] / factor, prompts, "; ".join([said, *caveats]))


def counted(parameters):
    """Return a number of parameters in words."""
    for unit, size in (("B", 1e9), ("M", 1e6)):
        if parameters >= size:
            return f"{parameters / size:.3g} {unit} parameters"
    return f"{parameters:.0f} parameters"


def figure(value):
    """Return a number with three digits, and no power of ten."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}" if value >= 1e-3 or not value else f"{value:.1e}"
