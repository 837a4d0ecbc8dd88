"""Changes of values: which turns what was expected into what came, which what was given into what was meant?"""

from __future__ import annotations

import contextlib
import itertools
import warnings
from collections.abc import Callable

import numpy as np

from rnncourse.check.compare import ABSOLUTE, rms

MOST = 2  # sentences
NUMBERS = 4  # that must tell the changed value from the right one
BITS = 8  # entries of a mask that count as one number

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
    "{} {is} the wrong way round: True where False belongs": lambda a: ~mask(a),
    "{} {is} 1 minus what {it} should be": lambda a: 1 - share(a),
    "{} {is} zero everywhere": lambda a: 0 * a,
    "{} {is} larger by one than {it} should be": lambda a: whole(a) + 1,
    "{} {is} smaller by one than {it} should be": lambda a: whole(a) - 1,
    "{} {has} lost the fractions (is an array of integers filled?)": np.trunc,
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
    "{} {is} scaled to length 1": lambda a: a / np.linalg.norm(_where(np.size(a) > 1, a)),
    "{} {is} limited to values from -1 to 1": lambda a: np.clip(real(a), -1, 1),
    "the negative values of {} are cut off": lambda a: np.maximum(real(a), 0),
    "{} {has} one axis in place of several": lambda a: a.ravel(),
}

# Changes of an argument with which the answer may come out right, as a student writes them
GIVEN = {
    "-{0} in place of {0}": lambda a: -a,
    "{0} in reverse order": lambda a: a[::-1].copy(),
    "{0} transposed": lambda a: np.transpose(a).copy(),
    "{0} one step later": lambda a: np.roll(a, 1, axis=0),
    "{0} one step earlier": lambda a: np.roll(a, -1, axis=0),
    "{0} + 1 in place of {0}": lambda a: whole(a) + 1,
    "{0} - 1 in place of {0}": lambda a: whole(a) - 1,
    "1 - {0} in place of {0}": lambda a: 1 - share(a),
    "True and False of {0} exchanged": lambda a: ~mask(a),
    "1 / {0} in place of {0}": lambda a: 1 / a,
    "the square of {0} in place of {0}": lambda a: a * a,
    "the square root of {0} in place of {0}": np.sqrt,
    "half of {0} in place of {0}": lambda a: a / 2,
    "twice {0} in place of {0}": lambda a: 2 * a,
}


class Unfit(ValueError):
    """A change that makes no sense for such values."""


UNUSABLE = (Unfit, ValueError, IndexError, TypeError, AttributeError, ArithmeticError)


def _where(fits: bool, value):
    if not fits:
        raise Unfit
    return value


@contextlib.contextmanager
def quiet():
    """No warnings of numbers that are not there: they would be printed in the student's notebook."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def mask(a):
    return _where(np.asarray(a).dtype.kind == "b", a)


def whole(a):
    return _where(np.asarray(a).dtype.kind in "iu", a)


def real(a):
    return _where(np.asarray(a).dtype.kind == "f", a)


def share(a):
    return _where(bool(np.all((np.asarray(real(a)) >= 0) & (np.asarray(a) <= 1))), a)


def returned(values: dict, wrong: list[str], tolerance: float) -> tuple[list[str], set[str]]:
    """Sentences on returned values that are the expected ones changed or exchanged, and the values they explain.

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
    return [_sentence(text, leaves) for text, leaves in ranked], {leaf for _, leaves in ranked for leaf in leaves}


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
            with quiet():
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
    """Do enough numbers tell the first arrays from the second?

    Arrays of other shapes differ by their numbers, unless these are all equal or only axes of length 1 differ.
    """
    numbers = 0.0
    for a, b in pairs:
        if a.shape == b.shape:
            apart = _apart(a, b, tolerance).sum()
        else:
            apart = a.size * (a.squeeze().shape != b.squeeze().shape and np.unique(b).size > 1)
        numbers += apart / (BITS if b.dtype.kind == "b" else 1)
    return numbers >= NUMBERS
