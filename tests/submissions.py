"""Submissions for the tests of grading: honest ones, odd ones and tricks, made of a unit's notebooks."""

import json

from conftest import ROOT, load
from rnncourse.authoring import notebooks

UNIT = "02-recurrent-cell"


def student_notebook(answers=None, before="", after="", unit=UNIT):
    """The student version as a dict: `answers` by function, code of an added first and last cell."""
    notebook = json.loads((ROOT / "exercises" / unit / f"{unit}.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        grading = cell["metadata"].get("nbgrader", {})
        if answers and grading.get("grade_id") in answers:
            cell["source"] = answers[grading["grade_id"]]
    if before:
        notebook["cells"].insert(0, code(before))
    if after:
        notebook["cells"].append(code(after))
    return notebook


def code(source, **metadata):
    return {
        "cell_type": "code",
        "id": "mine",
        "metadata": metadata,
        "source": source,
        "outputs": [],
        "execution_count": 1,
    }


def markdown(source):
    return {"cell_type": "markdown", "id": "text", "metadata": {}, "source": source}


def solution(unit=UNIT):
    """The right answers: source by function."""
    return {name: load(unit).sources[name] for name in load(unit).exercises}


def full(unit=UNIT):
    return sum(e.points for e in load(unit).exercises.values())


def put(folder, student, notebook, unit=UNIT, name=None):
    """Write a submission in nbgrader's layout; `notebook` is a dict, a text or bytes."""
    path = folder / student / unit / (name or f"{unit}.ipynb")
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(notebook, dict):
        notebook = json.dumps(notebook)
    path.write_bytes(notebook.encode() if isinstance(notebook, str) else notebook)
    return path


def cell_of(notebook, grade_id):
    return next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def template():
    return notebooks.read(ROOT / "exercises" / UNIT / f"{UNIT}.ipynb")
