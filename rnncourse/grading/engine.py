"""Grade one submission: the trusted side. Runs in a process of its own, beside a sandbox for the unit.

`grade` takes and returns plain data, so that any `concurrent.futures` executor can run it, also on another machine that
sees the course's folder.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from rnncourse.authoring import notebooks
from rnncourse.authoring.unit import Score, Unit, load, score
from rnncourse.check.verdict import Verdict
from rnncourse.grading import submission
from rnncourse.grading.sandbox import Limits, Sandbox
from rnncourse.grading.session import Session


@dataclass(frozen=True)
class Job:
    """One submission of one unit, and how it is to be graded."""

    root: str
    student: str
    unit: str
    source: str
    key: str
    seed: int
    data: bytes | None  # the file; None if there is nothing to read
    problem: str = ""
    notes: tuple[str, ...] = ()
    platform: dict = field(default_factory=dict)
    timestamp: str | None = None
    confined: bool = True
    limits: Limits = Limits()


class Room:
    """What an engine keeps from one submission to the next: the unit, its student version and a sandbox."""

    current: tuple | None = None

    def __init__(self, root: Path, unit: str, confined: bool, limits: Limits):
        self.unit: Unit = load(root / "solutions" / unit)
        self.template = submission.template(unit, notebooks.read(root / "exercises" / unit / f"{unit}.ipynb"))
        forbidden = sorted({f for e in self.unit.exercises.values() for f in e.forbidden})
        preload = ("numpy",) if "torch" in forbidden else ("numpy", "torch")
        self.sandbox = Sandbox(self.template.setup, forbidden, preload, limits, confined)

    @classmethod
    def for_job(cls, job: Job) -> Room:
        """The room of the job's unit; one is open at a time. Raises NoSandbox."""
        wanted = (job.root, job.unit, job.confined, job.limits)
        if cls.current is None or cls.current[0] != wanted:
            cls.leave()
            cls.current = (wanted, cls(Path(job.root), job.unit, job.confined, job.limits))
        return cls.current[1]

    @classmethod
    def leave(cls) -> None:
        if cls.current is not None:
            cls.current[1].sandbox.close()
            cls.current = None


def grade(job: Job) -> dict:
    """The result of one submission as plain data (the form is described in `runner`)."""
    started, worked = time.monotonic(), time.process_time()
    if job.problem or job.data is None:
        return _result(job, started, problem=job.problem)
    room = Room.for_job(job)
    try:
        cells = submission.parse(job.data)
    except submission.Unreadable as error:
        return _result(job, started, room, problem=str(error))
    found = submission.read(cells, room.template)
    if room.sandbox.server.poll() is not None:  # it never runs students' code; should it be gone, a new one serves
        Room.leave()
        room = Room.for_job(job)
    outside = room.sandbox.cpu_seconds
    with Session(room.sandbox, found.code) as session:
        specs = {name: room.unit.spec(name, job.seed) for name in room.unit.exercises}
        scores = score(room.unit, session.caller(specs), job.seed)
    missing = [n for n, s in scores.items() if s.verdict.trouble == "missing"]
    if len(missing) == len(scores) and not any(found.answered.values()):
        return _result(job, started, room, problem="nothing of the unit was found in the notebook")
    shortcuts = [s.verdict.message for s in scores.values() if s.verdict.trouble == "forbidden"]
    problems = [*job.notes, *found.problems, *dict.fromkeys(session.troubles), *shortcuts]
    messages = {n: s.verdict.message for n, s in scores.items()}
    result = _result(job, started, room, scores, found.answered)
    result["reason"] = "; ".join(problems)
    unjudged = [s.verdict.message for s in scores.values() if s.verdict.trouble == "unjudged"]
    result["status"] = "graded_with_problems" if problems else "graded"
    if unjudged:
        result["status"], result["reason"] = "needs_person", "; ".join([*problems, *unjudged])
    result["notebook"] = submission.clean(found, room.template, messages)
    result["seconds"] = time.monotonic() - started
    result["cpu_seconds"] = time.process_time() - worked + room.sandbox.cpu_seconds - outside
    return result


def _result(job, started, room=None, scores=None, answered=None, problem="") -> dict:
    """A result without a problem, or with the problem and no points."""
    if room is not None and scores is None:
        scores = {n: Score(0, e.points, Verdict(n, False, problem)) for n, e in room.unit.exercises.items()}
    manual = _manual(room, answered or {}) if room is not None else {}
    return {
        "student": job.student,
        "unit": job.unit,
        "source": job.source,
        "platform": job.platform,
        "timestamp": job.timestamp,
        "status": "needs_person",
        "reason": "; ".join([*job.notes, problem]) if problem else "",
        "score": float(sum(s.points for s in (scores or {}).values())),
        "max_score": float(sum(s.max_points for s in (scores or {}).values())),
        "functions": {n: _function(s) for n, s in (scores or {}).items()},
        "manual": manual,
        "manual_points_open": float(sum(m["max_points"] for m in manual.values() if m["answered"])),
        "seconds": time.monotonic() - started,
        "sandbox": "bubblewrap" if job.confined else "none",
        "key": job.key,
        "notebook": None,
    }


def _function(s: Score) -> dict:
    v = s.verdict
    return {
        "points": float(s.points),
        "max_points": float(s.max_points),
        "passed": v.passed,
        "trouble": v.trouble,
        "message": v.message,
        "mistakes": list(v.mistakes),
        "hints": list(v.hints),
    }


def _manual(room: Room, answered: dict[str, bool]) -> dict:
    cells = room.template.by_id
    names = [n for n in cells if room.template.role(n) == "manual"]
    return {
        n: {"max_points": float(cells[n].metadata.nbgrader.points), "answered": answered.get(n, False)} for n in names
    }
