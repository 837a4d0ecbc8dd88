"""Find the submissions in a folder or a zip: nbgrader's layout, a flat folder, or what learning platforms export.

Every student whose folder or file is there gets a row, whatever the file is. Files are only opened as data, links are
not followed, nothing is unpacked to disk.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from rnncourse.grading.feedback import folder_name
from rnncourse.grading.submission import MOST_BYTES, Template, Unreadable, parse, recognised

SKIPPED = {".ipynb_checkpoints", "__MACOSX", "__pycache__", ".git", ".DS_Store"}
CANVAS = re.compile(r"^(?P<name>.+?)(?:_LATE)?_(?P<id>\d+)_\d+_(?P<file>.+)$")
MOODLE = re.compile(r"^(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?$")
COPY = re.compile(r"( ?\(\d+\)|[-_ ]copy\d*|-\d+)$", re.I)  # what browsers and platforms add to a name


@dataclass(frozen=True)
class Entry:
    """A file as it was found: its path within the folder or zip, and how to read it (raises Unreadable)."""

    path: PurePosixPath
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Found:
    """One student's submission of one unit; `problem` if there is nothing that can be read."""

    student: str
    unit: str
    source: str
    read: Callable[[], bytes] | None = None
    problem: str = ""
    notes: tuple[str, ...] = ()
    platform: dict = field(default_factory=lambda: dict(kind=None, id=None, name=None))
    timestamp: str | None = None


def find(path: Path, templates: dict[str, Template], unit: str | None = None) -> Iterator[Found]:
    """All submissions below `path`, of one unit or of all. Raises ValueError if there is nothing to grade."""
    entries, folders = _zip(path) if path.is_file() else _folder(path)
    wanted = {unit: templates[unit]} if unit else templates
    entries, folders = _unwrapped(entries, folders, templates)
    students: dict[str, tuple[dict, list[Entry]]] = {}
    for folder in folders:
        name, platform = _student(folder / "x", templates)
        students.setdefault(identity(name), (platform, []))
    for entry in entries:
        name, platform = _student(entry.path, templates)
        students.setdefault(identity(name), (platform, []))[1].append(entry)
    if not students:
        raise ValueError(f"{path} holds no submissions: expected STUDENT/UNIT/UNIT.ipynb, notebooks, or such a zip")
    empty: dict[str, set[str]] = {}  # units for which a student has a folder
    for folder in folders:
        if folder.name in templates:
            empty.setdefault(identity(_student(folder / "x", templates)[0]), set()).add(folder.name)
    for name, (platform, files) in sorted(students.items()):
        yield from _of_student(name, platform, files, empty.get(name, ()), templates, wanted, unit)


def _folder(path: Path):
    """(files, folders of students or units) below a folder. Raises ValueError if it is none."""
    if not path.is_dir():
        raise ValueError(f"{path} is no folder and no zip of submissions")
    entries, folders = [], []
    closed: list[OSError] = []
    for top, inner, files in os.walk(path, onerror=closed.append):
        inner[:] = sorted(set(inner) - SKIPPED)
        for name in [n for n in inner if not n.endswith(".ipynb")]:
            if not Path(top, name).is_symlink():
                folders.append(PurePosixPath(Path(top, name).relative_to(path).as_posix()))
        for name in sorted([*files, *(n for n in inner if n.endswith(".ipynb"))]):
            if not name.startswith(".") and name not in SKIPPED:
                file = Path(top, name)
                entries.append(Entry(PurePosixPath(file.relative_to(path).as_posix()), partial(_read_file, file)))
    for error in closed:  # a folder that nobody may enter is a row, not the end
        inside = PurePosixPath(Path(error.filename).relative_to(path).as_posix())
        entries.append(Entry(inside / "closed.ipynb", partial(_closed, error)))
    return entries, folders


def _closed(error: OSError) -> bytes:
    raise Unreadable(f"the folder cannot be opened: {error.strerror}")


def _read_file(path: Path) -> bytes:
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            raise Unreadable("file is a link, which is not followed")
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("it has a notebook's name and is no ordinary file")
        if status.st_size > MOST_BYTES:
            raise Unreadable(f"file has {status.st_size / 1e6:.0f} MB; {MOST_BYTES // 10**6} MB are read")
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"file cannot be read: {error.strerror}") from None


def _zip(path: Path):
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise ValueError(f"{path} is no folder and no readable zip: {error}") from None
    entries, folders = [], set()
    for member in members:
        inside = PurePosixPath(member.filename.replace("\\", "/"))
        parts = [p for p in inside.parts if p not in ("/", "..", ".")]  # nothing is unpacked to disk, names only name
        if not parts or SKIPPED & set(parts) or parts[-1].startswith("."):
            continue
        inside = PurePosixPath(*parts)
        if member.is_dir():
            folders.add(inside)
        else:
            entries.append(Entry(inside, lambda name=member.filename: _read_member(path, name)))
    return entries, sorted(folders)


