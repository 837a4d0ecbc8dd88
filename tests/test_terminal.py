"""`rnncourse check`: the public checks from a terminal, whatever the student's code does."""

import io
import json
import shutil
import sys
import time

import pytest
from submissions import UNIT, code, full, solution, student_notebook
from typer.testing import CliRunner

from conftest import ROOT, load
from rnncourse.check import cells, terminal
from rnncourse.cli import app

FUNCTIONS = list(load(UNIT).exercises)
FIRST, SECOND = FUNCTIONS[:2]
POINTS = {name: e.points for name, e in load(UNIT).exercises.items()}
LIMIT = 2


def check(path, *options):
    result = CliRunner().invoke(app, ["check", str(path), "--time-limit", str(LIMIT), *options])
    assert not result.exception or isinstance(result.exception, SystemExit), result.exception
    assert all(len(line) <= 100 or str(path) in line for line in result.output.split("\n")), result.output
    return result.exit_code, result.output


def write(path, notebook):
    path.write_text(notebook if isinstance(notebook, str) else json.dumps(notebook), encoding="utf-8")
    return path


def lines_of(output):
    """The lines about functions: name -> the rest."""
    found = [line.split(maxsplit=2) for line in output.split("\n") if line.startswith(("  ✓", "  ✗"))]
    return {name: (mark, rest) for mark, name, rest in found}


def body(function, text):
    return f"def {function}(*arguments):\n    {text}\n"


def test_solved(tmp_path):
    status, output = check(write(tmp_path / "mine.ipynb", student_notebook(solution())))
    assert status == 0
    assert output.startswith(f"{UNIT}: {full():g} of {full():g} points  (")
    assert lines_of(output) == {n: ("✓", f"{p:g} of {p:g}") for n, p in POINTS.items()}


def test_blank():
    status, output = check(ROOT / "exercises" / UNIT / f"{UNIT}.ipynb")
    assert status == 1 and f": 0 of {full():g} points" in output
    assert lines_of(output) == {n: ("✗", f"0 of {p:g}  not written yet") for n, p in POINTS.items()}


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    """Right, wrong, none, raising, not written, no Python, gone, and a cell that loops."""
    right = solution()
    answers = {
        FUNCTIONS[0]: right[FUNCTIONS[0]]
        + f"\n\n_o = {FUNCTIONS[0]}\n"
        + body(FUNCTIONS[0], "return 2 * _o(*arguments)"),
        FUNCTIONS[1]: right[FUNCTIONS[1]],
        FUNCTIONS[2]: body(FUNCTIONS[2], "pass"),
        FUNCTIONS[3]: body(FUNCTIONS[3], "1 / 0"),
        FUNCTIONS[5]: f"def {FUNCTIONS[5]}(x y):\n    pass",
        FUNCTIONS[6]: "# my answer got lost",
    }
    notebook = student_notebook(answers, before="# look\nwhile True: pass", after="1 / 0")
    status, output = check(write(tmp_path_factory.mktemp("half") / "half.ipynb", notebook))
    assert status == 1
    return output


def test_half_right_lists_what_is_wrong(half):
    marks = {name: mark for name, (mark, _) in lines_of(half).items()}
    assert marks == {n: "✓" if n in (FUNCTIONS[1],) else "✗" for n in FUNCTIONS}
    text = " ".join(half.split())
    for words in (
        "cases fail, the first with",
        "returned None; expected",
        f"{FUNCTIONS[3]} raised ZeroDivisionError: division by zero",
        "not written yet",
        f"There is no function {FUNCTIONS[5]}: its cell stopped with SyntaxError",
        f"There is no function {FUNCTIONS[6]} in the notebook.",
        'Note: The cell that begins with "# look" took longer than 2 s and was left out.',
    ):
        assert words in text, half
    assert "run that cell" not in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("does", "says"),
    [
        ("while True: pass", "It took longer than 2 s."),
        ("sum(range(10**15))", "It took longer than 2 s."),  # no other thread of that process runs meanwhile
        ("import os; os._exit(0)", "It ended the process."),
        ("import ctypes; ctypes.string_at(0)", "It ended the process."),
        ("import os; os.system('echo {; echo { >&2'); os.write(1, b'{\\n'); print('{')", "returned None"),
    ],
)
def test_a_function_that_does_not_come_back_costs_its_own_points(tmp_path, does, says):
    path = write(tmp_path / "mine.ipynb", student_notebook(solution() | {SECOND: body(SECOND, does)}))
    began = time.monotonic()
    status, output = check(path)
    assert status == 1 and time.monotonic() - began < 60
    assert [n for n, (mark, _) in lines_of(output).items() if mark == "✗"] == [SECOND]
    assert says in output


@pytest.mark.slow
@pytest.mark.parametrize("does", ["while True: pass", "import os; os._exit(0)", "raise SystemExit", "input()"])
def test_a_cell_that_does_not_come_back_is_left_out(tmp_path, does):
    status, output = check(write(tmp_path / "mine.ipynb", student_notebook(solution(), before=does)))
    assert status == 0 and {mark for mark, _ in lines_of(output).values()} == {"✓"}
    assert (f'Note: The cell that begins with "{does}"' in output) == (does[0] in "wi" and "input" not in does)


