"""What a worker gives up before it runs students' code: sight of the system, memory without end, rights, calls.

Only the sandbox's server uses it. Linux; on other systems only the limits have an effect.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import signal
import struct
import sys

NEW_USER, NEW_MOUNT, NEW_IPC, NEW_PID = 0x10000000, 0x00020000, 0x08000000, 0x20000000
NOSUID_NODEV, READ_ONLY = 2 | 4, 1
BIND = 4096 | 16384  # MS_BIND, MS_REC; what was read-only stays so
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 24, 38
CAPABILITY_VERSION_3 = 0x20080522
SECCOMP_MODE_FILTER = 2
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | 1  # SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO with EPERM
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06  # of the kernel's packet filter language
X32 = 0x40000000  # the second set of calls on x86_64
# Ways round the limits (memory that they do not count), and those parts of the kernel where holes were found before:
# shmget semget msgget memfd_create memfd_secret io_uring_setup unshare setns mount umount2 bpf ptrace userfaultfd
# perf_event_open keyctl add_key request_key process_vm_readv process_vm_writev
# And socket socketpair: what waits in a socket's queue counts as nobody's memory, and the next student's
# program can see a port in TIME_WAIT
# architecture: its number, these calls
CALLS = {
    "x86_64": (
        0xC000003E,
        (29, 64, 68, 319, 447, 425, 272, 308, 165, 166, 321, 101, 323, 298, 250, 248, 249, 310, 311, 41, 53),
    ),
    "aarch64": (
        0xC00000B7,
        (194, 190, 186, 279, 447, 425, 97, 268, 40, 39, 280, 117, 282, 241, 219, 217, 218, 270, 271, 198, 199),
    ),
}


def _libc():
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def separate(order: dict) -> None:
    """Namespaces of its own: no sight of other processes, an empty /tmp of limited size, no /proc."""
    libc = _libc()
    user, group = os.getuid(), os.getgid()
    _check(libc.unshare(NEW_USER | NEW_MOUNT | NEW_IPC | NEW_PID), "unshare")
    libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # after root's rights are gone, /proc/self is closed otherwise
    # without a place in the new namespace's table of users, no file can be made
    for table, line in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{table}", "w") as f:
            f.write(line)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    kept = [(path, os.open(path, os.O_PATH | os.O_DIRECTORY)) for path in order["keep"]]
    size = f"size={order['disk_mb']}m,nr_inodes=1000,mode=1777".encode()
    # one place can be written, so that the limit is one limit; the others are empty and stay so
    for place, options in ((b"/tmp", size), (b"/dev/shm", b"mode=555"), (b"/proc", b"mode=555")):
        if place == b"/proc":  # the last: until then it names what is open
            for path, fd in kept:
                os.makedirs(path)
                _check(libc.mount(f"/proc/self/fd/{fd}".encode(), path.encode(), None, BIND, None), f"bind {path}")
        flags = NOSUID_NODEV | (0 if place == b"/tmp" else READ_ONLY)
        _check(libc.mount(b"tmpfs", place, b"tmpfs", flags, options), f"mount {place.decode()}")
    for _, fd in kept:
        os.close(fd)


def virtual_memory() -> int:
    """Bytes that RLIMIT_AS counts in this process already."""
    try:
        with open("/proc/self/statm") as f:
            return int(f.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 2**30


def limits(order: dict) -> None:
    for what, value in (
        (resource.RLIMIT_AS, order["virtual"] + order["memory_mb"] * 2**20),
        (resource.RLIMIT_CPU, order["cpu_seconds"]),
        (resource.RLIMIT_FSIZE, order["disk_mb"] * 2**20),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, order["processes"]),
    ):
        with contextlib.suppress(ValueError, OSError):  # a lower limit stands already
            resource.setrlimit(what, (value, value))


def drop_capabilities() -> None:
    """No rights in the new namespaces, now or through any program; gone if the server goes."""
    if not sys.platform.startswith("linux"):
        return
    libc = _libc()
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def forbid_calls() -> None:
    """Calls of the kernel that an answer never needs fail from now on, here and in all children."""
    if not sys.platform.startswith("linux") or platform.machine() not in CALLS:
        return
    architecture, numbers = CALLS[platform.machine()]
    # (operation, steps to jump if true, if false, operand); what matches jumps to the last step
    steps = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, architecture), (RETURN, 0, 0, REFUSE), (LOAD, 0, 0, 0)]
    steps += [(AT_LEAST, len(numbers) + 1, 0, X32)]
    steps += [(EQUAL, len(numbers) - k, 0, number) for k, number in enumerate(numbers)]
    steps += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE)]
    program = b"".join(struct.pack("HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(program)
    header = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(buffer))
    libc = _libc()
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_char_p(header), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")
