"""A sandbox for students' code: a bubblewrap container with a server of workers in it, and sessions with one worker.

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

from rnncourse.judge import frames
from rnncourse.judge.call import Reply

PACKAGE = Path(__file__).resolve().parent.parent
# Of rnncourse, students' code sees what chapters use; of the judge, what calls functions
HIDDEN = ("units", "grading", "judge", "bench.py", "cli.py", "check.py", "__pycache__")
SHOWN = [f"judge/{m}.py" for m in ("__init__", "call", "cells", "compare", "forbidden", "frames", "wire")]
NO_CHECKS = (
    '"""Checks do nothing here: grading compares elsewhere."""\n\n\ndef unit(name):\n    return lambda f: None\n'
)
REPLY_BYTES = 64 << 20
TEXT = 2000
TROUBLES = (None, "missing", "blank", "forbidden", "raised")
INSTALL = (
    "bubblewrap is not installed. On Debian and Ubuntu: sudo apt install bubblewrap; on Fedora: dnf install bubblewrap"
)


class NoSandbox(RuntimeError):
    """There is no working sandbox; the text says what to do."""


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


class Sandbox:
    """A running server for one unit, that has executed the unit's set-up cells.

    `forbidden` modules are not there, `preload` modules are imported once. Raises NoSandbox if it does not start.
    """

    def __init__(self, setup, forbidden=(), preload=("numpy",), limits=Limits(), confined=True):  # noqa: B008  (frozen)
        if confined and not available():
            raise NoSandbox(INSTALL)
        self.limits, self.confined = limits, confined
        self.cpu_seconds = 0.0  # of the server and all workers that have ended
        self.folder = tempfile.TemporaryDirectory(prefix="rnncourse-", ignore_cleanup_errors=True)
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
            order = {
                "setup": list(setup),
                "forbidden": list(forbidden),
                "preload": list(preload),
                "confined": confined,
                "cpu_seconds": int(limits.total_seconds) + 1,
                "memory_mb": limits.memory_mb,
                "disk_mb": limits.disk_mb,
                "processes": limits.processes,
            }
            try:
                frames.send(self.control, json.dumps(order).encode())
                frames.receive(self.control, 100, 120)
                with self.session([]) as session:
                    session.begin()
                    if session.request({"do": "cell", "source": "1", "name": "probe"}) != {"error": ""}:
                        raise EOFError
            except (OSError, EOFError) as error:
                self.close()
                errors.seek(0)
                said = errors.read().decode(errors="replace").strip()[-1500:]
                raise NoSandbox(f"the sandbox does not start: {said or error or 'no namespaces'}") from None

    def session(self, cells) -> Session:
        return Session(self, cells)

    def spawn(self) -> socket.socket:
        """A new worker in place of the one before; returns the channel to it."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self.control, [b"s"], [theirs.fileno()])
        self._done()
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
        self.folder.cleanup()


