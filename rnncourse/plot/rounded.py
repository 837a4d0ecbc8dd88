"""Numbers as a page holds them: no more digits than can be seen, and nothing that JSON lacks."""

from __future__ import annotations

import math

import numpy as np

DIGITS = 3  # of what is drawn: a pixel is more than a thousandth of a figure


def number(value: float, places: int | None = None, digits: int = DIGITS) -> float | int | None:
    value = float(value)
    if not math.isfinite(value):
        return None
    value = float(f"{value:.{digits}g}") if places is None else round(value, places)
    return int(value) if value == int(value) and abs(value) < 1e6 else value


def numbers(values, places: int | None = None) -> list:
    return [number(value, places) if np.ndim(value) == 0 else numbers(value, places) for value in np.asarray(values)]