@pytest.mark.slow
def test_the_cell_of_an_answer_that_does_not_come_back(tmp_path):
    loop = solution()[SECOND] + "\nwhile True: pass"
    path = write(tmp_path / "mine.ipynb", student_notebook(solution() | {SECOND: "while True: pass\n" + loop}))
    status, output = check(path)
    assert status == 1 and f"Note: The cell of {SECOND} took longer than 2 s and was left out." in output
    assert f"There is no function {SECOND}: its cell took longer than 2 s" in " ".join(output.split())


def test_files_beside_the_notebook_are_found(tmp_path):
    (tmp_path / "numbers.txt").write_text("3")
    (tmp_path / "helper.py").write_text("factor = 1")
    before = "import helper\nfrom pathlib import Path\nassert Path('numbers.txt').exists()\ngood = 1"
    answers = solution() | {FIRST: "good\n" + solution()[FIRST]}
    assert check(write(tmp_path / "mine.ipynb", student_notebook(answers, before=before)))[0] == 0


def test_what_a_notebook_had_and_a_terminal_lacks_costs_nothing(tmp_path):
    right = solution()
    answers = right | {
        FIRST: f"# half of a pair: \ud83d\nimport not_installed_here\n{right[FIRST]}\n\ncheck({FIRST!r})",
        SECOND: f"print(h_prev)\nname = input()\n{right[SECOND]}",
    }
    assert check(write(tmp_path / "mine.ipynb", student_notebook(answers, after="np = 0")))[0] == 0


def test_a_cell_that_fails_defines_what_stands_below(tmp_path):
    names = {}
    source = "one = 1\ndef before(): pass\n1 / 0\nimport math\ntwo = one + 1\nthree = print()\ndef after(): return two"
    assert cells.run(source, "c", names) == "ZeroDivisionError: division by zero (line 3)"
    assert names["after"]() == 2 and names["math"] and "before" in names and "three" not in names


def other():
    return {"cells": [code("print(1)")], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}


def misspelt():
    return json.loads(json.dumps(student_notebook()).replace(f'unit(\\"{UNIT}\\")', 'unit(\\"02-recurent\\")'))


@pytest.mark.parametrize(
    ("notebook", "words"),
    [
        ('{"cells": [', "is not a notebook that can be read: Expecting value: line 1 column 12"),
        ("", "is not a notebook that can be read"),
        ("[1]", "is not a notebook that can be read: it holds something else"),
        ('{"cells": [1, {"cell_type": "code"}]}', "is not a notebook that can be read: it holds something else"),
        (other(), 'is no exercise notebook: no cell says unit("NAME")'),
        (misspelt(), "there is no unit '02-recurent'; the installed rnncourse has: 01-sequences"),
    ],
)
def test_a_file_that_cannot_be_checked(tmp_path, notebook, words):
    status, output = check(write(tmp_path / "mine.ipynb", notebook))
    assert status == 1 and words in output and str(tmp_path) in output


def test_places_without_a_notebook(tmp_path):
    assert check(tmp_path) == (1, f"{tmp_path} holds no notebooks (.ipynb)\n")
    assert check(tmp_path / "nowhere") == (1, f"there is no {tmp_path / 'nowhere'}\n")
    write(tmp_path / "notes.ipynb", other())
    assert check(tmp_path) == (1, f'{tmp_path} holds no exercise notebook: no cell says unit("NAME")\n')


def test_a_folder_of_units(tmp_path):
    for name in (UNIT, "01-sequences"):
        shutil.copytree(ROOT / "exercises" / name, tmp_path / "exercises" / name)
    write(tmp_path / "exercises" / UNIT / f"{UNIT}.ipynb", student_notebook(solution()))
    write(tmp_path / "exercises" / "a chapter.ipynb", other())
    write(tmp_path / "exercises" / "broken.ipynb", "{")
    (tmp_path / "exercises" / ".ipynb_checkpoints").mkdir()
    write(tmp_path / "exercises" / ".ipynb_checkpoints" / "old.ipynb", student_notebook())
    status, output = check(tmp_path / "exercises")
    assert status == 1
    assert f"{UNIT}: {full():g} of {full():g} points" in output and "01-sequences: 0 of 16 points" in output
    assert "broken.ipynb is not a notebook that can be read" in output and "a chapter" not in output
    assert output.endswith(f"Together: {full():g} of {full() + 16:g} points in 2 notebooks.\n")


def test_a_terminal_without_the_marks(tmp_path, monkeypatch):
    path = write(
        tmp_path / "mine.ipynb", student_notebook(solution() | {FIRST: body(FIRST, "raise ValueError('α ≠ 3')")})
    )
    screen = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", screen)
    assert terminal.main(path, LIMIT) == 1
    screen.flush()
    text = screen.buffer.getvalue().decode("cp1252")
    assert f"  - {FIRST}" in text and f"  + {SECOND}" in text and "ValueError: ? ? 3" in text
