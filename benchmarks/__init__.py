"""Benchmarks: in, nothing but the installed toolchains; out, tables and JSON of what things cost on this machine."""
