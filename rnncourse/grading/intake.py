"""Find the submissions in a folder or a zip: nbgrader's layout, a flat folder, or what learning platforms export.

Every student whose folder or file is there gets a row, whatever the file is. Files are only opened as data, links are
not followed, nothing is unpacked to disk.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from rnncourse.grading import files
from rnncourse.grading.feedback import folder_name
from rnncourse.grading.files import Entry
from rnncourse.grading.parse import Unreadable, parse
from rnncourse.grading.submission import Template, recognised

BESIDE = {".yml", ".yaml", ".csv", ".md"}  # what platforms put beside the students' folders: lists, not submissions
TITLES = {"readme", "index", "manifest"}  # names of such lists, whatever their ending
DOCUMENTS = {".pdf", ".doc", ".docx", ".odt", ".rtf", ".md", ".txt", ".html", ".htm", ".py", ".zip", ".7z", ".rar"}
CANVAS = re.compile(r"^(?P<name>.+?)(?i:_LATE)?_(?P<id>\d+)_(?:(?P<attempt>\d+)_(?P<file>.+)|text(?:\.html)?)$")
MOODLE = re.compile(r"^(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<file>.*)$")
ALMOST = re.compile(r"(\.ipynb)+(\.(json|txt))?$|\.(json|txt)$", re.I)  # what may hold a notebook
ENDING = re.compile(r"\.(zip|7z|rar|tar|gz|pdf|html?|py|docx?|odt)$", re.I)  # what else people hand in
MOST_NAMES = 5  # in a note
COPY = re.compile(r"( ?\(\d+\)|[-_ ]copy\d*|-\d+)$", re.I)  # what browsers and platforms add to a name


@dataclass(frozen=True)
class Found:
    """One student's submission of one unit; `problem` if there is nothing that can be read."""

    student: str
    unit: str
    source: str
    read: Callable[[], bytes] | None = None
    problem: str = ""
    notes: tuple[str, ...] = ()
    platform: dict = field(default_factory=lambda: nobody(""))
    timestamp: str | None = None


def find(
    path: Path, templates: dict[str, Template], unit: str | None = None, say: Callable[[str], object] = lambda _: None
) -> Iterator[Found]:
    """All submissions below `path`, of one unit or of all. Raises ValueError if there is nothing to grade.

    Every file belongs to a row, or `say` is told why not.
    """
    entries, folders = files.in_zip(path) if path.is_file() else files.in_folder(path)
    wanted = {unit: templates[unit]} if unit else templates
    entries, folders = _unwrapped(_without_lists(entries, say), folders, templates, say)
    ids: dict[str, str] = {}  # who has an id: another person gets another one
    students: dict[str, tuple[dict, list[Entry]]] = {}
    empty: dict[str, set[str]] = {}  # units for which a student has a folder

    def files_of(path: PurePosixPath) -> list[Entry]:
        name, platform = _student(path, templates)
        student = _id(name, ids)
        if len(path.parts) > 1 and path.parent.name in templates:
            empty.setdefault(student, set()).add(path.parent.name)
        return students.setdefault(student, (platform, []))[1]

    for folder in folders:
        files_of(folder / "x")
    for entry in entries:
        files_of(entry.path).append(entry)
    if not students:
        raise ValueError(f"{path} holds no submissions: expected STUDENT/UNIT/UNIT.ipynb, notebooks, or such a zip")
    for name, (platform, handed_in) in sorted(students.items()):
        yield from _of_student(name, platform, handed_in, empty.get(name, ()), templates, wanted, unit)


def _id(name: str, ids: dict[str, str]) -> str:
    """The id of a person; two spellings of one name in Unicode are one person, two names never share an id."""
    name = unicodedata.normalize("NFC", name)
    for student in (identity(name), identity(f"{name}/")):  # no name holds a slash
        if ids.setdefault(student, name) == name:
            return student
    raise ValueError(f"two students are called {name!r}")


def _without_lists(entries: list[Entry], say) -> list[Entry]:
    """The entries without the platform's own lists beside the students' folders."""
    lists = [e for e in entries if len(e.path.parts) == 1 and _is_list(e.path)]
    if lists and len(lists) < len(entries):
        say(f"left alone, since they are no submissions: {', '.join(str(e.path) for e in lists)}")
        return [e for e in entries if e not in lists]
    return entries


def _is_list(path: PurePosixPath) -> bool:
    return path.suffix.lower() in BESIDE or (path.stem.lower() in TITLES and path.suffix.lower() != ".ipynb")


