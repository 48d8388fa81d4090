"""The processes of a run: found by a mark in their environment, and by descent.

In: the mark, "NAME=value". Out: {pid: command line}.
"""

import re
from pathlib import Path


def processes(mark):
    """Return {pid: command line} of the processes whose environment holds `mark`, and their descendants."""
    parents, found = {}, set()
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        try:
            parents[pid] = int(re.search(r"^PPid:\s+(\d+)", (folder / "status").read_text(), re.MULTILINE)[1])
            if mark.encode() in (folder / "environ").read_bytes():
                found.add(pid)
        except OSError:  # gone, or not ours
            continue
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return {pid: text for pid in found if (text := command_line(pid))}


def command_line(pid):
    """Return a process's command line; "" when it is gone or a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""
