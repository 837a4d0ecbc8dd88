"""Results into nbgrader's own gradebook, so that formgrader, late penalties, feedback and export work on them.

Only nbgrader's documented parts are used: its Gradebook and the session in it, the preprocessors of
generate_assignment, the late submission plugin, the course's nbgrader_config.py.
"""

from __future__ import annotations

import contextlib
import copy
import json
import logging
import os
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader import utils
from nbgrader.api import Comment, Grade, Gradebook, Student, SubmittedAssignment, SubmittedNotebook
from nbgrader.apps.baseapp import NbGrader
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy.orm import selectinload

from rnncourse.grading.feedback import Folders, Shown, folder_name, put, text_of

LOG = logging.getLogger("rnncourse.gradebook")
LOG.setLevel(logging.ERROR)  # nbgrader's errors, not its chatter
UNREAD = "Not read yet: these points are still open."  # on the page only, so that a person's comment takes its place
MEMORY = "gradebook.json"  # what was written last, by unit and student: nbgrader's tables have no place for it


@dataclass(frozen=True)
class Record:
    """Of one result, what the gradebook's rows are made of. `points` None: a person grades the cell."""

    student: str
    key: str
    timestamp: datetime | None
    points: dict[str, float | None]
    untouched: frozenset[str] | None  # grade_ids of solution cells left as they were; None: all of them


def write(
    output: Path,
    unit: str,
    release_notebook: str,
    results: Iterable[dict],
    progress: Callable[[], object] | None = None,
    *,
    feedback: bool = True,
    root: Path | None = None,
) -> None:
    """Write one unit's results: rows of `output/gradebook.db`, autograded notebooks and feedback pages.

    `release_notebook` is the text of the instructors' solution notebook. `results` is walked twice: for a large class
    give something that reads each result when asked. `progress` is called once per result. `root` holds
    nbgrader_config.py (default: the current folder, as with nbgrader).

    Scores, comments and extra credit that people gave stay. Where the submission changed since the last run, manually
    graded cells are marked again as in need of a person. Rows of other units and students are not touched, and a
    second run with the same results changes nothing.

    The caller must have cleaned the markdown in result["notebook"]: nbgrader renders it as it is, in formgrader too.
    The pages written here forbid scripts besides; those that `nbgrader generate_feedback` writes do not.

    Raises ValueError, before anything is written, for ids that cannot name a folder, for two results of one student,
    for results of another unit or with points for cells that the unit has not; and for a unit whose graded cells were
    added, removed or renamed since the gradebook recorded it.
    """
    results = list(results) if isinstance(results, Iterator) else results
    records = _records(folder_name(unit), release_notebook, results)
    course = course_directory(output, root)
    _create(output / "gradebook.db")
    released = _record_unit(course, unit, release_notebook)
    memory = _remembered(output)
    before = memory.setdefault(unit, {})
    with Gradebook(course.db_url, course.course_id) as book:
        shown = _rows(book, unit, records, before, AssignLatePenalties(config=course.config, log=LOG))
        book.db.commit()
    # After the rows: a run that is killed in between marks manual scores once more, and never forgets to
    before |= {r.student: before.get(r.student, {}) | {"key": r.key} for r in records}
    put(output / MEMORY, _json(memory))
    folders = Folders(course, unit, released, pages=feedback, log=LOG)
    for record, result in zip(records, results, strict=True):
        last = before[record.student]
        last |= folders.write(result, record.timestamp, shown[record.student], last)
        if progress:
            progress()
    put(output / MEMORY, _json(memory))


def course_directory(output: Path, root: Path | None = None) -> CourseDirectory:
    """nbgrader's course in `root` with its nbgrader_config.py, but with gradebook and folders in `output`."""
    root, output = Path(root or Path.cwd()).resolve(), Path(output).resolve()
    app = NbGrader(log=LOG)
    with utils.chdir(str(root)):  # where nbgrader looks for plugins
        app.initialize([], root=str(root))  # as formgrader does: the user's settings, then the course's
    config = copy.deepcopy(app.config)
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.db_url = f"sqlite:///{output / 'gradebook.db'}"
    config.CourseDirectory.autograded_directory = str(output / "autograded")
    config.CourseDirectory.feedback_directory = str(output / "feedback")
    return CourseDirectory(config=config, log=LOG)


