"""Checks that students run in their notebook: `check = unit("02-recurrent-cell")`, then `check("leaky_step")`.

A check prints one line and returns None if the function is right; otherwise it raises CheckFailed, of which Jupyter,
nbgrader's Validate and its autograding show the message alone.
"""

from __future__ import annotations

import contextlib
import difflib
import inspect
import json
import linecache
import re
import sys
import textwrap
import traceback
import warnings
from functools import cache
from importlib import resources

from rnncourse.judge import wire
from rnncourse.judge.spec import Spec, spec_from_json
from rnncourse.judge.verdict import Reply, judge

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
        verdict = judge(specs[function], in_process(namespace, specs[function].arguments))
        if not verdict.passed:
            raise CheckFailed(_wrapped(f"✗ {verdict.message}"))
        points = specs[function].points
        print(f"✓ {verdict.message} ({points:g} point{'' if points == 1 else 's'})")

    return check


@cache
def load(name: str) -> dict[str, Spec]:
    """The public specs of a unit by function name. Raises ValueError if there is no such unit."""
    path = UNITS / f"{name}.json"
    if not path.is_file():
        known = sorted(p.name[:-5] for p in UNITS.iterdir() if p.name.endswith(".json"))
        raise ValueError(f"there is no unit {name!r}; the installed rnncourse has: {', '.join(known) or 'none'}")
    return {s["name"]: spec_from_json(s) for s in json.loads(path.read_text(encoding="utf-8"))["functions"]}


def in_process(namespace: dict, arguments: tuple[str, ...] = ()):
    """A `call(name, args) -> Reply` for functions of this process, with every trouble put into words."""

    def call(name: str, args: list) -> Reply:
        function = namespace.get(name)
        if not callable(function):
            return Reply(trouble="missing", text=_missing(name, namespace))
        with contextlib.suppress(TypeError, ValueError):  # builtins without a signature
            parameters = inspect.signature(function)
            try:
                parameters.bind(*args)
            except TypeError:
                text = f"{name}{parameters} cannot be called with {len(args)} arguments"
                text += f" ({', '.join(arguments)})." if len(arguments) == len(args) else "."
                return Reply(trouble="raised", text=text + " Put the signature back as it was given.", code="signature")
        before = [wire.fresh(a) for a in args]
        # stderr would cost the points of this cell in nbgrader, whatever the result
        with warnings.catch_warnings(), contextlib.redirect_stderr(sys.stdout):
            warnings.simplefilter("ignore")
            try:
                value = function(*args)
            except NotImplementedError:
                text = (
                    f"{name} is not written yet: replace `raise NotImplementedError()`, run that cell, then this one."
                )
                return Reply(trouble="blank", text=text)
            except Exception as error:
                return Reply(trouble="raised", text=_raised(name, error), code=exception_code(error))
        return Reply(
            value, changed=tuple(i for i, (a, b) in enumerate(zip(args, before, strict=True)) if not wire.same(a, b))
        )

    return call


def exception_code(error: BaseException) -> str:
    """An exception in short, without its numbers: equal for the same mistake at other sizes."""
    return f"raises {type(error).__name__}: " + re.sub(r"\d+", "#", str(error))[:80]


def _wrapped(message: str) -> str:
    """Lines no longer than nbgrader's Validate dialog shows."""
    wrap = textwrap.TextWrapper(width=100, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    return "\n".join(wrap.fill(line) for line in message.split("\n"))


def _missing(name: str, namespace: dict) -> str:
    if name in namespace:
        return f"{name} is no function any more but {type(namespace[name]).__name__}: run its cell again."
    own = [k for k, v in namespace.items() if inspect.isfunction(v)]
    close = difflib.get_close_matches(name, own, n=1, cutoff=0.75)
    text = f"There is no function {name} yet: run the cell that defines it, then this one."
    return text + (f" There is one called {close[0]}: is the name misspelt?" if close else "")


def _raised(name: str, error: Exception) -> str:
    """The exception, and the last line of the student's own code that led to it."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "site-packages" not in f.filename and "rnncourse" not in f.filename]
    text = f"{name} raised {type(error).__name__}: {error}"
    line = linecache.getline(own[-1].filename, own[-1].lineno).strip() if own else ""
    return f"{text}\n  in the line  {line}" if line else text
