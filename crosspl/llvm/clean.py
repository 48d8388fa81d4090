"""LLVM IR without what says nothing of the program: comments, metadata, attribute groups, names of files and machines.

In: IR as clang prints it. Out: shorter IR that LLVM accepts and that does the same; names of values stay. (GEPO, Wu et
al. 2025, arXiv 2505.12723, takes SLTrans' IR as it is, debug information included; answers of 8,192 tokens are few.)
"""

import re

TEXT = r'"[^"]*"'  # a quote inside of a text is written \22
COMMENT = re.compile(rf"({TEXT})|\s*;.*")
DROPPED = re.compile(
    r"\s*(?:(?:source_filename|target \w+|attributes #\d+|![\w.\\-]+) = .*"
    r"|(?:tail )?call void @llvm\.(?:dbg\.\w+|experimental\.noalias\.scope\.decl)\(.*"
    r"|declare void @llvm\.(?:dbg\.\w+|experimental\.noalias\.scope\.decl)\(.*|#dbg_\w+\(.*)"
)
ATTACHED = re.compile(rf"({TEXT})|,?\s![\w.\\-]+\s!(?:\d+|\{{\}})")  # , !tbaa !5
GROUP = re.compile(rf"({TEXT})|\s#\d+")  # of attributes


def clean(text):
    """Return IR `text` without comments, metadata, attribute groups and the lines that name file and machine."""
    lines = (without(COMMENT, line).rstrip() for line in text.split("\n"))
    kept = (without(GROUP, without(ATTACHED, line)) for line in lines if not DROPPED.fullmatch(line))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip() + "\n"


def without(pattern, line):
    """Return a line without what `pattern` finds outside of texts in quotes, its first group."""
    return pattern.sub(lambda found: found[1] or "", line)