def _records(unit: str, release_notebook: str, results: Iterable[dict]) -> list[Record]:
    """What the rows need of each result, checked."""
    cells = nbformat.reads(release_notebook, as_version=4).cells
    graded = {c.metadata.nbgrader.grade_id for c in cells if utils.is_grade(c) or utils.is_task(c)}
    records, seen = [], set()
    for result in results:
        student = folder_name(result["student"])
        if result["unit"] != unit:
            raise ValueError(f"a result of {student!r} is of unit {result['unit']!r}, not of {unit!r}")
        if student in seen:
            raise ValueError(f"two results of {student!r} in {unit}")
        seen.add(student)
        records.append(_record(result))
        if strange := records[-1].points.keys() - graded:
            raise ValueError(f"the result of {student!r} has points for {sorted(strange)}: {unit} has no such cells")
    return records


def _record(result: dict) -> Record:
    points = {f"check_{name}": f["points"] for name, f in result["functions"].items()}
    points |= {name: None if m["answered"] else 0.0 for name, m in result["manual"].items()}
    untouched = None
    if result["notebook"] is not None:
        cells = nbformat.v4.reads(text_of(result)).cells
        solutions = {c.metadata.nbgrader.grade_id: c for c in cells if utils.is_solution(c)}
        same = {n for n, c in solutions.items() if c.metadata.nbgrader.get("checksum") == utils.compute_checksum(c)}
        untouched = frozenset((same - points.keys()) | {n for n in solutions if points.get(n, 1) == 0})
    return Record(result["student"], result["key"], _timestamp(result["timestamp"]), points, untouched)


def _timestamp(text: str | None) -> datetime | None:
    try:
        return utils.parse_utc(text)
    except Exception:  # dateutil raises whatever its arithmetic does
        LOG.error("timestamp %r is not a time: left out", text[:60])
        return None


def _create(path: Path) -> None:
    """A new gradebook under its name only when it is complete, alembic's version with it."""
    if path.exists() and path.stat().st_size:
        try:
            with contextlib.closing(sqlite3.connect(path)) as there:
                there.execute("select count(*) from student")
        except sqlite3.DatabaseError as error:
            raise ValueError(
                f"{path} is no gradebook that can be read ({error}): move it away and run this again; what people "
                "graded by hand was in it"
            ) from None
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # nbgrader runs alembic by name
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    scratch = path.with_name(".gradebook.db.new")
    scratch.unlink(missing_ok=True)
    Gradebook(f"sqlite:///{scratch.resolve()}").close()
    os.replace(scratch, path)


def _record_unit(course: CourseDirectory, unit: str, notebook: str) -> nbformat.NotebookNode:
    """Record assignment and cells as `nbgrader generate_assignment` does; returns the students' notebook."""
    with Gradebook(course.db_url, course.course_id) as book:
        book.update_or_create_assignment(unit)
    converter = GenerateAssignment(coursedir=course, config=course.config, log=LOG)
    exporter = NotebookExporter(config=converter.config, log=LOG)
    for preprocessor in converter.preprocessors:  # SaveCells is one of them
        exporter.register_preprocessor(preprocessor)
    names = {"student": ".", "assignment": unit, "notebook": unit, "db_url": course.db_url}
    try:
        text, _ = exporter.from_notebook_node(nbformat.reads(notebook, as_version=4), {"nbgrader": names})
    except RuntimeError as error:
        if "submissions associated" not in str(error):
            raise
        raise ValueError(
            f"{unit}: graded cells were added, removed or renamed since this gradebook recorded the unit, and nbgrader "
            f"keeps such a unit as it is ({error}). Grade into another output folder, or take the unit out with "
            f"`nbgrader db assignment remove {unit} --force` (manual scores of the unit are then lost)."
        ) from error
    return nbformat.reads(text, as_version=4)


