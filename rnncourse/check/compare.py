"""Compare what a student's function gave with what is expected, leaf by leaf, and take fingerprints of results.

A returned value is split into named leaves: an array or number, a text, or a list of numbers or of texts. The expected
value decides the structure: lists equal tuples, dicts go by key, a Python float equals a 0-d array.
"""

from __future__ import annotations

import hashlib
import numbers
import zlib
from dataclasses import dataclass

import numpy as np

PROJECTIONS = 4
PRINT_TOLERANCE = 1e-3  # of the leaf's root mean square: float32 answers and other summation orders stay far below it
ABSOLUTE = 1e-8
MOST_PRINTED = 10_000  # entries
MOST_COUNTED = 16


class Wrong(ValueError):
    """A result that cannot be compared; its text is shown to the student as it stands."""


@dataclass(frozen=True)
class Problem:
    """Why a leaf cannot be compared by value: a stable `code` for fingerprints, a `text` for the student."""

    code: str
    text: str
    array: np.ndarray | None = None  # what came, where numbers came in the wrong form


Leaf = np.ndarray | str | Problem


def described(value) -> str:
    """What a value is, in a student's words."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of length {len(value)}"
    if isinstance(value, (bool, int, float, str)):
        return f"the {type(value).__name__} {value!r:.60}"
    return f"a {type(value).__module__}.{type(value).__name__}".replace("builtins.", "")


def is_number(value) -> bool:
    return isinstance(value, (numbers.Number, np.bool_)) or (isinstance(value, np.ndarray) and value.ndim == 0)


def _all(kind, values) -> bool:
    return len(values) > 0 and all(kind(v) for v in values)


def _is_text(value) -> bool:
    return isinstance(value, str)


def leaves(value, expected, names) -> dict[str, Leaf]:
    """Split `value` into named leaves, in the structure of `expected`.

    `names` is a string (one returned value), a tuple of strings (a returned tuple) or None (a dict with the names as
    its keys). What does not fit is a Problem.
    """
    if names is None:
        fits = isinstance(value, dict) and value.keys() == expected.keys()
        parts = tuple(value[k] for k in expected) if fits else value
        return leaves(parts, tuple(expected.values()), tuple(expected))
    if isinstance(names, str):
        if value is None and expected is not None:
            return _everywhere(expected, names, _none(f"{names}, {described(expected)}"))
        if isinstance(value, (tuple, list)) and not isinstance(expected, (tuple, list)) and len(value) != 1:
            text = f"returned {described(value)}; expected {names} alone, {described(expected)}."
            if isinstance(value, list) and isinstance(expected, np.ndarray):
                text = f"returned {described(value)}; expected {names} as one array of shape {expected.shape}"
                text += ": np.stack makes one of a list."
            return _everywhere(expected, names, Problem(f"count {len(value)}", text))
        return _split(value, expected, names)
    wanted = f"{len(names)} values ({', '.join(names)})"
    if not isinstance(value, (tuple, list)) or len(value) != len(names):
        came = f"{len(value)} values" if isinstance(value, (tuple, list)) else described(value)
        problem = Problem(f"count {came}", f"returned {came}; expected {wanted}.")
        if value is None:
            problem = _none(wanted)
        return {k: v for e, n in zip(expected, names, strict=True) for k, v in _everywhere(e, n, problem).items()}
    found = {}
    for part, like, name in zip(value, expected, names, strict=True):
        found |= _split(part, like, name)
    return found


def _none(wanted: str) -> Problem:
    return Problem("None", f"returned None; expected {wanted}. Is a `return` missing at the end?")


def _everywhere(expected, name, problem) -> dict[str, Leaf]:
    return dict.fromkeys(_split(expected, expected, name), problem)


def _split(value, expected, name) -> dict[str, Leaf]:
    """The leaves of one returned value."""
    if isinstance(expected, dict):
        if not isinstance(value, dict) or set(value) != set(expected):
            came = f"the keys {sorted(map(str, value))!s:.300}" if isinstance(value, dict) else described(value)
            problem = Problem(
                f"keys {came}", f"{name} has {came}; expected a dict with keys {sorted(map(str, expected))}."
            )
            return _everywhere(expected, name, problem)
        return {k: v for key in expected for k, v in _split(value[key], expected[key], f"{name}[{key!r}]").items()}
    if isinstance(expected, (list, tuple)) and not _all(is_number, expected) and not _all(_is_text, expected):
        if not expected:
            return {
                name: np.zeros(0)
                if (isinstance(value, (list, tuple)) and not value)
                or (isinstance(value, np.ndarray) and value.shape == (0,))
                else _misfit(value, expected, name)
            }
        if isinstance(value, np.ndarray) and value.ndim > 0 and len(value) == len(expected):
            value = list(value)
        if not isinstance(value, (list, tuple)) or len(value) != len(expected):
            return _everywhere(expected, name, _misfit(value, expected, name))
        found = {}
        for k, (part, like) in enumerate(zip(value, expected, strict=True)):
            found |= _split(part, like, f"{name}[{k}]")
        return found
    return {name: _leaf(value, expected, name)}


def _misfit(value, expected, name) -> Problem:
    code = "None" if value is None else f"type {described(value)}"
    return Problem(code, f"{name} is {described(value)}; expected {described(expected)}.")


def _leaf(value, expected, name) -> Leaf:
    if expected is None or isinstance(expected, str):
        return str(value) if type(value) is type(expected) else _misfit(value, expected, name)
    if isinstance(expected, (list, tuple)):
        if isinstance(value, np.ndarray) and value.ndim == 1 and len(value) == len(expected):
            value = value.tolist()
        if not isinstance(value, (list, tuple)) or len(value) != len(expected):
            return _misfit(value, expected, name)
        if _all(_is_text, expected):
            return "\x1f".join(value) if _all(_is_text, value) else _misfit(value, expected, name)
        if not _all(is_number, value):
            return _misfit(value, expected, name)
    elif isinstance(value, float) and is_number(expected) and np.asarray(expected).dtype.kind in "iu":
        text = f"{name} is the float {value!r}; expected an int (// divides without a fraction)."
        return Problem("dtype", text, np.asarray(value))
    elif not (is_number(value) or isinstance(value, np.ndarray)):
        problem = _misfit(value, expected, name)
        hint = ""
        if isinstance(value, tuple) and isinstance(expected, np.ndarray):
            hint = " Asked for is one array, not several side by side."
        elif isinstance(value, list) and isinstance(expected, np.ndarray):
            hint = " Make it one array: np.array for a list of numbers, np.stack for a list of arrays."
        elif type(value).__module__.split(".")[0] == "torch":
            hint = " This unit is solved with NumPy."
        return Problem(problem.code, problem.text + hint)
    return _array(np.asarray(value), np.asarray(expected), name)


def _array(array, expected, name) -> Leaf:
    if array.dtype.kind not in "biuf":
        what = "object (rows of different lengths?)" if array.dtype.kind == "O" else str(array.dtype)
        return Problem(f"dtype {array.dtype.kind}", f"{name} has dtype {what}; expected {expected.dtype}.")
    if array.shape != expected.shape:
        text = f"{name} has shape {array.shape}; expected {expected.shape}.{_shape_hint(array, expected)}"
        return Problem("shape", text, array)
    if expected.dtype.kind in "iu" and array.dtype.kind == "f":
        return Problem("dtype", f"{name} has dtype {array.dtype}; expected integers.", array)
    if expected.dtype.kind == "b" and array.dtype.kind != "b":
        text = f"{name} has dtype {array.dtype}; expected a mask of True and False (dtype bool)."
        return Problem("dtype", text, array)
    if array.dtype.kind == "f" and not np.isfinite(array).all() and np.isfinite(expected).all():
        bad = ~np.isfinite(array)
        text = f"{name} is {str(array[()]).replace('nan', 'NaN')}, which is no finite number."
        if array.ndim:
            place = ", ".join(map(str, np.argwhere(bad)[0]))
            text = f"{name} has NaN or infinite entries: {bad.sum()} of {bad.size}, the first at {name}[{place}]."
        return Problem("not finite", text, array)
    return array


def _shape_hint(array, expected) -> str:
    if array.shape == expected.shape[::-1]:
        return " It looks transposed."
    if array.ndim > expected.ndim and array.squeeze().shape == expected.squeeze().shape:
        return " There is an axis of length 1 too many."
    if array.ndim < expected.ndim and array.shape == expected.squeeze().shape:
        return " Axes of length 1 are missing: is there a squeeze, or an index where a slice should be?"
    if array.size == expected.size:
        return " The number of entries is right: check the order of the axes, or a reshape."
    return ""


def rms(array) -> float:
    """Root mean square; 0 for an empty array."""
    with np.errstate(over="ignore"):  # a student's numbers may be of any size
        return float(np.sqrt(np.mean(np.square(array, dtype=np.float64)))) if array.size else 0.0


def agree(leaf: Leaf, expected: np.ndarray | str, tolerance: float) -> bool:
    """Is the leaf within `tolerance` times the expected root mean square (plus 1e-8) of the expected one?"""
    if isinstance(leaf, Problem) or isinstance(expected, str) or isinstance(leaf, str):
        return isinstance(leaf, str) and leaf == expected
    if expected.dtype.kind in "biu" and leaf.dtype.kind in "biu":
        return bool(np.array_equal(leaf, expected))
    with np.errstate(invalid="ignore"):  # infinity minus infinity: equal infinities are right
        error = np.abs(leaf.astype(np.float64) - expected.astype(np.float64))
    # "is within", never "is not greater": NaN must not pass
    return bool(np.all((error <= tolerance * rms(expected[np.isfinite(expected)]) + ABSOLUTE) | (leaf == expected)))


def fingerprint(leaf: Leaf, expected: Leaf | None = None) -> list[float] | str:
    """A leaf as a few numbers that do not give it away: random projections and the root mean square.

    What is much larger than the expected leaf is "large": nobody waits for millions of random numbers.
    """
    if isinstance(leaf, Problem):
        if leaf.array is None:
            return leaf.code
        leaf = leaf.array
    if isinstance(leaf, str):
        return "text " + hashlib.sha256(leaf.encode()).hexdigest()[:16]
    if leaf.size > max(MOST_PRINTED, 10 * getattr(expected, "size", 0)):
        return "large"
    flat = _finite(leaf.astype(np.float64).ravel())
    # RandomState's stream is frozen by NumPy's compatibility policy; Generator's is not
    seed = zlib.crc32(str(leaf.shape).encode())  # another shape, another fingerprint
    weights = np.random.RandomState(seed).standard_normal((min(PROJECTIONS, leaf.size), leaf.size))
    with np.errstate(over="ignore", invalid="ignore"):
        return [float(f"{v:.10g}") for v in (*(weights @ flat / np.sqrt(max(leaf.size, 1))), rms(flat))]


def evidence(leaf: Leaf, expected: Leaf) -> frozenset:
    """The different numbers that came out wrong, at most MOST_COUNTED: what a match of fingerprints rests on.

    NaN is none, a constant array is one, and it takes eight entries of a mask, one of them wrong, to make one.
    """
    array = leaf.array if isinstance(leaf, Problem) else leaf
    if not isinstance(array, np.ndarray) or array.size > MOST_PRINTED:
        return frozenset()
    fits = isinstance(expected, np.ndarray) and array.shape == expected.shape
    if array.dtype.kind == "b":
        bits, wrong = np.packbits(array), np.packbits(array != expected) if fits else np.ones(array.size)
        return frozenset((array.shape, k, int(bits[k])) for k in range(array.size // 8) if wrong[k])
    wrong = array.astype(np.float64).ravel()
    if fits:
        with np.errstate(invalid="ignore"):
            size = rms(expected[np.isfinite(expected)])
            wrong = wrong[np.abs(wrong - expected.ravel()) > PRINT_TOLERANCE * size + ABSOLUTE]
    wrong = wrong[np.isfinite(wrong)][:MOST_COUNTED]
    return frozenset(float(f"{v:.4g}") for v in wrong)


def _finite(flat: np.ndarray) -> np.ndarray:
    """NaN and infinities as numbers of the size of the others: where they stand belongs to the fingerprint."""
    size = rms(flat[np.isfinite(flat)]) or 1.0
    return np.nan_to_num(flat, nan=7 * size, posinf=11 * size, neginf=-13 * size)


def alike(print_a, print_b, right) -> bool:
    """Do two fingerprints show the same result, and one clearly other than the `right` one?"""
    if isinstance(print_a, str) or isinstance(print_b, str):
        return print_a == print_b
    if len(print_a) != len(print_b):  # of another size
        return False
    a, b = np.array(print_a), np.array(print_b)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return print_a == print_b
    apart = np.abs(a - b).max()
    if isinstance(right, list) and len(right) == len(a) and not apart <= 0.3 * np.abs(a - np.array(right)).max():
        return False
    return bool(apart <= PRINT_TOLERANCE * max(a[-1], b[-1]) + ABSOLUTE)
