"""Shared by all tests: one thread, the course's root, every unit loaded once."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from functools import cache  # noqa: E402
from pathlib import Path  # noqa: E402

import pytest  # noqa: E402

from rnncourse.grading import release, unit  # noqa: E402

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
