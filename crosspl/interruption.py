"""Told to stop (SIGTERM: preemption, time limit, cancellation), long work ends where it can be taken up again.

In: SIGTERM from a scheduler, which gives some seconds before it kills. Out: `told()` inside `finish_first()`, for loops
that look at it between two units of work, save, and raise crosspl.errors.Interrupted.
"""

import contextlib
import signal

_told = False


@contextlib.contextmanager
def finish_first():
    """Within this, SIGTERM is only noted; the caller looks at `told()` and ends in time."""
    global _told
    _told = False
    before = signal.signal(signal.SIGTERM, _note)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def told():
    """Return whether SIGTERM came inside `finish_first`."""
    return _told


def _note(number, frame):
    global _told
    _told = True
