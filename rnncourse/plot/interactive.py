"""Figures that a reader can drag: what one holds, checked and rounded, and how a notebook and a page show it.

A notebook stores two things per figure: a picture, which JupyterLab and print show, and the data of a web component of
`_static/figures.js`, which the book puts in the picture's place. The data are compared when the notebooks are tested.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from rnncourse.plot.rounded import DIGITS, number, numbers

MIME = "application/vnd.rnncourse.figure+json"
KINDS = ("steps", "curves", "sampling", "choose", "grid")
LARGEST = 60_000  # bytes of one figure's data


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
    data: from `steps`, `curves`, `sampling`, `choose` or `grid`.
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
        drawn.append({"name": name, "values": numbers(values / scale, places=2), "scale": number(scale)})
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
        "contexts": [{"text": text, "logits": numbers(_above(logits), places=2)} for text, logits in contexts.items()],
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
    _stated(states, notes)
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
            {"text": state, "rows": [[text, number(amount), kinds.index(kind)] for text, amount, kind in rows]}
            for state, rows in states.items()
        ],
        "notes": list(notes),
    }


def grid(
    name: str,
    states: Mapping[str, Mapping],
    value: str,
    *,
    rows: str = "output letter",
    columns: str = "input word",
    slide: bool = False,
    notes: Sequence[str] = (),
) -> dict:
    """A table of colours, an alignment or a lattice: a state is picked, and a row of it is read out.

    name: of the control that picks the state, say "sentence"; a single state needs no control.
    states: by the text to pick, {"rows": R texts, "columns": C texts, "values": (R, C), "path": pairs (row, column)};
    the path is drawn as a line over the cells, and may be left out.
    value: what a colour means, with its unit; one scale holds for all states, and values below 0 have another colour.
    rows, columns: what one row and one column are, in the singular; texts of columns may be empty, say four of five,
    and such a column is read out by its number, from 0.
    slide: the states are in order, and a slider picks one; otherwise a list does.
    notes: one sentence per state, shown beside the figure.
    """
    _stated(states, notes)
    scale, drawn = 0.0, []
    for text, state in states.items():
        values, path = np.asarray(state["values"], dtype=float), list(state.get("path", ()))
        shape = (len(state["rows"]), len(state["columns"]))
        if values.shape != shape or not values.size:
            raise ValueError(f"values of state {text!r} have shape {values.shape}, but its labels are {shape}")
        if not np.isfinite(values).all():
            raise ValueError(f"state {text!r} holds NaN or infinity, for which there is no colour: replace them first")
        outside = [place for place in path if not (0 <= place[0] < shape[0] and 0 <= place[1] < shape[1])]
        if outside:
            raise ValueError(f"the path of state {text!r} goes through {outside[0]}, outside of {shape}")
        scale = max(scale, float(np.abs(values).max()))
        drawn.append((text, state, values, path))
    scale = scale or 1.0
    return {
        "kind": "grid",
        "name": name,
        "slide": slide,
        "value": value,
        "scale": number(scale),
        "row": rows,
        "column": columns,
        "states": [
            {
                "text": text,
                "rows": list(state["rows"]),
                "columns": list(state["columns"]),
                "values": numbers(values / scale, places=DIGITS),
                "path": [[int(r), int(c)] for r, c in path],
            }
            for text, state, values, path in drawn
        ],
        "notes": list(notes),
    }


def _stated(states: Mapping, notes: Sequence[str]) -> None:
    if not states:
        raise ValueError("states is empty: there is nothing to choose from")
    if notes and len(notes) != len(states):
        raise ValueError(f"notes has {len(notes)} entries for {len(states)} states: give one per state, or none")


def _above(logits) -> np.ndarray:
    """Logits with a floor so far below the largest that its probability is 0 at any temperature; JSON has no -inf."""
    logits = np.asarray(logits, dtype=float)
    if abs(logits.max()) > 1e6:  # beside so large numbers the floor, and differences, would be lost; they alone count
        with np.errstate(over="ignore"):
            logits = logits - logits.max()
    return np.maximum(logits, logits.max() - 1e5)
