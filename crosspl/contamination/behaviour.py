"""The same problem by what its programs do: equal outputs on the inputs of both problems.

In: problems with tests on standard input, a verified program of each, a judge. Out: (training id, eval id, PLs, score).
Not all pairs are run. Problems whose inputs look alike (forms_of) share a few probe inputs, on which every program runs
once: a *signature*, as of the microworld's families. A probe is a test of some eval problem and may break the rules of
another, so that two right programs for that one differ. Candidates print the same on all probes, or on one what few
others print. Their programs then run on each other's tests, judged as the other problem's answers are. Equal answers
count by how hard they are to guess.
"""

import hashlib
import math
import re
from collections import Counter

from crosspl.problems import judge_row

PROBES = 3  # inputs of a form
MANY = 100  # programs
RARE = 0.02  # of the programs of a form: what no more than so many print on a probe tells them apart
MOST = 300  # programs that print the same on all probes: more are "YES" and "NO"; other signals must find these
LONGEST = 2048  # characters of a probe
LISTED = 4  # tokens of a first line from which on it is a list
FEW = 5  # tests
SPARE_BITS = 3  # beyond one chance per pair that is compared: 1/8 of a pair is expected to agree by chance
KINDS = (("i", re.compile(r"[+-]?\d+")), ("f", re.compile(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?")))


class Behaviours:
    """Runs programs of problems and remembers what they print."""

    def __init__(self, judge, problems, programs):
        """problems: {id: row}; programs: {id: program row}, verified ones, for some of them."""
        self.judge = judge
        self.problems = {key: row for key, row in problems.items() if key in programs and row["tests"]}
        self.programs = programs
        self.forms = {key: forms_of(row["tests"]) for key, row in self.problems.items()}
        self.outputs = {key: {} for key in self.problems}  # {stdin: what its program prints, None when it fails}

    def same(self, training, evaluation):
        """Yield (training id, eval id, PLs, score) of ids that behave alike; the score is in bits."""
        needed = math.log2(max(1, len(training) * len(evaluation))) + SPARE_BITS
        for one, other, bits in sorted(self.verified(self.candidates(training, evaluation), needed)):
            yield one, other, " ".join(sorted({self.programs[key]["language"] for key in (one, other)})), bits

    def candidates(self, training, evaluation):
        """Return the pairs of a common form whose programs print the same on all probes, or what few print on one."""
        found = set()
        for form in sorted({form for key in evaluation for form in self.forms.get(key, ())}):
            taught, held_out = (
                [key for key in keys if form in self.forms.get(key, ())] for keys in (training, evaluation)
            )
            inputs = probes([self.problems[key] for key in held_out])
            for stdin in inputs:
                self.run(stdin, [*taught, *held_out])
                found |= self.alike(taught, held_out, [stdin], max(FEW, RARE * len(taught + held_out)))
                if self.tells(stdin, [*taught, *held_out]):
                    break
            found |= self.alike(taught, held_out, inputs[: inputs.index(stdin) + 1] if inputs else [], MOST)
        return found

    def tells(self, stdin, keys):
        """Return whether a probe is enough: many programs, none of which fails, print many different things."""
        printed = [self.outputs[key][stdin] for key in keys]
        return len(keys) >= MANY and None not in printed and len(set(printed)) > len(keys) / 2

    def alike(self, taught, held_out, inputs, most):
        """Return the pairs that print the same on all `inputs`, without groups of more than `most` that do."""
        groups = {}
        for side, keys in enumerate((taught, held_out)):
            for key in keys:
                printed = tuple(self.outputs[key][stdin] for stdin in inputs)
                if any(printed):
                    groups.setdefault(printed, ([], []))[side].append(key)
        small = [group for group in groups.values() if sum(map(len, group)) <= most]
        return {(one, other) for ones, others in small for one in ones for other in others}

    def run(self, stdin, keys):
        """Run the programs of problems on one input, unless they were."""
        keys = sorted(key for key in set(keys) if stdin not in self.outputs[key])
        rows = [self.programs[key] | {"stdin": stdin, "limits": self.problems[key].get("limits")} for key in keys]
        for key, outcome in zip(keys, self.judge.run(rows) if rows else ()):
            output = " ".join(outcome["stdout"].split()).lower()
            self.outputs[key][stdin] = output if outcome["verdict"] == "OK" else None

    def differ(self, one, other):
        """Return whether two problems are known to be different: both print something on some probes, the same on none.

        A probe may break the rules of a problem, so that two right programs for it differ there.
        """
        first, second = self.outputs.get(one, {}), self.outputs.get(other, {})
        both = [stdin for stdin, output in first.items() if output is not None and second.get(stdin) is not None]
        return bool(both) and all(first[stdin] != second[stdin] for stdin in both)

    def verified(self, pairs, needed):
        """Yield (training id, eval id, bits) of pairs with `needed` bits whose programs are right for each other."""
        known = [(*pair, evidence([self.problems[key] for key in pair])) for pair in pairs]
        known = [(one, other, bits) for one, other, bits in known if bits >= needed]
        right = self.right_for_each_other([pair[:2] for pair in known])
        yield from ((one, other, round(bits, 1)) for (one, other, bits), yes in zip(known, right) if yes)

    def right_for_each_other(self, pairs):
        """Return for each pair whether both programs pass the other problem's tests; None where one cannot be run."""
        runnable = [pair for pair in pairs if all(key in self.problems for key in pair)]
        rows = []
        for pair in runnable:
            for program, problem in (pair, pair[::-1]):
                row = self.programs[program]
                rows.append(judge_row(self.problems[problem], row["language"], row["code"], f"{program} on {problem}"))
        verdicts = [row["verdict"] for row in self.judge.judge(rows, stop_on_first_failure=True)] if rows else []
        passed = {pair: verdicts[2 * n : 2 * n + 2] == ["OK", "OK"] for n, pair in enumerate(runnable)}
        return [passed.get(pair) for pair in pairs]


def forms_of(tests):
    """Return what inputs look like: tokens and their kinds in the first line, kinds in the others.

    Where the first lines of a few tests are equally long it is not known whether they are lists: then it is both.
    """
    heads, listed, kinds = [], set(), set()
    for test in tests:
        head, *rest = [[kind_of(token) for token in line.split()] for line in test["stdin"].strip("\n").split("\n")]
        heads.append("".join(head) if len(head) < LISTED else "many")
        listed |= set(head)
        kinds |= {kind for line in rest for kind in line}
    fixed = set(heads) != {"many"} and len(set(heads)) == 1
    ends = f"/{''.join(sorted(kinds))}"
    return ({heads[0] + ends} if fixed else set()) | (
        {f"list {''.join(sorted(listed))}{ends}"} if not fixed or len(tests) < FEW else set()
    )


def kind_of(token):
    """Return i for a whole number, f for another number, w for anything else."""
    return next((name for name, pattern in KINDS if pattern.fullmatch(token)), "w")


def probes(problems):
    """Return inputs for all programs of a form: tests of different problems, drawn by their hash."""
    drawn = []
    for problem in problems:
        inputs = [test["stdin"] for test in problem["tests"] if len(test["stdin"]) <= LONGEST]
        drawn += [max(inputs, key=lambda text: (len(text), text))] if inputs else []
    order = sorted(set(drawn), key=lambda text: hashlib.sha256(text.encode(errors="surrogatepass")).digest())
    return order[:PROBES]


def evidence(problems):
    """Return the bits that it takes to guess all answers, as the tokens of the outputs are distributed."""
    union = {(test["stdin"], first_of(test["stdout"])) for problem in problems for test in problem["tests"]}
    counts = Counter(token for _, output in union for token in output.split())
    total = sum(counts.values())
    return -sum(count * math.log2(count / total) for count in counts.values())


def first_of(stdout):
    """Return one right output."""
    return stdout if isinstance(stdout, str) else stdout[0]
