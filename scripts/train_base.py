"""Train the embedded base model: a small Llama on the pretraining corpus.

In: corpus.jsonl.gz, the tokenizer's files, settings. Out: config.json, model.safetensors, history.csv, manifest.json.
Continues from the newest checkpoint under work/ after an interruption.
"""

import argparse
import json
from pathlib import Path

from crosspl.errors import run_command
from crosspl.io import read_rows, write_json
from crosspl.models import FLOAT32, TOKENIZER_FILES, load_tokenizer, new_llama, save_files, stack, use_gpus, versions
from crosspl.provenance import file_hash, state_folder
from crosspl.training import train_supervised, write_history


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--tokenizer", required=True, help="folder of the tokenizer's files")
    parser.add_argument("--model", required=True, type=json.loads, help="shape of the model, JSON")
    parser.add_argument("--training", required=True, type=json.loads, help="training settings, JSON")
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--save-every", required=True, type=int, help="steps between checkpoints under work/")
    parser.add_argument("--precision", default=FLOAT32, type=json.loads, help="of the computation, JSON")
    parser.add_argument("--gpus", default=0, type=int, help="GPUs of this job; 0: the CPU")
    parser.add_argument("--output", required=True, help="folder of the model")
    args = parser.parse_args(argv)
    use_gpus(args.gpus)
    output = Path(args.output)
    tokenizer = load_tokenizer(args.tokenizer)
    inputs = [args.corpus, *(Path(args.tokenizer) / name for name in TOKENIZER_FILES)]
    state = state_folder("base", __file__, inputs, args.model, args.training, args.seed, args.precision, stack())
    model = new_llama(args.model, tokenizer, args.seed)
    settings = {**args.training, "save_steps": args.save_every}
    model, history = train_supervised(
        model, tokenizer, read_rows(args.corpus), settings, args.seed, state, "pretraining base", args.precision
    )
    model.config.use_cache = True  # training switches it off, and generation without it is ten times slower
    save_files(model, output, ("model.safetensors", "config.json"))
    write_history(output / "history.csv", history)
    manifest = {
        "weights_sha256": file_hash(output / "model.safetensors"),
        "parameters": model.num_parameters(),
        "model": args.model,
        "training": args.training,
        "seed": args.seed,
        "inputs": {str(path): file_hash(path) for path in inputs},
        "versions": versions(),
    }
    write_json(output / "manifest.json", manifest)


if __name__ == "__main__":
    run_command(main)
