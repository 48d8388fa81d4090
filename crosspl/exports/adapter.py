"""One checkpoint to give away: its PEFT adapter folder with a model card.

In: the adapter with its manifest, the base model's manifest, problems (for the licences of what it was trained on), its
pass@1 table. Out: adapter_model.safetensors, adapter_config.json, manifest.json, pass_at_1.csv, README.md.
Format: PEFT's saved adapters; the Hub's model cards. The base model is not in it. Weights that were trained on problems
that may not be trained on are refused; a licence for the weights themselves is for whoever publishes them to choose.
"""

import json
import shutil
from collections import Counter

from crosspl.errors import UserError
from crosspl.exports.cards import head, license_table, provenance, table
from crosspl.io import atomic, read_csv, read_json, read_text, stream_rows, write_json, write_text
from crosspl.licenses import EVALUATION, terms_of
from crosspl.problems import checked
from crosspl.provenance import file_hash

WEIGHTS, CONFIG, MANIFEST = "adapter_model.safetensors", "adapter_config.json", "manifest.json"
SCORES = ("language", "reading", "problems", "samples", "pass_at_1", "low", "high")


def export(output, *, adapter, base, checkpoint, problems, scores, base_name=None):
    """Write the adapter and its card."""
    manifest = read_json(f"{adapter}/{MANIFEST}")
    if file_hash(f"{adapter}/{WEIGHTS}") != manifest["weights_sha256"]:
        raise UserError(f"{adapter}/{WEIGHTS}: not the weights that {MANIFEST} tells of; train it again")
    measured = read_csv(scores)
    check_scores(scores, measured, checkpoint)
    text = card(
        checkpoint, manifest, read_json(f"{base}/{MANIFEST}"), trained_on(problems, checkpoint), measured, base_name
    )
    with atomic(output / WEIGHTS) as temporary:
        shutil.copyfile(f"{adapter}/{WEIGHTS}", temporary)
    config = read_json(f"{adapter}/{CONFIG}")
    write_json(output / CONFIG, config | ({"base_model_name_or_path": base_name} if base_name else {}))
    for source, name in ((f"{adapter}/{MANIFEST}", MANIFEST), (scores, "pass_at_1.csv")):
        write_text(output / name, read_text(source))
    files = [f"{adapter}/{WEIGHTS}", f"{base}/{MANIFEST}", problems, scores]
    write_text(output / "README.md", f"{text}\n\n## Provenance\n\n{provenance(files)}\n")


def check_scores(path, rows, checkpoint):
    """Raise a UserError for the scores of another checkpoint, or with judge errors in them."""
    for row in rows:
        if row["checkpoint"] != checkpoint:
            raise UserError(f"{path}: pass@1 of {row['checkpoint']}, not of {checkpoint}")
        if row["JE"] != "0":
            raise UserError(
                f"{path}: {row['JE']} answers in {row['language']} have no verdict (JE): judge again, then export"
            )


def trained_on(path, checkpoint):
    """Return {(source, license): {split: problems}} of what a checkpoint's adapter was trained on."""
    kind, init = checkpoint.split("/")[:2]
    splits = {"sft"} if kind == "sft" else {"rl"} if init == "base" else {"sft", "rl"}
    counts = {}
    for row in checked(stream_rows(path), path):
        if row["split"] in splits:
            if terms_of(row["source"], row["license"]).train == EVALUATION:
                raise UserError(
                    f"{path}, problem {row['id']}: source {row['source']} is for evaluation only, and this is the "
                    f"split {row['split']}: an adapter trained on it is not exported"
                )
            counts.setdefault((row["source"], row["license"]), Counter())[f"problems ({row['split']})"] += 1
    return counts


def card(checkpoint, manifest, base, counts, measured, base_name):
    """Return README.md, provenance aside."""
    mark = sorted({row["mark"] for row in measured if row["mark"]})
    what = "Accuracy of code verification" if any("verification" in text for text in mark) else "pass@1"
    known = {"library_name": "peft", "tags": ["code", "lora"]} | ({"base_model": base_name} if base_name else {})
    settings = {name: manifest[name] for name in ("lora", "settings") if name in manifest}
    return "\n\n".join([
        head(known),
        f"# {checkpoint}",
        *(f"**{text}**" for text in mark),
        table(["", ""], [[what, value] for what, value in facts(checkpoint, manifest, base, base_name)]),
        f"Settings:\n\n```json\n{json.dumps(settings, indent=1, sort_keys=True)}\n```",
        f"## {what}\n\nFractions of 1 with 95 % intervals over families of problems; more columns: `pass_at_1.csv`.",
        table(SCORES, [[row[name] for name in SCORES] for row in measured]),
        "## Licences\n\nOf the problems in the splits that it was trained on. The base model has terms of its own.",
        license_table(counts),
    ])  # fmt: skip


def facts(checkpoint, manifest, base, base_name):
    """Return what the card says of a checkpoint, as (what, value)."""
    kind, init = checkpoint.split("/")[:2]
    yield "base model", base_name or "the one of this experiment, `base_model_name_or_path` in adapter_config.json"
    yield "its weights", f"sha256 `{base['weights_sha256']}`"
    yield "SFT mixture", "none" if init == "base" else init
    yield "RL", f"{manifest['settings']['method']} in {manifest['source']}" if kind == "rl" else "none"
    yield "seed", manifest["seed"]
    yield "adapter weights", f"sha256 `{manifest['weights_sha256']}`, {manifest['trainable_parameters']} parameters"
    yield "made with", ", ".join(f"{name} {version}" for name, version in manifest["versions"].items())
