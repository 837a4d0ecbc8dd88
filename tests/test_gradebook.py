"""Results in nbgrader's gradebook and folders: what nbgrader reads there, and what stays in a second run."""

import copy
import os
import re
import shutil
import subprocess
import sys
from datetime import datetime
from functools import cache
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from sqlalchemy import text as sql

from conftest import ROOT, UNITS, load
from rnncourse.authoring import notebooks
from rnncourse.check import in_process
from rnncourse.check.verdict import judge
from rnncourse.grading import gradebook

pytestmark = pytest.mark.skipif(not UNITS, reason="no unit yet")
api = pytest.importorskip("nbgrader.api")
UNIT = UNITS[-1] if UNITS else ""
SCRIPT = "<script>alert(1)</script>"


def solution(name=UNIT):
    return (ROOT / "solutions" / name / f"{name}.ipynb").read_text(encoding="utf-8")


def slip(name):
    """A function of the unit with a known mistake: its name, the wrong source, the wrong function."""
    unit = load(name)
    function, mistake = next((f, m) for f, e in unit.exercises.items() for _, m in e.mistakes if not callable(m))
    source = unit.sources[function].replace(mistake.old, mistake.new)
    return function, source, unit.implementation(function, mistake)


@cache
def _graded(name, wrong):
    """The functions of a result: all right, or with the mistake of `slip` judged."""
    unit, right = load(name), {"passed": True, "message": "Right.", "mistakes": [], "hints": []}
    functions = {
        f: right | {"points": float(e.points), "max_points": float(e.points)} for f, e in unit.exercises.items()
    }
    if wrong:
        function, _, implementation = slip(name)
        spec = unit.spec(function)
        verdict = judge(
            spec, in_process({function: implementation}, spec.arguments, adapter=spec.adapter), reveal=False
        )
        assert not verdict.passed
        functions[function] |= {"points": 0.0, "passed": False, "message": verdict.message, "hints": verdict.hints}
    return functions


def result(student, name=UNIT, wrong=False, answer="An answer.", key=None, timestamp=None):
    """A result as the runner makes it, from the solution or with one known mistake in it."""
    unit, functions = load(name), copy.deepcopy(_graded(name, wrong))
    notebook = notebooks.read(ROOT / "exercises" / name / f"{name}.ipynb")
    manual = {}
    for cell in notebook.cells:
        grading = cell.metadata.get("nbgrader", {})
        grade_id = grading.get("grade_id", "")
        if grading.get("solution") and grading.get("grade"):
            manual[grade_id] = {"max_points": float(grading["points"]), "answered": bool(answer)}
            cell.source = answer or cell.source
        elif grading.get("solution"):
            cell.source = slip(name)[1] if wrong and grade_id == slip(name)[0] else unit.sources[grade_id]
        elif grading.get("grade"):
            message = functions[grade_id.removeprefix("check_")]["message"]
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=message + "\n")]
    total, most = (sum(f[k] for f in functions.values()) for k in ("points", "max_points"))
    return {
        "student": student,
        "unit": name,
        "source": f"{student}/{name}/{name}.ipynb",
        "platform": {"kind": None, "id": None, "name": None},
        "timestamp": timestamp,
        "status": "graded",
        "reason": "",
        "score": total,
        "max_score": most,
        "functions": functions,
        "manual": manual,
        "manual_points_open": sum(m["max_points"] for m in manual.values() if m["answered"]),
        "seconds": 0.1,
        "sandbox": "none",
        "key": key or f"key of {student}",
        "notebook": notebooks.text(notebook),
    }


def unreadable(student, reason="file is not valid JSON at byte 812"):
    lost = result(student) | {"notebook": None, "reason": reason, "status": "needs_person", "manual": {}, "score": 0.0}
    lost["functions"] = {f: v | {"points": 0.0, "passed": False} for f, v in lost["functions"].items()}
    return lost


def edited(given, change):
    """The result with `change(cells by grade_id)` applied to its notebook."""
    notebook = nbformat.reads(given["notebook"], as_version=4)
    change({c.metadata.nbgrader.grade_id: c for c in notebook.cells if "nbgrader" in c.metadata})
    return given | {"notebook": notebooks.text(notebook)}


def points(wrong=False, name=UNIT):
    return sum(f["points"] for f in _graded(name, wrong).values())


