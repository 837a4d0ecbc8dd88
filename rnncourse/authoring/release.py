"""Make what students get from what instructors edit: exercises/, rnncourse/units/*.json and the zip."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import tempfile
import zipfile
from pathlib import Path

import nbformat
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from rnncourse.authoring import notebooks
from rnncourse.authoring.unit import Unit, load
from rnncourse.check.spec import spec_to_json

MARKER = re.compile(r"#+ *(?:begin|end)[ _-]*solutions?\b", re.IGNORECASE)  # what is meant as one
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same zip from the same files
NOT_FOR_STUDENTS = ("authoring", "grading", "bench", "__pycache__")
METADATA = ("nbgrader", "tags", "mystnb", "deletable", "editable")  # of a cell
STUDENT_FILES = ("pyproject.toml", "requirements.lock", "environment.yml", "LICENSE", "LICENSE-CONTENT", "DATA.md")


def unit_names(root: Path) -> list[str]:
    """Names of all units below `root/solutions`, in order."""
    return sorted(p.parent.name for p in (root / "solutions").glob("*/checks.py"))


def exercise_notebook(root: Path, name: str) -> str:
    """The student's notebook of one unit as text, made by nbgrader's own generate_assignment without a database."""
    # nbgrader runs alembic by name
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "source" / name
        source.mkdir(parents=True)
        notebooks.write(for_students(root / "solutions" / name / f"{name}.ipynb"), source / f"{name}.ipynb")
        config = Config()
        config.CourseDirectory.root = scratch
        config.CourseDirectory.assignment_id = name
        directory = CourseDirectory(config=config)
        log, said = logging.Logger("nbgrader", logging.ERROR), _Said()  # its errors, not its chatter
        log.addHandler(said)
        config.SaveCells.enabled = False  # what `nbgrader generate_assignment --no-db` sets
        try:
            GenerateAssignment(coursedir=directory, no_database=True, config=config, log=log).start()
        except (Exception, SystemExit) as error:  # nbgrader's own exceptions, after a hundred lines of traceback
            told = said.causes[0] if said.causes else " ".join(f"{error}".split())[:300] or type(error).__name__
            raise ValueError(f"nbgrader cannot make the students' notebook of {name}: {told}") from error
        return (Path(scratch) / "release" / name / f"{name}.ipynb").read_text(encoding="utf-8")


class _Said(logging.Handler):
    """The exceptions that nbgrader logs as tracebacks; it raises another one, which says only to see those above."""

    def __init__(self):
        super().__init__()
        self.causes: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        lines = self.format(record).strip().splitlines()
        if "Traceback (most recent call last):" in lines:
            self.causes.append(lines[-1].partition(": ")[2] or lines[-1])


def for_students(path: Path) -> nbformat.NotebookNode:
    """The solution notebook with nothing in it that a cell's text does not show: it may come from any editor.

    Attachments of cells that students fill in are answers; of metadata only what the course uses stays.
    """
    notebook = notebooks.read(path)
    notebooks.normalise(notebook)
    for cell in notebook.cells:
        near = [m for m in MARKER.findall(cell.source) if m not in ("### BEGIN SOLUTION", "### END SOLUTION")]
        if near:  # nbgrader would not see it, and the answer would reach the students
            raise ValueError(
                f"{path}, cell {cell.id}: {near[0]!r} is not the marker ### BEGIN SOLUTION or ### END SOLUTION"
            )
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.pop("attachments", None)
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k in METADATA})
    return notebook


def unit_json(unit: Unit) -> str:
    """The public checks of a unit as the text of its JSON file: one line a function, so that diffs stay readable."""
    functions = (json.dumps(spec_to_json(unit.spec(name)), ensure_ascii=False) for name in unit.exercises)
    given = json.dumps(unit.given(), ensure_ascii=False)
    return f'{{"unit": {json.dumps(unit.name)}, "given": {given}, "functions": [\n' + ",\n".join(functions) + "\n]}\n"


def generate(root: Path, name: str) -> None:
    """Write `exercises/NAME/NAME.ipynb` and `rnncourse/units/NAME.json`."""
    unit = load(root / "solutions" / name)
    checks, notebook = unit_json(unit), exercise_notebook(root, name)
    target = root / "exercises" / name / f"{name}.ipynb"
    lost = (_labels(target.read_text(encoding="utf-8")) if target.exists() else set()) - _labels(notebook)
    if lost:  # an editor that drops labels would send the model answer of an open question to the students
        raise ValueError(
            f"{name}: the graded cells {', '.join(sorted(lost))} were released before and are labelled no longer; "
            f"if they are meant to go, delete {target.relative_to(root)} first"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(notebook, encoding="utf-8")
    (root / "rnncourse" / "units" / f"{name}.json").write_text(checks, encoding="utf-8")


def _labels(notebook: str) -> set[str]:
    """The names of a released notebook's cells that are graded."""
    cells = (cell["metadata"].get("nbgrader", {}) for cell in json.loads(notebook)["cells"])
    return {label["grade_id"] for label in cells if label.get("grade")}


def student_zip(root: Path, target: Path) -> list[str]:
    """Write the students' zip and return the names in it: exercises, package, environment, README and start.py."""
    files = {f"exercises/{n}/{n}.ipynb": root / "exercises" / n / f"{n}.ipynb" for n in unit_names(root)}
    package = [
        p
        for p in sorted((root / "rnncourse").rglob("*"))
        if p.is_file() and not _stays_here(p.relative_to(root / "rnncourse"))
    ]
    files |= {p.relative_to(root).as_posix(): p for p in package}
    files |= {name: root / name for name in STUDENT_FILES}
    files |= {p.name: p for p in sorted((root / "students").iterdir()) if p.is_file() and not _stays_here(Path(p.name))}
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(f"rnncourse/{name}", EPOCH), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return sorted(files)


def _stays_here(path: Path) -> bool:
    """Rooms of authors and instructors, and what editors and systems leave beside the files: one may hold an answer."""
    left = path.name.endswith("~") or path.suffix in (".pyc", ".ipynb", ".orig", ".bak")
    return (
        left or path.parts[0] in NOT_FOR_STUDENTS or any(part.startswith((".", "__pycache__")) for part in path.parts)
    )
