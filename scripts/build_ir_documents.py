"""Build documents that translate C programs of the embedded base model's corpus into LLVM IR.

Published models have seen LLVM IR before GEPO prefers some of it; so should the embedded one. In: what the corpus is
drawn from. Out: corpus rows, one per program and optimization level. No behaviour in them is in a problem.
"""

import argparse
import json
import sys

from crosspl.errors import UserError, run_command
from crosspl.groups.rows import LLVM_IR
from crosspl.io import read_rows, write_rows
from crosspl.judge.client import Judge
from crosspl.llvm.clean import clean
from crosspl.llvm.translate import TOOL, translations
from crosspl.problems import SOURCES, load_source
from crosspl.progress import Progress

SHOWN = "c"
TOGETHER = 50  # programs


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True, choices=sorted(SOURCES))
    parser.add_argument("--settings", required=True, type=json.loads, help="the source's settings, JSON")
    parser.add_argument("--problems", required=True)
    parser.add_argument("--programs", required=True, type=int, help="how many different ones are translated, at most")
    parser.add_argument("--levels", required=True, nargs="+", help="optimization levels of clang")
    parser.add_argument("--max-chars", required=True, type=int, help="longer IR is left out")
    parser.add_argument("--jobs", type=int, default=4, help="boxes at a time")
    parser.add_argument("--output", required=True)
    args = parser.parse_args(argv)
    source = load_source(args.source)
    if not hasattr(source, "pretraining_corpus"):
        raise UserError(f"problem source {args.source} has no pretraining corpus: set translation.pretraining_ir: 0")
    corpus = source.pretraining_corpus(read_rows(args.problems), args.settings)
    chosen = list({row["code"]: row for row in corpus if row["language"] == SHOWN}.values())[: args.programs]
    progress, rows = Progress("LLVM IR of the corpus, programs", len(chosen)), []
    with Judge([LLVM_IR, TOOL], jobs=args.jobs) as judge:
        for start in range(0, len(chosen), TOGETHER):
            part = chosen[start : start + TOGETHER]
            rows += [document(one, clean(text)) for one, texts in zip(part, translations(judge, part, args.levels))
                     for text in texts.values()]  # fmt: skip
            progress.update(start + len(part))
    kept = [row for row in rows if len(row["code"]) <= args.max_chars]
    asked = len(chosen) * len(args.levels)
    print(f"LLVM IR: {len(kept)} documents; {asked - len(rows)} of {asked} do not compile, {len(rows) - len(kept)} are "
          f"longer than {args.max_chars} characters", file=sys.stderr)  # fmt: skip
    if not kept:
        raise UserError("no C program of the corpus gives LLVM IR: give c a share in pretraining.language_shares, set "
                        "groups.ir.max_chars higher, or translation.pretraining_ir: 0")  # fmt: skip
    write_rows(args.output, kept)


def document(program, text):
    """Return the document in which a program of the corpus becomes IR."""
    shown = {"language": program["language"], "code": program["code"]}
    return {"statement": None, "language": LLVM_IR, "style": program["style"], "family": program["family"],
            "code": text, "shown": shown}  # fmt: skip


if __name__ == "__main__":
    run_command(main)
