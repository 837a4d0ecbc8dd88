"""Grades as the CSV files that Canvas and Moodle import.

Every grade is `score`: the points of the automatic part and nothing else. Points of open questions that a person reads,
and late penalties, live in nbgrader's gradebook; `nbgrader export` writes those.

A submission that needs a person has no row. An empty cell would be no better than a 0: Canvas, and Moodle's gradebook
import, take it as an order to delete the grade that is there, perhaps the one a person has just given. `left_out` lists
such submissions.

Cells are guarded against formulas as in results.csv (`report.guard`); no id that a platform hands out begins with such
a character. Sources are the importers of the platforms themselves: instructure/canvas-lms lib/gradebook_importer.rb and
ui/features/gradebook_uploads; moodle/moodle mod/assign/feedback/offline/ and grade/import/csv/classes/load_data.php.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

from rnncourse.grading.report import guard, number, table, write_whole

CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
WORKSHEET = ("Identifier", "Full name", "Grade", "Maximum grade", "Last modified (grade)", "Feedback comments")
KINDS = ("canvas", "moodle")


def write(output: Path, results: Iterable[dict], kind: str) -> list[Path]:
    """Write `KIND-UNIT.csv` for each unit into the folder `output` and return the paths.

    Files of which no unit could be told (their unit is empty, and they need a person) are in none of them.
    Where only some of a unit's submissions came from Moodle's zip, `moodle-UNIT-usernames.csv` has the others. Raises
    ValueError for a kind that is not in KINDS.
    """
    if kind not in KINDS:
        raise ValueError(f"no export {kind!r}; there are {' and '.join(KINDS)}")
    rows = list(results)
    output.mkdir(parents=True, exist_ok=True)
    written = []
    for unit in sorted({r["unit"] for r in rows} - {""}):
        files = {f"{kind}-{unit}.csv": canvas(rows, unit) if kind == "canvas" else moodle(rows, unit)}
        if kind == "moodle" and 0 < len(_of_kind(rows, unit, "moodle")) < len(_graded(rows, unit)):
            files[f"moodle-{unit}-usernames.csv"] = moodle_usernames(rows, unit)
        for name, text in files.items():
            write_whole(output / name, text)
            written.append(output / name)
    return written


def left_out(results: Iterable[dict], unit: str) -> list[dict]:
    """The results of a unit that no export holds, since a person must look at them first, by student."""
    return sorted((r for r in results if r["unit"] == unit and r["status"] == "needs_person"), key=_student)


def canvas(results: Iterable[dict], unit: str) -> str:
    """The file for Canvas: Grades, Import.

    Canvas wants the columns of CANVAS in this order, then the assignment, and a second row that begins with "Points
    Possible". It looks for a student by ID, then by SIS Login ID, then by name; ID is known for submissions from
    Canvas' own zip, and else the student id stands as SIS Login ID. The assignment is found by its title, which must be
    the unit's name, or made anew with the points of the automatic part; an existing one keeps its own points.
    """
    rows = _graded(results, unit)
    most = max((r["max_score"] for r in rows), default=0)
    lines = [["    Points Possible", "", "", "", "", number(most)]]
    for r in rows:
        known = _is_of(r, "canvas")
        name = _line(r["platform"]["name"] or r["student"])
        # such a name would be taken for the second row and change the points of the assignment
        name = "" if "Points Possible" in name else name
        login = "" if known else _line(r["student"])
        lines.append([name, r["platform"]["id"] if known else "", "", login, "", number(r["score"])])
    return table((*CANVAS, unit), lines)


def moodle(results: Iterable[dict], unit: str) -> str:
    """The file for Moodle: the offline grading worksheet, or where no submission came from Moodle's zip, usernames.

    The worksheet (assignment, View all submissions, Upload grading worksheet) works where the assignment's feedback
    types "Offline grading worksheet" and "Feedback comments" are on. It needs the columns Identifier ("Participant" and
    the number in the zip's folder names), Grade and Last modified (grade), named in the language that Moodle shows the
    teacher: these are English. Moodle skips a grade above the assignment's maximum. It also skips a student who has a
    newer grade, and "-" is older than any, unless "Allow updating records that have been modified more recently ..." is
    ticked.
    """
    results = list(results)
    rows = _of_kind(results, unit, "moodle")
    if not rows:
        return moodle_usernames(results, unit)
    lines = []
    for r in rows:
        identifier, name = f"Participant {r['platform']['id']}", _line(r["platform"]["name"] or r["student"])
        lines.append([identifier, name, number(r["score"]), number(r["max_score"]), "-", feedback(r)])
    return table(WORKSHEET, lines)


def moodle_usernames(results: Iterable[dict], unit: str) -> str:
    """The file for Moodle's gradebook (Grades, Import, CSV file): of submissions that did not come from Moodle's zip.

    There "Map from" is Username and "Map to" is username (or ID number, or email address: what the student ids are),
    and both other columns are mapped to the assignment, as grade and as feedback. Moodle takes none of the rows if it
    does not know one of the users, and says which. The teacher can no longer grade such an assignment on its own page.
    """
    lines = (
        [_line(r["student"]), number(r["score"]), feedback(r)]
        for r in _graded(results, unit)
        if not _is_of(r, "moodle")
    )
    return table(("Username", unit, f"{unit} feedback"), lines)


def feedback(result: dict) -> str:
    """What Moodle shows the student: HTML, and so made of the instructors' words alone (names, points, hints)."""
    lines = []
    for name, f in result["functions"].items():
        points = f"{name}: {number(f['points'])} of {number(f['max_points'])} points"
        lines.append(" ".join([f"{points}.", *f["hints"]] if f["hints"] else [f"{points}."]))
    if result["manual_points_open"]:
        lines.append(f"A person will read your answers for {number(result['manual_points_open'])} more points.")
    return "<br>".join(escape(line, quote=False) for line in lines)


def _graded(results: Iterable[dict], unit: str) -> list[dict]:
    """The results of a unit that have a grade, by student."""
    return sorted((r for r in results if r["unit"] == unit and r["status"] != "needs_person"), key=_student)


def _of_kind(results: Iterable[dict], unit: str, kind: str) -> list[dict]:
    return [r for r in _graded(results, unit) if _is_of(r, kind)]


def _is_of(result: dict, kind: str) -> bool:
    """Whether the platform `kind` has told its id of the student."""
    return result["platform"]["kind"] == kind and bool(result["platform"]["id"])


def _line(text: str) -> str:
    """A name or an id as a guarded cell of one line."""
    return guard(" ".join(text.splitlines()))


def _student(result: dict) -> str:
    return result["student"]
