"""Shared by all tests: one thread, the course's root, every unit loaded once."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import subprocess  # noqa: E402
import sys  # noqa: E402
import sysconfig  # noqa: E402
from functools import cache  # noqa: E402
from pathlib import Path  # noqa: E402

import pytest  # noqa: E402
from filelock import FileLock  # noqa: E402

from rnncourse.authoring import release, unit  # noqa: E402

pytest.register_assert_rewrite("browser")

ROOT = Path(__file__).resolve().parent.parent
UNITS = release.unit_names(ROOT)


@cache
def load(name):
    return unit.load(ROOT / "solutions" / name)


@pytest.fixture(scope="session")
def root():
    return ROOT


def functions():
    """(unit, function) of every graded function of the course."""
    return [pytest.param(n, f, id=f"{n}-{f}") for n in UNITS for f in load(n).exercises]


# The longest: a unit's tests of all of them stay together
BY_UNIT = {"test_units", "test_examples", "test_relations", "test_dropped_mistakes", "test_nbgrader"}


def pytest_collection_modifyitems(items):
    """What may go to different processes of a test run: files, and of the longest ones the units."""
    for item in items:
        name = item.callspec.params.get("name") if hasattr(item, "callspec") else None
        by_unit = item.path.stem in BY_UNIT and name in UNITS
        item.add_marker(pytest.mark.xdist_group(f"unit-{name}" if by_unit else item.path.stem))


@pytest.fixture(scope="session")
def built(tmp_path_factory, worker_id) -> Path:
    """The book, built from nothing with warnings as errors, once for all processes of a test run."""
    base = tmp_path_factory.getbasetemp()
    output = (base if worker_id == "master" else base.parent) / "book"
    with FileLock(f"{output}.lock"):
        if not output.exists():
            command = [sys.executable, Path(sysconfig.get_path("scripts")) / "jupyter-book", "build", ROOT]
            run = subprocess.run(
                [*command, "--path-output", output, "-W", "-n", "--keep-going", "--quiet"],
                capture_output=True,
                text=True,
                env=os.environ | {"OMP_NUM_THREADS": "1", "NO_COLOR": "1"},
            )
            assert run.returncode == 0, f"the book does not build:\n{run.stdout[-4000:]}\n{run.stderr[-4000:]}"
            assert "WARNING" not in run.stdout + run.stderr
    return output / "_build/html"


@pytest.fixture(scope="module")
def browser():
    from browser import chromium

    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def site(built):
    """The address of the built book."""
    from browser import served

    with served(built) as address:
        yield address
