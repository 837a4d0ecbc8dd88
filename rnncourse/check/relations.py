"""What can be said of a wrong answer from its numbers alone, with nothing stored and nothing written by an author.

Three kinds of sentences: a returned value is the expected one changed, or two are exchanged; an argument makes no
difference; the right answer comes out if one argument is changed or two are exchanged. Each holds in all cases, with
enough numbers, or it is not said. The function is called again only through `call.trial`, a limited number of times.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator

import numpy as np

from rnncourse.check import wire
from rnncourse.check.changes import BITS, GIVEN, MOST, NUMBERS, UNUSABLE, Unfit, quiet, returned
from rnncourse.check.compare import Problem
from rnncourse.check.observe import observe
from rnncourse.check.spec import ARGUMENTS, Spec

OPENING = "What the numbers show:"
CALLS, SECONDS = 150, 2.0  # for all further calls of one function
RIGHT_THEN = "the answer would be right"
LONGEST = 0.5  # seconds for one of them


def relations(spec: Spec, seen: list, call: Callable) -> list[str]:
    """At most MOST sentences on a wrong answer; `seen` holds one observation per case."""
    plain = [(case, o) for case, o in zip(spec.cases, seen, strict=True) if case.through is None]
    if not plain or any(o.reply.trouble or o.reply.value is None for _, o in plain):
        return []
    leaves = dict.fromkeys(leaf for _, o in plain for leaf in o.expected if leaf != ARGUMENTS)
    values = {leaf: [_numbers(o, leaf) for _, o in plain] for leaf in leaves}
    wrong = [leaf for leaf in values if not all(o.right.get(leaf, True) for _, o in plain)]
    if not wrong:  # only a property fails, or an argument was changed
        return []
    said, explained = returned(values, wrong, spec.tolerance)
    open_ = {leaf for leaf in wrong if not leaf.startswith("d ")} or {*wrong}  # gradients follow from the values
    finite = all(np.isfinite(got).all() for pairs in values.values() for got, _ in pairs if got is not None)
    if not open_ <= explained and finite and hasattr(call, "trial"):
        again = Again(spec, call.trial)
        with contextlib.suppress(Enough):
            said += itertools.islice(_ignored(spec, plain, again), MOST)
        with contextlib.suppress(Enough):
            said += itertools.islice(_mended(spec, plain, again), 1)
    return said[:MOST]


def _numbers(observed, leaf: str) -> tuple:
    """(what came, what was expected) as arrays; None for what is none, nothing where a case has no such value."""
    if leaf not in observed.expected:
        return np.zeros(0), np.zeros(0)
    came, expected = observed.leaves[leaf], observed.expected[leaf]
    came = came.array if isinstance(came, Problem) else came
    fits = isinstance(came, np.ndarray) and isinstance(expected, np.ndarray) and came.dtype.kind in "biuf"
    return (came, expected) if fits else (None, None)


# What was given


class Enough(Exception):
    """The function has been called often or long enough."""


class Again:
    """Calls the student's function with some arguments of a case changed."""

    def __init__(self, spec: Spec, trial: Callable):
        self.spec, self.trial, self.left, self.end = spec, trial, CALLS, time.monotonic() + SECONDS

    def __call__(self, case, changed: dict[int, object]):
        """The reply with other values at these positions. Raises Enough."""
        seconds = self.end - time.monotonic()
        if self.left <= 0 or seconds <= 0:
            raise Enough
        self.left -= 1
        return self.trial(
            self.spec.name, [changed.get(j, wire.fresh(v)) for j, v in enumerate(case)], min(seconds, LONGEST)
        )


def ignored(spec: Spec, plain: list, again: Again) -> Iterator[str]:
    """The arguments of which other values change nothing in any case; `plain`: (case, observation)."""
    for j, name in enumerate(spec.arguments):
        tried = False
        for case, o in plain:
            given = list(case.inputs.values())
            others = _others(given[j])
            tried = tried or bool(others)
            replies = (again(given, {j: other}) for other in others)
            if any(reply.trouble or not _equal(reply.value, o.reply.value) for reply in replies):
                break
        else:
            if tried:
                yield name


