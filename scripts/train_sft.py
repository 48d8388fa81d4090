"""SFT: train a LoRA adapter on one mixture with one seed (TRL SFTTrainer, loss on the program and <eos> only).

In: the base model, sft_data/{mixture}.jsonl.gz, settings. Out: a PEFT adapter folder, history.csv, manifest.json with
the proof that training changed the adapter and that the adapter changes the base model.
"""

import argparse
import json
from pathlib import Path

from crosspl import models
from crosspl.errors import run_command
from crosspl.io import read_rows
from crosspl.provenance import file_hash, state_folder
from crosspl.training import train_supervised, write_history


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, help="folder of the base model")
    parser.add_argument("--data", required=True, help="the mixture's rows")
    parser.add_argument("--lora", required=True, type=json.loads, help="LoRA settings, JSON")
    parser.add_argument("--settings", required=True, type=json.loads, help="training settings, JSON")
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--save-every", required=True, type=int, help="steps between checkpoints under work/")
    parser.add_argument("--title", default="sft", help="name in progress lines")
    parser.add_argument("--output", required=True, help="folder of the adapter")
    args = parser.parse_args(argv)
    inputs = [*models.model_files(args.base), args.data]
    state = state_folder("sft", __file__, inputs, args.lora, args.settings, args.seed, models.stack())
    tokenizer = models.load_tokenizer(args.base)
    rows = read_rows(args.data)
    model = models.fresh_adapter(models.load_base(args.base), args.lora, args.seed)
    start = models.adapter_hash(model)
    trainable = models.trainable_parameters(model)
    settings = {**args.settings, "save_steps": args.save_every}
    model, history = train_supervised(model, tokenizer, rows, settings, args.seed, state, args.title)
    manifest = {
        "settings": args.settings,
        "lora": args.lora,
        "seed": args.seed,
        "trainable_parameters": trainable,
        "inputs": {path: file_hash(path) for path in inputs},
        "versions": models.versions(),
    }
    canaries = [row["prompt"] + row["completion"] for row in rows[:4]]
    models.hand_over(model, args.base, tokenizer, canaries, start, args.output, manifest)
    write_history(Path(args.output) / "history.csv", history)


if __name__ == "__main__":
    run_command(main)
