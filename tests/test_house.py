"""The rooms of the package: each imports only rooms that come before it."""

import ast
import shutil

import pytest

from conftest import ROOT, UNITS
from rnncourse.grading import runner

PACKAGE = ROOT / "rnncourse"
CHAPTERS = ("layers", "optim", "gradcheck", "ctc", "data", "plot", "training", "models", "scan")  # what chapters use
FLOORS = dict.fromkeys(CHAPTERS, 1) | {"check": 2, "authoring": 3, "grading": 4, "bench": 5, "cli": 5}


def room(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(path):
    """The rooms that a file imports, and the rooms that cli.py names in `_room("ROOM.MODULE")`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: write the whole name"
            if node.module == "rnncourse":
                yield from (a.name for a in node.names)
            elif (node.module or "").startswith("rnncourse."):
                yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("rnncourse."))


def test_every_file_belongs_to_a_room():
    rooms = {room(p) for p in PACKAGE.rglob("*.py")} - {"__init__"}
    assert rooms <= set(FLOORS), f"no floor for {rooms - set(FLOORS)}: say in this test who comes in there"


def test_a_room_imports_only_rooms_before_it():
    arrows = {(room(p), other) for p in PACKAGE.rglob("*.py") for other in imported(p) if other != room(p)}
    assert arrows
    upward = {(a, b) for a, b in arrows if FLOORS[a] < FLOORS[b]}
    assert not upward, f"imports against the direction: {upward}"
    sideways = {(a, b) for a, b in arrows if FLOORS[a] == FLOORS[b] and (b, a) in arrows}
    assert not sideways, f"two rooms of one floor import each other: {sideways}"


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of package and one unit, of which the hash is taken."""
    for folder in ("rnncourse", f"solutions/{UNITS[0]}", f"exercises/{UNITS[0]}"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(runner, "PACKAGE", tmp_path / "rnncourse")
    return tmp_path


@pytest.mark.parametrize(
    "file",
    [
        *("layers/rnn.py", "optim.py", "data/text.py", "check/verdict.py", "check/toys.py", "authoring/unit.py"),
        *("grading/worker.py", "grading/report.html.j2", "mistakes.py", "checks.py"),
    ],
)
def test_whatever_decides_a_grade_decides_the_key_of_its_cache(copy, file):
    path = copy / "rnncourse" / file if (copy / "rnncourse" / file).exists() else copy / "solutions" / UNITS[0] / file
    before = runner.checks_hash(copy, UNITS[0])
    assert runner.checks_hash(copy, UNITS[0]) == before
    path.write_text((path.read_text(encoding="utf-8") if path.exists() else "") + "\n# changed\n", encoding="utf-8")
    assert runner.checks_hash(copy, UNITS[0]) != before