def _ignored(spec: Spec, plain: list, again: Again) -> Iterator[str]:
    idle = (name for name in ignored(spec, plain, again) if name not in spec.unused)
    return (f"{name} makes no difference to the answer" for name in idle)


def _equal(a, b) -> bool:
    """Exactly the same numbers (0 equals -0)?"""
    if isinstance(a, (list, tuple)):
        return isinstance(b, (list, tuple)) and len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(_equal(a[k], b[k]) for k in a)
    return bool(np.array_equal(a, b))


def _others(value) -> list:
    """Values of the same kind that should make a difference; of whole numbers also all the largest, all the least."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, (int, float)):
        return [value * 0.83 if isinstance(value, float) else value + 1]
    if not isinstance(value, np.ndarray) or value.size == 0:
        return []
    if value.dtype.kind == "b":
        others = [~value]
    elif value.dtype.kind == "f":
        others = [1 - value if np.isin(value, (0, 1)).all() else 0.7 * np.flip(value)]
    else:
        others = [np.roll(value, 1), np.full_like(value, value.max()), np.full_like(value, value.min())]
    return [o for o in others if not wire.same(np.ascontiguousarray(o), np.ascontiguousarray(value))]


def _mended(spec: Spec, plain: list, again: Again) -> Iterator[str]:
    """Changes of one argument, or of two exchanged, with which the answer is right in all cases."""
    plain = sorted(plain, key=lambda pair: pair[1].passed)  # the wrong cases decide soonest
    first = list(plain[0][0].inputs.values())
    kinds = [_kind(value) for value in first]
    for j, l in itertools.combinations(range(len(first)), 2):
        if kinds[j] == kinds[l] is not None and _mends(spec, plain, again, lambda v, j=j, l=l: {j: v[l], l: v[j]}):
            yield f"with {spec.arguments[j]} and {spec.arguments[l]} exchanged {RIGHT_THEN}"
    for j, name in enumerate(spec.arguments):
        for text, change in GIVEN.items() if kinds[j] else ():
            if _mends(spec, plain, again, lambda v, j=j, change=change: {j: _changed(v[j], change)}):
                yield f"with {text.format(name)} {RIGHT_THEN}"


def _kind(value):
    """What two arguments have in common that may be taken for each other; None for what is neither number nor array."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind, value.shape
    return type(value) if isinstance(value, (bool, int, float)) else None


def _changed(value, change: Callable):
    """An argument changed, of the same type. Raises Unfit."""
    with quiet():
        new = change(value)
    if np.asarray(new).dtype.kind != np.asarray(value).dtype.kind or not np.isfinite(new).all():
        raise Unfit
    return new if isinstance(value, np.ndarray) else type(value)(new)


def _mends(spec: Spec, plain: list, again: Again, change: Callable) -> bool:
    numbers = 0.0
    for case, o in plain:
        given = list(case.inputs.values())
        try:
            changed = change(given)
        except UNUSABLE:
            return False
        if all(wire.same(new, given[j]) for j, new in changed.items()):
            if o.passed:
                continue
            return False
        now = observe(spec, case, None, again(given, changed))
        own = {f"d {spec.arguments[j]}" for j in changed}  # its gradient is another, too
        if not all(ok for leaf, ok in now.right.items() if leaf != ARGUMENTS and leaf not in own):
            return False
        numbers += sum(_worth(o.expected[leaf]) for leaf, ok in o.right.items() if not ok and leaf != ARGUMENTS)
    return numbers >= NUMBERS


def _worth(expected) -> float:
    """How many numbers it takes to get this value right."""
    if not isinstance(expected, np.ndarray):
        return 1.0
    return expected.size / (BITS if expected.dtype.kind == "b" else 1)
