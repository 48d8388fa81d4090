"""Make the checker of a published problem one that the judge can call.

In: a Python program that is called with the names of three files (input, expected output, the program's output) and
prints 1 or 100 for right, 0 for wrong. Out: one that reads the judge's JSON and ends with status 0 for right, 3 for
wrong (docs/judge.md). A published checker that breaks on all outputs is an error of the judge, not of the program.
What a checker prints and how files are cleaned for it is as in the publisher's own judge: the Piston package
`codeforces` 1.0.0 (github.com/guipenedo/piston, packages/codeforces/1.0.0/run), nothing of which is copied.
"""

CALL = '''import json
import resource
import subprocess
import sys

PUBLISHED = {source!r}
CPU_S = 4  # of one call; the judge gives both calls together 10


def without_blank_lines(text):
    return "".join(line + "\\n" for line in text.split("\\n") if line)


def write(name, text):
    with open(name, "w", encoding="utf-8", errors="replace", newline="") as file:
        file.write(text)


def limit():
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))


def answer(output):
    """Return True, False, or None when the checker breaks or says something else."""
    write("solution_output.txt", without_blank_lines(output))
    argv = [sys.executable, "-s", "published.py", "input.txt", "correct_output.txt", "solution_output.txt"]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, preexec_fn=limit)
    said = b"".join(done.stdout.split())
    if done.returncode or said not in (b"1", b"100", b"0"):
        return None
    return said != b"0"


question = json.load(sys.stdin)
expected = without_blank_lines(question["expected"].replace("\\r\\n", "\\n"))
write("published.py", PUBLISHED)
write("input.txt", question["stdin"])
write("correct_output.txt", expected)
found = answer(question["output"])
if found is None and not answer(expected):  # a checker that breaks on nonsense refuses it; on all outputs, it is broken
    sys.exit("the published checker does not accept the expected output either")
sys.exit(0 if found else 3)
'''


def called_with_files(source):
    """Return the judge's checker for a published one, or None when there is none."""
    return CALL.format(source=source) if (source or "").strip() else None
