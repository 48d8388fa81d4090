"""Tracers: what runs in the judge's box to find out which lines of a program were executed.

In: a program and the inputs of its tests. Out: rows for Judge.run, and reading what they print: crosspl.executed_lines.
"""
