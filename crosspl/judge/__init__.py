"""The judge: run model-written programs in boxes and say what they did. `from crosspl.judge.client import Judge`.

In: rows of programs with tests or a harness. Out: one verdict row per program, in the same order. Every
program runs inside bubblewrap, never as uid 0, and expected outputs never enter the box.
"""
