"""What an output folder holds: every row of every run on it, whatever happened to its files in between."""

import contextlib
import csv
import json
import sqlite3
import sys
import zipfile
from concurrent.futures import Executor, Future
from pathlib import Path

import pytest
from submissions import UNIT, put
from typer.testing import CliRunner

from conftest import ROOT
from rnncourse.cli import app
from rnncourse.grading import engine, jobs, runner, sandbox

OTHER = "01-sequences"
WRITE = runner.gradebook.write


class AtOnce(Executor):
    """Jobs run where they are handed in."""

    def submit(self, function, job):
        future = Future()
        future.set_result(function(job))
        return future


@pytest.fixture(autouse=True)
def graded(monkeypatch):
    """Grading gives the submission's text as the reason: what a row holds shows which file it came from."""
    worked = []

    def grade(job):
        worked.append(job.student)
        return engine._result(job, 0.0, problem=job.problem or json.loads(job.data)["cells"][0]["source"])

    monkeypatch.setattr(engine, "grade", grade)
    monkeypatch.setattr(jobs, "_pool", lambda workers: contextlib.nullcontext(AtOnce()))
    monkeypatch.setattr(sandbox, "available", lambda: True)
    monkeypatch.setattr(runner.gradebook, "write", lambda output, *_, **__: (output / "gradebook.db").write_text("x"))
    monkeypatch.chdir(ROOT)
    return worked


@pytest.fixture
def nbgrader(monkeypatch, graded):
    """The real gradebook, which takes seconds."""
    monkeypatch.setattr(runner.gradebook, "write", WRITE)


def notebook(text):
    return json.dumps({"cells": [{"cell_type": "markdown", "metadata": {}, "source": text}], "nbformat": 4})


def folder(path, unit=UNIT, **texts):
    for student, text in texts.items():
        put(path, student, notebook(text), unit)
    return path


def late(path, **texts):
    with zipfile.ZipFile(path, "w") as archive:
        for student, text in texts.items():
            archive.writestr(f"{student}/{UNIT}/{UNIT}.ipynb", notebook(text))
    return path


def run(submissions, output, unit=UNIT, **options):
    said = []
    outcome = runner.run(ROOT, submissions, output, unit, feedback=False, say=said.append, **options)
    return outcome, said


def table(output):
    with (output / "results.csv").open(encoding="utf-8") as file:
        return {r["student"]: r["reason"] for r in csv.DictReader(file)}


def in_gradebook(output):
    with contextlib.closing(sqlite3.connect(output / "gradebook.db")) as book:
        return {name for (name,) in book.execute("select id from student")}


def cli(*arguments):
    result = CliRunner().invoke(app, ["grade", *map(str, arguments), "--no-feedback"])
    assert "Traceback" not in result.output and result.exception.__class__ in (SystemExit, type(None)), result.output
    return result.exit_code, " ".join(result.output.split())


@pytest.mark.slow
def test_a_late_zip_drops_no_row(tmp_path, nbgrader):
    subs, output = folder(tmp_path / "subs", ada="1", bob="2"), tmp_path / "out"
    run(subs, output)
    outcome, _ = run(late(tmp_path / "late.zip", cyd="3"), output)
    assert table(output) == {"ada": "1", "bob": "2", "cyd": "3"} and sum(outcome.counts.values()) == 3
    assert in_gradebook(output) == {"ada", "bob", "cyd"}
    assert all(name in (output / "report.html").read_text() for name in ("ada", "bob", "cyd"))
    put(subs, "dan", notebook("4"))
    run(subs, output)
    assert table(output) == {"ada": "1", "bob": "2", "cyd": "3", "dan": "4"}
    assert not run(subs, output)[0].worked