def _unwrapped(entries, folders, templates, say):
    """Without the one folder that holds everything, if it holds a class: two or more folders with files.

    Or files that a platform has named. There may be a second such folder in the first.
    """
    shared = {e.path.parts[0] for e in entries} | {f.parts[0] for f in folders}
    if shared and shared <= set(templates) and all(len(e.path.parts) > 1 for e in entries):
        say(f"taken as UNIT/STUDENT, since every folder has the name of a unit: {', '.join(sorted(shared))}")
        entries = [Entry(_student_first(e.path), e.read) for e in entries]
        return entries, [_student_first(f) for f in folders if len(f.parts) > 1]
    inner = {e.path.parts[1] for e in entries if len(e.path.parts) > 2}
    nested = all(len(e.path.parts) > 2 or _is_list(e.path) for e in entries)
    flat = [e.path.name for e in entries if not _is_list(e.path)]
    named = {len(e.path.parts) for e in entries} == {2} and all(CANVAS.match(n) or MOODLE.match(n) for n in flat)
    if len(shared) != 1 or inner & set(templates) or not (nested or named) or MOODLE.match(min(shared)):
        return entries, folders
    within = [Entry(PurePosixPath(*e.path.parts[1:]), e.read) for e in entries]
    below = [PurePosixPath(*f.parts[1:]) for f in folders if len(f.parts) > 1]
    if len(inner) == 1 and all(_holds_notebook(e.path.parts[:3], entries) for e in entries if len(e.path.parts) > 3):
        found = _unwrapped(within, below, templates, say)
        return (entries, folders) if found[0] is within else found
    if len(inner) < 2 and not named:
        return entries, folders
    what = f"{len(inner)} folders in it, one for each student" if inner else "its files have a platform's names"
    say(f"{min(shared)} is taken for the folder of the whole class: {what}")
    return _without_lists(within, say), below


def _holds_notebook(folder: tuple[str, ...], entries: list[Entry]) -> bool:
    return any(e.path.parts[: len(folder)] == folder and e.path.suffix.lower() == ".ipynb" for e in entries)


def _student_first(path: PurePosixPath) -> PurePosixPath:
    """UNIT/STUDENT/... as STUDENT/UNIT/..., and UNIT/FILE as the file alone."""
    unit, student, *rest = path.parts
    return PurePosixPath(student, unit, *rest) if rest or not path.suffix else PurePosixPath(student)


def identity(name: str) -> str:
    """A name as an id that nbgrader, a folder and a database can hold; another name gets another id."""
    try:
        return folder_name(name)
    except ValueError:
        tidy = re.sub(r"[^\w .@+-]", "_", name).strip(" .")[:60] or "unnamed"
        return f"{tidy}_{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"


def _student(path: PurePosixPath, templates) -> tuple[str, dict]:
    """(student, platform) as the path tells."""
    parts = path.parts
    # The first folder owns all below it: what a student packs into folders must not count as another's
    moodle = MOODLE.match(parts[0])
    if moodle and (moodle["file"] == "") == (len(parts) > 1):  # a folder, or in a download without folders a file
        return _on(moodle, "moodle")
    if len(parts) > 1:
        return parts[0], nobody(parts[0])
    stem = ENDING.sub("", ALMOST.sub("", path.name))
    canvas = CANVAS.match(stem)
    if canvas:
        return _on(canvas, "canvas")
    name = stem
    for unit in templates:
        name = re.sub(rf"[-_ ]*{re.escape(unit)}[-_ ]*", "", COPY.sub("", name) if unit in stem else name)
    return name or stem, nobody(name or stem)


def nobody(name: str) -> dict:
    """The platform of a student who came with none; the name as it came."""
    return {"kind": None, "id": None, "name": name}


def _on(match: re.Match, kind: str) -> tuple[str, dict]:
    """A student as a platform names files; two students may have the same name, so its number belongs to the id."""
    return f"{match['name']}_{match['id']}", {"kind": kind, "id": match["id"], "name": match["name"]}


def _of_student(student, platform, handed_in, folders, templates, wanted, unit) -> Iterator[Found]:
    """The rows of one student: one per unit for which there is a file or a folder, at least one."""
    books = [e for e in handed_in if e.path.suffix.lower() == ".ipynb"]
    books = books or [e for e in handed_in if ALMOST.search(e.path.name) and _unit_inside(e, templates)]
    books = books or _in_zips(handed_in, templates)
    ours = platform["kind"] is None  # nbgrader's layout; on platforms the student could have packed one
    stamps = {e.path.parent: e for e in handed_in if e.path.name == "timestamp.txt"} if ours else {}
    units: dict[str, list[tuple[Entry, bool]]] = {}
    for entry in books:
        named = _unit_named(entry.path, templates)
        units.setdefault(named or _unit_inside(entry, templates) or "", []).append((entry, bool(named)))
    for name in folders:
        units.setdefault(name, [])
    strangers = units.pop("", [])
    mine = sorted(u for u in units if u in wanted)
    others = sorted(str(e.path.name) for e in handed_in if e.path.name != "timestamp.txt")
    without = f"no notebook in the folder, only {', '.join(others)}" if others else "no notebook in the folder"
    opened = {e.path for e in books} | {e.path.parent for e in books}  # a zip's notebooks lie below its name

    def found(name, entries):
        return _choose(student, name, platform, entries, stamps, _beside(handed_in, opened, set(templates) - {name}))

    if strangers and (unit or not units) and (unit not in units if unit else True):
        yield found(unit or "", strangers)
    elif not units:
        what = without if handed_in else "the folder is empty"
        yield Found(student, unit or "", student, problem=what, platform=platform)
    elif not mine:  # every student has a row
        there = ", ".join(sorted(f"{e.path.name} ({u})" for u, books in units.items() for e, _ in books))
        problem, notes = f"handed in is another unit: {there or units}", tuple(_beside(handed_in, opened, set()))
        yield Found(student, unit, student, problem=problem, notes=notes, platform=platform)
    for name in mine:
        if units[name]:
            yield found(name, units[name])
        else:
            yield Found(student, name, f"{student}/{name}", problem=without, platform=platform)


