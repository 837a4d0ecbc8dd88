"""The same right notebook in the clothes of ten editors: full points in `grade`, `check` and stock nbgrader alike."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from submissions import UNIT, cell_of, full, put, solution, student_notebook

from conftest import ROOT
from rnncourse.check import terminal
from rnncourse.grading import runner, sandbox

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not sandbox.available(), reason="bubblewrap is missing")]
ALL = full()


def right():
    notebook = student_notebook(solution())
    cell_of(notebook, "open_question")["source"] = "Because the state carries it."
    return notebook


def each(change, **more):
    notebook = right()
    for k, cell in enumerate(notebook["cells"]):
        change(k, cell)
    return notebook | more


def colab(k, cell):
    cell["metadata"] |= {"id": f"Ab{k}", "outputId": "x", "colab": {"base_uri": "x"}, "executionInfo": {"user": {}}}


def vscode(k, cell):
    cell["metadata"] |= {"vscode": {"languageId": "python"}}
    cell["id"] = f"#VSC-{k:08x}".replace("#", "")


def without_ids(_, cell):
    cell.pop("id", None)


def lines(_, cell):
    cell["source"] = cell["source"].splitlines(keepends=True) if isinstance(cell["source"], str) else cell["source"]


def trailing(_, cell):
    text = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
    cell["source"] = "\n".join(line.rstrip() for line in text.split("\n")) + "\n"


def carriage_returns(_, cell):
    text = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
    cell["source"] = text.replace("\n", "\r\n")


def null_metadata(_, cell):
    cell["metadata"] = cell["metadata"] or None


def dumped(notebook, **how):
    return json.dumps(notebook, **how)


# name: file
CLOTHES = {
    "jupyterlab": dumped(right(), indent=1, ensure_ascii=False),
    "colab": dumped(
        each(
            colab,
            metadata={"colab": {"provenance": []}, "kernelspec": {"display_name": "Python 3", "name": "python3"}},
        )
    ),
    "vscode": dumped(each(vscode, metadata={"language_info": {"name": "python"}, "orig_nbformat": 4}), indent=2),
    "version-4-4": dumped(each(without_ids, nbformat_minor=4)),
    "no-ids": dumped(each(without_ids)),
    "lists-of-lines": dumped(each(lines)),
    "blanks-trimmed": dumped(each(trailing)),
    "crlf-in-file": dumped(right(), indent=1).replace("\n", "\r\n"),
    "crlf-in-cells": dumped(each(carriage_returns)),
    "byte-order-mark": "\ufeff" + dumped(right()),
    "utf-16": dumped(right()).encode("utf-16"),
    "null-metadata": dumped(each(null_metadata, metadata=None)),
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("editors")
    for name, text in CLOTHES.items():
        put(folder / "submissions", name, text)
    runner.run(ROOT, folder / "submissions", folder / "out", UNIT, feedback=False)
    with (folder / "out" / "results.csv").open(encoding="utf-8") as file:
        return {r["student"]: r for r in csv.DictReader(file)}, folder


@pytest.mark.parametrize("name", CLOTHES)
def test_grade_and_check_give_all_points(graded, name):
    row, folder = graded[0][name], graded[1]
    assert (float(row["score"]), row["status"], row["reason"]) == (ALL, "graded", ""), row
    outcome = terminal.run(folder / "submissions" / name / UNIT / f"{UNIT}.ipynb")
    assert outcome.passed and not outcome.notes, outcome


def test_stock_autograde_gives_all_points(tmp_path):
    course = tmp_path / "course"
    shutil.copytree(ROOT / "solutions" / UNIT, course / "solutions" / UNIT)
    shutil.copy(ROOT / "nbgrader_config.py", course)
    for name, text in CLOTHES.items():
        put(course / "grading" / "submitted", name, text)
    bin_folder = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    for command in (["generate_assignment", UNIT], ["autograde", UNIT], ["export"]):
        ran = subprocess.run(
            [bin_folder / "nbgrader", *command],
            cwd=course,
            capture_output=True,
            text=True,
            env=environment,
            timeout=600,
        )
        assert ran.returncode == 0, ran.stderr[-3000:]
    with (course / "grades.csv").open(encoding="utf-8") as file:
        scores = {r["student_id"]: float(r["score"]) for r in csv.DictReader(file)}
    assert scores == dict.fromkeys(CLOTHES, ALL)
