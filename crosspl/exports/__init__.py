"""Writers of the formats that other tools of the field read, one module per format.

A module has one function
  export(output, *, ...) -> None; its keyword arguments are the options of scripts.export that it takes
that writes into the folder `output`, which is there and empty. Verdicts get the format's own words only here; a judge
error (JE) says nothing about a program and is never exported as a failure.
In: the name of a format. Out: its module.
"""

import importlib

FORMATS = {  # name: what it is
    "adapter": "one checkpoint: PEFT adapter folder with a model card",
    "dataset": "problems, judged programs and mixtures: Hugging Face data set (Parquet) with a data card",
    "evalplus": "one checkpoint's answers: EvalPlus samples.jsonl and samples_eval_results.json per PL and reading",
    "lm_eval": "one checkpoint's answers: results and samples of the LM Evaluation Harness",
    "multipl_e": "one checkpoint's answers: MultiPL-E .results.json.gz per problem, which its pass_k.py reads",
    "verl": "RL problems in one PL: Parquet for verl, code-r1 and what reads the same columns",
}


def load_exporter(name):
    """Return the module of a format; loaded by name, so that one format's code does not depend on another's."""
    return importlib.import_module(f"crosspl.exports.{name}")
