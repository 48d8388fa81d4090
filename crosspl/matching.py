"""Proof of how mixtures are matched: every number in which two of them could differ (DESIGN section 6).

In: the rows of mixtures, steps and batch size of SFT, a function that counts tokens. Out: rows of matching.csv, one per
pair of mixtures and quantity; the declared matches that are off by more than TOLERANCE, which end the run.
"""

from collections import Counter
from itertools import combinations

from tokenizers import Tokenizer

from crosspl import record
from crosspl.protocol import code_of, matched_text

TOLERANCE = 0.01
MATCHING_COLUMNS = ("mixture", "other", "quantity", "value", "other_value", "off_by", "declared", "ok")


def token_counter(path):
    """Return a function that counts the tokens of a completion and its <eos>, by the tokenizer.json at `path`."""
    tokenizer = Tokenizer.from_file(str(path))
    record.read(path)
    return lambda text: len(tokenizer.encode(text).ids) + 1


def describe(name, rows, steps, batch, count_tokens):
    """Return the numbers in which mixtures are compared; `count_tokens(text)` counts the tokens of a text."""
    languages = Counter(row["language"] for row in rows)
    tokens = sum(count_tokens(matched_text(row)) for row in rows)
    return {
        "mixture": name,
        "problems": len({row["problem"] for row in rows}),
        "programs": len(rows),
        "distinct_programs": len({code_of(row) for row in rows}),
        "tokens": tokens,
        **difficulty(rows),
        "parallel_share": parallel_share(rows),
        "steps": steps,
        "epochs": steps * batch / len(rows),
        "tokens_seen": steps * batch * tokens / len(rows),
        "language_shares": {language: languages[language] / len(rows) for language in sorted(languages)},
        **({"bridges": bridges} if (bridges := sum("bridge" in row for row in rows)) else {}),
    }


def difficulty(rows):
    """Return the mean difficulty, or the share of each level where a source has names for them ("EASY")."""
    levels = Counter(row["difficulty"] for row in rows)
    if not any(isinstance(level, str) for level in levels):
        return {"difficulty": sum((level or 0) * n for level, n in levels.items()) / len(rows)}
    return {"difficulty": {level: n / len(rows) for level, n in sorted(levels.items(), key=str)}}


def parallel_share(rows):
    """Return the share of problems with programs in more than one PL."""
    languages = {}
    for row in rows:
        languages.setdefault(row["problem"], set()).add(row["language"])
    return sum(len(found) > 1 for found in languages.values()) / len(languages)


def matching_rows(descriptions, matched):
    """Return one row per pair of mixtures and quantity, pairs with `parallel` first.

    off_by is relative; of a level of difficulty, which few problems may have, it is the difference of the two shares.
    matched: {mixture: quantities declared equal to `parallel`}. Two mixtures that both declare a quantity are declared
    equal in it too, and may be apart by as much as either from `parallel`.
    """
    first = [d for d in descriptions if d["mixture"] == "parallel"]
    others = [d for d in descriptions if d["mixture"] != "parallel"]
    pairs = [(d, f) for d in others for f in first] + list(combinations(others, 2))
    return [row for one, other in pairs for row in _pair_rows(one, other, matched)]


def _pair_rows(one, other, matched):
    """Return the rows of one pair; a quantity that only one has counts as 0 in the other."""
    values, other_values = dict(_flat(one)), dict(_flat(other))
    both = [set(matched.get(d["mixture"], ())) for d in (one, other) if d["mixture"] != "parallel"]
    tolerance = TOLERANCE * len(both)
    rows = []
    for quantity in dict.fromkeys([*values, *other_values]):
        value, other_value = values.get(quantity, 0.0), other_values.get(quantity, 0.0)
        off = abs(value - other_value)
        if not quantity.startswith("difficulty:"):
            off = off / other_value if other_value else float(value != 0)
        said = all(quantity.split(":")[0] in names for names in both)
        rows.append(
            {
                "mixture": one["mixture"],
                "other": other["mixture"],
                "quantity": quantity,
                "value": round(value, 4),
                "other_value": round(other_value, 4),
                "off_by": round(off, 4),
                "declared": "matched" if said else "",
                "ok": "" if not said else ("yes" if off <= tolerance else "NO"),
            }
        )
    return rows


def _flat(description):
    """Yield (quantity, number), one quantity per share of a PL or of a level of difficulty."""
    for key, value in description.items():
        if isinstance(value, dict):
            yield from ((f"{key}:{name}", share) for name, share in value.items())
        elif key != "mixture":
            yield key, value


def broken_matches(rows):
    """Return what to tell the user about declared matches that do not hold."""
    return [
        f"{row['mixture']}: {row['quantity']} is {row['value']}, {row['other']} has {row['other_value']}"
        for row in rows
        if row["ok"] == "NO"
    ]
