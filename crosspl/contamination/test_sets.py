"""The same problem by its tests: the same inputs with the same outputs.

In: problem rows of training and of eval. Out: (training id, eval id, score). Statements can be translated or retold,
the tests of a problem that was taken over seldom change. Blanks do not count.
"""

import hashlib

SHARED = 3  # tests: "1" -> "1" is in many problems
SHARE = 0.5  # of the smaller set of tests


def same_tests(training, evaluation):
    """Yield (training id, eval id, share of the smaller test set) of problems whose tests are the same, or most are."""
    index = {}
    held_out = {row["id"]: hashes(row["tests"]) for row in evaluation}
    for key, found in held_out.items():
        for one in found:
            index.setdefault(one, []).append(key)
    for row in training:
        found, shared = hashes(row["tests"]), {}
        for one in found:
            for key in index.get(one, ()):
                shared[key] = shared.get(key, 0) + 1
        for key, count in sorted(shared.items()):
            share = count / min(len(found), len(held_out[key]))
            if (found == held_out[key] and len(found) > 1) or (count >= SHARED and share >= SHARE):
                yield row["id"], key, round(share, 3)


def hashes(tests):
    """Return the set of hashes of tests."""
    return {one_hash(test["stdin"], test["stdout"]) for test in tests or ()}


def one_hash(stdin, stdout):
    """Return the hash of an input with its expected output, or with the set of those that will do."""
    outputs = [stdout] if isinstance(stdout, str) else sorted(stdout)
    text = "\0".join(" ".join(part.split()) for part in (stdin, *outputs))
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
