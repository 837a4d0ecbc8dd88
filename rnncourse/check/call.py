"""Call a student's function in this process and put every trouble into words.

Runs in the student's notebook and in the sandbox's worker, never in the process that grades.
"""

from __future__ import annotations

import contextlib
import difflib
import inspect
import io
import linecache
import re
import sys
import time
import traceback
import warnings
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from rnncourse.check import adapters, wire
from rnncourse.check.forbidden import Forbidden, used

PACKAGE = str(Path(__file__).parents[1])


@dataclass(frozen=True)
class Reply:
    """What came back from a call: a value, or trouble and its text.

    Also the positions of the arguments that were changed, and of those with which a returned array shares memory.
    """

    value: object = None
    trouble: str | None = None  # "missing", "blank", "forbidden", "stopped", "raised", "wrong", "late"
    text: str = ""
    code: str = ""  # a stable short form of an exception, for fingerprints
    changed: tuple[int, ...] = ()
    shared: tuple[int, ...] = ()


def in_process(namespace: dict, arguments=(), forbidden=(), adapter: dict | None = None):
    """A `call(name, args) -> Reply` for functions of this process.

    `call.trial(name, args, seconds)` is for what the student has not asked for: it prints nothing and gives up in time.
    `arguments` are the parameters that the exercise gave, `forbidden` the modules and functions it may not use,
    `adapter` says how `rnncourse.check.adapters` calls what works on tensors.
    """
    forbidden = tuple(forbidden)
    invoke = adapters.bound(adapter, arguments)
    own_arguments = not adapter or adapter["name"] != "module"  # a class is called by its adapter's

    fits: dict = {}  # functions that can be called with these arguments
    shortcuts_of = cache(lambda function: used(function, forbidden))

    def call(name: str, args: list) -> Reply:
        function = namespace.get(name)
        if not callable(function):
            return Reply(trouble="missing", text=_missing(name, namespace))
        shortcuts = shortcuts_of(function) if isinstance(function, Hashable) else []
        if shortcuts:
            return Reply(trouble="forbidden", text=f"{name} uses {', '.join(shortcuts)}, {NOT_HERE}")
        if own_arguments and function is not fits.get(name):
            misfit = _signature(name, function, args, arguments)
            if misfit:
                return misfit
            fits[name] = function
        before = [wire.fresh(a) for a in args]
        # stderr would cost the points of this cell in nbgrader, whatever the result
        with warnings.catch_warnings(), contextlib.redirect_stderr(sys.stdout):
            warnings.simplefilter("ignore")
            try:
                value = invoke(function, args)
            except adapters.Misfit as error:
                return Reply(trouble="raised", text=f"{name}: {error}", code=f"wrong {error}"[:200])
            except NotImplementedError:
                text = (
                    f"{name} is not written yet: replace `raise NotImplementedError()`, run that cell, then this one."
                )
                return Reply(trouble="blank", text=text)
            except Forbidden as error:
                return Reply(trouble="forbidden", text=f"{name} uses {error}, {NOT_HERE}")
            except (Exception, SystemExit) as error:
                return Reply(trouble="raised", text=_raised(name, error), code=exception_code(error))
        return Reply(
            value,
            changed=tuple(i for i, (a, b) in enumerate(zip(args, before, strict=True)) if not wire.same(a, b)),
            shared=tuple(i for i, a in enumerate(args) if _share(value, a)),
        )

    def trial(name: str, args: list, seconds: float) -> Reply:
        try:
            with contextlib.redirect_stdout(io.StringIO()), _at_most(seconds):
                return call(name, args)
        except Late:
            return Reply(trouble="late", text=f"{name} took longer than {seconds:.2g} s", code="late")

    call.trial = trial
    return call


class Late(BaseException):
    """Raised in code that runs too long; no `except Exception` stops it."""


@contextlib.contextmanager
def _at_most(seconds: float):
    """Ends code that runs longer, by a look at the clock at each line: works in notebooks and on every system."""
    end, held = time.monotonic() + seconds, sys.gettrace()

    def look(frame, event, arg):
        if time.monotonic() > end:
            raise Late
        return None if frame.f_code.co_filename.startswith(PACKAGE) else look

    sys.settrace(look)
    try:
        yield
    finally:
        sys.settrace(held)


def _share(value, argument) -> bool:
    """Does a returned array, or one in a returned list, tuple or dict, lie in the memory of an argument?"""
    return any(np.shares_memory(a, b) for a in _arrays(value) for b in _arrays(argument))


def _arrays(value, depth: int = 3) -> list:
    """The arrays in nested lists, tuples and dicts; not any deeper, where a list may hold itself."""
    if isinstance(value, np.ndarray):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return [array for part in parts for array in _arrays(part, depth - 1)] if depth else []


def _signature(name: str, function, args: list, arguments) -> Reply | None:
    """The complaint if a function cannot be called with these arguments."""
    with contextlib.suppress(TypeError, ValueError):  # builtins without a signature
        parameters = inspect.signature(function)
        try:
            parameters.bind(*args)
        except TypeError:
            text = f"{name}{parameters} cannot be called with {len(args)} arguments"
            text += f" ({', '.join(arguments)})." if args and len(arguments) == len(args) else "."
            return Reply(trouble="raised", text=text + " Put the signature back as it was given.", code="signature")
    return None


NOT_HERE = "which this exercise does not allow: write what it does yourself."


def exception_code(error: BaseException) -> str:
    """An exception in short, without its numbers: equal for the same mistake at other sizes."""
    return f"raises {type(error).__name__}: " + re.sub(r"\d+", "#", str(error))[:80]


def _missing(name: str, namespace: dict) -> str:
    if name in namespace:
        return f"{name} is no function any more but {type(namespace[name]).__name__}: run its cell again."
    own = [k for k, v in namespace.items() if inspect.isfunction(v)]
    close = difflib.get_close_matches(name, own, n=1, cutoff=0.75)
    text = f"There is no function {name} yet: run the cell that defines it, then this one."
    return text + (f" There is one called {close[0]}: is the name misspelt?" if close else "")


def _raised(name: str, error: BaseException) -> str:
    """The exception, and the last line of the student's own code that led to it."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "site-packages" not in f.filename and not f.filename.startswith(PACKAGE)]
    text = f"{name} raised {type(error).__name__}: {error}"
    if isinstance(error, ValueError) and "matmul" in str(error):
        text += "\n  (the inner sizes of the matrix product do not fit: is a .T missing, or one too many?)"
    if (
        isinstance(error, (RuntimeError, ValueError))
        and "dtype" in str(error)
        and re.search("double|float64", str(error), re.IGNORECASE)
    ):
        text += "\n  (the given tensors are float64, a new one is float32 unless told: x.new_zeros(...), dtype=x.dtype)"
    if "modified by an inplace operation" in str(error):
        text += (
            "\n  (a tensor that backward needs was overwritten, by an index left of =, by += or by a method with _ at "
        )
        text += "its end; what detach() gives lies in the same memory. Make a new tensor.)"
    if "a leaf Variable that requires grad" in str(error):
        text += (
            "\n  (an argument is changed in place, by an index left of =, by += or by a method with _ at its end; the"
        )
        text += " caller still needs the original. Make a new tensor.)"
    if "backward through the graph a second time" in str(error):
        text += f"\n  (the graph of {name} was used up before: is there a backward in the function itself?)"
    line = linecache.getline(own[-1].filename, own[-1].lineno).strip() if own else ""
    return f"{text}\n  in line {own[-1].lineno}:  {line}" if line else text
