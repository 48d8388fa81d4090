"""The judge as its users see it.

In: rows {"id", "language", "code", "tests" or "harness", "limits", "comparison", "checker"}. Out: verdicts.
Equal rows are judged once, known verdicts come from the cache, doubtful runs and judge errors are repeated alone.
"""

import asyncio
import os
import sys
import threading

from crosspl import record
from crosspl.errors import UserError
from crosspl.judge.batches import plan
from crosspl.judge.build import prepared_path, write_prepared
from crosspl.judge.cache import Artefacts, VerdictCache
from crosspl.judge.connection import Connection
from crosspl.judge.keys import artefact_key, prepared_key, program_key
from crosspl.judge.rows import check_rows
from crosspl.judge.selftest import check_languages
from crosspl.languages import load_languages

RETRIES = 2  # of a judge error, alone


def judged_languages(languages, by_program):
    """Return the PLs of a Judge of programs in `languages`; by_program: some have a checker, which is in Python."""
    return list(dict.fromkeys([*languages, *(["python"] if by_program else [])]))


class Judge:
    """A judge for `languages` (keys), with up to `jobs` boxes at a time. Use as a context manager.

    `cache` is the path of the verdict cache or None; `work` holds the supervisor and compiled programs. `unsandboxed`
    allows the tier `none` where no other works; `sandbox` is the tier in use (crosspl.judge.tiers). Raises SandboxError
    when no box can be made, UserError when a language's toolchain is missing or fails its self-test.
    """

    def __init__(self, languages, jobs=None, cache=None, folder="languages", work="work/judge", unsandboxed=False):
        self.entries = load_languages(dict.fromkeys(languages), folder)
        self.jobs = jobs or len(os.sched_getaffinity(0))
        self.lock = threading.Lock()
        self.artefacts = Artefacts(work)
        self.cache = VerdictCache(cache) if cache else None
        self.connection = Connection(self.entries, self.jobs, work, unsandboxed)
        self.sandbox = self.connection.tier
        if self.sandbox != "bwrap":
            print(f"sandbox: {self.sandbox}{self.connection.reasons}", file=sys.stderr)
        self.toolchains, self.prepared, self.work = {}, {}, work
        try:
            self.toolchains = check_languages(self, self.entries)
            record.note(judge={"sandbox": self.sandbox}, toolchains=self.toolchains)
        except UserError as error:
            self.close()
            raise UserError(f"{error}{self._weakness()}") from None
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """End the launcher and its boxes."""
        self.connection.close()
        if self.cache:
            self.cache.close()

    def judge(self, rows, stop_on_first_failure=False, progress=None):
        """Return one verdict row per row. `progress(done, total)` is called as programs are done."""
        check_rows(rows, self.entries)
        keys = [self._key(row, stop_on_first_failure) for row in rows]
        known = self.cache.read(set(keys)) if self.cache else {}
        wanted = {key: row for key, row in zip(keys, rows) if key not in known}
        record.count(programs_judged=len(rows), programs_run=len(wanted))
        done, total = len(known), len(known) + len(wanted)
        for key, outcome in self._outcomes(wanted, stop_on_first_failure):
            known[key] = outcome
            if self.cache and outcome["verdict"] != "JE":
                self.cache.add(key, outcome)
            done += 1
            if progress:
                progress(done, total)
        if self.cache:
            self.cache.commit()
        return [self._verdict_row(row, known[key]) for key, row in zip(keys, rows)]

    async def judge_async(self, rows, stop_on_first_failure=False):
        """Return what `judge` returns, without blocking the event loop; calls of one judge wait for each other."""
        return await asyncio.to_thread(self.judge, rows, stop_on_first_failure)

    def run(self, rows):
        """Run each {"id", "language", "code", "stdin", "limits"} once; return {"id", "stdout", "verdict", …} rows."""
        tasks = [self._task(row, "run", False) for row in rows]
        outcomes = dict(self._settle(tasks))
        return [{"id": row.get("id"), **outcomes[n]} for n, row in enumerate(rows)]

    def _key(self, row, stop):
        return program_key(self.entries[row["language"]], self._made_with(row["language"]), row, stop)

    def _made_with(self, language):
        """Return what keys say of verdicts and files: weaker tiers never hand theirs to stronger ones."""
        return f"{self.sandbox} {self.toolchains.get(language, '')}"

    def _weakness(self):
        """Return what to add to the message about a toolchain that does not work."""
        if self.sandbox == "bwrap":
            return ""
        return f". The sandbox here is {self.sandbox}{self.connection.reasons}, in which some toolchains do not work"

    def _outcomes(self, wanted, stop):
        """Yield (key, outcome) for the rows that are not in the cache."""
        keys = list(wanted)
        for number, outcome in self._settle([self._task(wanted[key], "tests", stop) for key in keys]):
            yield keys[number], outcome

    def _settle(self, tasks):
        """Yield (number, final outcome): all tasks at once, then the doubtful ones and judge errors alone."""
        with self.lock:
            self._compile_batches(tasks)
            repeat = []
            for number, outcome in self.connection.exchange(tasks):
                self._keep_artefact(tasks[number], outcome)
                if outcome["again"] or outcome["verdict"] == "JE":
                    repeat.append(number)
                else:
                    yield number, clean(outcome)
            for number in repeat:
                yield number, clean(self._repeat(tasks[number]))

    def _compile_batches(self, tasks):
        """Compile together what is cheaper together; the tasks get their files."""
        built = {}
        batches = plan(tasks, self.entries, self.jobs)
        for number, outcome in self.connection.exchange(batches) if batches else ():
            for key, files in zip(batches[number]["keys"], outcome["built"] or ()):
                if files:
                    self.artefacts.write(key, files)
                    built[key] = files, outcome["compile_s"]
        for task in tasks:
            if task.get("key") in built:
                task["built"], task["compile_s"] = built[task["key"]]

    def _repeat(self, task):
        """Run one task alone, up to RETRIES times while it ends as a judge error."""
        for _ in range(RETRIES):
            [(_, outcome)] = self.connection.exchange([task])
            if outcome["verdict"] != "JE":
                break
        return outcome

    def _task(self, row, kind, stop):
        entry = self._entry(row["language"])
        task = {
            "kind": kind, "language": row["language"], "code": row.get("code") or "", "tests": row.get("tests") or [],
            "harness": row.get("harness"), "limits": row.get("limits"), "stop": stop, "stdin": row.get("stdin", ""),
            "comparison": row.get("comparison") or "tokens", "checker": row.get("checker"), "argv": row.get("argv"),
            "built": None, "compile_s": None, "prepared": self.prepared.get(row["language"]),
        }  # fmt: skip
        if entry["compile"] and not task["argv"]:
            task["key"] = artefact_key(entry, self._made_with(row["language"]), task)
            task["built"] = self.artefacts.read(task["key"])
        return task

    def prepare(self):
        """Make the files that languages prepare for their compilers, unless they are there already."""
        for key, entry in self.entries.items():
            if entry["prepare"]:
                path, there = prepared_path(self.work, prepared_key(entry, self._made_with(key)))
                if not there:
                    [(_, outcome)] = self.connection.exchange([{"kind": "prepare", "language": key}])
                    if outcome["verdict"] != "OK":
                        raise UserError(f"language {key}: {outcome['message']}")
                    write_prepared(path, outcome["built"])
                self.prepared[key] = str(path)

    def _keep_artefact(self, task, outcome):
        built = outcome.pop("built", None)
        if built:
            self.artefacts.write(task["key"], built)
            task["built"] = built

    def _entry(self, language):
        if language not in self.entries:
            raise UserError(f"language {language!r} was not given to the judge; it has {', '.join(self.entries)}")
        return self.entries[language]

    def _verdict_row(self, row, outcome):
        return {
            "id": row.get("id"), "language": row["language"], "verdict": outcome["verdict"],
            "tests": outcome["tests"], "compile_s": outcome["compile_s"], "message": outcome["message"],
            "sandbox": self.sandbox, "toolchain": self.toolchains[row["language"]],
        }  # fmt: skip


def clean(outcome):
    """Return the outcome without what only the judge needs."""
    return {name: value for name, value in outcome.items() if name not in ("again", "built")}