class Session:
    """One submission's worker: `call` is the seam to `score`. A call that ends the worker costs that function alone."""

    def __init__(self, sandbox: Sandbox, cells):
        self.sandbox, self.cells = sandbox, list(cells)  # cells: (name, source)
        self.limits = sandbox.limits
        self.channel: socket.socket | None = None
        self.dead: dict[str, Reply] = {}  # functions that ended the worker
        self.bad: dict[int, str] = {}  # cells that ended the worker
        self.errors: dict[str, str] = {}  # what went wrong in cells
        self.troubles: list[str] = []  # for the report, in plain words
        self.started = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stop()

    def caller(self, specs: dict):
        """`call(name, args) -> Reply` for functions with these specs."""

        def call(name: str, args: list) -> Reply:
            if name not in self.dead:
                spec = specs[name]
                request = {"do": "call", "name": name, "args": args}
                request |= {"arguments": spec.arguments, "forbidden": spec.forbidden, "adapter": spec.adapter}
                reply = self._call(name, request)
                if reply.trouble == "missing" and self.errors:
                    reply = Reply(trouble="missing", text=f"{reply.text} {self._explained(name)}")
                return reply
            return self.dead[name]

        return call

    def _explained(self, name) -> str:
        cell = name if name in self.errors else next(iter(self.errors))
        return f"The cell {cell} stopped with {self.errors[cell]}"

    def _call(self, name: str, request: dict) -> Reply:
        try:
            self._run_cells()
            return checked(self.request(request))
        except TimeoutError:
            text = self._late(name)
        except (EOFError, OSError):
            text = f"{name} ended the process, or needed more than {self.limits.memory_mb} MB"
        except frames.Forged as error:
            text = f"{name} gave back what cannot be read: {error}"
        self._stop()
        self.troubles.append(text)
        self.dead[name] = Reply(trouble="stopped", text=f"{text}.", code="stopped")
        return self.dead[name]

    def _late(self, name) -> str:
        if self._left() <= 0:
            return f"{name} was not finished: all together took longer than {self.limits.total_seconds:g} s"
        return f"{name} took longer than {self.limits.seconds:g} s"

    def _left(self) -> float:
        return self.started + self.limits.total_seconds - time.monotonic()

    def _run_cells(self) -> None:
        """Bring a new worker to where the student's notebook ends, without the cells that ended one."""
        while self.channel is None:
            self.begin()
            self.errors = {name: self.bad[k] for k, (name, _) in enumerate(self.cells) if k in self.bad}
            for k, (name, source) in enumerate(self.cells):
                if k in self.bad:
                    continue
                try:
                    answer = self.request({"do": "cell", "source": source, "name": name})
                except (OSError, EOFError, frames.Forged) as error:  # TimeoutError is an OSError
                    self.bad[k] = self._late("it") if isinstance(error, TimeoutError) else "it ended the process"
                    self.troubles.append(f"cell {name}: {self.bad[k]}")
                    self._stop()
                    if self._left() <= 0:
                        raise TimeoutError from None
                    break
                if isinstance(answer, dict) and answer.get("error"):
                    self.errors[name] = str(answer["error"])[:TEXT]

    def begin(self) -> None:
        self.channel = self.sandbox.spawn()

    def request(self, request: dict):
        """The worker's answer, read as plain data; waits no longer than the limits allow."""
        self.channel.settimeout(self.limits.seconds)
        frames.send(self.channel, frames.pack(request))
        seconds = min(self.limits.seconds, max(self._left(), 0.0))
        return frames.unpack(frames.receive(self.channel, REPLY_BYTES, seconds))

    def _stop(self) -> None:
        if self.channel is not None:
            self.channel.close()
            self.channel = None
            self.sandbox.kill()


def checked(answer) -> Reply:
    """An answer as a Reply, if it has the form of one. Raises Forged."""
    if not isinstance(answer, dict) or set(answer) != {"value", "trouble", "text", "code", "changed"}:
        raise frames.Forged("not an answer")
    changed = answer["changed"]
    if answer["trouble"] not in TROUBLES or not isinstance(changed, list):
        raise frames.Forged("not an answer")
    if not all(type(i) is int and 0 <= i < 100 for i in changed):
        raise frames.Forged("not an answer")
    return Reply(
        answer["value"], answer["trouble"], str(answer["text"])[:TEXT], str(answer["code"])[:200], tuple(changed)
    )


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
    hidden = {*HIDDEN, *(f"{f.removeprefix('rnncourse.')}.py" for f in forbidden)}
    target = course / "rnncourse"
    shutil.copytree(PACKAGE, target, ignore=lambda folder, names: hidden & set(names))
    for name in (*SHOWN, "grading/worker.py"):
        (target / name).parent.mkdir(exist_ok=True)
        shutil.copy(PACKAGE / name, target / name)
    (target / "check.py").write_text(NO_CHECKS, encoding="utf-8")
    for path in (course, *course.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)  # the worker is nobody


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
    places = [Path("/usr"), Path(sys.base_prefix), Path(sys.prefix)]
    places = [p for p in dict.fromkeys(places) if not any(q in p.parents for q in places)]
    command += ["--perms", "1777", "--tmpfs", "/tmp", "--ro-bind", str(course), "/course"]
    for place in places:
        for parent in reversed(place.parents[:-1]):
            command += ["--perms", "0755", "--dir", str(parent)]
        command += ["--ro-bind", str(place), str(place)]
    for link in ("bin", "lib", "lib64", "sbin"):
        if Path("/", link).is_symlink():
            command += ["--symlink", os.readlink(f"/{link}"), f"/{link}"]
        elif Path("/", link).is_dir():
            command += ["--ro-bind", f"/{link}", f"/{link}"]
    command += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--proc", "/proc", "--dev", "/dev"]
    for name in (*forbidden, "rnncourse"):
        folder = _package_folder(name) if "." not in name else None
        if folder and folder.name == name and any(p in folder.parents for p in places):
            command += ["--perms", "0755", "--tmpfs", str(folder), "--remount-ro", str(folder)]
    return [*command, "--remount-ro", "/", "--"]
