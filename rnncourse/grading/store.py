"""What a run keeps in its output folder: one file per result, the seed, and a lock against a second run."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

ROWS = "rows.json"
FIELDS = {"student", "unit", "status", "reason", "score", "max_score", "functions", "manual", "notebook"}  # of a result


class Store:
    """The results of an output folder by key, each a file that is there whole or not at all.

    Results that grading itself failed to get are remembered until the end of the run only: the next one tries again.
    """

    def __init__(self, output: Path):
        self.folder = output / "cache"
        self.folder.mkdir(exist_ok=True)
        self.failed: dict[str, dict] = {}
        self.whole: set[str] = set()  # keys of files that were seen to be whole
        for scratch in self.folder.glob(".*"):  # of a killed run
            scratch.unlink()

    def __contains__(self, key: str) -> bool:
        if key in self.failed or key in self.whole:
            return True
        try:
            said = json.loads(self._path(key).read_text(encoding="utf-8"))
            damaged = said["key"] != key or not FIELDS <= said.keys()
        except FileNotFoundError:
            return False
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            damaged = True
        if damaged:  # it is graded again
            self._path(key).unlink()
            return False
        self.whole.add(key)
        return True

    def keep(self, result: dict) -> None:
        if result.get("again"):
            self.failed[result["key"]] = result
        else:
            replace(self._path(result["key"]), json.dumps(result))

    def results(self, keys: Iterable[str], unit: str | None = None) -> Results:
        return Results(self, keys, unit)

    def read(self, key: str) -> dict:
        return self.failed.get(key) or json.loads(self._path(key).read_text(encoding="utf-8"))

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"


class Results:
    """Results of a run, each read when it is asked for: a large class's notebooks need not fit into memory."""

    def __init__(self, store: Store, keys: Iterable[str], unit: str | None = None):
        self.store, self.keys, self.unit = store, list(keys), unit

    def __iter__(self) -> Iterator[dict]:
        for key in self.keys:
            result = self.store.read(key)
            if self.unit in (None, result["unit"]):
                yield result


@contextlib.contextmanager
def alone(output: Path) -> Iterator[None]:
    """Make the output folder and keep other runs out of it. Raises ValueError in plain words."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        lock = (output / ".lock").open("w")
    except OSError as error:
        why = f"cannot write into the output folder {output} ({error.strerror})"
        raise ValueError(f"{why}; choose another with --output") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"another run is at work in {output}: wait for its end, or choose another --output"
            ) from None
        yield


def state(output: Path) -> dict:
    """What run.json says, or nothing."""
    try:
        said = json.loads((output / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def rows(output: Path) -> dict[str, dict]:
    """What the output folder's tables hold, by "UNIT/STUDENT": the result's key, and the submissions it came from.

    Raises ValueError if the file is there and cannot be read.
    """
    try:
        said = json.loads((output / ROWS).read_text(encoding="utf-8"))
        return {name: {"key": str(row["key"]), "from": str(row["from"])} for name, row in said.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{output / ROWS} is damaged ({type(error).__name__})") from None


def write_rows(output: Path, said: dict[str, dict]) -> None:
    replace(output / ROWS, json.dumps(said, indent=0))


def seed(output: Path, wanted: int | None) -> int:
    """The seed of this output folder: as wanted, as drawn before, or drawn now and kept."""
    before = state(output).get("seed")
    if wanted is None:
        wanted = before if type(before) is int and before >= 0 else secrets.randbits(128)
    if wanted != before:
        write_state(output, {"seed": wanted})
    return wanted


def write_state(output: Path, said: dict) -> None:
    replace(output / "run.json", json.dumps(said, indent=1))


def replace(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(text, encoding="utf-8")
    os.replace(scratch, path)
