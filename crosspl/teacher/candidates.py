"""Which questions a teacher is asked for one PL, and the candidate programs in its answers.

In: problems, verified programs, the settings. Out: plans and rows. A problem is asked for where fewer than `wanted`
programs in the PL are verified. Translations go from the first PL of `from` that has a program, the samples in turn
from different programs; what has nothing to be translated is solved.
"""

from collections import Counter, defaultdict
from typing import NamedTuple

from crosspl.claims import REJECTED, UNVERIFIED
from crosspl.prompts import extract_code
from crosspl.teacher import asking

COLUMNS = ("language", "prompt", "asked", "from_cache", "answered", "refused", "given_up", "truncated", "filtered",
           "extracted", "distinct", "unreachable", "rate_limited", "server_errors", "timeouts", "broken",
           "malformed")  # fmt: skip


class Wish(NamedTuple):
    """One program that is wanted: for a problem, by a prompt of asking.PROMPTS, from a program in another PL."""

    problem: dict
    prompt: str
    sample: int
    program: dict | None


def in_question(problems, language, splits):
    """Return {id: what is asked} of the problems of some splits that can be judged in a PL."""
    return {
        row["id"]: {
            "id": row["id"],
            "statement": row["statement"],
            "begin": (row.get("prompts") or {}).get(language),
            "harness": bool(row["harness"]),
            "license": row["license"],
        }
        for row in problems
        if row["split"] in splits and (not row["harness"] or language in row["harness"])
    }


def sort_programs(programs, problems, language, most):
    """Return ({problem: verified programs in `language`}, {problem: {PL: at most `most` verified programs}})."""
    there, others = Counter(), defaultdict(lambda: defaultdict(list))
    for row in programs:
        if row["problem"] not in problems or row.get("verdict") != "OK" or row.get("claimed") == REJECTED:
            continue
        if row["language"] == language:
            there[row["problem"]] += 1
        elif len(others[row["problem"]][row["language"]]) < most:
            others[row["problem"]][row["language"]].append(row)
    return there, others


def wishes(problems, there, others, settings):
    """Return the Wishes of one PL, in the order of the problems."""
    samples, found = settings["samples"], []
    for problem in problems.values():
        if there[problem["id"]] >= settings["wanted"]:
            continue
        programs = [row for name in settings["from"] for row in others[problem["id"]][name]]
        prompts = [name for name in ("translate", "bridge") if programs and samples[name]] or ["solve"]
        for prompt in prompts:
            for sample in range(samples[prompt]):
                program = programs[sample % len(programs)] if prompt != "solve" else None
                found.append(Wish(problem, prompt, sample, program))
    return found


def messages_of(wish, entries, target, commented=None):
    """Return the messages of a wish; of a bridge `commented` is the answer to the first step."""
    problem, program = wish.problem, wish.program
    if wish.prompt == "solve":
        return asking.solve(problem, entries[target])
    source = entries[program["language"]]
    if wish.prompt == "bridge":
        return asking.bridge(problem, program, commented, source, entries[target])
    return asking.translate(problem, program, source, entries[target])


def comment_messages(wish, entries):
    """Return the messages of a bridge's first step."""
    return asking.comment(wish.problem, wish.program, entries[wish.program["language"]])


def complete(answer, counter):
    """Return whether an answer came to its own end; count it."""
    counter["answered"] += 1
    counter["truncated"] += answer["finish"] == "length"
    counter["filtered"] += answer["finish"] == "content_filter"
    return answer["finish"] not in ("length", "content_filter")


def candidates(wished, language, fences, counts, model):
    """Yield candidate rows of (Wish, answer or None) pairs; equal texts for one problem are all kept and counted."""
    texts = defaultdict(set)
    for wish, answer in wished:
        counter = counts[wish.prompt]
        if not answer or not complete(answer, counter):
            continue
        code = extract_code(answer["text"], fences)
        if not code.strip():
            continue
        counter["extracted"] += 1
        texts[wish.prompt].add((wish.problem["id"], code.strip()))
        yield candidate(wish, language, code, model)
    for prompt, found in texts.items():
        counts[prompt]["distinct"] = len(found)


def candidate(wish, language, code, model):
    """Return the row of one candidate program; its licence is that of what it was made from."""
    origin = wish.program or {}
    return {
        "id": f"{wish.problem['id']}/{language}/{wish.prompt}/{wish.sample}",
        "problem": wish.problem["id"],
        "language": language,
        "style": "",
        "code": code,
        "claimed": UNVERIFIED,
        "source": "teacher",
        "license": origin.get("license", wish.problem["license"]),
        "teacher": model,
        "prompt": wish.prompt,
        "sample": wish.sample,
        "translated_from": origin.get("id"),
    }


def table(counts, language):
    """Return the rows of results/teacher/{language}.csv: one per prompt that was used."""
    used = [prompt for prompt in ("comment", *asking.PROMPTS) if counts[prompt]]
    return [
        {"language": language, "prompt": prompt, **{name: counts[prompt][name] for name in COLUMNS[2:]}}
        for prompt in used
    ]
