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

    def update(self, done):
        """Print a line when the last one is old enough."""
        record.beat()
        now = time.monotonic()
        if now - self.last >= self.every and done:
            self.last = now
            left = (now - self.start) / done * (self.total - done)
            print(f"{self.title}: {done} of {self.total}, {left:.0f} s to go", file=sys.stderr, flush=True)
