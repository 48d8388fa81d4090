"""Groups of form `programs`: parallel programs of one problem in several PLs, and as many wrong ones in the same PLs.

In: problems with judged programs, near misses where the source has them, a judge of the PLs, the settings
`groups.programs`. Out: group rows, counts of what was dropped. With a loser beside every winner of its PL, what is said
of a PL alone cancels out of the difference of the means (GEPO, Wu et al. 2025, arXiv 2505.12723, equation 9).
"""

import random

from crosspl.groups.judged import shorter, shown_wrong, verdicts
from crosspl.groups.rows import FEWEST, INVALID, PROGRAMS, bare, different, group_row
from crosspl.languages import load_language
from crosspl.mutants import mutants
from crosspl.pairing import MUTANT, NEAR_MISS, SUBMISSION, correct_programs
from crosspl.protocol import answerable

STAGES = ("problems", "winners", "candidates", "losers", "pairs", "groups", "invalid losers", "differing losers")


def judged_in(settings):
    """Return the PLs that the judge needs."""
    return settings["languages"]


def groups(judge, problems, settings, stages, near_misses):
    """Return the group rows of some problems, [(problem, its program rows)]; near_misses: {(problem, PL): programs}."""
    winners = equivalent(judge, problems, settings, stages)
    asked = [
        (problem, one)
        for (problem, rows), right in zip(problems, winners)
        for winner in right
        for one in candidates(problem, winner, rows, settings, near_misses, stages)
    ]
    wrong = {}
    for (problem, _), one in zip(asked, shown_wrong(judge, asked, stages)):
        if one:
            stages.left("losers", losers=1)
            wrong.setdefault((problem["id"], one["language"]), []).append(one)
    made = (group(problem, right, wrong, stages) for (problem, _), right in zip(problems, winners))
    return [row for row in made if row]


def equivalent(judge, problems, settings, stages):
    """Return for each problem one right program in each PL that has one, judged again."""
    found = [chosen(problem, rows, settings, stages) for problem, rows in problems]
    said = iter(verdicts(judge, [(problem, one) for (problem, _), right in zip(problems, found) for one in right]))
    kept = [[one for one in right if agrees(next(said), stages)] for right in found]
    for right in kept:
        stages.left("winners", winners=len(right))
    return kept


def agrees(verdict, stages):
    if verdict != "OK":
        stages.drop("winners", f"verdict {verdict}", winners=1)
    return verdict == "OK"


def chosen(problem, rows, settings, stages):
    """Return a right program in each PL: where PLs have several, those in the style that most of them have."""
    if not problem["tests"] and not problem["harness"]:
        stages.drop("problems", "no tests", groups=1)
        return []
    stages.left("problems", groups=1)
    right = [row for language in settings["languages"] if answerable(problem, language)
             for row in correct_programs([row for row in rows if row["language"] == language])]  # fmt: skip
    styles = sorted({row.get("style") or "" for row in right})
    random.Random(f"{problem['id']} style").shuffle(styles)
    styles.sort(key=lambda style: -len({row["language"] for row in right if (row.get("style") or "") == style}))
    right.sort(key=lambda row: styles.index(row.get("style") or ""))
    first = {}
    for row in shorter(right, settings["max_chars"], stages, "winners", "winners"):
        first.setdefault(row["language"], row | {"how": row["id"]})
    return [first[language] for language in settings["languages"] if language in first]


def candidates(problem, winner, rows, settings, near_misses, stages):
    """Return programs in the winner's PL that may be wrong, the best first; all of them are judged."""
    language, most = winner["language"], settings["candidates"]
    if near_misses:
        made = near_misses.get((problem["id"], language), [])
        found = [row | {"how": f"{NEAR_MISS}, {row['style']}"} for row in made]
        found = sorted(found, key=lambda row: row["style"] != winner.get("style"))[:most]
    else:
        wrong = [row | {"how": f"{SUBMISSION} {row['id']}"} for row in rows
                 if row["language"] == language and row["verdict"] not in ("OK", "NC")]  # fmt: skip
        answering = [row for row in wrong if row["verdict"] == "WA"][:most]
        texts = mutants(winner["code"], load_language(language)["comment"], most, winner["id"])
        made = [{"language": language, "code": code, "how": f"{MUTANT} of {winner['id']}"} for code in texts]
        found = answering + made + [row for row in wrong if row["verdict"] != "WA"][:most]
    stages.left("candidates", losers=len(found))
    new = different(found, [winner])
    if len(new) < len(found):
        stages.drop("losers", "says the same as another", losers=len(found) - len(new))
    return shorter(new, settings["max_chars"], stages, "losers", "losers")


def group(problem, winners, wrong, stages):
    """Return the row of a problem, or None: winners that have a loser in their PL, with the first of these."""
    pairs, taken = [], {bare(one["code"]) for one in winners}
    for winner in winners:
        found = wrong.get((problem["id"], winner["language"]), [])
        found = sorted(found, key=lambda one: one["kind"] == INVALID)
        loser = next((one for one in found if bare(one["code"]) not in taken), None)
        if loser and bare(winner["code"]) not in {bare(one["code"]) for one, _ in pairs}:
            pairs.append((winner, loser))
            taken.add(bare(loser["code"]))
        else:
            stages.drop("pairs", "says the same as another" if loser else "no loser in this PL", winners=1)
    stages.left("pairs", winners=len(pairs), losers=len(pairs))
    if len(pairs) < FEWEST:
        stages.drop("groups", f"fewer than {FEWEST} winners", groups=1, winners=len(pairs), losers=len(pairs))
        return None
    invalid = sum(loser["kind"] == INVALID for _, loser in pairs)
    stages.left("groups", groups=1, winners=len(pairs), losers=len(pairs))
    stages.left("invalid losers", losers=invalid)
    stages.left("differing losers", losers=len(pairs) - invalid)
    return group_row(problem, problem["id"], PROGRAMS, None, *map(list, zip(*pairs)))
