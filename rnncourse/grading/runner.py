"""Grade a folder of submissions: jobs to an executor, one file per result, so that a killed run loses nothing.

The output folder holds run.json (the seed, drawn once), cache/ (a JSON file per result, named by the hash of
submission, checks and seed), and what the one writer makes of the results: results.csv, results.json, report.html,
nbgrader's gradebook.db, autograded/ and feedback/.
"""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import json
import os
import platform
import secrets
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from rnncourse import notebooks
from rnncourse.grading import engine, gradebook, intake, release, report, submission
from rnncourse.grading.sandbox import PACKAGE, Limits

AHEAD = 4  # jobs per worker that are handed out before an answer comes
OUTPUTS = ("results.csv", "results.json", "report.html", "gradebook.db")


@dataclass(frozen=True)
class Outcome:
    """What a run came to: numbers of results by status, whether all are there, whether there was anything to do."""

    counts: dict[str, int]
    complete: bool
    worked: bool
    seed: int


def run(
    root: Path,
    submissions: Path,
    output: Path,
    unit: str | None = None,
    *,
    seed: int | None = None,
    workers: int | None = None,
    limits: Limits = Limits(),  # noqa: B008  (frozen)
    confined: bool = True,
    executor: Executor | None = None,
    feedback: bool = True,
    progress=None,
) -> Outcome:
    """Grade all submissions below `submissions` into `output`; go on where an earlier run stopped.

    `progress(done, total, what)` is called now and then. Raises ValueError for wrong arguments, NoSandbox without one.
    """
    names = release.unit_names(root)
    if unit is not None and unit not in names:
        raise ValueError(f"no unit {unit!r}; there are: {', '.join(names)}")
    templates = {n: submission.template(n, notebooks.read(root / "exercises" / n / f"{n}.ipynb")) for n in names}
    found = list(intake.find(submissions, templates, unit))
    output.mkdir(parents=True, exist_ok=True)
    seed = _seed(output, seed)
    checks = {n: checks_hash(root, n) for n in names}
    cache = output / "cache"
    cache.mkdir(exist_ok=True)

    def jobs() -> Iterator[engine.Job]:
        for f in found:
            yield _job(root, f, checks.get(f.unit, ""), seed, limits, confined)

    keys = [j.key for j in jobs()]
    whole = hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()
    state = _state(output)
    if state.get("finished") == whole and all((output / name).exists() for name in OUTPUTS):
        return Outcome(_counts(Stored(cache, keys)), True, False, seed)
    missing = (j for j in jobs() if not _path(cache, j.key).exists())
    complete = _work(missing, sum(not _path(cache, k).exists() for k in keys), cache, workers, executor, progress)
    done = [k for k in keys if _path(cache, k).exists()]
    about = _about(seed, confined, sorted({f.unit for f in found if f.unit}))
    _write(root, output, cache, done, about, feedback)
    _replace(output / "run.json", json.dumps(about | ({"finished": whole} if complete else {}), indent=1))
    return Outcome(_counts(Stored(cache, done)), complete, True, seed)


def checks_hash(root: Path, unit: str) -> str:
    """A hash of everything of ours that a result depends on: the unit, the judge and the grading rooms."""
    files = [root / "solutions" / unit / f for f in (f"{unit}.ipynb", "checks.py")]
    files += [root / "exercises" / unit / f"{unit}.ipynb"]
    files += sorted([*(PACKAGE / "judge").glob("*.py"), *(PACKAGE / "grading").glob("*.py"), PACKAGE / "properties.py"])
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _job(root, f: intake.Found, checks, seed, limits, confined) -> engine.Job:
    data, problem = None, f.problem
    if not problem:
        try:
            data = f.read()
        except submission.Unreadable as error:
            problem = str(error)
    if not problem and not f.unit:
        problem = "the file is no notebook of any unit" if data is not None else "nothing to read"
        problem = _why_unreadable(data) or problem
    told = json.dumps([f.student, f.unit, f.source, problem, f.notes, f.platform, f.timestamp, checks, seed, confined])
    key = hashlib.sha256(told.encode() + repr(limits).encode() + (data or b"")).hexdigest()
    return engine.Job(
        str(root),
        f.student,
        f.unit,
        f.source,
        key,
        seed,
        data,
        problem,
        f.notes,
        f.platform,
        f.timestamp,
        confined,
        limits,
    )


def _why_unreadable(data: bytes | None) -> str:
    try:
        submission.parse(data or b"")
    except submission.Unreadable as error:
        return str(error)
    return ""


def _work(jobs, total, cache, workers, executor, progress) -> bool:
    """Run the jobs; True if every one has its result."""
    if not total:
        return True
    workers = workers or os.cpu_count() or 1
    own = executor is None
    if own:
        executor = ProcessPoolExecutor(min(workers, total), mp_context=get_context("spawn"))
    running, finished, left = set(), 0, True
    try:
        while running or left:
            while left and len(running) < AHEAD * workers:
                job = next(jobs, None)
                left = job is not None
                if left:
                    running.add(executor.submit(engine.grade, job))
            ready, running = wait(running, return_when=FIRST_COMPLETED) if running else (set(), running)
            for future in ready:
                result = future.result()
                _replace(_path(cache, result["key"]), json.dumps(result))
                finished += 1
                if progress:
                    progress(finished, total, result["student"])
    except BrokenProcessPool:  # the machine ran out of memory, or somebody killed a process of ours
        return False
    finally:
        if own:
            executor.shutdown(cancel_futures=True)
    return finished == total


def _write(root, output, cache, keys, about, feedback) -> None:
    """The one writer: nbgrader's gradebook and folders, tables, the class report."""
    for unit in about["units"]:
        text = (root / "solutions" / unit / f"{unit}.ipynb").read_text(encoding="utf-8")
        gradebook.write(output, unit, text, Stored(cache, keys, unit), feedback=feedback, root=root)
    report.write(output, Stored(cache, keys), about)


class Stored:
    """The results of a run, each read when it is asked for: a large class's notebooks need not fit into memory."""

    def __init__(self, cache: Path, keys: Iterable[str], unit: str | None = None):
        self.cache, self.keys, self.unit = cache, list(keys), unit

    def __iter__(self) -> Iterator[dict]:
        for key in self.keys:
            result = json.loads(_path(self.cache, key).read_text(encoding="utf-8"))
            if self.unit in (None, result["unit"]):
                yield result


def _counts(results) -> dict[str, int]:
    counts = {"graded": 0, "graded_with_problems": 0, "needs_person": 0}
    for r in results:
        counts[r["status"]] += 1
    return counts


def _about(seed, confined, units) -> dict:
    packages = ("rnncourse", "numpy", "nbgrader")
    return {
        "seed": seed,
        "units": units,
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "sandbox": "bubblewrap" if confined else "none",
        "versions": {"python": platform.python_version()} | {p: importlib.metadata.version(p) for p in packages},
    }


def _state(output: Path) -> dict:
    try:
        return json.loads((output / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _seed(output: Path, seed: int | None) -> int:
    """The seed of this output folder: as given, as drawn before, or drawn now and kept."""
    state = _state(output)
    if seed is None:
        seed = state.get("seed")
    if seed is None:
        seed = secrets.randbelow(2**31)
    if seed != state.get("seed"):
        _replace(output / "run.json", json.dumps({"seed": seed}))
    return seed


def _path(cache: Path, key: str) -> Path:
    return cache / f"{key}.json"


def _replace(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(text, encoding="utf-8")
    os.replace(scratch, path)
