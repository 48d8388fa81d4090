"""A program without what a copyist changes: layout, comments, the names that it gives itself.

In: source text, comment marks of its PL. Out: tokens. Names that the program defines become `v`; control words, names
that it only calls (`max(`, `.sort`) and operators stay, and so do numbers and texts unless `literals` is False: in
short programs they are what makes two problems different. Across PLs `skeleton` keeps what most PLs write alike.
"""

import re

from crosspl.near_duplicates import without_comments

TEXT = r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
NUMBER = r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
OPERATOR = r"[-+*/%<>=!&|^~]+|[^\w\s]"
TOKEN = re.compile(f"(?P<text>{TEXT})|(?P<number>{NUMBER})|(?P<name>[A-Za-z_]\\w*[!?]?)|(?P<operator>{OPERATOR})")
DEFINERS = {
    "def", "function", "func", "fn", "sub", "let", "var", "const", "local", "my", "class", "struct", "int", "long",
    "auto", "double", "float", "char", "bool", "string", "String", "boolean", "void", "lambda", "proc",
}  # fmt: skip
CONTROL = {
    "if", "else", "elif", "elsif", "elseif", "unless", "for", "foreach", "while", "until", "do", "repeat", "loop",
    "return", "break", "last", "continue", "next", "switch", "case", "match", "when", "and", "or", "not", "in",
    "then", "end", "begin", "import", "use", "require", "include", "from", "print", "println", "puts", "echo",
    "printf", "sort", "reverse", "max", "min", "sum", "map", "filter", "grep", "join", "split", "push", "pop",
    "length", "len", "size", "abs", "true", "false", "True", "False", "None", "nil", "null", "undef", "new", "try",
    "catch", "except", "throw", "raise", "yield",
} | DEFINERS  # fmt: skip
LIBRARY_BEFORE, SIGILS = {".", "->", "::"}, {"$", "@", "%", "@$"}
NAMING = {"for", "local", "let", "var", "const", "my", "def", "function", "func", "fn", "sub"} | SIGILS
MEANING = {  # what most PLs have, under one word
    "elif": "if", "elsif": "if", "elseif": "if", "unless": "if", "when": "if", "case": "if", "foreach": "for",
    "while": "for", "until": "for", "loop": "for", "repeat": "for", "&&": "and", "||": "or", "!": "not", "===": "==",
    "!==": "!=", "~=": "!=", "eq": "==", "ne": "!=", "//": "/", "++": "+=", "--": "-=", "**": "^", "len": "length",
    "size": "length", "count": "length",
}  # fmt: skip
KEPT = {
    "if", "for", "else", "return", "break", "and", "or", "not", "==", "!=", "<", ">", "<=", ">=", "+", "-", "*",
    "/", "%", "+=", "-=", "*=", "^", "length", "sort", "max", "min", "abs",
}  # fmt: skip


def tokens(code, comment):
    """Return [(kind, text)] of a program in any PL: text, number, name or operator."""
    return [(found.lastgroup, found[0]) for found in TOKEN.finditer(without_comments(code, comment))]


def normal_form(code, comment, literals=True):
    """Return the program's tokens without the names that it defines and, where not `literals`, without its literals."""
    found = tokens(code, comment)
    own = own_names(found)
    form = []
    for kind, text in found:
        if kind == "name":
            form.append("v" if text in own else text)
        elif kind in ("text", "number") and not literals:
            form.append("0")
        else:
            form.append(text.replace("'", '"') if kind == "text" else text)
    return form


def own_names(found):
    """Return the names that a program defines: all but control words and those that it only ever calls."""
    own = set()
    for place, (kind, text) in enumerate(found):
        if kind != "name":
            continue
        before = found[place - 1] if place else ("", "")
        after = found[place + 1][1] if place + 1 < len(found) else ""
        if text in CONTROL:  # unless a program takes such a word for a name
            if text not in DEFINERS and (after in ("=", ":=") or before[1] in NAMING):
                own.add(text)
            continue
        library = before[1] in LIBRARY_BEFORE or (after in ("(", "::") and before[1] not in DEFINERS | SIGILS)
        if not library:
            own.add(text)
    return own


def skeleton(code, comment):
    """Return what of a program most PLs write alike, in its order: control words, operators, literals."""
    form = []
    for kind, text in tokens(code, comment):
        text = MEANING.get(text, text)
        if kind == "text":
            form.append(text[1:-1])
        elif kind == "number" or text in KEPT:
            form.append(text)
    return form
