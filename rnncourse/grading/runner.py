"""Grade a folder of submissions: jobs to an executor, one file per result, so that a killed run loses nothing.

The output folder holds run.json (the seed, drawn once), cache/ (a JSON file per result, named by the hash of
submission, checks and seed), and what the one writer makes of the results: results.csv, results.json, report.html,
nbgrader's gradebook.db, autograded/ and feedback/.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import importlib.metadata
import json
import os
import platform
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor
from dataclasses import dataclass
from pathlib import Path

from rnncourse.authoring import notebooks, release
from rnncourse.grading import engine, gradebook, intake, jobs, report, store, submission
from rnncourse.grading.sandbox import PACKAGE, Limits

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
    if output.resolve().is_relative_to(submissions.resolve()):
        raise ValueError(
            f"the output folder {output} lies inside of the submissions {submissions}: choose another --output"
        )
    found = list(intake.find(submissions, templates, unit))
    with store.alone(output):
        return _run(
            root,
            output,
            found,
            seed=seed,
            workers=workers,
            limits=limits,
            confined=confined,
            executor=executor,
            feedback=feedback,
            progress=progress,
        )


def _run(root, output, found, *, seed, workers, limits, confined, executor, feedback, progress) -> Outcome:
    seed = store.seed(output, seed)
    units = sorted({f.unit for f in found if f.unit})
    checks = {n: checks_hash(root, n) for n in units}
    kept = store.Store(output)

    def all_jobs() -> Iterator[engine.Job]:
        for f in found:
            yield _job(root, f, checks.get(f.unit, ""), seed, limits, confined)

    keys = [j.key for j in all_jobs()]
    whole = hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()
    before = store.state(output)
    nothing_new = before.get("finished") == whole and (before.get("feedback") or not feedback)
    if nothing_new and all((output / name).exists() for name in OUTPUTS):
        return Outcome(_counts(kept.results(keys)), True, False, seed)
    missing = {k for k in keys if k not in kept}
    done = 0

    def keep(result: dict) -> None:
        nonlocal done
        kept.keep(result)
        done += 1
        if progress:
            progress(done, len(missing), result["student"])

    if missing:
        # made anew one by one: a file that changed meanwhile has another key, and waits for the next run
        left = (j for j in all_jobs() if j.key in missing)
        with contextlib.suppress(CancelledError):
            jobs.work(left, keep, min(workers or os.cpu_count() or 1, len(missing)), executor)
    there = [k for k in keys if k in kept]
    about = _about(seed, confined, units)
    _write(root, output, kept, there, about, feedback)
    complete = len(there) == len(keys) and not kept.failed
    store.write_state(output, about | {"finished": whole if complete else None, "feedback": feedback})
    return Outcome(_counts(kept.results(there)), complete, True, seed)


def checks_hash(root: Path, unit: str) -> str:
    """A hash of everything of ours that a result depends on: the unit, and every room of the package."""
    files = [root / "solutions" / unit / f"{unit}.ipynb", *sorted((root / "solutions" / unit).glob("*.py"))]
    files += [root / "exercises" / unit / f"{unit}.ipynb"]
    files += sorted(p for p in PACKAGE.rglob("*") if p.suffix in (".py", ".j2") and "bench" not in p.parts)
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


def _write(root, output, kept, keys, about, feedback) -> None:
    """The one writer: nbgrader's gradebook and folders, tables, the class report."""
    for unit in about["units"]:
        text = (root / "solutions" / unit / f"{unit}.ipynb").read_text(encoding="utf-8")
        gradebook.write(output, unit, text, kept.results(keys, unit), feedback=feedback, root=root)
    report.write(output, kept.results(keys), about)


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
