"""Grade one submission: the trusted side. Runs in a process of its own, beside a sandbox for the unit.

`grade` takes and returns plain data, so that any `concurrent.futures` executor can run it, also on another machine that
sees the course's folder.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from rnncourse.authoring import notebooks
from rnncourse.authoring.unit import Score, Unit, load, score
from rnncourse.check.verdict import Verdict, passes
from rnncourse.grading import submission
from rnncourse.grading.parse import Unreadable, parse
from rnncourse.grading.sandbox import Limits, Sandbox
from rnncourse.grading.session import Session
from rnncourse.grading.words import one_line

MOST_LOOKS = 10  # at one function, at its check cells; what is wrong is diagnosed on our clock
NEW_MEANING = re.compile(r"^(?:def|class) (\w+)|^(\w+) *(?:[-+*/@%&|^]|//|\*\*|>>|<<)?=(?!=)", re.M)


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
        cells = parse(job.data)
    except Unreadable as error:
        return _result(job, started, room, problem=str(error))
    found = submission.read(cells, room.template)
    if room.sandbox.server.poll() is not None:  # it never runs students' code; should it be gone, a new one serves
        Room.leave()
        room = Room.for_job(job)
    outside = room.sandbox.cpu_seconds
    with Session(room.sandbox, found.code) as session:
        scores = judged(room.unit, session, found.places, job.seed)
    missing = [n for n, s in scores.items() if s.verdict.trouble == "missing"]
    if len(missing) == len(scores) and not any(found.answered.values()):
        return _result(job, started, room, problem="nothing of the unit was found in the notebook")
    shortcuts = [s.verdict.message for s in scores.values() if s.verdict.trouble == "forbidden"]
    problems = [*job.notes, *found.problems, *dict.fromkeys(session.troubles), *shortcuts]
    messages = {n: s.verdict.message for n, s in scores.items()}
    result = _result(job, started, room, scores, found.answered)
    result["reason"] = one_line("; ".join(problems))
    unjudged = [s.verdict.message for s in scores.values() if s.verdict.trouble == "unjudged"]
    result["status"] = "graded_with_problems" if problems else "graded"
    if unjudged:
        result["status"], result["reason"] = "needs_person", one_line("; ".join([*problems, *unjudged]))
    try:
        result["notebook"] = submission.clean(found, room.template, messages)
    except Exception:  # whatever a renderer trips over: a copy for people costs nobody points
        result["notebook"] = submission.plain(found, room.template, messages)
    result["seconds"] = time.monotonic() - started
    result["cpu_seconds"] = time.process_time() - worked + room.sandbox.cpu_seconds - outside
    return result


def judged(unit: Unit, session: Session, places, seed: int) -> dict[str, Score]:
    """Points per function, each judged where its check cell stands, as the student saw it in the notebook.

    `places`: (number of cells that have run by then, function), in order. What is not right there, or has no check
    cell, is looked at once more when the whole notebook has run.
    """
    call = session.caller({name: unit.spec(name, seed) for name in unit.exercises})
    scores: dict[str, Score] = {}
    seen_at: dict[str, int] = {}
    looks = Counter()
    for until, name in places:
        looks[name] += 1
        if looks[name] > MOST_LOOKS:
            continue
        if name in unit.exercises and name not in session.dead and not (name in scores and scores[name].verdict.passed):
            session.until = until
            scores |= score(unit, call, seed, [name])
            seen_at[name] = until
    session.until = len(session.cells)
    for name, e in unit.exercises.items():
        before, spec = scores.get(name), unit.spec(name, seed)
        if before is None or before.verdict.trouble in ("missing", "blank"):
            scores |= score(unit, call, seed, [name])
        elif name not in session.dead:
            changed = _changed_later(name, session.cells, seen_at[name])
            if before.verdict.passed and changed and not _right(spec, call):
                text = (
                    f"{before.verdict.message} After a later cell, which changes {changed}, it is not right any more."
                )
                scores[name] = replace(before, verdict=replace(before.verdict, message=text))
            elif not before.verdict.passed and _right(spec, call):
                why = f"a later cell changes {changed}" if changed else "a later cell changes what it uses"
                text = f"{name} is right when the whole notebook has run; at its check it is not: {why}."
                scores[name] = Score(e.points, e.points, Verdict(name, True, text))
    return {name: scores[name] for name in unit.exercises}


def _right(spec, call) -> bool:
    try:
        return passes(spec, call)
    except Exception:  # whatever came back: `score` has told it already
        return False


def _changed_later(name: str, cells, until: int) -> str:
    """Names that the cell of a function uses and a cell after its check gives a new meaning; "" if there are none."""
    own = [source for _, source in cells[:until] if re.search(rf"^(?:async )?(?:def|class) {name}\b", source, re.M)]
    used = set(re.findall(r"\w+", own[-1])) if own else set()
    later = "\n".join(source for _, source in cells[until:])
    return ", ".join(sorted({a or b for a, b in NEW_MEANING.findall(later)} & used))


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
        "reason": one_line("; ".join([*job.notes, problem])) if problem else "",
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
