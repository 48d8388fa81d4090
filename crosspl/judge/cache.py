"""What the judge keeps between runs: verdicts in one SQLite file, compiled programs in a folder.

In and out: content keys (crosspl.judge.keys) and values. Both are caches of bounded size: a file that is damaged is
moved aside or ignored, and what it held is computed again. Several processes may use them at the same time.
"""

import contextlib
import hashlib
import json
import marshal
import os
import sqlite3
import sys
import time
import zlib
from pathlib import Path

from crosspl.io import atomic

CHUNK = 500  # keys per query
COMMIT_EVERY = 200  # verdicts, so that a killed run loses little
VERDICT_BYTES, ARTEFACT_BYTES = 1 << 30, 4 << 30  # above it, the oldest half is dropped at the next start


class VerdictCache:
    """Verdicts by key."""

    def __init__(self, path, limit=VERDICT_BYTES):
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.pending = {}
        try:
            self.database = self._open()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "not a database" not in str(error):
                raise
            self._set_aside(error)
        if self.path.stat().st_size > limit:
            self._shrink()

    def _shrink(self):
        """Drop the older half of the verdicts, unless another process is using the file."""
        with contextlib.suppress(sqlite3.OperationalError):
            self.database.execute(
                "delete from verdicts where rowid <= (select (min(rowid) + max(rowid)) / 2 from verdicts)"
            )
            self.database.execute("vacuum")

    def _open(self):
        database = sqlite3.connect(self.path, timeout=60, isolation_level=None, check_same_thread=False)
        try:
            with contextlib.suppress(sqlite3.OperationalError):  # an old wal that another process still uses
                database.execute("pragma journal_mode=delete")  # not wal: the nodes of a cluster share no memory
            database.execute("pragma synchronous=normal")
            database.execute("create table if not exists verdicts (key text primary key, value text not null)")
            [(state,)] = database.execute("pragma quick_check(1)").fetchall()
            if state != "ok":
                raise sqlite3.DatabaseError(state)
        except BaseException:
            database.close()
            raise
        return database

    def _set_aside(self, error):
        """Move a damaged file away and begin a new one."""
        aside = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
        print(f"{self.path} is damaged ({error}); kept as {aside.name}, starting a new one", file=sys.stderr)
        os.replace(self.path, aside)
        for ending in ("-wal", "-shm"):
            self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
        self.database = self._open()

    def read(self, keys):
        """Return {key: verdict} for the keys that are known."""
        keys, found = list(keys), {}
        try:
            for start in range(0, len(keys), CHUNK):
                part = keys[start : start + CHUNK]
                marks = ",".join("?" * len(part))
                rows = self.database.execute(f"select key, value from verdicts where key in ({marks})", part)
                found |= {key: json.loads(value) for key, value in rows}
        except (sqlite3.DatabaseError, json.JSONDecodeError) as error:
            self.database.close()
            self._set_aside(error)
            return {}
        return found

    def add(self, key, verdict):
        """Keep one verdict; written with the next commit."""
        self.pending[key] = json.dumps(verdict)
        if len(self.pending) >= COMMIT_EVERY:
            self.commit()

    def commit(self):
        """Write what is pending."""
        if self.pending:
            try:
                self._write()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):  # locked, full, …: not damage
                    raise
                self.database.close()
                self._set_aside(error)
                self._write()
            self.pending = {}

    def _write(self):
        self.database.execute("begin immediate")
        self.database.executemany("insert or replace into verdicts values (?, ?)", self.pending.items())
        self.database.execute("commit")

    def close(self):
        """Write what is pending and close the file."""
        self.commit()
        self.database.close()


class Artefacts:
    """Compiled programs by key: {name: (mode, bytes)}."""

    def __init__(self, work, limit=ARTEFACT_BYTES):
        self.folder = Path(work) / "compiled"
        self._shrink(limit)

    def _shrink(self, limit):
        """When there is more than `limit` bytes, remove the files used longest ago down to half of it."""
        found = []
        for path in self.folder.glob("*/*"):
            with contextlib.suppress(OSError):  # another process may have removed it
                found.append((path.stat().st_mtime, path.stat().st_size, path))
        total = sum(size for _, size, _ in found)
        if total <= limit:
            return
        for _, size, path in sorted(found):
            if total <= limit // 2:
                break
            path.unlink(missing_ok=True)
            total -= size

    def _path(self, key):
        return self.folder / key[:2] / key

    def read(self, key):
        """Return the files, or None when they are not there or damaged."""
        try:
            data = self._path(key).read_bytes()
            os.utime(self._path(key))
        except OSError:
            return None
        if hashlib.sha256(data[32:]).digest() != data[:32]:
            return None
        return marshal.loads(zlib.decompress(data[32:]))

    def write(self, key, files):
        """Keep the files of one compiled program."""
        data = zlib.compress(marshal.dumps(files), 1)
        with atomic(self._path(key)) as temporary:
            temporary.write_bytes(hashlib.sha256(data).digest() + data)
