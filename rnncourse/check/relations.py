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
from rnncourse.check.compare import ABSOLUTE, Problem, rms
from rnncourse.check.observe import observe
from rnncourse.check.spec import ARGUMENTS, Spec

OPENING = "What the numbers show:"
MOST = 2  # sentences
NUMBERS = 4  # that must tell the changed value from the right one
BITS = 8  # entries of a mask that count as one number
CALLS, SECONDS = 150, 1.0  # for all further calls of one function

# A returned value that came out changed: what is said, and the change of the expected value
RETURNED = {
    "{} {has} the wrong sign": lambda a: -a,
    "{} {is} twice as large as {it} should be": lambda a: 2 * a,
    "{} {is} half as large as {it} should be": lambda a: a / 2,
    "{} {is} the square of what {it} should be": lambda a: a * a,
    "{} {is} the square root of what {it} should be": np.sqrt,
    "{} {is} turned upside down: 1 divided by what is asked for": lambda a: 1 / a,
    "{} {is} the logarithm of what is asked for": np.log,
    "a logarithm is missing in {}": np.exp,
    "a logarithm to the base 10 is missing in {}": lambda a: 10.0**a,
    "the logarithm in {} has the base e, not 10": lambda a: a * np.log(10),
    "the logarithm in {} has the base 10, not e": lambda a: a / np.log(10),
    "the logarithm in {} has the base 2, not e": lambda a: a / np.log(2),
    "the logarithm in {} has the base e, not 2": lambda a: a * np.log(2),
    "{} {has} lost the sign": np.abs,
    "{} {is} the wrong way round: True where False belongs": lambda a: ~_mask(a),
    "{} {is} 1 minus what {it} should be": lambda a: 1 - _share(a),
    "{} {is} zero everywhere": lambda a: 0 * a,
    "{} {is} larger by one than {it} should be": lambda a: _whole(a) + 1,
    "{} {is} smaller by one than {it} should be": lambda a: _whole(a) - 1,
    "{} {has} lost the fractions: is an array of integers filled?": np.trunc,
    "{} {is} transposed": lambda a: a.T,
    "the first two axes of {} are exchanged": lambda a: a.swapaxes(0, 1),
    "the last two axes of {} are exchanged": lambda a: a.swapaxes(-1, -2),
    "{} {stands} in reverse order": lambda a: a[::-1],
    "the second axis of {} stands in reverse order": lambda a: a[:, ::-1],
    "the last axis of {} stands in reverse order": lambda a: a[..., ::-1],
    "{} {is} sorted from the largest, and should not be": lambda a: -np.sort(-a, axis=-1),
    "{} {is} sorted, and should not be": lambda a: np.sort(a, axis=-1),
    "{} {comes} one step too late": lambda a: np.concatenate([0 * a[:1], a[:-1]]),
    "{} {comes} one step too early": lambda a: np.concatenate([a[1:], 0 * a[:1]]),
    "{} {is} rolled on by one step, the last to the front": lambda a: np.roll(a, 1, axis=0),
    "{} {is} rolled back by one step, the first to the end": lambda a: np.roll(a, -1, axis=0),
    "the first step (or row) of {} is zero": lambda a: np.concatenate([0 * a[:1], a[1:]]),
    "the last step (or row) of {} is zero": lambda a: np.concatenate([a[:-1], 0 * a[-1:]]),
    "the first step (or row) of {} is missing": lambda a: a[1:],
    "the last step (or row) of {} is missing": lambda a: a[:-1],
    "{} {is} the first step (or row) alone": lambda a: a[0],
    "{} {is} the last step (or row) alone": lambda a: a[-1],
    "the first step (or row) of {} stands everywhere": lambda a: np.repeat(a[:1], len(a), axis=0),
    "the last step (or row) of {} stands everywhere": lambda a: np.repeat(a[-1:], len(a), axis=0),
    "{} {is} added up along the first axis": lambda a: np.cumsum(a, axis=0),
    "{} {is} added up along the first axis, from the end": lambda a: np.cumsum(a[::-1], axis=0)[::-1],
    "{} {is} not added up along the first axis": lambda a: np.diff(a, axis=0, prepend=0 * a[:1]),
    "{} {is} summed over the first axis": lambda a: a.sum(axis=0),
    "{} {is} summed over the second axis": lambda a: a.sum(axis=1),
    "{} {is} averaged over the first axis": lambda a: a.mean(axis=0),
    "{} {is} averaged over the second axis": lambda a: a.mean(axis=1),
    "{} {is} divided by the length of the first axis": lambda a: a / len(a),
    "{} {is} divided by the number of entries": lambda a: a / a.size,
    "{} {is} scaled to length 1": lambda a: a / np.linalg.norm(a),
    "{} {is} limited to values from -1 to 1": lambda a: np.clip(a, -1, 1),
    "the negative values of {} are cut off": lambda a: np.maximum(a, 0),
    "{} {has} one axis in place of several": lambda a: a.ravel(),
}

