"""A sandbox for students' code: a bubblewrap container with a server of workers in it.

What is visible inside: the system's and Python's files, read-only and without forbidden packages, and a copy of the
part of `rnncourse` that students' code may import. No network, no other process, no file of the course.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from rnncourse.grading import frames
from rnncourse.grading.group import Group

PREFIX = "rnncourse-"  # of the folders in /tmp, the process id follows
PACKAGE = Path(__file__).resolve().parent.parent
# Of rnncourse, students' code sees what chapters use; of the checks, what calls functions and what they hand out
HIDDEN = ("units", "check", "authoring", "grading", "bench", "cli.py", "__pycache__")
SHOWN = [f"check/{m}.py" for m in ("adapters", "call", "cells", "compare", "forbidden", "properties", "toys", "wire")]
SHOWN += [f"grading/{m}.py" for m in ("confine", "frames", "worker")]
NO_CHECKS = (
    '"""Checks do nothing here: grading compares elsewhere."""\n\n\ndef unit(name):\n    return lambda f: None\n'
)
EMPTIED = ("/tmp", "/dev/shm")  # in every worker; Python's folders below are bound again
CPU_BESIDE = 120  # seconds beyond the student's clock: start and diagnosis are not on it
INSTALL = (
    "bubblewrap is not installed. On Debian and Ubuntu: sudo apt install bubblewrap; on Fedora: dnf install bubblewrap"
)


class NoSandbox(RuntimeError):
    """There is no working sandbox; the text says what to do."""


class WorkerLost(RuntimeError):
    """A worker did not start, before any code of a student's ran."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use."""

    seconds: float = 10.0  # per cell and per call
    total_seconds: float = 120.0
    memory_mb: int = 1024
    disk_mb: int = 64
    processes: int = 1


def available() -> bool:
    return shutil.which("bwrap") is not None


def sweep() -> None:
    """Remove the folders that killed runs left. An hour old at least: containers may share /tmp, and no process ids."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}[0-9]*-*"):
        with contextlib.suppress(OSError, ValueError):  # somebody else's, or gone meanwhile
            old = time.time() - folder.stat().st_mtime > 3600
            try:
                os.kill(int(folder.name.removeprefix(PREFIX).partition("-")[0]), 0)
            except ProcessLookupError:
                if old:
                    shutil.rmtree(folder)


class Sandbox:
    """A running server for one unit, that has executed the unit's set-up cells.

    `forbidden` modules are not there, `preload` modules are imported once. Raises NoSandbox if it does not start.
    """

    def __init__(self, setup, forbidden=(), preload=("numpy",), limits=Limits(), confined=True):  # noqa: B008  (frozen)
        if confined and not available():
            raise NoSandbox(INSTALL)
        self.limits, self.confined = limits, confined
        self.requests: dict[str, object] = {}  # what `session` keeps of one submission for the next
        self.cpu_seconds = 0.0  # of the server and all workers that have ended
        sweep()
        self.folder = tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", ignore_cleanup_errors=True)
        course = Path(self.folder.name)
        stage(course, forbidden)
        self.control, theirs = socket.socketpair()
        inside = Path("/course") if confined else course
        worker = inside / "rnncourse" / "grading" / "worker.py"
        command = [sys.executable, "-I", "-B", str(worker), str(theirs.fileno()), str(inside)]
        if confined:
            command = [*wall(course, forbidden), *command]
        with tempfile.TemporaryFile() as errors:
            self.server = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=environment(),
                start_new_session=True,
            )
            theirs.close()
            self.group = Group(f"{Path(self.folder.name).name}")
            self.group.take(self.server.pid)
            order = {
                "setup": list(setup),
                "forbidden": list(forbidden),
                "preload": list(preload),
                "confined": confined,
                "cpu_seconds": int(limits.total_seconds) + CPU_BESIDE,
                "memory_mb": limits.memory_mb,
                "disk_mb": limits.disk_mb,
                "processes": limits.processes,
                "keep": [str(p) for p in places() if any(Path(t) in p.parents for t in EMPTIED)],
            }
            try:
                frames.send(self.control, json.dumps(order).encode())
                frames.receive(self.control, 100, 120)
                self._probe()
                self.group.limit((limits.memory_mb + limits.disk_mb) * 2**20)
            except (OSError, EOFError, WorkerLost) as error:
                self.close()
                errors.seek(0)
                said = errors.read().decode(errors="replace").strip()[-1500:]
                raise NoSandbox(f"the sandbox does not start: {said or error or 'no namespaces'}") from None

    def _probe(self) -> None:
        """Does a worker with its namespaces answer? Raises EOFError, TimeoutError."""
        with self.spawn() as channel:
            frames.send(channel, frames.pack({"do": "cell", "source": "1", "name": "probe"}))
            frames.receive(channel, 1000, 60)
        self.kill()

    def spawn(self) -> socket.socket:
        """A new worker in place of the one before; returns the channel to it, once it is ready to run cells.

        Raises WorkerLost if it does not start: that is our fault, and on nobody's clock.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self.control, [b"s"], [theirs.fileno()])
        self._done()
        try:
            frames.receive(ours, 100, 60)
        except (OSError, EOFError) as error:
            ours.close()
            raise WorkerLost(f"a worker of the sandbox did not start ({type(error).__name__})") from None
        return ours

    def kill(self) -> None:
        """End the worker and everything it started."""
        self.control.sendall(b"k")
        self._done()

    def _done(self) -> None:
        self.cpu_seconds = float(frames.receive(self.control, 100, 60))

    def close(self) -> None:
        self.control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.server.wait(5)
        self.server.kill()
        self.server.wait()
        self.group.close()
        self.folder.cleanup()


