"""Why jobs would run again, in words, and what it would cost.

In: the jobs of a plan (crosspl.planned), the merged config. Out: lines of text: what changed, which rules run because
of it, what they cost, what is kept. A job that runs for two reasons is counted with both, and once in the sum.
"""

from collections import Counter, defaultdict

from crosspl.job_costs import job_costs, last_costs
from crosspl.remembered import EDITED

WORDS = {
    "edited": "You edited {}",
    "newer": "Newer than what was made from it, and too large to be looked into: {}",
    "command": "The command of a rule changed: {}",
    "environment": "The software environment changed (envs/, or --sdm was switched): {}",
    "inputs": "Inputs came or went: {}",
    "new": "Not made yet: {}",
    "gone": "Deleted: {}",
    "interrupted": "Interrupted while it was made: {}",
    "forced": "Forced by an option: {}",
    "unknown": "It is not known how it was made (docs/reruns.md, adopting results): {}",
    "other": "{}",
}
CONSEQUENCES = ("inputs", "setting")  # a setting that is no key of the config: named only where nothing else is
CODE = tuple(WORDS["edited"].format(folder) for folder in EDITED)
SHOWN = 4  # names in a line


def explain(jobs, config, options):
    """Return the lines that explain the plan of `snakemake {options}`."""
    planned = {job.output: job for job in jobs if job.runs}
    kept = {job.output: job for job in jobs if not job.runs}
    command = f"snakemake {options}".strip()
    if not planned:
        return [f"Nothing to be done: all {len(jobs)} jobs of `{command}` are up to date."]
    found, before = causes(planned, config)
    own = last_costs(jobs)
    costs, basis = job_costs(jobs, config, before, own), ", as last time" if own else ""
    lines = [f"{len(planned)} of {len(jobs)} jobs of `{command}` would run: {cost_of(costs, planned)}{basis}."]
    for text, first in found:
        then = following(planned, first) - first
        after = f"; then {counted(planned, then)}" if then else ""
        lines += [text, f"  runs: {counted(planned, first)}{after}", f"  {cost_of(costs, first | then)}"]
        if text.startswith(CODE) and then:
            rules = " ".join(dict.fromkeys(job.rule for job in planned.values() if job.output in first))
            lines += [f"  nothing follows if no output comes out differently; try: {command} --until {rules}"]
    return [*lines, f"Kept: {counted(kept, kept)}; they took {cost_of(costs, kept)}." if kept else "Nothing is kept."]


def causes(planned, config):
    """Return [(what changed, outputs of the jobs it touches first)] and {key: number before} of changed settings."""
    leaves, settled, other, before = dict(leaves_of(config)), defaultdict(set), defaultdict(set), {}
    named = {output: [(change, keys_of(change, leaves)) for change in job.changes] for output, job in planned.items()}
    pairs = [pair for some in named.values() for pair in some]
    certain = {(keys[0], words(change.before)) for change, keys in pairs if len(keys) == 1}
    for output, job in planned.items():
        clear = [(change, keys) for change, keys in named[output] if keys or change.kind not in CONSEQUENCES]
        for change, keys in clear or ([] if job.after else named[output]):
            if change.kind == "setting":
                sure = [key for key in keys if (key, words(change.before)) in certain]
                key = " or ".join(sure or keys) or f"{change.name} of rule {job.rule}"
                settled[f"{key}: {difference(change.before, change.now)}"].add(output)
                before |= {key: change.before} if is_number(leaves.get(key)) and is_number(change.before) else {}
            else:
                other[change.kind, change.name].add(output)
    return [*changed_settings(settled), *other_changes(other)], before


def changed_settings(settled):
    """Return the causes that are settings; those that touch the same jobs are one."""
    groups = defaultdict(list)
    for text, outputs in settled.items():
        groups[frozenset(outputs)].append(text)
    return [("You changed " + "\n  and ".join(texts), set(outputs)) for outputs, texts in groups.items()]


