"""Curves of which a reader picks one set by sliders and lists, and the axes they need."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from rnncourse.plot.rounded import DIGITS, number, numbers

EXACT = 6  # digits of what is only named: places on the horizontal axis, settings
SMALLEST, LARGEST_NUMBER = 1e-301, 1e301  # lengths of an axis that can still be divided into ticks


def curves(
    xlabel: str,
    x: Sequence,
    ylabel: str,
    controls: Mapping[str, Sequence],
    series: Mapping[str, object],
    *,
    log: str = "",
    limits: tuple[float, float] | None = None,
    lines: Mapping[str, float] | None = None,
    start: Mapping[str, object] | None = None,
    every: int = 1,
    notes: object = (),
) -> dict:
    """Curves over x (N), one set for each setting of the controls.

    x: numbers, or texts for places side by side.
    controls: by name, the values to choose from; numbers become a slider, texts a list.
    series: by name, an array of shape (values of the first control, of the second, ..., N), or (N,) for a curve that no
    control moves; NaN leaves a gap.
    log: "", "x", "y" or "xy".
    limits: of the vertical axis; what is outside is cut off.
    lines: horizontal lines by name.
    start: the first setting by control.
    every: label each so-many-th x.
    notes: a sentence per setting, of the controls' shape, to be read with the curves; without them the last values are
    said.
    """
    x = list(x)
    sizes = tuple(len(values) for values in controls.values())
    series = {name: np.asarray(values, dtype=float) for name, values in series.items()}
    for name, values in series.items():
        if values.shape not in (sizes + (len(x),), (len(x),)):
            raise ValueError(f"series {name!r} has shape {values.shape}, expected {sizes + (len(x),)} or ({len(x)},)")
    said = np.array(notes, dtype=object) if len(notes) else np.empty(0, dtype=object)
    if said.size and said.shape != sizes:
        raise ValueError(f"notes has shape {said.shape}, expected one sentence per setting, {sizes}")
    lines, start = dict(lines or {}), dict(start or {})
    _drawable("x", x, positive="x" in log)
    _drawable("lines", lines.values(), positive="y" in log)
    for name, values in controls.items():
        _drawable(f"the control {name!r}", values)
    for name, first in start.items():
        if name not in controls or first not in list(controls[name]):
            raise ValueError(f"start names {name}={first}, which is no setting of the controls {list(controls)}")
    if "y" in log:  # what has no place on the axis is a gap
        series = {name: np.where(values > 0, values, np.nan) for name, values in series.items()}
    everything = np.concatenate([*(values.ravel() for values in series.values()), list(lines.values())])
    everything = everything[np.isfinite(everything) & (everything > 0 if "y" in log else True)]
    if not everything.size:
        raise ValueError(f"no series has a {'positive' if 'y' in log else 'finite'} value: there is nothing to draw")
    low, high = limits or _limits(everything, "y" in log)
    if not (SMALLEST <= high - low <= LARGEST_NUMBER and ("y" not in log or low >= SMALLEST)):
        raise ValueError(f"the vertical axis would run from {low:g} to {high:g}: give limits that can be drawn")
    places = None if "y" in log else max(0, DIGITS - math.floor(math.log10(high - low)))
    named = isinstance(x[0], str)
    return {
        "kind": "curves",
        "controls": [
            {
                "name": name,
                "values": [value if isinstance(value, str) else number(value, digits=EXACT) for value in values],
                "slide": not isinstance(values[0], str),
                "start": list(values).index(start[name]) if name in start else 0,
            }
            for name, values in controls.items()
        ],
        "x": {
            "label": xlabel,
            "values": x if named else [number(value, digits=EXACT) for value in x],
            "log": "x" in log,
            "ticks": list(range(0, len(x), every)),
        },
        "y": {
            "label": ylabel,
            "log": "y" in log,
            "range": [number(low), number(high)],
            "ticks": _ticks(low, high, "y" in log),
        },
        "series": [
            {"name": name, "values": numbers(values.reshape(-1, len(x)), places)} for name, values in series.items()
        ],
        "lines": [{"name": name, "level": number(level)} for name, level in lines.items()],
        "notes": said.ravel().tolist(),
    }


def _drawable(what: str, values, positive: bool = False) -> None:
    """ValueError if a number among the values has no place on an axis; texts have."""
    for value in (v for v in values if not isinstance(v, str)):
        if not math.isfinite(value) or (positive and value <= 0):
            raise ValueError(f"{what}: {value} has no place on {'a logarithmic' if positive else 'an'} axis")


def _limits(values: np.ndarray, log: bool) -> tuple[float, float]:
    if log:
        low, high = math.floor(math.log10(values.min())), math.ceil(math.log10(values.max()))
        return float(f"1e{low}"), float(f"1e{high if high > low else low + 1}")  # 0 or infinity beyond all numbers
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    return low, high + 0.05 * (high - low) if high > low else low + 1.0


def _ticks(low: float, high: float, log: bool) -> list:
    """At most seven round numbers between low and high."""
    if log:
        first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
        step = next(step for step in (1, 2, 5, 10, 20, 50, 100) if (last - first) / step <= 6)
        return [float(f"1e{k}") for k in range(first, last + 1) if k % step == 0]
    power = math.floor(math.log10(high - low))
    steps = [digit * 10.0**k for k, digit in product(range(power - 1, power + 2), (1, 2, 5))]
    step = next(step for step in steps if (high - low) / step <= 6)
    return [number(k * step) for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