def test_a_row_from_elsewhere_is_replaced_only_when_told(tmp_path):
    subs, archive, output = folder(tmp_path / "subs", ada="1", bob="2"), tmp_path / "late.zip", tmp_path / "out"
    run(subs, output)
    late(archive, ada="better", bob="2", cyd="3")
    code, said = cli(archive, "--unit", UNIT, "--output", output)
    assert code == 2 and f"{UNIT}/ada: the result of {subs} was kept; --replace takes the one of {archive}" in said
    assert table(output) == {"ada": "1", "bob": "2", "cyd": "3"}
    asked = []
    run(archive, output, may_replace=lambda name, source: asked.append((name, source)))
    assert (f"{UNIT}/ada", str(subs)) in asked and table(output)["ada"] == "1"
    cli(archive, "--unit", UNIT, "--output", output, "--replace")
    assert table(output) == {"ada": "better", "bob": "2", "cyd": "3"}
    _, said = cli(subs, "--unit", UNIT, "--output", output)
    assert f"{UNIT}/ada: the result of {archive} was kept" in said and table(output)["ada"] == "better"


def test_another_unit_of_the_same_folder_drops_no_row(tmp_path):
    subs, output = folder(tmp_path / "subs", ada="1", bob="2"), tmp_path / "out"
    folder(subs, OTHER, ada="other")
    run(subs, output, UNIT)
    run(subs, output, OTHER)
    results = json.loads((output / "results.json").read_text(encoding="utf-8"))
    assert {(r["unit"], r["student"]) for r in results} >= {(UNIT, "ada"), (UNIT, "bob"), (OTHER, "ada")}
    run(subs, output, None)
    results = json.loads((output / "results.json").read_text(encoding="utf-8"))
    assert {(r["unit"], r["student"]) for r in results} == {(UNIT, "ada"), (UNIT, "bob"), (OTHER, "ada")}


def test_what_left_the_folder_is_told(tmp_path):
    subs, output = folder(tmp_path / "subs", ada="1", bob="2"), tmp_path / "out"
    run(subs, output)
    put(subs, "ada", "").parent.rename(tmp_path / "elsewhere")
    (subs / "ada").rmdir()
    _, said = run(subs, output)
    assert table(output) == {"bob": "2"} and "ada is no longer in" in said[0]


def test_a_unit_that_the_course_dropped_does_not_stop_the_others(tmp_path):
    subs, output = folder(tmp_path / "subs", ada="1"), tmp_path / "out"
    run(subs, output)
    rows = json.loads((output / "rows.json").read_text())
    rows["88-dropped/ada"] = {"key": rows[f"{UNIT}/ada"]["key"], "from": "/elsewhere"}
    (output / "rows.json").write_text(json.dumps(rows))
    put(subs, "bob", notebook("2"))
    _, said = run(subs, output)
    assert table(output) == {"ada": "1", "bob": "2"} and "no unit 88-dropped any more" in said[0]


