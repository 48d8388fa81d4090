"""The programs of the benchmark and the ways to run them.

In: a language, a count, a folder. Out: distinct programs (a constant differs) that print a sum, each with ten inputs;
functions that run one program on all its inputs and raise when an output is wrong. Programs never run as uid 0.
"""

import os
import subprocess
import time

from crosspl.judge.box import ENVIRONMENT, Setup
from crosspl.judge.tiers import bwrap_command, search_path

TESTS = 10
CODE = {
    "lua": "local sum = @\n"
    "for word in io.read('a'):gmatch('%S+') do sum = sum + math.tointeger(word) end\nprint(sum)\n",
    "cpp": "#include <bits/stdc++.h>\nint main() {\n    long sum = @, value;\n"
    '    while (std::cin >> value) sum += value;\n    std::cout << sum << "\\n";\n}\n',
    "python": "import sys\n\nprint(@ + sum(int(word) for word in sys.stdin.read().split()))\n",
    "java": "import java.util.*;\n\npublic class Main {\n    public static void main(String[] arguments) {\n"
    "        Scanner scanner = new Scanner(System.in);\n        List<Long> all = new ArrayList<>();\n"
    "        while (scanner.hasNextLong()) all.add(scanner.nextLong());\n"
    "        System.out.println(@L + all.stream().mapToLong(Long::longValue).sum());\n    }\n}\n",
}
POLL_S = 0.1  # MultiPL-E's evaluator looks so often whether the program has ended


def make_rows(language, count, tests=TESTS, first=1000):
    """Return rows for the judge."""
    rows = []
    for constant in range(first, first + count):
        inputs = [(f"{n} {3 * n} {n * n}\n", f"{constant + 4 * n + n * n}\n") for n in range(tests)]
        rows.append({
            "id": f"{language}-{constant}", "language": language, "code": CODE[language].replace("@", str(constant)),
            "tests": [{"stdin": stdin, "stdout": stdout} for stdin, stdout in inputs],
        })  # fmt: skip
    return rows


def write_program(row, entry, folder, built):
    """Write one program (`built`: what its compiler left, {name: (mode, bytes)}) and return it as the peers need it."""
    folder.mkdir(parents=True)
    files = built or {entry["source"]: (0o644, row["code"].encode())}
    for name, (mode, data) in files.items():
        (folder / name).write_bytes(data)
        (folder / name).chmod(mode)
    tests = [(test["stdin"].encode(), test["stdout"].encode()) for test in row["tests"]]
    environment = {"PATH": search_path(os.environ.get("CONDA_PREFIX")), **ENVIRONMENT, "HOME": str(folder)}
    return {"argv": entry["run"], "folder": str(folder), "files": list(files), "tests": tests, "env": environment}


def compare_output(found, expected):
    if found != expected:
        raise RuntimeError(f"a program wrote {found!r}, not {expected!r}")


def run_plain(program, _):
    """One subprocess.run per test, no isolation, no limits."""
    for stdin, expected in program["tests"]:
        done = subprocess.run(
            program["argv"], input=stdin, capture_output=True, cwd=program["folder"], env=program["env"]
        )
        compare_output(done.stdout, expected)


def run_bwrap(program, setup):
    """One bubblewrap per test, with the flags of the judge and no supervisor."""
    setup = Setup(**setup)
    for stdin, expected in program["tests"]:
        read_end, write_end = os.pipe()
        os.write(write_end, setup.seccomp)
        os.close(write_end)
        command = bwrap_command(setup, [], read_end)[:-1]  # without the supervisor
        place = command.index("--chdir")
        for name in program["files"]:
            command[place:place] = ["--ro-bind", f"{program['folder']}/{name}", f"/box/{name}"]
        done = subprocess.run(
            command + program["argv"], input=stdin, capture_output=True, cwd="/", env=program["env"],
            pass_fds=(read_end,),
        )  # fmt: skip
        os.close(read_end)
        compare_output(done.stdout, expected)


def run_polling(program, _):
    """Popen, then a look every 0.1 s, as MultiPL-E's evaluator does; wall clock, no isolation."""
    for stdin, expected in program["tests"]:
        process = subprocess.Popen(
            program["argv"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd=program["folder"], env=program["env"], start_new_session=True,
        )  # fmt: skip
        process.stdin.write(stdin)
        process.stdin.close()
        while process.poll() is None:
            time.sleep(POLL_S)
        compare_output(process.stdout.read(), expected)
        process.stdout.close()
        process.stderr.close()


PEERS = {"plain": run_plain, "bwrap_per_test": run_bwrap, "polling": run_polling}


def in_children(run, programs, jobs, uid, setup):
    """Run the programs in `jobs` forked children, each its share, as `uid` (None: as we are)."""
    children = []
    for number in range(jobs):
        child = os.fork()
        if not child:
            status = 1
            try:
                if uid is not None:
                    os.setgroups([])
                    os.setresgid(uid, uid, uid)
                    os.setresuid(uid, uid, uid)
                for program in programs[number::jobs]:
                    run(program, setup)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    statuses = [os.waitpid(child, 0)[1] for child in children]
    if any(statuses):
        raise RuntimeError(f"{run.__name__}: a program failed or wrote something wrong")


def run_judge(judge, rows):
    """Our way: all rows in one call; every verdict must be OK."""
    bad = [row for row in judge.judge(rows) if row["verdict"] != "OK"]
    if bad:
        raise RuntimeError(f"{bad[0]['id']}: {bad[0]['verdict']} {bad[0]['message']}")
