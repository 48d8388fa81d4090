"""Small real parts for unit tests: a world of some hundred problems, and a Llama of one layer with its tokenizer.

In: folders to write to. Out: settings, rows, a base folder as scripts.train_base leaves it.
"""

from crosspl.io import write_json, write_text
from crosspl.microworld import world
from crosspl.microworld.printers import PRINTERS, STYLES
from crosspl.prompts import format_prompt
from crosspl.tokenizer import tokenizer_config, train_tokenizer

WORLD = {
    "seed": 4,
    "sizes": {"sft": 150, "rl": 8, "validation": 4, "eval": 12},
    "depth_shares": [0.4, 0.6],
    "phrase_shares": {"pretraining": [0.7, 0.2, 0.1], "sft": [0.5, 0.3, 0.2], "rl_and_eval": [1, 1, 1]},
    "tests": 2,
    "cases": 4,
    "limits": {"cpu_s": 0.5},
    "pool": 30,
    "pretraining": {
        "documents": 300,
        "programs": {"1": 40, "2": 60},
        "depth_shares": {"1": 0.5, "2": 0.5},
        "style_shares": [0.5, 0.25, 0.25],
        "raw_shares": {"python": 0.1, "other": 0.4},
        "language_shares": {"python": 0.6, "lua": 0.2, "php": 0.2},
    },
}
SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 256,
}
LORA = {"r": 4, "lora_alpha": 8}


def right_programs(problems, languages, settings):
    """Return the candidate programs of `languages`, all with verdict OK."""
    return [
        row | {"verdict": "OK"}
        for language in languages
        for row in world.candidate_programs(problems, language, settings)
    ]


def training_rows(count=24):
    """Return `count` SFT rows of real programs in three PLs."""
    settings = WORLD | {"sizes": {"sft": count, "rl": 0, "validation": 0, "eval": 0}}
    rows = []
    for number, problem in enumerate(world.build_problems(settings)):
        language = ("python", "perl", "ruby")[number % 3]
        code = PRINTERS[language].render(world.tree(problem["ast"]), STYLES[number % 2])
        rows.append({"prompt": format_prompt(language, problem["statement"]), "completion": code})
    return rows


def base_folder(folder, seed=0, shape=SHAPE):
    """Write a base model with random weights and its tokenizer to `folder`; return the folder as a text."""
    from crosspl import models

    texts = [row["prompt"] + row["completion"] for row in training_rows()]
    write_text(folder / "tokenizer.json", train_tokenizer(texts, 400).to_str())
    write_json(folder / "tokenizer_config.json", tokenizer_config())
    models.new_llama(shape, models.load_tokenizer(folder), seed).save_pretrained(folder)
    return str(folder)