def environment() -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": "/tmp",
    }


def stage(course: Path, forbidden) -> None:
    """Copy what students' code may see of rnncourse, with checks that do nothing."""
    ours = [f.removeprefix("rnncourse.") for f in forbidden if f.startswith("rnncourse.")]
    hidden = {*HIDDEN, *ours, *(f"{name}.py" for name in ours)}
    target = course / "rnncourse"
    shutil.copytree(PACKAGE, target, ignore=lambda folder, names: hidden & set(names))
    for name in SHOWN:
        (target / name).parent.mkdir(exist_ok=True)
        shutil.copy(PACKAGE / name, target / name)
    (target / "check" / "__init__.py").write_text(NO_CHECKS, encoding="utf-8")
    for path in (course, *course.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)  # the worker is nobody


def seen(path: Path) -> Path | None:
    """The folder through which students' code could see `path`, if there is one."""
    shown = [Path("/usr"), Path("/bin"), Path("/lib"), Path("/lib64"), Path(sys.base_prefix), Path(sys.prefix)]
    return next((s for s in shown if s in (path.resolve(), *path.resolve().parents)), None)


def places() -> list[Path]:
    """The system's and Python's folders that students' code sees."""
    wanted = [Path("/usr"), Path(sys.base_prefix), Path(sys.prefix)]
    return [p for p in dict.fromkeys(wanted) if not any(q in p.parents for q in wanted)]


@cache
def _package_folder(name: str) -> Path | None:
    spec = find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def wall(course: Path, forbidden) -> list[str]:
    """The bubblewrap command up to the program: what is there, what is not."""
    command = ["bwrap", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    command += ["--die-with-parent", "--new-session", "--hostname", "sandbox"]
    if os.getuid() == 0:  # the worker's first act is to become nobody
        command += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        command += ["--unshare-user"]
    command += ["--perms", "1777", "--tmpfs", "/tmp", "--ro-bind", str(course), "/course"]
    for place in places():
        for parent in reversed(place.parents[:-1]):
            command += ["--perms", "0755", "--dir", str(parent)]
        command += ["--ro-bind", str(place), str(place)]
    for link in ("bin", "lib", "lib64", "sbin"):
        if Path("/", link).is_symlink():
            command += ["--symlink", os.readlink(f"/{link}"), f"/{link}"]
        elif Path("/", link).is_dir():
            command += ["--ro-bind", f"/{link}", f"/{link}"]
    command += [
        "--perms",
        "0755",
        "--dir",
        "/etc",
        "--ro-bind-try",
        "/etc/ld.so.cache",
        "/etc/ld.so.cache",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
    ]
    command += ["--remount-ro", "/dev"]
    for name in (*forbidden, "rnncourse"):
        folder = _package_folder(name) if "." not in name else None
        if folder and folder.name == name and any(p in folder.parents for p in places()):
            command += ["--perms", "0755", "--tmpfs", str(folder), "--remount-ro", str(folder)]
    return [*command, "--remount-ro", "/", "--"]
