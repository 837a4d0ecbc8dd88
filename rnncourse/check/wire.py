"""Plain values as JSON and back: numbers, texts, lists, tuples, dicts, arrays and functions of `rnncourse.check.toys`.

Nothing else crosses, above all no pickle: decoding runs nobody's code.
"""

from __future__ import annotations

import numpy as np

from rnncourse.check import toys

DIGITS = 10  # significant digits of a stored float: enough for every tolerance here, stable across processors


def strided(array: np.ndarray) -> np.ndarray:
    """A non-contiguous array with the same values, as a slice of a larger array is."""
    if array.ndim == 0:
        return array
    buffer = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), dtype=array.dtype)
    buffer[..., ::2] = array
    return buffer[..., ::2]


def fresh(value):
    """A deep copy that keeps non-contiguous arrays non-contiguous."""
    if isinstance(value, np.ndarray):
        return value.copy() if value.flags.c_contiguous else strided(value)
    if isinstance(value, (list, tuple)):
        return type(value)(fresh(v) for v in value)
    if isinstance(value, dict):
        return {k: fresh(v) for k, v in value.items()}
    return value


def same(a, b) -> bool:
    """Are two plain values identical (NaN equals NaN)?"""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        if type(a) is not type(b) or a.shape != b.shape or a.dtype != b.dtype:
            return False
        return a.tobytes() == b.tobytes()
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and (a == b or a != a)


def _round(number: float):
    return float(f"{number:.{DIGITS}g}") if np.isfinite(number) else {"float": repr(float(number))}


def encode(value):
    """A plain value as something `json.dumps` takes.

    Raises TypeError for anything that is not plain data or a function of `rnncourse.check.toys`.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, (float, np.floating)):
        return _round(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        flat = value.ravel().tolist()
        coded = {
            "array": [_round(v) for v in flat] if value.dtype.kind == "f" else flat,
            "shape": list(value.shape),
            "dtype": str(value.dtype),
        }
        return coded if value.flags.c_contiguous else coded | {"layout": "strided"}
    if isinstance(value, list):
        return [encode(v) for v in value]
    if isinstance(value, tuple):
        return {"tuple": [encode(v) for v in value]}
    if isinstance(value, dict):
        return {"dict": [[encode(k), encode(v)] for k, v in value.items()]}
    if callable(value) and getattr(toys, getattr(value, "__name__", ""), None) is value:
        return {"toy": value.__name__}
    raise TypeError(
        f"cannot store {type(value).__name__} {value!r:.80}: only plain data and functions of rnncourse.check.toys"
    )


def decode(coded):
    """The value that `encode` stored."""
    if isinstance(coded, list):
        return [decode(v) for v in coded]
    if not isinstance(coded, dict):
        return coded
    if "array" in coded:
        array = np.array([decode(v) for v in coded["array"]], dtype=coded["dtype"]).reshape(coded["shape"])
        return strided(array) if coded.get("layout") == "strided" else array
    if "tuple" in coded:
        return tuple(decode(v) for v in coded["tuple"])
    if "dict" in coded:
        return {decode(k): decode(v) for k, v in coded["dict"]}
    if "toy" in coded:
        return getattr(toys, coded["toy"])
    return float(coded["float"])