# An argument whose change makes the answer right: what is said, and the change
GIVEN = {
    "{} enters with the wrong sign": lambda a: -a,
    "{} is read in reverse order": lambda a: a[::-1].copy(),
    "{} is used in the wrong orientation: with its transpose the answer is right": lambda a: a.T.copy(),
    "{} is read one step too late": lambda a: np.roll(a, 1, axis=0),
    "{} is read one step too early": lambda a: np.roll(a, -1, axis=0),
    "{} counts one too low": lambda a: _whole(a) + 1,
    "{} counts one too high": lambda a: _whole(a) - 1,
    "1 minus {} is used in place of {}": lambda a: 1 - _share(a),
    "{} is used the wrong way round: as if True were False": lambda a: ~_mask(a),
    "1 divided by {} is used in place of {}": lambda a: 1 / a,
    "a square of {} is missing": lambda a: a * a,
    "a square root of {} is missing": np.sqrt,
    "{} counts twice": lambda a: a / 2,
    "{} counts by half": lambda a: 2 * a,
}


class Unfit(ValueError):
    """A change that makes no sense for such values."""


UNUSABLE = (Unfit, ValueError, IndexError, TypeError, AttributeError, ArithmeticError)


def _where(fits: bool, value):
    if not fits:
        raise Unfit
    return value


def _mask(a):
    return _where(np.asarray(a).dtype.kind == "b", a)


def _whole(a):
    return _where(np.asarray(a).dtype.kind in "iu", a)


def _share(a):
    return _where(np.asarray(a).dtype.kind == "f" and np.all((np.asarray(a) >= 0) & (np.asarray(a) <= 1)), a)


def relations(spec: Spec, seen: list, call: Callable) -> list[str]:
    """At most MOST sentences on a wrong answer; `seen` holds one observation per case."""
    plain = [(case, o) for case, o in zip(spec.cases, seen, strict=True) if case.through is None]
    if not plain or any(o.reply.trouble for _, o in plain):
        return []
    values = {leaf: [_numbers(o, leaf) for _, o in plain] for leaf in plain[0][1].expected if leaf != ARGUMENTS}
    wrong = [leaf for leaf in values if not all(o.right[leaf] for _, o in plain)]
    if not wrong:  # only a property fails, or an argument was changed
        return []
    said, explained = _returned(values, wrong, spec.tolerance)
    finite = all(np.isfinite(got).all() for pairs in values.values() for got, _ in pairs if got is not None)
    if explained < len(wrong) and finite and hasattr(call, "trial"):
        again = Again(spec, call.trial)
        with contextlib.suppress(Enough):
            said += itertools.islice(_ignored(spec, plain, again), MOST)
        with contextlib.suppress(Enough):
            said += itertools.islice(_mended(spec, plain, again), 1)
    return said[:MOST]


def _numbers(observed, leaf: str) -> tuple:
    """(what came, what was expected) as arrays; None for what is none."""
    came, expected = observed.leaves[leaf], observed.expected[leaf]
    came = came.array if isinstance(came, Problem) else came
    fits = isinstance(came, np.ndarray) and isinstance(expected, np.ndarray) and came.dtype.kind in "biuf"
    return (came, expected) if fits else (None, None)


# What was returned


def _returned(values: dict, wrong: list[str], tolerance: float) -> tuple[list[str], int]:
    """Sentences on returned values that are the expected ones changed or exchanged, and how many values they explain.

    `values`: (what came, what was expected) of all cases by leaf.
    """
    told: dict[str, list[str]] = {}  # sentence -> the values of which it is true
    open_ = [leaf for leaf in wrong if all(came is not None for came, _ in values[leaf])]
    for a, b in itertools.permutations(values, 2):
        if a in open_ and _is_other(values[a], values[b], tolerance):
            if b in open_ and _is_other(values[b], values[a], tolerance):
                told[f"{a} and {b} are exchanged"] = [a, b]
                open_.remove(b)
            else:
                told[f"{b} is returned where {a} belongs"] = [a]
            open_.remove(a)
    for leaf in open_:
        text = next((text for text, change in RETURNED.items() if _is_changed(values[leaf], change, tolerance)), None)
        if text is not None:
            told.setdefault(text, []).append(leaf)
    ranked = sorted(told.items(), key=lambda item: -len(item[1]))[:MOST]
    return [_sentence(text, leaves) for text, leaves in ranked], sum(len(leaves) for _, leaves in ranked)


def _sentence(text: str, leaves: list[str]) -> str:
    few = len(leaves) == 1
    listed = leaves[0] if few else ", ".join(leaves[:-1]) + " and " + leaves[-1]
    verbs = ("is", "has", "it", "comes", "stands"), ("are", "have", "they", "come", "stand")
    return text.format(listed, **dict(zip(verbs[0], verbs[not few], strict=True)))


