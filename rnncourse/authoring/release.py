"""Make what students get from what instructors edit: exercises/, rnncourse/units/*.json and the zip."""

from __future__ import annotations

import json
import logging
import os
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
        log = logging.getLogger("rnncourse.release")
        log.setLevel(logging.ERROR)  # its errors, not its chatter
        config.SaveCells.enabled = False  # what `nbgrader generate_assignment --no-db` sets
        try:
            GenerateAssignment(coursedir=directory, no_database=True, config=config, log=log).start()
        except (Exception, SystemExit) as error:  # nbgrader's own exceptions, after a hundred lines of traceback
            said = " ".join(f"{error}".split())[:300] or type(error).__name__
            raise ValueError(f"nbgrader cannot make the students' notebook of {name}: {said}") from error
        return (Path(scratch) / "release" / name / f"{name}.ipynb").read_text(encoding="utf-8")


def for_students(path: Path) -> nbformat.NotebookNode:
    """The solution notebook with nothing in it that a cell's text does not show: it may come from any editor.

    Attachments of cells that students fill in are answers; of metadata only what the course uses stays.
    """
    notebook = notebooks.read(path)
    notebooks.normalise(notebook)
    for cell in notebook.cells:
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
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(notebook, encoding="utf-8")
    (root / "rnncourse" / "units" / f"{name}.json").write_text(checks, encoding="utf-8")


def student_zip(root: Path, target: Path) -> list[str]:
    """Write the students' zip and return the names in it: exercises, package, environment, README and start.py."""
    files = {p.relative_to(root).as_posix(): p for p in sorted((root / "exercises").glob("*/*.ipynb"))}
    package = [
        p
        for p in sorted((root / "rnncourse").rglob("*"))
        if p.is_file() and p.relative_to(root / "rnncourse").parts[0] not in NOT_FOR_STUDENTS and p.suffix != ".pyc"
    ]
    files |= {p.relative_to(root).as_posix(): p for p in package}
    files |= {name: root / name for name in STUDENT_FILES}
    files |= {p.name: p for p in sorted((root / "students").iterdir()) if p.is_file()}
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(f"rnncourse/{name}", EPOCH), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return sorted(files)
