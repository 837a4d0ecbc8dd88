"""What `rnncourse release` makes, and that the students' zip works where it is unpacked."""

import json
import subprocess
import sys
import zipfile

import pytest
from typer.testing import CliRunner

from conftest import ROOT, UNITS
from rnncourse.authoring import release, unit
from rnncourse.cli import app


def test_the_zip_is_the_same_twice_and_works_unpacked(tmp_path):
    first, second = tmp_path / "a.zip", tmp_path / "b.zip"
    names = release.student_zip(ROOT, first)
    release.student_zip(ROOT, second)
    assert first.read_bytes() == second.read_bytes()
    wanted = {
        "README.md",
        "start.py",
        "environment.yml",
        "requirements.lock",
        "pyproject.toml",
        "rnncourse/check/__init__.py",
        *(f"rnncourse/data/files/docstrings.{kind}" for kind in ("txt.xz", "LICENSE.txt")),
    }
    assert wanted | {f"exercises/{n}/{n}.ipynb" for n in UNITS} <= set(names)
    with zipfile.ZipFile(first) as archive:
        archive.extractall(tmp_path)
    code = f"import rnncourse.check as c; print(c.__file__); [c.load(n) for n in {UNITS!r}]"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "rnncourse", capture_output=True, text=True)
    assert ran.returncode == 0 and str(tmp_path) in ran.stdout, ran.stderr
    rooms = {n.split("/")[1] for n in names if n.startswith("rnncourse/")}
    assert not rooms & {"authoring", "grading", "bench"} and {"layers", "data", "plot", "check", "units"} <= rooms
    for line in ("grade .", "release", "notebooks README.md", "data docstrings", "bench layers"):
        ran = subprocess.run(
            [sys.executable, "-m", "rnncourse.cli", *line.split()],
            cwd=tmp_path / "rnncourse",
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 1 and ran.stdout.count("\n") == 1 and not ran.stderr, line
        assert "not part of the students' copy" in ran.stdout
    compiled = subprocess.run([sys.executable, "-m", "py_compile", "start.py"], cwd=tmp_path / "rnncourse")
    assert compiled.returncode == 0


def test_release_refuses_an_unknown_unit(monkeypatch):
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(app, ["release", "99-nothing"])
    assert result.exit_code == 2 and "no unit '99-nothing'" in result.output.replace("\n", " ")


def test_release_outside_a_clone_says_so(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["release"])
    assert result.exit_code == 2 and "no solutions/ here or above" in result.output


def small_course(folder, checks, check_cell='check("double")', points=1):
    from nbformat import v4

    from rnncourse.authoring import notebooks

    meta = {"locked": False, "schema_version": 3, "task": False}
    source = "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
    cells = [
        v4.new_code_cell("import numpy as np", id="setup", metadata={"tags": ["setup"]}),
        v4.new_code_cell(
            source, id="double", metadata={"nbgrader": meta | {"grade_id": "double", "grade": False, "solution": True}}
        ),
        v4.new_code_cell(
            check_cell,
            id="check_double",
            metadata={
                "nbgrader": meta | {"grade_id": "check_double", "grade": True, "solution": False, "points": points}
            },
        ),
    ]
    target = folder / "solutions" / "00-small"
    target.mkdir(parents=True)
    notebooks.write(v4.new_notebook(cells=cells), target / "00-small.ipynb")
    (target / "checks.py").write_text("from rnncourse.authoring import exercise\n" + checks)
    return target


DRAW = """
e = exercise("double", points=1, returns="y")
@e.inputs
def draw(rng, N):
    return {"x": rng.normal(size=N)}
"""


def test_a_small_unit_loads(tmp_path):
    loaded = unit.load(small_course(tmp_path, DRAW))
    assert [c.sizes for c in loaded.spec("double").cases] == [{"N": 12}, {"N": 20}, {"N": 7}, {"N": 30}]
    assert len(loaded.spec("double", 3).cases) == 8


@pytest.mark.parametrize(
    ("checks", "changes", "message"),
    [
        (DRAW, {"points": 2}, "double has 2 points in the notebook and 1 in checks.py"),
        (DRAW, {"check_cell": "check('double')\n1"}, 'must hold exactly check("double")'),
        ("", {}, "double is graded in the notebook alone"),
        (DRAW.replace("rng, N", "rng, N, Q"), {}, "no sizes for"),
        (DRAW.replace("@e.inputs", "@e.inputs(N=(2, 0.5))"), {}, "are not whole numbers"),
        (DRAW + 'e.slip("Wrong factor.", "3 * x", "x")', {}, "occurs 0 times in the solution, not once"),
        (DRAW.replace('{"x":', '{"z":'), {}, "are not the parameters"),
        (DRAW.replace("rng.normal(size=N)", "'text' if N == 20 else None"), {}, "the solution fails with sizes"),
    ],
)
def test_authors_errors_are_told(tmp_path, checks, changes, message):
    with pytest.raises(ValueError, match="(?s).*" + message.replace("(", r"\(").replace(")", r"\)")):
        unit.load(small_course(tmp_path, checks, **changes)).spec("double")


def test_a_solution_from_another_editor_gives_the_same_and_nothing_personal(tmp_path):
    folder = small_course(tmp_path, DRAW)
    path = folder / "00-small.ipynb"
    clean = release.exercise_notebook(tmp_path, "00-small")
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["metadata"] |= {"authors": [{"name": "Ada Lovelace"}], "colab": {"name": "ada"}, "vscode": {"user": "ada"}}
    notebook["nbformat_minor"] = 4
    for cell in notebook["cells"]:
        del cell["id"]
        cell["metadata"] |= {"executionInfo": {"user": {"displayName": "Ada Lovelace"}}, "outputId": "ada"}
    grading = notebook["cells"][1]["metadata"]["nbgrader"] | {"grade_id": "open", "grade": True, "points": 1}
    picture = {"answer.png": {"image/png": "QWRh"}}
    question = {"cell_type": "markdown", "metadata": {"nbgrader": grading}, "source": "Why?", "attachments": picture}
    notebook["cells"].append(question)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    made = release.exercise_notebook(tmp_path, "00-small")
    assert "Lovelace" not in made and "colab" not in made and "answer.png" not in made and "QWRh" not in made
    sources = [[c["source"] for c in json.loads(text)["cells"]] for text in (clean, made)]
    assert sources[0] == sources[1][:-1]


def changed(path, edit):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    edit(notebook["cells"])
    path.write_text(json.dumps(notebook), encoding="utf-8")


@pytest.mark.parametrize(
    "marker", ["### begin solution", "### BEGIN SOLUTIONS", "# BEGIN SOLUTION", "###BEGIN SOLUTION"]
)
def test_a_mistyped_marker_sends_no_answer_to_students(tmp_path, marker):
    path = small_course(tmp_path, DRAW) / "00-small.ipynb"
    more = f"\n\ndef more(x):\n    {marker}\n    return 3 * x\n    {marker.replace('BEGIN', 'END')}"
    changed(path, lambda cells: cells[1].update(source="".join(cells[1]["source"]) + more))
    with pytest.raises(ValueError, match=f"cell double: '{marker}' is not the marker"):
        release.exercise_notebook(tmp_path, "00-small")


def test_two_cells_with_one_name_are_told_in_one_sentence(tmp_path, capfd):
    path = small_course(tmp_path, DRAW) / "00-small.ipynb"
    changed(path, lambda cells: cells.append(cells[1] | {"id": "copy"}))
    with pytest.raises(ValueError, match="cannot make the students' notebook of 00-small: Duplicate grade id: double"):
        release.exercise_notebook(tmp_path, "00-small")
    assert "Traceback" not in "".join(capfd.readouterr())


def test_a_lost_label_sends_no_model_answer_to_students(tmp_path):
    path = small_course(tmp_path, DRAW) / "00-small.ipynb"
    (tmp_path / "rnncourse" / "units").mkdir(parents=True)
    label = {"grade_id": "why", "grade": True, "solution": True, "points": 1, "locked": False, "schema_version": 3}
    question = {"cell_type": "markdown", "id": "why", "source": "Since it doubles.", "metadata": {"nbgrader": label}}
    changed(path, lambda cells: cells.append(question))
    release.generate(tmp_path, "00-small")
    released = tmp_path / "exercises" / "00-small" / "00-small.ipynb"
    assert "Since it doubles" not in released.read_text(encoding="utf-8")
    changed(path, lambda cells: cells[-1].update(metadata={}))
    with pytest.raises(ValueError, match="the graded cells why were released before .* delete exercises/00-small"):
        release.generate(tmp_path, "00-small")
    assert "Since it doubles" not in released.read_text(encoding="utf-8")


def test_what_lies_beside_the_files_stays_here(tmp_path):
    """Checkpoints, backups and an instructor's own copy may hold an answer."""
    root = tmp_path / "course"
    for folder in ("exercises/00-small", "rnncourse/units/.ipynb_checkpoints", "students", "solutions/00-small"):
        (root / folder).mkdir(parents=True)
    for name in (*release.STUDENT_FILES, "solutions/00-small/checks.py", "exercises/00-small/00-small.ipynb"):
        (root / name).write_text("x")
    for name in ("exercises/00-small/solved.ipynb", "rnncourse/units/.ipynb_checkpoints/x.json", "students/.DS_Store"):
        (root / name).write_text("secret")
    for name in ("rnncourse/units/00-small.json", "rnncourse/units/00-small.json~", "rnncourse/units/copy.ipynb"):
        (root / name).write_text("x")
    names = release.student_zip(root, tmp_path / "x.zip")
    assert set(names) - set(release.STUDENT_FILES) == {
        "exercises/00-small/00-small.ipynb",
        "rnncourse/units/00-small.json",
    }


def test_what_nbgrader_refuses_is_one_sentence(tmp_path, monkeypatch):
    folder = small_course(tmp_path, DRAW)
    path = folder / "00-small.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("    ### END SOLUTION", ""), encoding="utf-8")
    (tmp_path / "rnncourse").mkdir()
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["release", "00-small"])
    assert result.exit_code == 1 and result.output.count("\n") == 1, result.output
    assert "Nothing was written for 00-small: nbgrader cannot make the students' notebook" in result.output
