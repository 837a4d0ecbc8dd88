"""Token ids at the door of every function that takes them."""

import operator

import numpy as np


def whole(name: str, number, of: str) -> int:
    """A number (`of` something) as Python's int, which never overflows. ValueError if it is none."""
    try:
        return operator.index(number)
    except TypeError:
        kind = type(number).__name__
        raise ValueError(f"{name}={number!r} is a {kind}, expected the number of {of}: pass an int") from None


def size(V) -> int:
    """The vocabulary's size. ValueError if it is none."""
    V = whole("V", V, "symbols")
    if V < 1:
        raise ValueError(f"V={V}, expected at least one symbol")
    return V


def checked(name: str, ids, V: int | None = None) -> np.ndarray:
    """`ids` (N,) as int64. ValueError unless they are integers on one axis, from 0 to V - 1 if V is given."""
    ids = np.asarray(ids)
    if ids.ndim != 1 or (ids.size and not np.issubdtype(ids.dtype, np.integer)):
        raise ValueError(f"{name} has shape {ids.shape} and dtype {ids.dtype}, expected integers (N,)")
    if ids.size and V is not None and (ids.min() < 0 or ids.max() >= V):
        raise ValueError(f"{name} runs from {ids.min()} to {ids.max()}, but V={V} allows 0 to {V - 1}")
    return ids.astype(np.int64)  # unsigned or short integers wrap around in what is computed of them
