"""Importers: one module per data set format, each a problem source like the microworld.

In: the `problems.settings` of the config. Out: `build_problems(settings)` and `candidate_programs(problems, language,
settings)`, the rows of `results/problems.jsonl.gz` and `results/programs/{language}.jsonl.gz`.
"""
