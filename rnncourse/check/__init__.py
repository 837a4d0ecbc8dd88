"""Checks that students run in their notebook: `check = unit("02-recurrent-cell")`, then `check("leaky_step")`.

A check prints one line and returns None if the function is right; otherwise it raises CheckFailed, of which Jupyter,
nbgrader's Validate and its autograding show the message alone.
"""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from functools import cache
from importlib import resources

from rnncourse.check.call import in_process
from rnncourse.check.spec import Spec, spec_from_json
from rnncourse.check.verdict import judge

UNITS = resources.files("rnncourse") / "units"


class CheckFailed(AssertionError):
    """The function is not right; the text says how. Shown without a traceback."""

    def _render_traceback_(self):
        return [str(self)]


def unit(name: str):
    """The checks of one exercise unit.

    Returns a function `check(function_name)` that looks the function up where it is called. Raises CheckFailed with a
    message for the student if it is wrong, ValueError if the unit has no such function or does not exist.
    """

    def check(function: str) -> None:
        specs = load(name)
        if function not in specs:
            raise ValueError(f"unit {name} has no check for {function!r}; it has: {', '.join(specs)}")
        namespace = inspect.currentframe().f_back.f_globals
        spec = specs[function]
        verdict = judge(spec, in_process(namespace, spec.arguments, spec.forbidden, spec.adapter))
        if not verdict.passed:
            raise CheckFailed(_wrapped(f"✗ {verdict.message}"))
        points = spec.points
        print(f"✓ {verdict.message} ({points:g} point{'' if points == 1 else 's'})")

    return check


@cache
def load(name: str) -> dict[str, Spec]:
    """The public specs of a unit by function name. Raises ValueError if there is no such unit."""
    return {s["name"]: spec_from_json(s) for s in _stored(name)["functions"]}


def given(name: str) -> dict:
    """Of a unit's read-only cells: {"setup": their sources, "read-only": a fingerprint by grade_id}."""
    return _stored(name)["given"]


def _stored(name: str) -> dict:
    path = UNITS / f"{name}.json"
    if not path.is_file():
        known = sorted(p.name[:-5] for p in UNITS.iterdir() if p.name.endswith(".json"))
        raise ValueError(f"there is no unit {name!r}; the installed rnncourse has: {', '.join(known) or 'none'}")
    return json.loads(path.read_text(encoding="utf-8"))


def _wrapped(message: str) -> str:
    """Lines of a length that `nbgrader validate` does not cut off: its width of 90, less its indent and dots."""
    wrap = textwrap.TextWrapper(width=83, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    glued = re.sub(r"(\w) = (?=\S)", "\\1\u00a0=\u00a0", message)  # "alpha = 0.3" stays on one line
    return "\n".join(wrap.fill(line) for line in glued.split("\n")).replace("\u00a0", " ")