def _unwrapped(entries, folders, templates):
    """Without the one folder that holds everything, if there is one."""
    shared = {e.path.parts[0] for e in entries} | {f.parts[0] for f in folders}
    nested = all(len(e.path.parts) > 2 and e.path.parts[1] not in templates for e in entries)
    if len(shared) != 1 or not nested or MOODLE.match(min(shared)):
        return entries, folders
    entries = [Entry(PurePosixPath(*e.path.parts[1:]), e.read) for e in entries]
    return entries, [PurePosixPath(*f.parts[1:]) for f in folders if len(f.parts) > 1]


def _read_member(path: Path, name: str) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(name) as file:
            data = file.read(MOST_BYTES + 1)  # whatever size the zip claims
    except Exception as error:
        raise Unreadable(f"cannot be unpacked: {error}") from None
    if len(data) > MOST_BYTES:
        raise Unreadable(f"file has more than {MOST_BYTES // 10**6} MB")
    return data


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
    nobody = {"kind": None, "id": None, "name": None}
    if len(parts) > 1:
        # The first folder owns all below it: what a student packs into folders must not count as another's
        moodle = MOODLE.match(parts[0])
        return _on(moodle, "moodle") if moodle else (parts[0], nobody)
    stem = path.name.removesuffix(".ipynb")
    canvas = CANVAS.match(stem)
    if canvas:
        return _on(canvas, "canvas")
    name = stem
    for unit in templates:
        name = re.sub(rf"[-_ ]*{re.escape(unit)}[-_ ]*", "", COPY.sub("", name) if unit in stem else name)
    return name or stem, nobody


def _on(match: re.Match, kind: str) -> tuple[str, dict]:
    """A student as a platform names files; two students may have the same name, so its number belongs to the id."""
    return f"{match['name']}_{match['id']}", {"kind": kind, "id": match["id"], "name": match["name"]}


def _of_student(student, platform, files, folders, templates, wanted, unit) -> Iterator[Found]:
    """The rows of one student: one per unit for which there is a file or a folder, at least one."""
    books = [e for e in files if e.path.suffix.lower() == ".ipynb"]
    ours = platform["kind"] is None  # nbgrader's layout; on platforms the student could have packed one
    stamps = {e.path.parent: e for e in files if e.path.name == "timestamp.txt"} if ours else {}
    units: dict[str, list[tuple[Entry, bool]]] = {}
    for entry in books:
        named = _unit_named(entry.path, templates)
        units.setdefault(named or _unit_inside(entry, templates) or "", []).append((entry, bool(named)))
    for name in folders:
        units.setdefault(name, [])
    strangers = units.pop("", [])
    mine = [u for u in units if u in wanted]
    if strangers and (unit or not units):
        for_unit = unit if unit and unit not in units else ""
        if for_unit or not units:
            yield _choose(student, for_unit, platform, strangers, stamps)
            mine = [u for u in mine if u != for_unit]
    elif not units:
        what = "no notebook in the folder" if files else "the folder is empty"
        yield Found(student, unit or "", student, problem=what, platform=platform)
    for name in sorted(mine):
        if units[name]:
            yield _choose(student, name, platform, units[name], stamps)
        else:
            yield Found(student, name, f"{student}/{name}", problem="no notebook in the folder", platform=platform)


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


def _choose(student, unit, platform, candidates, stamps) -> Found:
    """The one file that counts. A file with the exact name wins; of several others nobody but a person can choose."""
    exact = [e for e, _ in candidates if e.path.name == f"{unit}.ipynb"]
    entry = exact[0] if exact else candidates[0][0]
    source, notes = str(entry.path), []
    if len(candidates) > 1 and len(exact) != 1:
        names = ", ".join(sorted(e.path.name for e, _ in candidates))
        return Found(student, unit, source, problem=f"several notebooks, none chosen: {names}", platform=platform)
    if len(candidates) > 1:
        others = ", ".join(sorted(e.path.name for e, _ in candidates if e is not entry))
        notes.append(f"other notebooks were left alone: {others}")
    elif not exact and unit and platform["kind"] is None and len(entry.path.parts) > 1:
        notes.append(f"renamed file recognised as {unit}.ipynb")
    elif not exact and unit and unit not in entry.path.name:
        notes.append(f"recognised as {unit} by its content")
    stamp = stamps.get(entry.path.parent)
    return Found(student, unit, source, entry.read, "", tuple(notes), platform, _timestamp(stamp))


def _timestamp(entry: Entry | None) -> str | None:
    try:
        return entry.read()[:100].decode("utf-8").strip() or None if entry else None
    except (Unreadable, UnicodeDecodeError):
        return None
