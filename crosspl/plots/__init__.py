"""Figures of the report: rows of the result tables in, one SVG per figure out; `catalogue` lists them all."""