def write(output, *results, **more):
    name = results[0]["unit"]
    gradebook.write(output, name, solution(name), results, **more)


def book(output):
    return api.Gradebook(f"sqlite:///{output / 'gradebook.db'}")


def rows(output):
    """Every row of every table but nbgrader's random keys' order."""
    with book(output) as b:
        tables = b.db.execute(sql("select name from sqlite_master where type = 'table' order by name")).scalars().all()
        return {t: sorted(map(str, b.db.execute(sql(f"select * from {t}")).all())) for t in tables}


def files(output):
    return {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in output.rglob("*") if p.suffix != ".db" and p.is_file()}


def page(output, student, name=UNIT):
    return (output / "feedback" / student / name / f"{name}.html").read_text(encoding="utf-8")


@pytest.fixture
def course(tmp_path, monkeypatch):
    """An empty course folder with the repository's configuration, as the current folder."""
    (tmp_path / "nbgrader_config.py").write_text((ROOT / "nbgrader_config.py").read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A gradebook as nbgrader makes it: for that it starts alembic, which takes a second."""
    folder = tmp_path_factory.mktemp("empty")
    with api.Gradebook(f"sqlite:///{folder / 'gradebook.db'}"):
        return folder


@pytest.fixture
def output(course, empty):
    return shutil.copytree(empty, course / "grading")


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A course folder with two units graded; not to be changed."""
    folder = tmp_path_factory.mktemp("graded")
    (folder / "nbgrader_config.py").write_text((ROOT / "nbgrader_config.py").read_text())
    (folder / "solutions" / UNIT).mkdir(parents=True)  # formgrader lists these, and compares the timestamp
    stamp = folder / "grading" / "submitted" / "right" / UNIT / "timestamp.txt"
    stamp.parent.mkdir(parents=True)
    stamp.write_text("2026-03-01 10:00:00 UTC")
    for name in UNITS:
        right = result("right", name, timestamp="2026-03-01 10:00:00 UTC")
        lost = unreadable("lost", f"{SCRIPT} [x](javascript:alert(1)) `") if name == UNIT else result("lost", name)
        write(
            folder / "grading", right, result("wrong", name, wrong=True), result("silent", name, answer=""), lost,
            root=folder,
        )  # fmt: skip
    return folder


def test_scores_and_what_a_person_grades(graded):
    with book(graded / "grading") as b:
        manual = next(iter(result("x")["manual"]))
        for name in UNITS:
            assert b.find_submission(name, "right").score == points(name=name)
            assert b.find_submission(name, "wrong").score == points(True, name) < points(name=name)
        submission = b.find_submission(UNIT, "right")
        assert submission.timestamp == datetime(2026, 3, 1, 10)
        assert submission.max_score == submission.assignment.max_score > points()
        assert submission.needs_manual_grade and b.find_submission(UNIT, "wrong").needs_manual_grade
        silent = b.find_submission(UNIT, "silent")
        assert silent.score == points() and not silent.needs_manual_grade
        grades = {s: b.find_grade(manual, UNIT, UNIT, s) for s in ("right", "silent")}
        assert (grades["right"].auto_score, grades["silent"].auto_score) == (None, 0)
        comments = {s: b.find_comment(manual, UNIT, UNIT, s).comment for s in ("right", "silent")}
        assert comments == {"right": None, "silent": "No response."}


def test_points_by_cell(graded):
    function = slip(UNIT)[0]
    with book(graded / "grading") as b:
        for f, expected in _graded(UNIT, True).items():
            grade = b.find_grade(f"check_{f}", UNIT, UNIT, "wrong")
            assert grade.auto_score == expected["points"] and grade.max_score == expected["max_points"]
            assert not grade.needs_manual_grade and bool(grade.failed_tests) == (f == function)


def test_an_untouched_solution_cell_has_no_response(output):
    function, stub = next(iter(load(UNIT).exercises)), notebooks.read(ROOT / "exercises" / UNIT / f"{UNIT}.ipynb")
    source = next(c.source for c in stub.cells if c.metadata.get("nbgrader", {}).get("grade_id") == function)
    write(output, edited(result("ada"), lambda cells: cells[function].update(source=source)), feedback=False)
    with book(output) as b:
        comments = {c.name: c.auto_comment for c in b.find_submission_notebook(UNIT, UNIT, "ada").comments}
    assert comments.pop(function) == "No response." and set(comments.values()) == {None}


def test_cells_are_recorded_as_nbgrader_records_them(graded, tmp_path):
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    (tmp_path / "source" / UNIT).mkdir(parents=True)
    (tmp_path / "source" / UNIT / f"{UNIT}.ipynb").write_text(solution(), encoding="utf-8")
    config = Config(CourseDirectory={"root": str(tmp_path), "assignment_id": UNIT})
    GenerateAssignment(coursedir=CourseDirectory(config=config), config=config, log=gradebook.LOG).start()
    found = []
    for output in (tmp_path, graded / "grading"):
        with book(output) as b:
            notebook = b.find_notebook(UNIT, UNIT)
            kinds = [notebook.grade_cells, notebook.solution_cells, notebook.task_cells, notebook.source_cells]
            cells = [{c.name: c.to_dict() | {"id": None} for c in kind} for kind in kinds]
            found.append((notebook.kernelspec, notebook.assignment.course_id, cells))
    assert found[0] == found[1] and all(found[0][2][k] for k in (0, 1, 3))


def test_a_second_run_changes_nothing(output):
    results = [result("ada", timestamp="2026-03-01 10:00:00 UTC"), result("bob", wrong=True), unreadable("eve")]
    write(output, *results)
    before = rows(output), files(output)
    write(output, *results)
    assert (rows(output), files(output)) == before


def test_a_run_that_ends_in_the_middle_is_completed(output):
    results = [result("ada"), result("bob", wrong=True)]

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(output, *results, progress=stop)
    done = []
    write(output, *results, progress=lambda: done.append(1))
    assert len(done) == 2 and f"{points(True)} /" in page(output, "bob")
    assert not list(output.rglob("*.new"))


def test_rows_of_others_stay(output):
    write(output, result("ada", UNITS[0]), result("bob", UNITS[0]), feedback=False)
    before = rows(output)
    write(output, result("ada"), feedback=False)
    write(output, result("ada", UNITS[0], wrong=True, key="new"), feedback=False)
    after = rows(output)
    assert all(set(before[t]) <= set(after[t]) for t in ("student", "submitted_assignment", "comment", "source_cell"))
    with book(output) as b:
        assert b.find_submission(UNITS[0], "bob").score == points(name=UNITS[0])
        assert b.find_submission(UNITS[0], "ada").score == points(True, UNITS[0])


def grade_by_hand(output, student, cell, **values):
    with book(output) as b:
        grade = b.find_grade(cell, UNIT, UNIT, student)
        for name, value in ({"needs_manual_grade": False} | values).items():
            setattr(grade, name, value)
        b.db.commit()


def grades(output, student):
    with book(output) as b:
        found = b.find_submission_notebook(UNIT, UNIT, student).grades
        return {g.name: (g.manual_score, g.extra_credit, g.needs_manual_grade, g.score) for g in found}


def test_what_people_gave_stays_and_is_looked_at_again_after_a_change(output):
    manual, check = next(iter(result("x")["manual"])), f"check_{slip(UNIT)[0]}"
    write(output, result("ada", wrong=True))
    grade_by_hand(output, "ada", manual, manual_score=1.5, extra_credit=0.25)
    grade_by_hand(output, "ada", check, manual_score=0.5)
    with book(output) as b:
        b.find_comment(manual, UNIT, UNIT, "ada").manual_comment = "Read *chapter 2* again."
        b.db.commit()
    given = {manual: (1.5, 0.25, False, 1.75), check: (0.5, None, False, 0.5)}
    write(output, result("ada", wrong=True))
    assert given.items() <= grades(output, "ada").items()
    shown = page(output, "ada")
    assert "Read <em>chapter 2</em> again." in shown and f"(Score: {points(True) + 2.25} /" in shown

    write(output, result("ada", answer="Another answer.", key="changed"))
    again = grades(output, "ada")
    assert {n: again[n][:2] for n in given} == {n: g[:2] for n, g in given.items()}
    assert {n for n, g in again.items() if g[2]} == {manual, check}
    grade_by_hand(output, "ada", manual)
    write(output, result("ada", answer="Another answer.", key="changed"))
    assert not grades(output, "ada")[manual][2]


def test_a_first_answer_needs_a_person_and_a_withdrawn_one_does_not(output):
    manual = next(iter(result("x")["manual"]))
    for answer, needed in [("", False), ("Now.", True), ("", False)]:
        write(output, result("ada", answer=answer, key=answer or "none"), feedback=False)
        assert grades(output, "ada")[manual][2] is needed


def late_penalty(output, student):
    with book(output) as b:
        return b.find_submission(UNIT, student).late_submission_penalty


@pytest.mark.parametrize("elsewhere", [False, True])
def test_late_penalties_are_those_of_the_course(course, output, elsewhere, monkeypatch):
    late, early = result("late", timestamp="2026-03-01 11:00:00 UTC"), result("early", timestamp="2026-03-01 10:00")
    write(output, late, early, result("never"), feedback=False)
    with book(output) as b:
        b.update_or_create_assignment(UNIT, duedate="2026-03-01 10:30:00 UTC")
    write(output, late, early, feedback=False)
    assert late_penalty(output, "late") == 0  # nbgrader's default: none
    with (course / "nbgrader_config.py").open("a") as file:
        file.write("\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
    if elsewhere:
        (course / "other").mkdir()
        monkeypatch.chdir(course / "other")
    write(output, late, early, result("never"), root=course)
    assert [late_penalty(output, s) for s in ("late", "early", "never")] == [points(), 0, 0]
    assert "(Score: 0.0 /" in page(output, "late") and f"(Score: -{points()})" in page(output, "late")
    with book(output) as b:
        b.grant_extension(UNIT, "late", hours=1)
    write(output, late, early, root=course)
    assert late_penalty(output, "late") == 0


def test_a_late_penalty_of_the_courses_own(course, output, monkeypatch):
    plugin = (
        "from nbgrader.plugins import BasePlugin\n"
        "class PerHour(BasePlugin):\n"
        "    def late_submission_penalty(self, student_id, score, total_seconds_late):\n"
        "        return total_seconds_late / 3600 if student_id == 'ada' else 1e9\n"
    )
    (course / "penalties_of_ours.py").write_text(plugin)
    (course / "nbgrader_config.py").write_text("c.AssignLatePenalties.plugin_class = 'penalties_of_ours.PerHour'\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    results = [result(s, timestamp="2026-03-01 12:30:00 UTC") for s in ("ada", "bob")]
    write(output, *results, feedback=False)
    with book(output) as b:
        b.grant_extension(UNIT, "bob", minutes=1)  # nbgrader raises TypeError for one without a due date
    write(output, *results, feedback=False)
    with book(output) as b:
        b.update_or_create_assignment(UNIT, duedate="2026-03-01 10:00:00 UTC")
    write(output, *results, feedback=False)
    assert (late_penalty(output, "ada"), late_penalty(output, "bob")) == (2.5, points())


def test_a_timestamp_that_is_none_is_left_out(output):
    write(output, result("ada", timestamp="<b>yesterday</b>"), result("bob", timestamp="2026-03-01 10:00:00 UTC"))
    folder = output / "autograded"
    assert not (folder / "ada" / UNIT / "timestamp.txt").exists()
    assert (folder / "bob" / UNIT / "timestamp.txt").read_text() == "2026-03-01 10:00:00 UTC\n"
    with book(output) as b:
        assert b.find_submission(UNIT, "ada").timestamp is None


ODD = ['O\'Brien "Bob"', "Zoë 王", SCRIPT.replace("/", "|"), "a;b, c", "1", "{student_id}", "%s", "[ab]*", "x" * 120]


def test_odd_student_ids(output):
    write(output, *(result(s) for s in ODD))
    with book(output) as b:
        assert {d["student"]: d["score"] for d in b.submission_dicts(UNIT)} == dict.fromkeys(ODD, points())
    for student in ODD:
        assert nbformat.read(output / "autograded" / student / UNIT / f"{UNIT}.ipynb", as_version=4)
        assert SCRIPT[:8] not in page(output, student)


BAD = ["", ".", "..", "../x", "a/b", "a\\b", ".hidden", " x", "x\n", "x\ty", "a\0b", "\udcff", "x" * 129, "é" * 127]


@pytest.mark.parametrize("student", BAD, ids=ascii)
def test_ids_that_cannot_name_a_folder_are_refused_before_anything_is_written(course, student):
    with pytest.raises(ValueError, match="cannot be the name of a folder: it "):
        write(course / "grading", result("ada"), result("bob") | {"student": student})
    assert not (course / "grading").exists()


def test_results_that_contradict_the_unit_are_refused(course):
    for results, message in [
        ([result("ada"), result("ada")], "two results of 'ada'"),
        ([result("ada"), result("bob") | {"unit": "99-other"}], "'99-other'"),
        ([result("ada") | {"manual": {"strange": {"max_points": 1.0, "answered": True}}}], "'strange'"),
    ]:
        with pytest.raises(ValueError, match=message):
            write(course / "grading", *results)
    assert not (course / "grading").exists()


def test_a_unit_whose_cells_changed_is_refused(output):
    write(output, result("ada"), feedback=False)
    before = rows(output)
    other = nbformat.reads(solution(), as_version=4)
    other.cells = [c for c in other.cells if c.metadata.get("nbgrader", {}).get("grade_id") != "setup"]
    with pytest.raises(ValueError, match="added, removed or renamed since"):
        gradebook.write(output, UNIT, notebooks.text(other), [result("bob")])
    assert rows(output) == before


def test_an_iterator_of_results(output):
    gradebook.write(output, UNIT, solution(), (result(s) for s in ("ada", "bob")), feedback=False)
    assert len(list((output / "autograded").iterdir())) == 2


def test_a_result_without_a_notebook(graded):
    output = graded / "grading"
    with book(output) as b:
        submission = b.find_submission(UNIT, "lost")
        assert submission.score == 0 and not submission.needs_manual_grade
        assert {c.comment for c in submission.notebooks[0].comments} == {"No response."}
    notebook = notebooks.read(output / "autograded" / "lost" / UNIT / f"{UNIT}.ipynb")
    assert "nothing was graded" in notebook.cells[0].source and "alert(1)" in notebook.cells[0].source
    html = page(output, "lost")
    body = html[html.index("<body") :]
    assert "<script" not in body and 'href="javascript:' not in body and "&lt;script&gt;" in body
    assert "(Score: 0.0 /" in body


def test_halves_of_characters_stop_nobody(output):
    broken = edited(result("ada"), lambda cells: cells[slip(UNIT)[0]].update(source="x = 'MARK \U0001d11e'"))
    broken["notebook"] = broken["notebook"].replace("MARK", "\\ud834 \\ud834\\udd1e")
    write(output, broken | {"reason": "\udcff"}, unreadable("bob", "name \udcff"))
    assert "? \U0001d11e \U0001d11e" in page(output, "ada")


def test_pages_hold_messages_scores_and_nothing_that_runs_or_is_fetched(graded):
    function = slip(UNIT)[0]
    html = page(graded / "grading", "wrong")
    assert f"{function} is not right yet" in html and f"(Score: {points(True)} /" in html
    assert "Content-Security-Policy" in html and "default-src 'none'" in html
    assert not re.search(r"<(script|link|iframe|object|embed)\b", html) and "cdnjs" not in html
    assert not re.search(r"\b(src|href)\s*=\s*[\"']?(https?:)?//", html) and not re.search(
        r"url\(\W*(https?:)?//", html
    )
    assert len(html.encode()) < 400_000


def test_hostile_text_is_escaped(output):
    def hostile(cells):
        cells[f"check_{function}"].outputs[0].text = f"{SCRIPT}\n\x1b[31m{SCRIPT}\x1b[0m"
        cells[function].source = f"'{SCRIPT}</pre></style>'"
        cells[function].outputs = [
            nbformat.v4.new_output("execute_result", data={"text/plain": SCRIPT, "image/png": "aGk="}),
            nbformat.v4.new_output("execute_result", data={"text/plain": SCRIPT}),
        ]

    function = slip(UNIT)[0]
    write(output, edited(result(SCRIPT.replace("/", "")), hostile))
    html = page(output, SCRIPT.replace("/", ""))
    assert "<script" not in html and html.count("&lt;script&gt;") >= 3
    assert 'alt="No description has been provided for this image"' in html


def api_of(folder):
    from nbgrader.apps.api import NbGraderAPI

    return NbGraderAPI(coursedir=gradebook.course_directory(folder / "grading", folder))


def test_what_formgrader_asks_for(graded):
    formgrader = api_of(graded)
    assert formgrader.get_autograded_students(UNIT) == {"right", "wrong", "silent", "lost"}
    assignment = formgrader.get_assignment(UNIT)
    assert assignment["max_score"] > points() > assignment["average_score"] > 0
    submissions = {s["student"]: s for s in formgrader.get_submissions(UNIT)}
    assert {s: v["score"] for s, v in submissions.items()} == {
        "right": points(), "wrong": points(True), "silent": points(), "lost": 0.0
    }  # fmt: skip
    assert all(s["autograded"] for s in submissions.values())
    found = {s["student"]: s for s in formgrader.get_notebook_submissions(UNIT, UNIT)}
    assert {s for s, v in found.items() if v["needs_manual_grade"]} == {"right", "wrong"}
    assert {s for s, v in found.items() if v["failed_tests"]} == {"wrong", "lost"}
    with book(graded / "grading") as b:
        dicts = b.notebook_submission_dicts(UNIT, UNIT)
    assert {d["student"]: d["code_score"] for d in dicts} == {s: v["score"] for s, v in submissions.items()}
    assert len(formgrader.get_students()) == 4


def test_pages_are_those_of_nbgrader(graded, tmp_path):
    """The body of every page is what `nbgrader generate_feedback` makes of the same gradebook, but for formulas, which
    are MathML here, the word that a cell was not read yet, and the list of points, which names the functions."""
    from nbconvert.exporters import HTMLExporter
    from nbgrader.converters import GenerateFeedback

    course = gradebook.course_directory(graded / "grading", graded)
    course.feedback_directory, course.assignment_id = str(tmp_path), UNIT
    converter = GenerateFeedback(coursedir=course, config=course.config, log=gradebook.LOG)
    converter.exporter_class = HTMLExporter
    converter.start()
    for student in ("right", "wrong", "silent", "lost"):
        theirs = BeautifulSoup((tmp_path / student / UNIT / f"{UNIT}.html").read_text(), "html.parser")
        ours = BeautifulSoup(page(graded / "grading", student), "html.parser")
        assert ("<math" in str(ours.body)) and "<math" not in str(theirs.body)
        points = {a["href"]: a.text for a in ours.find(id="toc")("a")}
        functions = {f"#check_{name}": name for name in _graded(UNIT, False)}
        assert points.items() >= functions.items() and "Test cell" not in points.values()
        for link in theirs.find(id="toc")("a", string="Test cell"):
            link.string.wrap(theirs.new_tag("code")).string = functions[link["href"]]
        assert (gradebook.UNREAD in str(ours.body)) == (student in ("right", "wrong"))
        for body in (ours.body, theirs.body):
            formulas = [e for e in body(["p", "li", "td"]) if e.find("math") or "$" in e.text]
            unread = [f for f in body(class_="panel-footer") if gradebook.UNREAD in f.text or not f.text.strip()]
            links = [li for li in body("li") if li.find(href="#comment-open_question")]
            for part in formulas + unread + links:
                part.decompose()
        assert str(ours.body).split() == str(theirs.body).split()
        assert {str(s) for s in ours.head("style")} >= {str(s) for s in theirs.head("style")}


def nbgrader(folder, *arguments):
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "nbgrader", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, timeout=300)


@pytest.mark.slow
def test_nbgrader_exports_and_writes_feedback(course, output):
    odd = "O'Brien <b> Zoë"
    write(output, result("ada", timestamp="2026-03-01 10:00:00 UTC"), result(odd, wrong=True), unreadable("eve"))
    exported = nbgrader(course, "export")
    assert exported.returncode == 0, exported.stderr
    lines = [line.split(",") for line in (course / "grades.csv").read_text().splitlines()]
    scores = {v["student_id"]: float(v["score"]) for v in (dict(zip(lines[0], x, strict=True)) for x in lines[1:])}
    assert scores == {"ada": points(), odd: points(True), "eve": 0}
    for page_file in output.glob("feedback/*/*/*.html"):
        page_file.unlink()
    made = nbgrader(course, "generate_feedback", UNIT, "--force")
    assert made.returncode == 0, made.stderr
    assert f"(Score: {points(True)} /" in page(output, odd) and "nothing was graded" in page(output, "eve")
    assert (output / "feedback" / "ada" / UNIT / "timestamp.txt").exists()
