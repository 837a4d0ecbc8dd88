"""Grade a folder of submissions: jobs to an executor, one file per result, so that a killed run loses nothing.

The output folder holds run.json (the seed, drawn once), cache/ (a JSON file per result, named by the hash of
submission, checks and seed), rows.json (whose results the tables hold: also those of earlier runs on other folders or
zips, as of late submissions), and what the one writer makes of the results: results.csv, results.json, report.html,
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
from rnncourse.grading.parse import Unreadable, parse
from rnncourse.grading.sandbox import PACKAGE, Limits

OUTPUTS = ("results.csv", "results.json", "report.html", "gradebook.db")


@dataclass(frozen=True)
class Outcome:
    """What a run came to: numbers of results by status, whether all are there, whether there was anything to do.

    `kept`: students ("UNIT/STUDENT") whose result of another folder or zip was kept in place of this one's.
    """

    counts: dict[str, int]
    complete: bool
    worked: bool
    seed: int
    kept: tuple[str, ...] = ()


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
    say=lambda sentence: None,
    may_replace=lambda name, source: False,
) -> Outcome:
    """Grade all submissions below `submissions` into `output`; go on where an earlier run stopped.

    `progress(done, total, what)` is called now and then, `say(sentence)` for what an instructor should know.
    `may_replace("UNIT/STUDENT", source)` decides whether a result that came from another source is replaced. Raises
    ValueError for wrong arguments, NoSandbox without one.
    """
    names = release.unit_names(root)
    if unit is not None and unit not in names:
        raise ValueError(f"no unit {unit!r}; there are: {', '.join(names)}")
    templates = {n: submission.template(n, notebooks.read(root / "exercises" / n / f"{n}.ipynb")) for n in names}
    if strange := set(str(output)) & set("?%{}#"):
        raise ValueError(
            f"--output {output} holds {' '.join(sorted(strange))}, which nbgrader does not take for a name: "
            "choose a folder without it"
        )
    if output.resolve().is_relative_to(submissions.resolve()):
        raise ValueError(
            f"the output folder {output} lies inside of the submissions {submissions}: choose another --output"
        )
    found = list(intake.find(submissions, templates, unit, say))
    with store.alone(output):
        return _run(
            root,
            output,
            found,
            batch=str(submissions.resolve()),
            unit=unit,
            names=names,
            may_replace=may_replace,
            say=say,
            seed=seed,
            workers=workers,
            limits=limits,
            confined=confined,
            executor=executor,
            feedback=feedback,
            progress=progress,
        )


def _run(
    root,
    output,
    found,
    *,
    batch,
    unit,
    names,
    may_replace,
    say,
    seed,
    workers,
    limits,
    confined,
    executor,
    feedback,
    progress,
) -> Outcome:
    seed = store.seed(output, seed)
    checks = {n: checks_hash(root, n) for n in sorted({f.unit for f in found if f.unit})}
    kept = store.Store(output)

    def all_jobs() -> Iterator[engine.Job]:
        for f in found:
            yield _job(root, f, checks.get(f.unit, ""), seed, limits, confined)

    mine = {f"{j.unit}/{j.student}": j.key for j in all_jobs()}
    stored = _rows(output, say)
    others = _others(stored, batch, unit, mine, names, kept, say)
    asked = [n for n in mine if n in others and others[n]["key"] != mine[n]]
    stay = tuple(n for n in asked if not may_replace(n, others[n]["from"]))
    for name in stay:
        say(f"{name}: the result of {others[name]['from']} was kept; --replace takes the one of {batch}")
    rows = others | {n: {"key": key, "from": batch} for n, key in mine.items() if n not in stay}
    keys = [row["key"] for row in rows.values()]
    units = sorted({name.partition("/")[0] for name in rows} - {""})
    whole = hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()
    before = store.state(output)
    nothing_new = stored == rows and before.get("finished") == whole and (before.get("feedback") or not feedback)
    missing = {k for k in keys if k not in kept}
    if nothing_new and not missing and all(map(_there, (output / name for name in OUTPUTS))):
        return Outcome(_counts(kept.results(keys)), True, False, seed, stay)
    store.write_rows(output, rows)
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
    return Outcome(_counts(kept.results(there)), complete, True, seed, stay)


def _rows(output: Path, say) -> dict[str, dict]:
    try:
        return store.rows(output)
    except ValueError as error:
        say(
            f"{error}: the tables hold this run only. Name the other folders and zips once more: what was graded is in "
            "the cache and comes back at once"
        )
        return {}


def _others(rows: dict[str, dict], batch: str, unit: str | None, mine, names, kept: store.Store, say) -> dict:
    """The rows that this run is not about: of other folders or zips, and of units that it was not asked for.

    Those that can no longer be in the tables are told and left out.
    """
    others = {}
    for name, row in rows.items():
        of = name.partition("/")[0]
        if row["from"] == batch and (unit is None or of in ("", unit)):
            if name not in mine:
                say(f"{name} is no longer in {batch}: its row is left out, nbgrader's gradebook keeps it")
        elif of and of not in names:
            say(f"{name}: the course has no unit {of} any more; the row is left out")
        elif row["key"] not in kept:
            say(f"{name}: the result of {row['from']} is no longer in the cache; grade that again")
        else:
            others[name] = row
    return others


def _there(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


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
        except Unreadable as error:
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
        parse(data or b"")
    except Unreadable as error:
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
