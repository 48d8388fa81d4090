"""The system-call filter of the boxes: one BPF blob per architecture is shipped; here is how it is made.

In: nothing (`python -m crosspl.judge.seccomp` needs pyseccomp and libseccomp2; using the blobs does not). Out:
`seccomp_{machine}.bpf` beside this module, given to `bwrap --seccomp`. Namespaces alone leave holes (AF_VSOCK,
keyrings, io_uring, nested user namespaces); this closes them. It is a deny list, because an allow list breaks language
runtimes.
"""

import errno
import platform
import tempfile
from pathlib import Path

from crosspl.errors import SandboxError

FOLDER = Path(__file__).parent
MACHINES = {"x86_64": "X86_64", "aarch64": "AARCH64"}
DENIED = """
    unshare setns mount umount2 pivot_root chroot move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr
    add_key keyctl request_key io_uring_setup io_uring_enter io_uring_register bpf perf_event_open userfaultfd
    ptrace process_vm_readv process_vm_writev personality memfd_secret kexec_load kexec_file_load init_module
    finit_module delete_module swapon swapoff reboot quotactl acct syslog open_by_handle_at name_to_handle_at
    shmget semget msgget mq_open
    lookup_dcookie vhangup nfsservctl settimeofday clock_settime adjtimex clock_adjtime sethostname setdomainname
""".split()  # noqa: SIM905 (a list of 50 quoted names reads worse)
NEW_NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
TIOCSTI = 0x5412
LAST_ALLOWED_FAMILY = 10  # AF_INET6; below it only AF_UNIX (1) and AF_INET (2) stay


def blob_path(machine=None):
    """Return the path of the filter of this (or the given) machine."""
    machine = machine or platform.machine()
    path = FOLDER / f"seccomp_{machine}.bpf"
    if not path.exists():
        raise SandboxError(f"no system-call filter for {machine}: run python -m crosspl.judge.seccomp there")
    return path


def make_blob(machine):
    """Return the filter program of `machine` as bytes."""
    import pyseccomp

    arch = getattr(pyseccomp.Arch, MACHINES[machine])
    filters = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    if not filters.exist_arch(arch):
        filters.add_arch(arch)
        filters.remove_arch(pyseccomp.system_arch())
    refuse = pyseccomp.ERRNO(errno.EPERM)
    for name in DENIED:
        add_rule(pyseccomp, filters, refuse, name)
    for flag in NEW_NAMESPACES:
        add_rule(pyseccomp, filters, refuse, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, flag, flag))
    # clone3 hides its flags behind a pointer; ENOSYS makes the C libraries fall back to clone
    add_rule(pyseccomp, filters, pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    # the limits of others: the supervisor has the program's uid
    add_rule(pyseccomp, filters, refuse, "prlimit64", pyseccomp.Arg(0, pyseccomp.NE, 0))
    add_rule(pyseccomp, filters, refuse, "ioctl", pyseccomp.Arg(1, pyseccomp.MASKED_EQ, 0xFFFFFFFF, TIOCSTI))
    no_family = pyseccomp.ERRNO(errno.EAFNOSUPPORT)
    for call in ("socket", "socketpair"):
        add_rule(pyseccomp, filters, no_family, call, pyseccomp.Arg(0, pyseccomp.GT, LAST_ALLOWED_FAMILY))
        for family in (0, *range(3, LAST_ALLOWED_FAMILY)):
            add_rule(pyseccomp, filters, no_family, call, pyseccomp.Arg(0, pyseccomp.EQ, family))
    with tempfile.TemporaryFile() as stream:
        filters.export_bpf(stream)
        stream.seek(0)
        return stream.read()


def add_rule(pyseccomp, filters, action, name, *conditions):
    """Add one rule, unless the machine or the library has no such system call."""
    try:
        filters.add_rule(action, name, *conditions)
    except (OSError, ValueError, RuntimeError):
        if name in ("clone", "clone3", "socket", "ioctl", "unshare", "mount", "ptrace"):
            raise


if __name__ == "__main__":
    for machine in MACHINES:
        (FOLDER / f"seccomp_{machine}.bpf").write_bytes(make_blob(machine))
