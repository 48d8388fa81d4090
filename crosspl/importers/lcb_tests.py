"""The tests of LiveCodeBench rows, public and hidden, as two data sets publish them.

In: the fields public_test_cases and private_test_cases of a row. Out: lists of {"input", "output", "testtype"}. Hidden
ones are JSON, or base64 of zlib of a pickled text that is JSON. Nothing is unpickled: the pickle's instructions are
listed, one text is all that they may hold, and what would be built is never built.
"""

import base64
import json
import pickletools
import zlib

from crosspl.errors import UserError

MOST_BYTES = 1 << 30  # of one row's hidden tests when unpacked; a few megabytes may claim to be more
TEXTS = ("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8")
AROUND = ("PROTO", "FRAME", "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "STOP")
KINDS = {"stdin", "functional"}


def public_cases(where, text):
    """Return the test cases of the field public_test_cases."""
    return parsed(f"{where}: field public_test_cases", text)


def hidden_cases(where, text):
    """Return the test cases of the field private_test_cases, or None when they are larger than MOST_BYTES."""
    where = f"{where}: field private_test_cases"
    if text.lstrip()[:1] != "[":  # which base64 never has
        try:
            data = unpacked(base64.b64decode(text, validate=True))
            text = pickled_text(data) if data is not None else None
        except (ValueError, zlib.error) as error:
            raise UserError(f"{where}: cannot be unpacked ({error}): get the file again") from None
    return parsed(where, text) if text is not None else None


def unpacked(data):
    """Return what zlib packed, or None when it is more than MOST_BYTES; no more than that is ever unpacked."""
    stream = zlib.decompressobj()
    result = stream.decompress(data, MOST_BYTES + 1)
    if len(result) > MOST_BYTES:
        return None
    if not stream.eof:
        raise ValueError("truncated")
    return result


def pickled_text(data):
    """Return the one text that a pickle holds; a ValueError for a pickle of anything else."""
    found = []
    for instruction, value, _ in pickletools.genops(data):
        if instruction.name in TEXTS:
            found.append(value)
        elif instruction.name not in AROUND:
            raise ValueError(f"the pickle is no text, it has {instruction.name}")
    if len(found) != 1:
        raise ValueError(f"the pickle holds {len(found)} texts, not one")
    return found[0]


def parsed(where, text):
    """Return the test cases that `text` is the JSON of."""
    try:
        cases = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not JSON ({error}): get the file again") from None
    if not isinstance(cases, list) or not all(is_case(case) for case in cases):
        raise UserError(f"{where}: not a list of test cases with input, output and testtype: get the file again")
    return cases


def is_case(case):
    """Return whether `case` is a test case."""
    return isinstance(case, dict) and all(isinstance(case.get(name), str) for name in ("input", "output", "testtype"))


def stdin_tests(cases, public):
    """Return test cases as the project's tests; input and output as published, which the comparison allows."""
    return [{"stdin": case["input"], "stdout": case["output"], "public": public} for case in cases]
