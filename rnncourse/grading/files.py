"""The files of a folder or a zip, as they are: opened as data when asked for, links not followed, nothing unpacked."""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from rnncourse.grading.parse import MOST_BYTES, Unreadable
from rnncourse.grading.words import visible

SKIPPED = {".ipynb_checkpoints", "__MACOSX", "__pycache__", ".git", ".DS_Store", "desktop.ini", "Thumbs.db"}


@dataclass(frozen=True)
class Entry:
    """A file as it was found: its path within the folder or zip, and how to read it (raises Unreadable)."""

    path: PurePosixPath
    read: Callable[[], bytes]


def in_folder(path: Path):
    """(files, folders of students or units) below a folder. Raises ValueError if it is none."""
    if not path.is_dir():
        raise ValueError(f"{path} is no folder and no zip of submissions")
    entries, folders = [], []
    closed: list[OSError] = []
    for top, inner, files in os.walk(path, onerror=closed.append):
        inner[:] = sorted(set(inner) - SKIPPED)
        for name in [n for n in inner if not n.endswith(".ipynb")]:
            inside = PurePosixPath(Path(top, name).relative_to(path).as_posix())
            if Path(top, name).is_symlink():
                entries.append(Entry(inside / "link.ipynb", _linked))
            else:
                folders.append(inside)
        for name in sorted([*files, *(n for n in inner if n.endswith(".ipynb"))]):
            if not name.startswith(".") and name not in SKIPPED:
                file = Path(top, name)
                entries.append(Entry(PurePosixPath(file.relative_to(path).as_posix()), partial(_read_file, file)))
    for error in closed:  # a folder that nobody may enter is a row, not the end
        inside = PurePosixPath(Path(error.filename).relative_to(path).as_posix())
        entries.append(Entry(inside / "closed.ipynb", partial(_closed, error)))
    return entries, folders


def _linked() -> bytes:
    raise Unreadable("the folder is a link, which is not followed")


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


def in_zip(path: Path):
    """(files, folders) in a zip. Raises ValueError if it is none."""
    try:
        archive, members = _opened(path)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ValueError(f"{path} is no folder and no readable zip: {error}") from None
    entries, folders = [], set()
    for member in members:
        inside = PurePosixPath(_name(member).replace("\\", "/"))
        parts = [p for p in inside.parts if p not in ("/", "..", ".")]  # nothing is unpacked to disk, names only name
        inside = PurePosixPath(*parts)
        if not parts or SKIPPED & set(parts) or parts[-1].startswith("."):
            # a zip need not name its folders: who has handed in nothing else has a row all the same
            folders |= {p for p in inside.parents if p.parts and not SKIPPED & set(p.parts)}
            continue
        if member.is_dir():
            folders.add(inside)
        else:
            entries.append(Entry(inside, partial(_read_member, archive, member)))
    return entries, sorted(folders)


def _opened(path: Path) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """A zip, its index read once for all of its members. It stays open: names may have been changed in memory."""
    try:
        archive = zipfile.ZipFile(path)
    except UnicodeDecodeError:  # a name that says it is UTF-8 and is not would cost all members their place
        data = bytearray(path.getvalue() if isinstance(path, io.BytesIO) else Path(path).read_bytes())
        for at in (m.start() for m in re.finditer(rb"PK\x01\x02", data)):
            data[at + 9] &= ~0x08  # the flag that says so
        archive = zipfile.ZipFile(io.BytesIO(bytes(data)))
    return archive, archive.infolist()


def _name(member: zipfile.ZipInfo) -> str:
    """A member's name; many programs write UTF-8 without saying so."""
    if not member.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            return member.filename.encode("cp437").decode("utf-8")
    return member.filename


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(member) as file:
            data = file.read(MOST_BYTES + 1)  # whatever size the zip claims
    except Exception as error:
        raise Unreadable(f"{visible(_name(member))[:200]} cannot be unpacked: {error}") from None
    if len(data) > MOST_BYTES:
        raise Unreadable(f"file has more than {MOST_BYTES // 10**6} MB")
    return data
