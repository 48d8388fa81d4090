"""Which programs for one problem in one PL are nearly the same, and which differ most.

In: source texts in one PL. Out: places in the list. Likeness is the Jaccard similarity of their sets of token n-grams,
estimated by MinHash (Broder 1997; datasketch): layout and comments do not count, names do.
"""

import re

import numpy as np
from datasketch import MinHash

PERMUTATIONS = 128  # standard error of a likeness: at most 0.044
SHINGLE = 5  # tokens
TOKEN = re.compile(r"\w+|[^\w\s]")


def signatures(codes, comment):
    """Return MinHash signatures, shape (programs, PERMUTATIONS). comment: {"line", "block"} of the PL."""
    hashes = minhashes([shingles(code, comment) for code in codes])
    return np.array([minhash.hashvalues for minhash in hashes]).reshape(-1, PERMUTATIONS)


def minhashes(sets):
    """Return the MinHash of each set of texts."""
    hashes = [MinHash(PERMUTATIONS, seed=1) for _ in sets]
    for minhash, found in zip(hashes, sets):
        minhash.update_batch([one.encode(errors="surrogatepass") for one in found])
    return hashes


def shingles(code, comment):
    """Return the set of token n-grams of a program without its comments; of a very short one, all its tokens."""
    tokens = TOKEN.findall(without_comments(code, comment))
    return {" ".join(tokens[start : start + SHINGLE]) for start in range(max(1, len(tokens) - SHINGLE + 1))}


def without_comments(code, comment):
    """Return `code` without comments. A mark inside of a text ends it as well: all programs are treated alike."""
    pattern = comment_pattern(comment)
    return re.sub(pattern, " ", code) if pattern else code


def comment_pattern(comment):
    """Return a regular expression for the comments of a PL with these marks, "" for none."""
    block = "(?s:{}.*?{})".format(*map(re.escape, comment["block"])) if comment.get("block") else ""
    line = re.escape(comment["line"]) + r"[^\n]*" if comment.get("line") else ""
    return "|".join(filter(None, [block, line]))


def likeness(signature, others):
    """Return the estimated Jaccard similarity of one program to each of `others`, shape (n,)."""
    return (others == signature).mean(axis=1)


def distinct(matrix, threshold):
    """Return the places of the programs that are less than `threshold` like any that is kept before them."""
    kept = []
    for place, signature in enumerate(matrix):
        if not kept or likeness(signature, matrix[kept]).max() < threshold:
            kept.append(place)
    return kept


def diverse(matrix, count):
    """Return at most `count` places: the first program, then always the one least like all that are chosen."""
    if not len(matrix):
        return []
    chosen, nearest = [0], likeness(matrix[0], matrix)
    while len(chosen) < min(count, len(matrix)):
        nearest[chosen] = np.inf
        chosen.append(int(nearest.argmin()))
        nearest = np.maximum(nearest, likeness(matrix[chosen[-1]], matrix))
    return chosen
