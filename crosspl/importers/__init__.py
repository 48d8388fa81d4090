"""Readers of published data sets, one module per format: a stream of problems and programs in the project's words.

A module has HUB (the data set's name on the hub, or None), FILES (glob patterns of what is read), LICENSE, and
  read(folder, revision) -> iterator of problem rows, program rows and Drops (crosspl.importers.rows)
A program comes after its problem: right after it, or with PROGRAMS_LAST = True after all problems.
In: the name of a format. Out: its module.
"""

import importlib

FORMATS = {  # name: what it is
    "ag_livecodebench_x": "LiveCodeBench's problems on standard input, for any PL (nuprl/Ag-LiveCodeBench-X)",
    "apps": "APPS: problems of several sites with Python solutions (MIT)",
    "code_contests": "deepmind/code_contests: problems of five sites, right and wrong programs (CC-BY-4.0)",
    "codeforces": "open-r1/codeforces: problems, official and generated tests, checkers (CC-BY-4.0)",
    "codeforces_submissions": "open-r1/codeforces-submissions: people's programs with Codeforces' verdicts (CC-BY-4.0)",
    "humaneval_x": "HumanEval-X: 164 problems, each with a program and a test in six PLs; evaluation only (Apache-2.0)",
    "jsonl": "our own format, also what this command writes: docs/data_format.md",
    "livecodebench": "LiveCodeBench, code generation (lite): contest problems by date; functional ones in Python only",
    "mceval": "McEval: other problems in each PL, with programs; evaluation only",
    "multipl_e": "MultiPL-E: HumanEval and MBPP in many PLs, one problem with a harness per PL; evaluation only",
    "taco": "TACO: problems of seven sites with Python solutions (Apache-2.0)",
    "xcodeeval": "xCodeEval: Codeforces problems and programs in 17 PLs, with what became of each (CC-BY-NC-4.0)",
}


def load_importer(name):
    """Return the module of a format; loaded by name, so that one format's code does not depend on another's."""
    return importlib.import_module(f"crosspl.importers.{name}")
