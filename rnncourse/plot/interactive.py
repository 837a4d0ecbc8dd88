"""Figures that a reader can drag: what one holds, checked and rounded, and how a notebook and a page show it.

A notebook stores two things per figure: a picture, which JupyterLab and print show, and the data of a web component of
`_static/figures.js`, which the book puts in the picture's place. The data are compared when the notebooks are tested.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

MIME = "application/vnd.rnncourse.figure+json"
DIGITS = 3  # of what is drawn: a pixel is more than a thousandth of a figure
EXACT = 6  # of what is only named: places on the horizontal axis, settings
KINDS = ("steps", "curves", "sampling", "choose")
LARGEST = 60_000  # bytes of one figure's data
SMALLEST, LARGEST_NUMBER = 1e-301, 1e301  # lengths of an axis that can still be divided into ticks


class Interactive:
    """A picture and the data of a component; notebooks show the first, the book shows the second."""

    def __init__(self, fig: Figure, data: dict):
        self.data = data
        stream = io.BytesIO()
        fig.savefig(stream, format="png", bbox_inches="tight", facecolor=fig.get_facecolor())
        self.png = stream.getvalue()
        plt.close(fig)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return {"image/png": self.png, MIME: self.data, "text/plain": f"<{self.data['label']}>"}


def interactive(fig: Figure, data: dict, label: str) -> Interactive:
    """A figure to drag, as the last value of a notebook's cell.

    fig: the picture for JupyterLab and print; it is closed.
    data: from `steps`, `curves`, `sampling` or `choose`.
    label: its name, which screen readers say before the controls.
    """
    if not isinstance(fig, Figure):
        raise ValueError(f"fig is {type(fig).__name__}, expected a figure of Matplotlib, as plot.figure returns")
    if not isinstance(data, dict) or data.get("kind") not in KINDS:
        raise ValueError(f"data is not a description of a figure: make it with plot.{', plot.'.join(KINDS)}")
    if not label.strip():
        raise ValueError("label is empty: say in a few words what the figure shows")
    size = len(json.dumps(data))
    if size > LARGEST:
        raise ValueError(f"the figure would put {size:,} bytes on the page, at most {LARGEST:,}: show fewer values")
    return Interactive(fig, {"label": label} | data)


def steps(
    tokens: Sequence[str],
    panels: Mapping[str, np.ndarray],
    *,
    cell: str = "The same cell at every step",
    notes: Sequence[str] = (),
    start: int = 0,
    backward: bool = False,
    scales: Mapping[str, float] | None = None,
) -> dict:
    """A network unrolled over `tokens` (T), to be stepped through.

    panels: by name, what there is after each step, (T,) or (T, K); drawn as columns of colours.
    cell: what stands under the row of cells.
    notes: one sentence per step, shown beside the figure.
    start: the step shown first.
    backward: the signal runs from the last step to the first.
    scales: the value of the deepest colour by panel; otherwise the largest magnitude there is.
    """
    T, scales = len(tokens), scales or {}
    if not -T <= start < T:
        raise ValueError(f"start={start}, but there are {T} tokens")
    if notes and len(notes) != T:
        raise ValueError(f"notes has {len(notes)} entries for {T} tokens: give one per step, or none")
    drawn = []
    for name, values in panels.items():
        values = np.asarray(values, dtype=float)
        values = values[:, None] if values.ndim == 1 else values
        if values.ndim != 2 or len(values) != T:
            raise ValueError(f"panel {name!r} has shape {values.shape}, expected (T, K) with T = {T} tokens")
        if not np.isfinite(values).all():
            raise ValueError(f"panel {name!r} holds NaN or infinity, for which there is no colour: replace them first")
        if not 0 < scales.get(name, 1.0) < math.inf:
            raise ValueError(f"the scale of panel {name!r} is {scales[name]}, expected a positive number")
        scale = scales.get(name) or float(np.abs(values).max(initial=0.0)) or 1.0
        drawn.append({"name": name, "values": _numbers(values / scale, places=2), "scale": _number(scale)})
    unknown = set(scales) - set(panels)
    if unknown:
        raise ValueError(f"scales names {sorted(unknown)}, but the panels are {list(panels)}")
    return {
        "kind": "steps",
        "tokens": list(tokens),
        "panels": drawn,
        "cell": cell,
        "notes": list(notes),
        "start": range(T)[start],
        "backward": backward,
    }


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
                "values": [value if isinstance(value, str) else _number(value, digits=EXACT) for value in values],
                "slide": not isinstance(values[0], str),
                "start": list(values).index(start[name]) if name in start else 0,
            }
            for name, values in controls.items()
        ],
        "x": {
            "label": xlabel,
            "values": x if named else [_number(value, digits=EXACT) for value in x],
            "log": "x" in log,
            "ticks": list(range(0, len(x), every)),
        },
        "y": {
            "label": ylabel,
            "log": "y" in log,
            "range": [_number(low), _number(high)],
            "ticks": _ticks(low, high, "y" in log),
        },
        "series": [
            {"name": name, "values": _numbers(values.reshape(-1, len(x)), places)} for name, values in series.items()
        ],
        "lines": [{"name": name, "level": _number(level)} for name, level in lines.items()],
        "notes": said.ravel().tolist(),
    }


def _drawable(what: str, values, positive: bool = False) -> None:
    """ValueError if a number among the values has no place on an axis; texts have."""
    for value in (v for v in values if not isinstance(v, str)):
        if not math.isfinite(value) or (positive and value <= 0):
            raise ValueError(f"{what}: {value} has no place on {'a logarithmic' if positive else 'an'} axis")


def sampling(tokens: Sequence[str], contexts: Mapping[str, np.ndarray], *, bars: int = 20) -> dict:
    """What comes next, as temperature and top-k change it.

    tokens: the vocabulary (V).
    contexts: by the text that was read, the network's logits (V,).
    bars: how many tokens get a bar, the likeliest first.
    """
    if not len(tokens) or not contexts or bars < 1:
        raise ValueError(f"{len(tokens)} tokens, {len(contexts)} contexts and {bars} bars: there is nothing to draw")
    for text, logits in contexts.items():
        if np.shape(logits) != (len(tokens),):
            raise ValueError(f"logits after {text!r} have shape {np.shape(logits)}, expected ({len(tokens)},)")
        if not np.isfinite(np.max(logits)):
            raise ValueError(f"the largest logit after {text!r} is {np.max(logits)}, expected a finite number")
    return {
        "kind": "sampling",
        "tokens": list(tokens),
        "contexts": [{"text": text, "logits": _numbers(_above(logits), places=2)} for text, logits in contexts.items()],
        "bars": min(bars, len(tokens)),
    }


def choose(
    name: str,
    states: Mapping[str, Sequence[tuple[str, float, str]]],
    *,
    value: str,
    notes: Sequence[str] = (),
    slide: bool = False,
) -> dict:
    """One of several states is picked, and its rows are shown: a text, a bar, and what kind of row it is.

    name: of the control, say "step" or "you have typed".
    states: by the text to pick, the rows (text, value of the bar, kind), from the top; a kind is a word or two that the
    legend shows, and has a colour, at most six.
    value: what the bars measure, with its unit. Values are 0 or more.
    notes: one sentence per state, shown beside the figure.
    slide: the states are in order, and a slider picks one; otherwise a list does.
    """
    if not states:
        raise ValueError("states is empty: there is nothing to choose from")
    if notes and len(notes) != len(states):
        raise ValueError(f"notes has {len(notes)} entries for {len(states)} states: give one per state, or none")
    for state, rows in states.items():
        for text, amount, _ in rows:
            if not (math.isfinite(amount) and amount >= 0):
                raise ValueError(
                    f"{text!r} in state {state!r} has the value {amount}, expected a finite one, 0 or more"
                )
    kinds = list(dict.fromkeys(kind for rows in states.values() for _, _, kind in rows))
    if len(kinds) > 6:
        raise ValueError(f"there are {len(kinds)} kinds of rows, {', '.join(kinds)}: a legend holds six at most")
    return {
        "kind": "choose",
        "name": name,
        "slide": slide,
        "value": value,
        "kinds": kinds,
        "states": [
            {"text": state, "rows": [[text, _number(amount), kinds.index(kind)] for text, amount, kind in rows]}
            for state, rows in states.items()
        ],
        "notes": list(notes),
    }


def _above(logits) -> np.ndarray:
    """Logits with a floor so far below the largest that its probability is 0 at any temperature; JSON has no -inf."""
    logits = np.asarray(logits, dtype=float)
    if abs(logits.max()) > 1e6:  # beside so large numbers the floor, and differences, would be lost; they alone count
        with np.errstate(over="ignore"):
            logits = logits - logits.max()
    return np.maximum(logits, logits.max() - 1e5)


def _number(value: float, places: int | None = None, digits: int = DIGITS) -> float | int | None:
    value = float(value)
    if not math.isfinite(value):
        return None
    value = float(f"{value:.{digits}g}") if places is None else round(value, places)
    return int(value) if value == int(value) and abs(value) < 1e6 else value


def _numbers(values, places: int | None = None) -> list:
    return [_number(value, places) if np.ndim(value) == 0 else _numbers(value, places) for value in np.asarray(values)]


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
    return [_number(k * step) for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