def _is_other(pairs: list, others: list, tolerance: float) -> bool:
    """Did the expected value of another leaf come in every case?"""
    return all(
        b is not None and _close(came, b, tolerance) for (came, _), (_, b) in zip(pairs, others, strict=True)
    ) and (_told(((b, a) for (_, a), (_, b) in zip(pairs, others, strict=True)), tolerance))


def _is_changed(pairs: list, change: Callable, tolerance: float) -> bool:
    """Did the expected value, changed so, come in every case?"""
    made = []
    for came, expected in pairs:
        try:
            with np.errstate(all="ignore"):
                made.append((np.asarray(change(expected)), expected))
        except UNUSABLE:
            return False
        if not _close(came, made[-1][0], tolerance):
            return False
    return _told(made, tolerance)


def _close(came: np.ndarray, wanted: np.ndarray, tolerance: float) -> bool:
    """Equal within the tolerance of an answer; NaN equals nothing."""
    if came.shape != wanted.shape or (came.dtype.kind == "b") != (wanted.dtype.kind == "b"):
        return False
    return not _apart(came, wanted, tolerance).any()


def _apart(a: np.ndarray, b: np.ndarray, tolerance: float) -> np.ndarray:
    with np.errstate(all="ignore"):
        a, b = a.astype(np.float64), b.astype(np.float64)
        return ~(np.abs(a - b) <= tolerance * rms(b[np.isfinite(b)]) + ABSOLUTE)


def _told(pairs, tolerance: float) -> bool:
    """Do enough numbers tell the first arrays from the second?"""
    numbers = 0.0
    for a, b in pairs:
        apart = a.size if a.shape != b.shape else _apart(a, b, tolerance).sum()
        numbers += apart / (BITS if b.dtype.kind == "b" else 1)
    return numbers >= NUMBERS


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
        return self.trial(self.spec.name, [changed.get(j, wire.fresh(v)) for j, v in enumerate(case)], seconds)


def ignored(spec: Spec, plain: list, again: Again) -> Iterator[str]:
    """The arguments of which another value changes nothing in any case; `plain`: (case, observation)."""
    for j, name in enumerate(spec.arguments):
        tried = False
        for case, o in plain:
            given = list(case.inputs.values())
            other = _another(given[j])
            if other is None:
                continue
            reply = again(given, {j: other})
            tried = True
            if reply.trouble or not wire.same(reply.value, o.reply.value):
                break
        else:
            if tried:
                yield name


def _ignored(spec: Spec, plain: list, again: Again) -> Iterator[str]:
    idle = (name for name in ignored(spec, plain, again) if name not in spec.unused)
    return (f"{name} makes no difference to the answer" for name in idle)


def _another(value):
    """A value of the same kind that should make a difference; None if there is none."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value * 0.83 if isinstance(value, float) else value + 1
    if not isinstance(value, np.ndarray) or value.size == 0:
        return None
    if value.dtype.kind == "b":
        other = ~value
    elif value.dtype.kind == "f":
        other = 1 - value if np.isin(value, (0, 1)).all() else 0.7 * np.flip(value)
    else:
        other = np.roll(value, 1)
    return None if wire.same(np.ascontiguousarray(other), np.ascontiguousarray(value)) else other


def _mended(spec: Spec, plain: list, again: Again) -> Iterator[str]:
    """Changes of one argument, or of two exchanged, with which the answer is right in all cases."""
    plain = sorted(plain, key=lambda pair: pair[1].passed)  # the wrong cases decide soonest
    first = list(plain[0][0].inputs.values())
    kinds = [_kind(value) for value in first]
    for j, l in itertools.combinations(range(len(first)), 2):
        if kinds[j] == kinds[l] is not None and _mends(spec, plain, again, lambda v, j=j, l=l: {j: v[l], l: v[j]}):
            yield f"{spec.arguments[j]} and {spec.arguments[l]} are exchanged"
    for j, name in enumerate(spec.arguments):
        for text, change in GIVEN.items() if kinds[j] else ():
            if _mends(spec, plain, again, lambda v, j=j, change=change: {j: _changed(v[j], change)}):
                yield text.format(name, name)


def _kind(value):
    """What two arguments have in common that may be taken for each other; None for what is neither number nor array."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind, value.shape
    return type(value) if isinstance(value, (bool, int, float)) else None


def _changed(value, change: Callable):
    """An argument changed, of the same type. Raises Unfit."""
    with np.errstate(all="ignore"):
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
        if not all(ok for leaf, ok in now.right.items() if leaf != ARGUMENTS):
            return False
        numbers += sum(_worth(o.expected[leaf]) for leaf, ok in o.right.items() if not ok and leaf != ARGUMENTS)
    return numbers >= NUMBERS


def _worth(expected) -> float:
    """How many numbers it takes to get this value right."""
    if not isinstance(expected, np.ndarray):
        return 1.0
    return expected.size / (BITS if expected.dtype.kind == "b" else 1)
