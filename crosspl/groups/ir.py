"""Groups of form `ir`: translations of a C or C++ program into LLVM IR, right ones and wrong ones.

In: problems with verified programs, a judge that holds llvm_ir and bash, the settings `groups.ir`. Out: group rows,
counts of what was dropped. Winners are one program at several optimization levels, losers mutants of winners (GEPO, Wu
et al. 2025, arXiv 2505.12723, section 3). The judge runs both on the problem's tests, as programs in LLVM IR.
"""

import random
from collections import Counter
from itertools import zip_longest

from crosspl.building import most_different
from crosspl.groups.judged import shorter, shown_wrong, verdicts
from crosspl.groups.rows import FEWEST, INVALID, IR, LLVM_IR, different, group_row
from crosspl.languages import load_language
from crosspl.llvm.clean import clean
from crosspl.llvm.mutants import mutants
from crosspl.llvm.translate import TOOL, translations, verified
from crosspl.pairing import correct_programs

AT_ONCE = 4  # mutants of a group that are judged together
STAGES = ("problems", "programs", "translations", "winners", "equivalent", "mutants", "losers", "groups",
          "invalid losers", "differing losers")  # fmt: skip


def judged_in(settings):
    """Return the PLs that the judge needs."""
    return [LLVM_IR, TOOL]


def groups(judge, problems, settings, stages):
    """Return the group rows of some problems, [(problem, its program rows)]."""
    asked = [(problem, one) for problem, rows in problems for one in chosen(problem, rows, settings, stages)]
    winners = equivalent(judge, asked, settings, stages)
    losers = inequivalent(judge, asked, winners, settings, stages)
    made = []
    for (problem, program), right, wrong in zip(asked, winners, losers):
        picked = pick(wrong, settings["losers"], settings["kinds"])
        if right and not picked:
            stages.drop("groups", "no loser", groups=1, winners=len(right))
        elif right:
            invalid = sum(one["kind"] == INVALID for one in picked)
            stages.left("groups", groups=1, winners=len(right), losers=len(picked))
            stages.left("invalid losers", losers=invalid)
            stages.left("differing losers", losers=len(picked) - invalid)
            made.append(group_row(problem, program["id"], IR, program, right, picked))
    return made


def chosen(problem, rows, settings, stages):
    """Return the verified programs of a problem that are translated."""
    found, reason = [], "no tests"
    if problem["harness"]:
        reason = "tests that are a harness: it is not in LLVM IR"
    elif problem["tests"]:
        stages.left("problems", groups=1)
        reason = "no verified program"
        for language in settings["languages"]:
            right = correct_programs([row for row in rows if row["language"] == language])
            found += most_different(right, settings["per_problem"], load_language(language)["comment"])
    if not found:
        stages.drop("programs" if reason == "no verified program" else "problems", reason, groups=1)
    stages.left("programs", groups=len(found))
    return found


def equivalent(judge, asked, settings, stages):
    """Return for each (problem, program) its winners; [] where they are fewer than two."""
    levels = settings["levels"]
    texts = translations(judge, [program for _, program in asked], levels)
    found = []
    for made in texts:
        stages.left("translations", winners=len(made))
        if len(made) < len(levels):
            stages.drop("translations", "not compiled by clang", winners=len(levels) - len(made))
        answers = [{"language": LLVM_IR, "code": clean(made[level]), "how": level} for level in levels if level in made]
        found.append(shorter(answers, settings["max_chars"], stages, "winners", "winners"))
    said = iter(verdicts(judge, [(problem, one) for (problem, _), answers in zip(asked, found) for one in answers]))
    return [enough([(one, next(said)) for one in answers], stages) for answers in found]


def enough(judged, stages):
    """Return the right answers, each text once, of [(answer, verdict)]; [] where they are fewer than two."""
    right = [one for one, verdict in judged if verdict == "OK"]
    for _, verdict in judged:
        if verdict != "OK":
            stages.drop("winners", f"verdict {verdict}", winners=1)
    kept = different(right)
    if len(kept) < len(right):
        stages.drop("winners", "says the same as another", winners=len(right) - len(kept))
    stages.left("winners", winners=len(kept))
    if len(kept) < FEWEST:
        stages.drop("equivalent", f"fewer than {FEWEST} winners", groups=1, winners=len(kept))
        return []
    stages.left("equivalent", groups=1, winners=len(kept))
    return kept


def inequivalent(judge, asked, winners, settings, stages):
    """Return for each (problem, program) mutants of its winners that are shown to be wrong.

    They are judged some at a time, until there are losers enough of each kind or no mutants left.
    """
    left = [mutants_of(program, right, settings, stages) for (_, program), right in zip(asked, winners)]
    found = [[] for _ in asked]
    while places := [
        place for place, ones in enumerate(left) if ones and wanting(found[place], winners[place], settings)
    ]:
        turns = [(place, one) for place in places for one in left[place][:AT_ONCE]]
        stages.left("mutants", losers=len(turns))
        wrong = shown_wrong(judge, [(asked[place][0], one) for place, one in turns], stages)
        for (place, _), one in zip(turns, refused(judge, wrong, stages)):
            found[place] += [one] if one else []
        for place in places:
            del left[place][:AT_ONCE]
    for wrong in found:
        stages.left("losers", losers=len(wrong))
    return found


def wanting(wrong, winners, settings):
    """Return whether better losers may be among further mutants: more, of a missing kind, of other winners."""
    picked = pick(wrong, settings["losers"], settings["kinds"])
    values = {"of": len(winners), "kind": len(settings["kinds"])}
    found = {name: len({one[name] for one in picked}) for name in values}
    return len(picked) < settings["losers"] or any(
        found[n] < min(settings["losers"], most) for n, most in values.items()
    )


def mutants_of(program, winners, settings, stages):
    """Return mutants of all winners of a program, in turns; "of" is the winner's level."""
    made, order = [], random.Random(f"{program['id']} turns").sample(winners, len(winners))
    for level, code in ((one["how"], one["code"]) for one in order):
        found = mutants(code, settings["mutants"], f"{program['id']} {level}")
        made.append([{"language": LLVM_IR, "code": m.code, "how": f"{m.kind} of {level}", "of": level, "error": m.kind}
                     for m in found])  # fmt: skip
    flat = [one for turn in zip_longest(*made) for one in turn if one]
    new = different(flat, winners)
    if len(new) < len(flat):
        stages.drop("mutants", "says the same as another", losers=len(flat) - len(new))
    return shorter(new, settings["max_chars"], stages, "mutants", "losers")


def refused(judge, answers, stages):
    """Return `answers` without those that are called invalid and that LLVM's verifier lets through.

    They were refused later, by the linker or the back end, which is no matter of the IR.
    """
    places = [place for place, one in enumerate(answers) if one and one["kind"] == INVALID]
    through = verified(judge, [answers[place]["code"] for place in places])
    let = {place for place, good in zip(places, through) if good}
    if let:
        stages.drop("losers", "not refused by the verifier", losers=len(let))
    return [None if place in let else one for place, one in enumerate(answers)]


def pick(wrong, count, kinds):
    """Return at most `count` losers of `kinds`, as evenly as there are any: by kind, then by winner, then by error.

    With as many of each winner what is said of one level alone, such as its length, cancels out of the difference.
    """
    left, picked = list(wrong), []
    while len(picked) < count and (left := [one for one in left if one["kind"] in kinds]):
        used = {name: Counter(one[name] for one in picked) for name in ("kind", "of", "error")}
        picked.append(min(left, key=lambda one: [found[one[name]] for name, found in used.items()]))
        left.remove(picked[-1])
    return picked
