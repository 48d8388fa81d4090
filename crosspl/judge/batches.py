"""Compile many programs of one language in one box, where starting the compiler costs more than using it (Java).

In: tasks, language entries with a `batch` command. Out: compiled files by artefact key. It is only a short cut: what a
batch did not compile is compiled alone, so every CE and every message comes from a compiler that saw one program.
"""

LARGEST = 50  # programs; a hostile one can only spoil the batch it is in
EACH_S = 0.5  # CPU; five times what a program needs
DONE = ".compiled"  # the batch command leaves this file beside the files of a program that it compiled


def plan(tasks, entries, jobs):
    """Return batch tasks for the tasks whose program is not compiled yet; "keys" lists the artefact keys."""
    wanted = {}
    for task in tasks:
        if entries[task["language"]]["batch"] and "key" in task and not task["built"] and task["code"].strip():
            wanted.setdefault(task["language"], {})[task["key"]] = task
    batches = []
    for language, by_key in wanted.items():
        keys = list(by_key)
        size = min(LARGEST, -(-len(keys) // jobs))
        for start in range(0, len(keys), size):
            part = keys[start : start + size]
            if len(part) > 1:
                sources = [(by_key[key]["code"], by_key[key]["harness"]) for key in part]
                batches.append({"kind": "batch", "language": language, "sources": sources, "keys": part,
                                "prepared": by_key[part[0]]["prepared"]})  # fmt: skip
    return batches


def batch_entry(entry, count):
    """Return the entry with the batch command as its compiler: limits of one program, and little more for each."""
    limits = entry["compile_limits"]
    return entry | {"compile": entry["batch"], "compile_limits": limits | {"cpu": limits["cpu"] + EACH_S * count}}


def batch_files(entry, sources):
    """Return the box's files: each program in a folder of its own, 0 to n-1."""
    texts = [code if harness is None else code + "\n" + harness for code, harness in sources]
    return {f"{n}/{entry['source']}": (0o644, text.encode(errors="surrogatepass")) for n, text in enumerate(texts)}


def split_files(entry, result, count):
    """Return for each program what its compiler left, None where that is not known to be whole."""
    if result.status or result.flags:
        return [None] * count
    built = [{} for _ in range(count)]
    for name, file in result.files.items():
        number, _, rest = name.partition("/")
        if number.isdigit() and int(number) < count and rest != entry["source"]:
            built[int(number)][rest] = file
    return [files if files.pop(DONE, None) and files else None for files in built]


def compile_batch(entry, task, compile_files):
    """Return the outcome of a batch task; `compile_files(entry, files, prepared)` runs a compiler in a box."""
    sources = task["sources"]
    result = compile_files(batch_entry(entry, len(sources)), batch_files(entry, sources), task["prepared"])
    each = round(result.cpu_s / len(sources), 3)
    return {"verdict": "OK", "built": split_files(entry, result, len(sources)), "compile_s": each}
