"""Progress of long jobs on standard error: what, how far, how long to go.

In: a title and counts. Out: a line every few seconds, and the cost so far is kept; no result depends on it.
"""

import sys
import time

from crosspl import record


class Progress:
    """Counts up to `total` and says so every `every` seconds."""

    def __init__(self, title, total, every=15.0):
        self.title, self.total, self.every = title, total, every
        self.start = self.last = time.monotonic()
        self.first = 0  # what was done before this began

    def update(self, done, note=""):
        """Print a line when the last one is old enough; note: what else is to say."""
        record.beat()
        now = time.monotonic()
        if now - self.last >= self.every and done:
            self.last = now
            left = (now - self.start) / max(done - self.first, 1) * (self.total - done)
            line = f"{self.title}: {done} of {self.total}, {note + ', ' if note else ''}{left:.0f} s to go"
            print(line, file=sys.stderr, flush=True)


class Counted:
    """Counts what has no known total, and says every `every` seconds how much it was and how fast."""

    def __init__(self, title, every=15.0):
        self.title, self.every, self.done = title, every, 0
        self.start = self.last = time.monotonic()

    def update(self):
        """Count one, and print a line when the last one is old enough."""
        self.done += 1
        if self.done % 256 == 0 and time.monotonic() - self.last >= self.every:
            record.beat()
            self.last = time.monotonic()
            rate = self.done / (self.last - self.start)
            print(f"{self.title}: {self.done} rows, {rate:.0f} per second", file=sys.stderr, flush=True)
