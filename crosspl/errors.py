"""How a command ends: errors that are the user's to mend in one or two lines, no traceback; and what it cost.

In: a message that says what is wrong, where, and what to do. Out: exit status 2 (bad input), 3 (no sandbox), 75 (told
to stop before the end: run it again).
"""

import contextlib
import errno
import os
import signal
import sys

from crosspl import record


class UserError(Exception):
    """Something the user can mend; `exit_status` is what the command ends with."""

    exit_status = 2


class SandboxError(UserError):
    """No sandbox can be had, so no program may be run."""

    exit_status = 3


class Interrupted(UserError):
    """The machine is wanted back: what is done is kept, and the same command goes on from there."""

    exit_status = 75  # EX_TEMPFAIL of sysexits.h, which schedulers can be told to run again


def stop_at_once(number, frame):
    """Handle SIGTERM where nothing is half done; crosspl.interruption has the other case."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it may come several times, and the end must not be interrupted
    raise Interrupted("told to stop (SIGTERM); run again to go on from what is kept")


def run_command(main, argv=None):
    """Run `main(argv)` and end the process, printing a UserError or a full disk as one line without a traceback.

    In a workflow (crosspl.record) the last line says what the command and its children used.
    """
    signal.signal(signal.SIGTERM, stop_at_once)
    record.start()
    try:
        sys.exit(main(argv))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        print("interrupted: run again to go on from what is kept", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
    except Exception as error:
        if not is_full_disk(error):  # anything else is ours to debug and keeps its traceback
            raise
        place = getattr(error, "filename", None) or "while writing"
        print(f"error: the disk is full ({place}): free some space and run again", file=sys.stderr)
        sys.exit(2)
    finally:
        if os.environ.get(record.FOLDER):
            print("cost: {cpu_s:.2f} CPU s, {peak_mib} MiB".format(**record.used()), file=sys.stderr)
        record.end(sys.exc_info()[1])


def is_full_disk(error):
    """Return whether an error comes from a full disk; safetensors, SQLite and torch raise their own errors for it."""
    texts = ("No space left on device", "disk is full", "iostream error")
    while error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or any(text in str(error) for text in texts):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextlib.contextmanager
def stop_on_user_error():
    """In a Snakefile: print a UserError as one line and end the process, instead of a traceback."""
    try:
        yield
    except UserError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        os._exit(error.exit_status)  # sys.exit would be caught and shown as a failure of the Snakefile
