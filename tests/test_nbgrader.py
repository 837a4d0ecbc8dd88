"""Stock nbgrader works on the units: generate_assignment, validate (which the Validate button runs), autograde."""

import functools
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT, UNITS, load
from rnncourse.authoring import notebooks

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not UNITS, reason="no unit yet")]
BIN = Path(sys.executable).parent


def nbgrader(folder, *arguments):
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    command = [str(BIN / "nbgrader"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, timeout=300)


def answered(name, path, wrong=()):
    """The student's notebook with the solution filled in; functions in `wrong` get their first slip."""
    notebook = notebooks.read(ROOT / "exercises" / name / f"{name}.ipynb")
    unit = load(name)
    for cell in notebook.cells:
        cell.source = cell.source.replace("YOUR ANSWER HERE", "An answer.")  # Validate asks for one
    for cell in notebooks.code_cells(notebook):
        function = cell.metadata.get("nbgrader", {}).get("grade_id")
        if cell.metadata.get("nbgrader", {}).get("solution") and function in unit.sources:
            cell.source = unit.sources[function]
            if function in wrong:
                slip = first_slip(name, function)
                cell.source = cell.source.replace(slip.old, slip.new)
    path.parent.mkdir(parents=True, exist_ok=True)
    notebooks.write(notebook, path)
    return path


def first_slip(name, function):
    return next(m for _, m in load(name).exercises[function].mistakes if not callable(m))


def slippable(name):
    return next(f for f, e in load(name).exercises.items() if any(not callable(m) for _, m in e.mistakes))


@pytest.mark.parametrize("name", UNITS)
def test_validate_tells_right_from_wrong(name, tmp_path):
    right = nbgrader(tmp_path, "validate", str(answered(name, tmp_path / "right.ipynb")))
    assert "Success! Your notebook passes all the tests." in right.stdout, right.stdout + right.stderr
    function = slippable(name)
    wrong = nbgrader(tmp_path, "validate", str(answered(name, tmp_path / "wrong.ipynb", wrong=[function])))
    assert "failed" in wrong.stdout.lower() and f"{function} is not right yet" in wrong.stdout
    told, hint = " ".join(wrong.stdout.split()), first_slip(name, function).hint
    assert f"→ Known mistake: {hint}" in told or f"→ A known mistake with the same result: {hint}" in told
    assert "Traceback" not in wrong.stdout


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course of one unit with three submissions, generated and autograded by stock nbgrader: made when asked for."""

    @functools.cache
    def made(name):
        folder = tmp_path_factory.mktemp("course")
        shutil.copy(ROOT / "nbgrader_config.py", folder)
        (folder / "grading").mkdir()
        (folder / "solutions" / name).mkdir(parents=True)
        for suffix in ("*.ipynb", "*.py"):
            for path in (ROOT / "solutions" / name).glob(suffix):
                shutil.copy(path, folder / "solutions" / name)
        generated = nbgrader(folder, "generate_assignment", name, "--create")
        assert generated.returncode == 0, generated.stderr[-2000:]
        submitted = folder / "grading" / "submitted"
        answered(name, submitted / "right" / name / f"{name}.ipynb")
        answered(name, submitted / "one-wrong" / name / f"{name}.ipynb", wrong=[slippable(name)])
        blank = submitted / "blank" / name / f"{name}.ipynb"
        blank.parent.mkdir(parents=True)
        shutil.copy(ROOT / "exercises" / name / f"{name}.ipynb", blank)
        graded = nbgrader(folder, "autograde", name)
        assert graded.returncode == 0, graded.stderr[-2000:]
        return folder

    return made


@pytest.mark.parametrize("name", UNITS)
def test_nbgrader_generates_the_same_exercises_and_no_checks(course, name):
    course = course(name)
    assert (course / "exercises" / name / f"{name}.ipynb").read_bytes() == (
        ROOT / "exercises" / name / f"{name}.ipynb"
    ).read_bytes()
    for folder, secret in itertools.product(("exercises", "grading"), ("checks.py", "mistakes.py")):
        assert not list((course / folder).rglob(secret))


@pytest.mark.parametrize("name", UNITS)
def test_autograde_gives_practice_points(course, name):
    from nbgrader.api import Gradebook

    full = sum(e.points for e in load(name).exercises.values())
    lost = load(name).exercises[slippable(name)].points
    with Gradebook(f"sqlite:///{course(name) / 'grading' / 'gradebook.db'}") as book:
        got = {s: book.find_submission(name, s).score for s in ("right", "one-wrong", "blank")}
    assert got == {"right": full, "one-wrong": full - lost, "blank": 0}
