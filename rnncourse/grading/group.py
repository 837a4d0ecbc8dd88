"""A memory limit for all processes of a sandbox together, where the system lets us make a control group (cgroup)."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
SWAP = ("memory.swap.max",)
LIMIT, USED = ("memory.max", "memory.limit_in_bytes"), ("memory.current", "memory.usage_in_bytes")  # version 2, 1


class Group:
    """A control group below our own. Without the right to make one it does nothing, and `works` is False."""

    def __init__(self, name: str):
        self.folder: Path | None = None
        with contextlib.suppress(OSError):
            for place in _places():
                with contextlib.suppress(OSError):
                    _sweep(place)
                    folder = place / name
                    folder.mkdir()
                    if any((folder / file).exists() for file in LIMIT) and os.access(folder / "cgroup.procs", os.W_OK):
                        self.folder = folder
                        return
                    folder.rmdir()

    @property
    def works(self) -> bool:
        return self.folder is not None

    def take(self, process: int) -> None:
        """Put a process, and all that it will start, into the group; where we may not, there is no group."""
        if self.folder:
            try:
                (self.folder / "cgroup.procs").write_text(str(process))
            except OSError:
                self.close()

    def limit(self, more: int) -> None:
        """From now on the group may use so many bytes more than it does now."""
        if self.folder:
            with contextlib.suppress(OSError, StopIteration, ValueError):
                used = next(self.folder / file for file in USED if (self.folder / file).exists())
                self._write(LIMIT, int(used.read_text()) + more)
                self._write(SWAP, 0)

    def close(self) -> None:
        """Remove the group; its processes must have ended."""
        if self.folder:
            with contextlib.suppress(OSError):
                self.folder.rmdir()
            self.folder = None

    def _write(self, files, value: int) -> None:
        for file in files:
            if self.folder and (self.folder / file).exists():
                with contextlib.suppress(OSError):
                    (self.folder / file).write_text(str(value))


def _sweep(place: Path) -> None:
    """Remove the groups that killed runs left: their names hold the run's process id."""
    for left in place.glob("rnncourse-[0-9]*-*"):
        try:
            os.kill(int(left.name.split("-")[1]), 0)
        except ProcessLookupError:
            with contextlib.suppress(OSError):  # what is in use stays
                left.rmdir()
        except (OSError, ValueError):
            pass


def _places():
    """Folders in which a group of ours may be made that limits memory, the best first.

    In version 2 a group that holds processes, as ours does, gives its children no limits: there it is a group beside
    ours, as below a user's own systemd; in a container it may be below.
    """
    for line in Path(f"/proc/{os.getpid()}/cgroup").read_text().splitlines():
        _, kinds, path = line.split(":", 2)
        if re.search(r"\bmemory\b", kinds):
            yield ROOT / "memory" / path.lstrip("/")
        elif not kinds:
            own = ROOT / path.lstrip("/")
            yield own
            if own != ROOT:
                yield own.parent