def other_changes(touched):
    """Return the other causes: edited files that touch the same jobs are one, and all of each other kind."""
    groups = defaultdict(list)
    for (kind, name), outputs in touched.items():
        groups[kind, frozenset(outputs) if kind == "edited" else None].append((name, outputs))
    return [
        (WORDS[kind].format(shortened([name for name, _ in some])), set().union(*(outputs for _, outputs in some)))
        for (kind, _), some in groups.items()
    ]


def leaves_of(config, path=""):
    """Yield (dotted key, value) of everything in a config; lists as tuples."""
    for name, value in config.items():
        yield f"{path}{name}", tuple(value) if isinstance(value, list) else value
        if isinstance(value, dict):
            yield from leaves_of(value, f"{path}{name}.")


def keys_of(change, leaves):
    """Return the keys of the config that a changed setting may come from; one, if that can be told.

    A rule gets a value under the last names of its key: alone, in an option, or in the JSON of a whole block.
    """
    parts = change.name.replace("-", "_").split(".") if change.kind == "setting" else []
    for start in range(len(parts)):
        ending = "." + ".".join(parts[start:])
        named = [key for key in leaves if f".{key}".endswith(ending)]
        if same := [key for key in named if words(leaves[key]) == words(change.now)]:
            return [key for key in same if is_in_block(key, change.beside, leaves)] or same
    if not parts or not isinstance(change.now, tuple):
        return []
    added = set(words(change.now)) - set(words(change.before))
    lists = [key for key, value in leaves.items() if isinstance(value, tuple) and added and added <= set(words(value))]
    return [key for key in lists if parts[-1] in key] or [name for name in parts[-1:] if name in leaves]


def is_in_block(key, beside, leaves):
    """Return whether the values beside a changed one are those of the key's block."""
    block = key.rpartition(".")[0]
    return bool(beside) and all(words(leaves.get(f"{block}.{name}")) == words(value) for name, value in beside.items())


def is_number(value):
    return isinstance(value, int | float)


def words(value):
    """Return a value as the words of an option."""
    return tuple(map(str, value)) if isinstance(value, list | tuple) else (str(value),)


def difference(before, now):
    """Return in words how a setting differs: what came and what went where a list of names grew or shrank."""
    before, now = words(before), words(now)
    more, less = [name for name in now if name not in before], [name for name in before if name not in now]
    is_list = len(before) + len(now) > 2 and len(set(before)) == len(before) and len(set(now)) == len(now)
    if is_list and set(before) & set(now):
        return ", ".join([f"+ {name}" for name in more] + [f"- {name}" for name in less]) or "in another order"
    return "was {}, is {}".format(*(" ".join(value) or '""' for value in (before, now)))


def following(planned, outputs):
    """Return the outputs of these planned jobs and of all that wait for them."""
    found, todo = set(), list(outputs)
    waiting = defaultdict(list)
    for job in planned.values():
        for output in job.after:
            waiting[output].append(job.output)
    while todo:
        output = todo.pop()
        if output not in found:
            found.add(output)
            todo += waiting[output]
    return found


def counted(jobs, outputs):
    """Return how many jobs of each rule these are, in the order of the plan."""
    rules = Counter(job.rule for output, job in jobs.items() if output in outputs)
    return ", ".join(f"{number} {rule}" for rule, number in rules.items())


def cost_of(costs, outputs):
    """Return in words what jobs cost together."""
    known = [costs[output] for output in outputs if output in costs]
    cpu, wall, gpu = (sum(part) for part in zip(*known)) if known else (0, 0, 0)
    parts = [f"about {duration(cpu, 'CPU ')}, {duration(wall)} of job time"]
    parts += [duration(gpu, "GPU ")] if gpu else []
    parts += [f"{len(outputs) - len(known)} jobs of unknown cost"] if len(known) < len(outputs) else []
    return ", ".join(parts)


def duration(seconds, kind=""):
    """Return seconds in words."""
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.{int(seconds < 10 * size)}f} {kind}{unit}"
    return f"{seconds:.0f} {kind}seconds"


def shortened(names):
    """Return a few names, or how many they are."""
    return ", ".join(sorted(names)) if len(names) <= SHOWN else f"{len(names)} files"
