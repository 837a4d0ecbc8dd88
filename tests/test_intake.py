"""Which file is whose: learning platforms' layouts, names, zips; every file belongs to one row or to a sentence."""

import io
import json
import unicodedata
import zipfile
from pathlib import PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from submissions import UNIT, student_notebook

from conftest import ROOT
from rnncourse.authoring import notebooks
from rnncourse.grading import intake, submission
from rnncourse.grading.parse import Unreadable

OTHER = "01-sequences"
TEXT = json.dumps(student_notebook())
TEMPLATES = {
    n: submission.template(n, notebooks.read(ROOT / "exercises" / n / f"{n}.ipynb")) for n in sorted((UNIT, OTHER))
}


def rows(path, unit=UNIT, said=None):
    return {f.student: f for f in intake.find(path, TEMPLATES, unit, (said if said is not None else []).append)}


def laid(folder, *paths, text=TEXT):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def zipped(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def test_another_unit_is_a_row_and_not_silence(tmp_path):
    found = rows(laid(tmp_path, f"ada/{OTHER}/{OTHER}.ipynb", f"bob/{UNIT}/{UNIT}.ipynb"))
    assert f"handed in is another unit: {OTHER}.ipynb ({OTHER})" in found["ada"].problem
    assert found["ada"].unit == UNIT and not found["bob"].problem


def test_a_linked_folder_is_a_row(tmp_path):
    laid(tmp_path / "elsewhere", f"{UNIT}.ipynb")
    laid(tmp_path / "subs", f"ada/{UNIT}/{UNIT}.ipynb")
    (tmp_path / "subs" / "bob").symlink_to(tmp_path / "elsewhere")
    found = rows(tmp_path / "subs")
    with pytest.raises(Unreadable, match="the folder is a link"):
        found["bob"].read()


@pytest.mark.parametrize("name", [f"{UNIT}.ipynb.json", f"{UNIT}.ipynb.txt", f"{UNIT}.json", "answers.txt"])
def test_a_notebook_under_another_ending_is_read(tmp_path, name):
    found = rows(laid(tmp_path, f"ada/{name}", "bob/x.ipynb"))
    assert json.loads(found["ada"].read())["nbformat"] == 4
    assert f"{name} was read as a notebook" in found["ada"].notes


def test_what_is_no_notebook_is_named(tmp_path):
    laid(tmp_path, "ada/report.pdf", text="%PDF-1.7")
    laid(tmp_path, "bob/notes.txt", text="nothing of the unit")
    found = rows(laid(tmp_path, "cyd/x.ipynb"))
    assert "report.pdf" in found["ada"].problem and "notes.txt" in found["bob"].problem


def test_a_zip_in_a_zip_is_read(tmp_path):
    inner = io.BytesIO()
    zipped(inner, {f"{UNIT}/{UNIT}.ipynb": TEXT, "__MACOSX/._x.ipynb": "junk"})
    found = rows(zipped(tmp_path / "all.zip", {"ada/homework.zip": inner.getvalue(), "bob/x.ipynb": TEXT}))
    assert json.loads(found["ada"].read())["nbformat"] == 4


@pytest.mark.parametrize("extra", ["desktop.ini", "Thumbs.db", "submission_metadata.yml", "class/desktop.ini"])
def test_a_class_in_one_folder_stays_a_class(tmp_path, extra):
    laid(tmp_path, f"class/ada/{UNIT}/{UNIT}.ipynb", f"class/bob/{UNIT}/{UNIT}.ipynb")
    laid(tmp_path, extra, text="junk")
    said = []
    found = rows(tmp_path, said=said)
    if extra == "submission_metadata.yml":  # beside the one folder: that is not a wrapping folder alone
        assert "submission_metadata.yml" in said[0]
    assert set(found) == {"ada", "bob"}
    assert any("class is taken for the folder of the whole class" in s for s in said)


def test_one_student_in_a_folder_is_not_unwrapped(tmp_path):
    """Otherwise mallory decides what ada gets."""
    assert set(rows(laid(tmp_path, f"mallory/ada/{UNIT}/{UNIT}.ipynb"))) == {"mallory"}


@pytest.mark.parametrize("students", [["ada"], ["ada", "bob"]])
def test_folders_of_units_are_no_students(tmp_path, students):
    paths = [f"{unit}/{name}{rest}" for name in students for unit in (UNIT, OTHER) for rest in (f"/{unit}.ipynb",)]
    said = []
    assert set(rows(laid(tmp_path / "a", *paths), said=said)) == set(students) and "UNIT/STUDENT" in said[0]
    flat = rows(laid(tmp_path / "b", *(f"{UNIT}/{name}.ipynb" for name in students)))
    assert set(flat) == set(students) and not any(f.problem for f in flat.values())


def test_a_flat_file_of_any_kind_is_its_students(tmp_path):
    inner = io.BytesIO()
    zipped(inner, {f"{UNIT}.ipynb.txt": TEXT})
    laid(tmp_path, f"ada_{UNIT}.ipynb", "cyd.pdf")
    (tmp_path / "bob.zip").write_bytes(inner.getvalue())
    found = rows(tmp_path)
    assert set(found) == {"ada", "bob", "cyd"} and "cyd.pdf" in found["cyd"].problem
    assert json.loads(found["bob"].read())["nbformat"] == 4


@pytest.mark.parametrize("name", [f".{UNIT}.ipynb", f"{UNIT}/.ipynb_checkpoints/{UNIT}-checkpoint.ipynb"])
def test_a_folder_with_nothing_but_hidden_files_is_a_row_in_a_zip_too(tmp_path, name):
    found = rows(zipped(tmp_path / "x.zip", {f"ada/{name}": TEXT, "bob/x.ipynb": TEXT, "__MACOSX/cyd/._x": ""}))
    assert set(found) == {"ada", "bob"} and found["ada"].problem


@pytest.mark.parametrize(
    "paths",
    [
        (f"class/class/ada/{UNIT}/{UNIT}.ipynb", f"class/class/bob/{UNIT}/{UNIT}.ipynb"),
        (f"class/ada/{UNIT}.ipynb", f"class/bob/{UNIT}.ipynb", "README.txt"),
        (f"class/ada_1_5_{UNIT}.ipynb", f"class/bob_2_6_{UNIT}.ipynb", "class/bob_2_text.html"),
    ],
)
def test_a_class_in_folders_of_its_own(tmp_path, paths):
    said = []
    found = rows(laid(tmp_path, *[p for p in paths if p.endswith(".ipynb")]), said=said)
    laid(tmp_path, *[p for p in paths if not p.endswith(".ipynb")], text="words")
    found = rows(tmp_path, said=said)
    assert {name.removesuffix("_1").removesuffix("_2") for name in found} == {"ada", "bob"}, found
    assert any("class is taken for the folder of the whole class" in sentence for sentence in said)


@pytest.mark.parametrize(
    "paths",
    [
        (f"ada/{UNIT}/{UNIT}.ipynb", "ada/env/lib/x.ipynb", "ada/data/x.csv"),
        (f"ada/homework/src/{UNIT}.ipynb", "ada/homework/data/x.csv"),
        (f"ada/homework/bob/{UNIT}/{UNIT}.ipynb",),
        ("ada/draft.ipynb", "ada/final.ipynb"),
    ],
)
def test_one_students_folders_are_no_class(tmp_path, paths):
    assert set(rows(laid(tmp_path, *paths))) == {"ada"}


def test_what_lies_beside_a_notebook_is_named(tmp_path):
    laid(tmp_path, "ada/answers.pdf", f"bob/{UNIT}/timestamp.txt", "bob/list.csv", "cyd/a.docx", f"cyd/{OTHER}/b.docx")
    laid(tmp_path, "Dan_1_assignsubmission_onlinetext_/onlinetext.html", "eve/rest.zip", text="words")
    laid(tmp_path, f"ada/{UNIT}.ipynb", f"bob/{UNIT}/{UNIT}.ipynb", f"cyd/{UNIT}/{UNIT}.ipynb", f"eve/{OTHER}.ipynb")
    found = rows(laid(tmp_path, f"Dan_1_assignsubmission_file_/{UNIT}.ipynb"))
    notes = {name: f.notes for name, f in found.items()}
    also = "also handed in, and not read: "
    assert notes["ada"] == (f"{also}answers.pdf",) and notes["bob"] == () and notes["cyd"] == (f"{also}a.docx",)
    assert notes["Dan_1"] == (f"{also}onlinetext.html",)
    assert notes["eve"] == (f"{also}rest.zip",) and "another unit" in found["eve"].problem


def test_a_text_typed_into_canvas_belongs_to_its_student(tmp_path):
    laid(tmp_path, "ada_1_text.html", "bob_2_text.html", text="<p>words</p>")
    found = rows(laid(tmp_path, f"ada_1_5_{UNIT}.ipynb", f"gus_{UNIT}.ipynb.ipynb"))
    assert set(found) == {"ada_1", "bob_2", "gus"}
    assert "ada_1_text.html" in found["ada_1"].notes[0] and "bob_2_text.html" in found["bob_2"].problem


def test_files_in_a_students_zip_are_told_apart(tmp_path):
    inner = io.BytesIO()
    zipped(inner, {f"a/{UNIT}.ipynb": TEXT, f"b/{UNIT}.ipynb": TEXT})
    found = rows(zipped(tmp_path / "x.zip", {"ada/all.zip": inner.getvalue(), "bob/x.ipynb": TEXT}))
    assert f"ada/all.zip/a/{UNIT}.ipynb, ada/all.zip/b/{UNIT}.ipynb" in found["ada"].problem


def test_files_of_the_same_name_are_told_apart(tmp_path):
    found = rows(laid(tmp_path, f"ada/a/{UNIT}.ipynb", f"ada/b/{UNIT}.ipynb", "bob/x.ipynb"))
    assert f"ada/a/{UNIT}.ipynb, ada/b/{UNIT}.ipynb" in found["ada"].problem


def test_moodle_without_folders_and_canvas_with_attempts(tmp_path):
    laid(
        tmp_path,
        f"Ada Bee_11_assignsubmission_file_{UNIT}.ipynb",
        f"Cyd_12_assignsubmission_file_{UNIT}.ipynb",
        f"doejane_LATE_21_301_{UNIT}.ipynb",
        f"doejane_late_21_302_{UNIT}-1.ipynb",
        f"doejane_21_300_{UNIT}-2.ipynb",
    )
    found = rows(tmp_path)
    assert set(found) == {"Ada Bee_11", "Cyd_12", "doejane_21"}
    assert not any(f.problem for f in found.values())
    assert found["doejane_21"].source.startswith("doejane_late_21_302_")
    assert "the last of 3 attempts" in found["doejane_21"].notes[0]


def test_names_in_zips_and_two_spellings_of_one_person(tmp_path):
    name, other = "Zoë", unicodedata.normalize("NFD", "Zoë")
    path = zipped(tmp_path / "x.zip", {f"{name}/a.txt": "", f"{other}/{UNIT}/{UNIT}.ipynb": TEXT, "bob/x.ipynb": TEXT})
    data = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x01\x02", 9), (b"PK\x03\x04", 7)):  # the flag that says UTF-8
        at = data.find(mark)
        while at >= 0:
            data[at + place] &= ~0x08
            at = data.find(mark, at + 4)
    path.write_bytes(bytes(data))
    found = rows(path)
    assert set(found) == {"Zoë", "bob"} and not found["Zoë"].problem


def test_a_name_that_says_utf8_and_is_not_costs_nobody_else(tmp_path):
    path = zipped(tmp_path / "x.zip", {"ädä/x.ipynb": TEXT, "bob/x.ipynb": TEXT})
    path.write_bytes(path.read_bytes().replace("ädä".encode(), b"\xffd\xffda"[:5]))
    found = rows(path)
    assert json.loads(found["bob"].read())["nbformat"] == 4 and len(found) == 2


def test_a_name_like_another_ones_hashed_form(tmp_path):
    hashed = intake.identity(" ada ")
    path = zipped(tmp_path / "x.zip", {" ada /x.ipynb": TEXT, f"{hashed}/x.ipynb": TEXT})
    found = rows(path)
    assert len(found) == 2 and sorted(f.platform["name"] for f in found.values()) == sorted([" ada ", hashed])


def test_a_zip_with_many_notebooks_is_opened_once(tmp_path, monkeypatch):
    path = zipped(tmp_path / "x.zip", {f"ada/{k}.ipynb": "{}" for k in range(300)})
    opened, real = [], zipfile.ZipFile.__init__
    monkeypatch.setattr(zipfile.ZipFile, "__init__", lambda self, *a, **k: (opened.append(1), real(self, *a, **k))[1])
    assert "several notebooks" in rows(path)["ada"].problem
    assert len(opened) == 1


PART = st.sampled_from(["ada", "bob", "Zoë", UNIT, OTHER, "a_1_assignsubmission_file_", "src", "x y"])
FILE = st.sampled_from(
    [
        f"{UNIT}.ipynb",
        f"{UNIT} (1).ipynb",
        "x.ipynb",
        "x.IPYNB",
        "cyd_21_300_x.ipynb",
        "a.pdf",
        "b.txt",
        "c.zip",
        "d.yml",
    ]
    + [f"{OTHER}.ipynb", f"eve_{UNIT}.ipynb.json", "noend", "list.csv", "timestamp.txt"]
)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sets(st.tuples(st.lists(PART, max_size=3).map(tuple), FILE), min_size=1, max_size=8), st.booleans())
def test_every_file_belongs_to_one_row_or_one_sentence(tmp_path_factory, tree, one_unit):
    files = {"/".join([*folders, name]): TEXT if name.endswith(".ipynb") else "x" for folders, name in tree}
    path = zipped(tmp_path_factory.mktemp("tree") / "x.zip", files)
    said = []
    found = list(intake.find(path, TEMPLATES, UNIT if one_unit else None, said.append))
    assert len({(f.student, f.unit) for f in found}) == len(found)
    owners = {}
    entries, _ = intake.files.in_zip(path)
    for entry in entries:  # the same way to a student as `find` goes, wrapped or not
        ways = [entry.path]
        parts = entry.path.parts
        ways += [PurePosixPath(*parts[k:]) for k in (1, 2) if len(parts) > k]  # one folder around the class, or two
        ways += [intake._student_first(way) for way in ways if len(way.parts) > 1]
        for p in ways:
            owners.setdefault(str(entry.path), set()).add(intake.identity(intake._student(p, TEMPLATES)[0]))
    students = {unicodedata.normalize("NFC", f.student) for f in found}
    for name, possible in owners.items():
        told = any(name.rpartition("/")[2] in sentence for sentence in said)
        assert told or possible & students, (name, said)
