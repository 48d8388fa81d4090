"""Pairs of alike sets between two collections, without comparing all pairs.

In: {key: set of texts} twice. Out: (key, key, Jaccard, containment) of pairs worth a look: MinHash (Broder 1997) in
bands of two (Leskovec et al., Mining of Massive Datasets, section 3.4) proposes a pair of Jaccard 0.2 with 93 %, 0.4
with 100 %, 0.02 with 3 %; each is then compared exactly. Containment is the share of the smaller set in the other.
"""

from datasketch import MinHashLSH

from crosspl.near_duplicates import PERMUTATIONS, minhashes

BANDS = (PERMUTATIONS // 2, 2)  # number, width


def alike(first, second):
    """Yield (key of first, key of second, Jaccard, containment) of pairs that share anything, found by LSH."""
    index = MinHashLSH(num_perm=PERMUTATIONS, params=BANDS)
    for key, minhash in hashed(second):
        index.insert(key, minhash)
    for key, minhash in hashed(first):
        for other in sorted(index.query(minhash)):
            jaccard, containment = overlap(first[key], second[other])
            if jaccard:
                yield key, other, jaccard, containment


def hashed(sets):
    """Return [(key, MinHash)] of the sets that are not empty."""
    keys = [key for key, found in sets.items() if found]
    return list(zip(keys, minhashes([sets[key] for key in keys])))


def overlap(one, other):
    """Return (Jaccard, containment of the smaller in the larger) of two sets, not both empty."""
    shared = len(one & other)
    return shared / len(one | other), shared / max(1, min(len(one), len(other)))


def ngrams(tokens, size):
    """Return the set of n-grams of a list; of a shorter one, all its tokens as one; of none, nothing."""
    if not tokens:
        return set()
    return {" ".join(tokens[start : start + size]) for start in range(max(1, len(tokens) - size + 1))}