DAMAGED = ["", "{", "[]", "null", '{"student": "ada"}', "\udcff"]


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_cache_file_is_graded_again(tmp_path, graded, text):
    subs, output = folder(tmp_path / "subs", ada="1", bob="2"), tmp_path / "out"
    run(subs, output)
    key = json.loads((output / "rows.json").read_text())[f"{UNIT}/ada"]["key"]
    (output / "cache" / f"{key}.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    graded.clear()
    outcome, _ = run(subs, output)
    assert graded == ["ada"] and outcome.complete and table(output) == {"ada": "1", "bob": "2"}


@pytest.mark.parametrize("text", DAMAGED)
def test_damaged_lists_stop_nothing(tmp_path, graded, text):
    subs, archive, output = folder(tmp_path / "subs", ada="1"), late(tmp_path / "late.zip", cyd="3"), tmp_path / "out"
    run(subs, output)
    run(archive, output)
    graded.clear()
    for name in ("rows.json", "run.json"):
        (output / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    _, said = run(subs, output)
    assert "rows.json is damaged" in said[0] and "Name the other folders and zips once more" in said[0]
    run(archive, output)
    assert table(output) == {"ada": "1", "cyd": "3"}
    assert not run(archive, output)[0].worked


@pytest.mark.parametrize("seed", ["true", "-3", "1.5", '"x"', "null"])
def test_a_seed_that_is_none_is_drawn_anew(tmp_path, seed):
    subs, output = folder(tmp_path / "subs", ada="1"), tmp_path / "out"
    output.mkdir()
    (output / "run.json").write_text(f'{{"seed": {seed}}}')
    assert run(subs, output)[0].seed > 2**32


@pytest.mark.parametrize("name", runner.OUTPUTS)
def test_an_empty_output_is_written_again(tmp_path, graded, name):
    subs, output = folder(tmp_path / "subs", ada="1"), tmp_path / "out"
    run(subs, output)
    graded.clear()
    (output / name).write_bytes(b"")
    assert run(subs, output)[0].complete and not graded
    assert (output / name).stat().st_size and table(output) == {"ada": "1"}


@pytest.mark.parametrize("text", ["{", "[]", f'{{"{UNIT}": {{"ada": 3}}}}'])
def test_what_the_gradebook_remembers_may_be_damaged(tmp_path, text):
    (tmp_path / "gradebook.json").write_text(text)
    assert runner.gradebook._remembered(tmp_path) == {}


@pytest.mark.slow
def test_a_gradebook_that_is_none_is_said_and_the_run_can_be_finished(tmp_path, nbgrader, graded):
    subs, output = folder(tmp_path / "subs", ada="1"), tmp_path / "out"
    run(subs, output)
    (output / "gradebook.db").write_text("not a database, and longer than a header" * 9)
    put(subs, "bob", notebook("2"))
    code, said = cli(subs, "--unit", UNIT, "--output", output)
    assert code == 1 and "is no gradebook that can be read" in said and "move it away and run this again" in said
    (output / "gradebook.db").rename(output / "old.db")
    graded.clear()
    cli(subs, "--unit", UNIT, "--output", output)
    assert not graded and in_gradebook(output) == {"ada", "bob"}


def test_damaged_results_and_an_export_are_one_sentence(tmp_path):
    subs, output = folder(tmp_path / "subs", ada="1"), tmp_path / "out"
    run(subs, output)
    (output / "results.json").write_text('[{"student"')
    code, said = cli(subs, "--unit", UNIT, "--output", output, "--export", "moodle")
    assert code == 1 and "results.json is damaged: delete it" in said
    (output / "results.json").unlink()
    assert cli(subs, "--unit", UNIT, "--output", output, "--export", "moodle")[0] == 2


@pytest.mark.parametrize("name", ["what?", "100%", "a%20b", "{x}", "a#b"])
def test_an_output_that_nbgrader_cannot_name_is_refused_at_once(tmp_path, graded, name):
    code, said = cli(folder(tmp_path / "subs", ada="1"), "--unit", UNIT, "--output", tmp_path / name)
    assert code == 1 and "which nbgrader does not take for a name" in said
    assert not graded and not (tmp_path / name).exists()


@pytest.mark.slow
def test_an_output_with_any_other_name(tmp_path, nbgrader):
    output = tmp_path / " a b@c:d'e\"f;g&h [ij]* ü~$HOME\\n!"
    assert run(folder(tmp_path / "subs", ada="1"), output)[0].complete
    assert in_gradebook(output) == {"ada"} and table(output) == {"ada": "1"}


def test_folders_that_students_code_could_see_are_refused(tmp_path, monkeypatch):
    subs = folder(tmp_path / "subs", ada="1")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    code, said = cli(subs, "--unit", UNIT, "--output", "out")
    assert code == 1 and f"{subs} lies below {tmp_path}, which students' code can read: move it elsewhere" in said
    assert not Path("out").exists()


@pytest.mark.parametrize("limit", ["inf", "1e9"])
def test_a_time_limit_that_is_none_is_said(tmp_path, limit):
    code, said = cli(folder(tmp_path / "subs", ada="1"), "--time-limit", limit, "--output", tmp_path / "out")
    assert code == 1 and "expected a number of seconds" in said
