"""C and C++ programs in LLVM IR, and whether LLVM's verifier lets a module through; both in the judge's boxes.

In: a judge that holds bash, programs. Out: the IR that clang prints, per program and optimization level, with the names
of values; True or False per module. Nothing that somebody submitted is compiled outside of a box.
"""

import shlex

from crosspl.languages import load_language

LEVELS = ("O0", "O1", "O2", "O3", "Os", "Oz")
TRANSLATED = ("c", "cpp")
TOOL = "bash"  # runs the compiler in a box
FLAGS = ["-S", "-emit-llvm", "-fno-discard-value-names", "-w"]
MEMORY_MIB = 3072  # of the compiler
OUTPUT_KIB = 4096  # of IR


def translations(judge, programs, levels):
    """Return for each of `programs` ({"language", "code"}) {level: IR}, without the levels that clang fails at."""
    rows = [compile_row(one["language"], one["code"], level) for one in programs for level in levels]
    texts = [said["stdout"] if said["verdict"] == "OK" else None for said in (judge.run(rows) if rows else [])]
    found = [dict(zip(levels, texts[place : place + len(levels)])) for place in range(0, len(texts), len(levels))]
    return [{level: text for level, text in one.items() if text} for one in found]


def compile_row(language, code, level):
    """Return the row for Judge.run that prints the IR of one program."""
    entry = load_language(language)
    standard = [part for part in entry["compile"] if part.startswith("-std=")]
    command = ["clang", *FLAGS, f"-{level}", *standard, "-o", "-", entry["source"]]
    return in_box(entry, f"cat > {entry['source']} && {shlex.join(command)}", code)


def verified(judge, modules):
    """Return for each IR text whether LLVM can read it and finds nothing wrong with it."""
    entry = load_language("llvm_ir")
    rows = [in_box(entry, f"cat > {entry['source']} && {verifier(entry)}", text) for text in modules]
    return [said["verdict"] == "OK" for said in (judge.run(rows) if rows else [])]


def verifier(entry):
    """Return the first of the two commands that compile LLVM IR."""
    return entry["compile"][-1].partition(" && ")[0]


def in_box(entry, script, text):
    """Return the row for Judge.run of a Bash script that reads `text`, with the limits of compiling."""
    cpu_s, wall_s = entry["compile_limits"]["cpu"], entry["compile_limits"]["wall"]
    limits = {"cpu_s": cpu_s, "wall_s": wall_s, "memory_mib": MEMORY_MIB, "output_kib": OUTPUT_KIB}
    return {"id": None, "language": TOOL, "code": f"{script}\n", "stdin": text, "limits": limits}
