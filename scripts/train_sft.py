"""SFT: train a LoRA adapter on one mixture with one seed (TRL SFTTrainer, loss on the program and <eos> only).

In: the base model, sft_data/{mixture}.jsonl.gz, settings. Out: a PEFT adapter folder, history.csv, manifest.json with
the proof that training changed the adapter and that the adapter changes the base model.
"""

import argparse
import json
from pathlib import Path

from crosspl import chat, launch, models
from crosspl.errors import UserError, run_command
from crosspl.io import read_rows
from crosspl.protocol import said
from crosspl.provenance import file_hash, state_folder
from crosspl.training import train_supervised, write_history


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, help="folder of the base model")
    parser.add_argument("--data", required=True, help="the mixture's rows")
    parser.add_argument("--lora", required=True, type=json.loads, help="LoRA settings, JSON")
    parser.add_argument("--precision", default=models.FLOAT32, type=json.loads, help="of the base model, JSON")
    parser.add_argument("--gpus", default=0, type=int, help="GPUs of this job; 0: the CPU")
    parser.add_argument("--launch", default=launch.HOW, help="how several GPUs share it, a file of accelerate")
    parser.add_argument("--settings", required=True, type=json.loads, help="training settings, JSON")
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--save-every", required=True, type=int, help="steps between checkpoints under work/")
    parser.add_argument("--title", default="sft", help="name in progress lines")
    parser.add_argument("--output", required=True, help="folder of the adapter")
    args = parser.parse_args(argv)
    models.use_gpus(args.gpus)
    launch.spread(args.gpus, args.launch)
    inputs = [*models.model_files(args.base), args.data]
    state = state_folder("sft", __file__, inputs, args.lora, args.settings, args.seed, args.precision, models.stack())
    tokenizer = models.load_tokenizer(args.base)
    rows = examples = read_rows(args.data)
    if chat.is_chat(rows[0]["prompt"]):
        chat.check_chat(tokenizer, rows[0]["prompt"], args.base)
        examples = [chat.example(tokenizer, row["prompt"], row["completion"]) for row in rows]
    cut = chat.check_answers(tokenizer, examples, args.settings["max_length"], args.data)
    if cut:
        refuse_cut_bridges(tokenizer, rows, examples, args.settings["max_length"], args.data)
        print(f"{cut} of {len(rows)} answers go beyond sft.max_length: their ends are not learnt; set it higher")
    model = models.fresh_adapter(models.load_base(args.base, args.precision), args.lora, args.seed)
    start = models.adapter_hash(model)
    trainable = models.trainable_parameters(model)
    settings = {**args.settings, "save_steps": args.save_every}
    model, history = train_supervised(
        model, tokenizer, examples, settings, args.seed, state, args.title, args.precision
    )
    if not launch.is_first():
        return
    manifest = {
        "settings": args.settings,
        "lora": args.lora,
        "seed": args.seed,
        "trainable_parameters": trainable,
        "answers_cut": cut,
        "inputs": {path: file_hash(path) for path in inputs},
        "precision": args.precision,
        "device": str(models.device()),
        "versions": models.versions(),
    }
    canaries = [said(row["prompt"]) + said(row["completion"]) for row in rows[:4]]
    models.hand_over(model, args.base, tokenizer, canaries, start, args.output, manifest, args.precision)
    write_history(Path(args.output) / "history.csv", history)


def refuse_cut_bridges(tokenizer, rows, examples, max_length, where):
    """Raise a UserError where answers with a bridge are too long: of them the program asked for would be cut."""
    bridged = [example for row, example in zip(rows, examples) if "bridge" in row]
    cut = chat.check_answers(tokenizer, bridged, max_length, where)
    if cut:
        raise UserError(
            f"{where}: {cut} of {len(bridged)} examples with a bridge have more than sft.max_length = {max_length} "
            "tokens, and what would be cut off is the program asked for: set it higher"
        )


if __name__ == "__main__":
    run_command(main)