def _rows(book: Gradebook, unit: str, records: list[Record], before: dict, late) -> dict[str, Shown]:
    """Rows of all records in the open transaction; returns what each feedback page shows."""
    late.init_plugin()
    notebook = book.find_notebook(unit, unit)
    graded = [*notebook.grade_cells, *notebook.task_cells]
    commented = [*notebook.solution_cells, *notebook.task_cells]
    most = sum(c.max_score for c in graded)
    students = {s.id: s for s in book.students}
    ours = book.db.query(SubmittedNotebook).filter_by(notebook_id=notebook.id)
    ours = ours.options(selectinload(SubmittedNotebook.grades), selectinload(SubmittedNotebook.comments))
    stored = {n.assignment_id: n for n in ours}
    submissions = {s.student_id: s for s in book.assignment_submissions(unit)}
    shown = {}
    with book.db.no_autoflush:
        for r in records:
            student = students.get(r.student) or Student(id=r.student)
            submission = submissions.get(r.student) or SubmittedAssignment(
                assignment=notebook.assignment, student=student
            )
            submitted = stored.get(submission.id) if submission.id else None
            submitted = submitted or SubmittedNotebook(notebook=notebook, assignment=submission)
            book.db.add(submitted)
            submission.timestamp = r.timestamp or submission.timestamp
            changed = before.get(r.student, {}).get("key") != r.key
            scores = {c.name: _grade(submitted, c, r.points.get(c.name, 0.0), changed) for c in graded}
            comments = {c.name: _comment(submitted, c, r.untouched) for c in commented}
            submitted.late_submission_penalty = _penalty(late, submission, sum(scores.values()))
            unread = {c.name for c in graded if _child(submitted.grades, Grade, c).needs_manual_grade}
            comments |= {name: comments.get(name) or UNREAD for name in unread}
            shown[r.student] = Shown(scores, comments, submitted.late_submission_penalty or 0, most)
    return shown


def _grade(submitted: SubmittedNotebook, cell, points: float | None, changed: bool) -> float:
    """One grade's row; returns the score that counts."""
    grade = _child(submitted.grades, Grade, cell)
    grade.auto_score = points
    if grade.manual_score is None:
        grade.needs_manual_grade = points is None
    elif changed:
        grade.needs_manual_grade = True
    counts = points if grade.manual_score is None else grade.manual_score
    return (counts or 0.0) + (grade.extra_credit or 0.0)


def _comment(submitted: SubmittedNotebook, cell, untouched: frozenset[str] | None) -> str | None:
    comment = _child(submitted.comments, Comment, cell)
    comment.auto_comment = "No response." if untouched is None or cell.name in untouched else None
    return comment.auto_comment if comment.manual_comment is None else comment.manual_comment


def _child(rows, kind, cell):
    """The grade or comment of `cell` in `rows`, added if there is none yet."""
    row = next((r for r in rows if r.cell_id == cell.id), None)
    if row is None:
        row = kind(cell_id=cell.id)
        rows.append(row)
    return row


def _penalty(late: AssignLatePenalties, submission: SubmittedAssignment, score: float) -> float | None:
    """The late penalty by the course's plugin, between 0 and the score as in nbgrader."""
    if submission.assignment.duedate is None or not late.enabled:
        return None
    seconds = submission.total_seconds_late
    penalty = late.plugin_inst.late_submission_penalty(submission.student.id, score, seconds) if seconds > 0 else None
    return None if penalty is None else min(max(penalty, 0), score)


def _remembered(output: Path) -> dict:
    """What was written last. Where that is damaged, scores that people gave are marked to be looked at again."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        said = json.loads((output / MEMORY).read_text(encoding="utf-8"))
        units = said.values() if isinstance(said, dict) else [None]
        if all(isinstance(u, dict) and all(isinstance(s, dict) for s in u.values()) for u in units):
            return said
    return {}


def _json(value) -> str:
    return json.dumps(value, indent=0, sort_keys=True) + "\n"