def _beside(handed_in: list[Entry], opened: set[PurePosixPath], other_units: set[str]) -> list[str]:
    """A note on documents, programs and zips that lie beside the notebook: an answer may be in them."""
    names = [
        e.path.name
        for e in handed_in
        if e.path.suffix.lower() in DOCUMENTS
        and e.path.name != "timestamp.txt"
        and not any(e.path in (p, *p.parents) for p in opened)
        and not other_units & set(e.path.parts)
    ]
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return [f"also handed in, and not read: {', '.join(sorted(names)[:MOST_NAMES])}{more}"] if names else []


def _in_zips(handed_in: list[Entry], templates) -> list[Entry]:
    """The notebooks in zips that a student has handed in."""
    inside: list[Entry] = []
    for entry in (e for e in handed_in if e.path.suffix.lower() == ".zip"):
        with contextlib.suppress(Unreadable, ValueError):
            inside += [Entry(entry.path / e.path, e.read) for e in files.in_zip(io.BytesIO(entry.read()))[0]]
    books = [e for e in inside if e.path.suffix.lower() == ".ipynb"]
    return books or [e for e in inside if ALMOST.search(e.path.name) and _unit_inside(e, templates)]


def _unit_named(path: PurePosixPath, templates) -> str | None:
    """The unit that the file's name or its folder names."""
    stem = COPY.sub("", path.name.removesuffix(".ipynb"))
    exact = [u for u in templates if u == stem] or [u for u in templates if u in path.name]
    inside = [p for p in path.parts[:-1] if p in templates]
    return (exact or inside or [None])[0]


def _unit_inside(entry: Entry, templates) -> str | None:
    try:
        return recognised(parse(entry.read()), templates)
    except Unreadable:
        return None


def _choose(student, unit, platform, candidates, stamps, beside) -> Found:
    """The one file that counts. A file with the exact name wins; of several others nobody but a person can choose."""
    candidates, notes = _last_attempt(candidates) if platform["kind"] == "canvas" else (candidates, [])
    notes += beside
    exact = [e for e, _ in candidates if e.path.name == f"{unit}.ipynb"]
    entry = exact[0] if exact else candidates[0][0]
    source = str(entry.path)
    if len(candidates) > 1 and len(exact) != 1:
        names = ", ".join(_told_apart([e for e, _ in candidates]))
        problem = f"several notebooks, none chosen: {names}"
        return Found(student, unit, source, problem=problem, notes=tuple(notes), platform=platform)
    if len(candidates) > 1:
        others = ", ".join(_told_apart([e for e, _ in candidates if e is not entry]))
        notes.append(f"other notebooks were left alone: {others}")
    elif not exact and unit and platform["kind"] is None and len(entry.path.parts) > 1:
        notes.append(f"renamed file recognised as {unit}.ipynb")
    elif not exact and unit and unit not in entry.path.name:
        notes.append(f"recognised as {unit} by its content")
    if entry.path.suffix.lower() != ".ipynb":
        notes.append(f"{entry.path.name} was read as a notebook")
    stamp = stamps.get(entry.path.parent)
    return Found(student, unit, source, entry.read, "", tuple(notes), platform, _timestamp(stamp))


def _told_apart(entries: list[Entry]) -> list[str]:
    """The files' names, or where two have the same one, their paths."""
    names = sorted(e.path.name for e in entries)
    return names if len(set(names)) == len(names) else sorted(str(e.path) for e in entries)


def _last_attempt(candidates) -> tuple[list, list[str]]:
    """Of several attempts on Canvas the last one, by the number that Canvas gives to each file."""
    numbers = [int(m["attempt"] or -1) if (m := CANVAS.match(e.path.name)) else -1 for e, _ in candidates]
    if len(candidates) < 2 or len(set(numbers)) < len(numbers):
        return candidates, []
    last = max(range(len(numbers)), key=numbers.__getitem__)
    return [candidates[last]], [f"the last of {len(candidates)} attempts: {candidates[last][0].path.name}"]


def _timestamp(entry: Entry | None) -> str | None:
    try:
        return entry.read()[:100].decode("utf-8").strip() or None if entry else None
    except (Unreadable, UnicodeDecodeError):
        return None
