"""Sounds that a reader can play: see `sound`.

A notebook stores a sound once, as a WAV file under a type of its own. JupyterLab plays it from HTML that is there as
soon as the cell has run and that a stored notebook does without; the book writes a file beside the page and loads it
when it is played; print has the waveform.
"""

from __future__ import annotations

import base64
import html
import io
import wave

import matplotlib.pyplot as plt
import numpy as np

from rnncourse.plot.figures import COLOURS, figure

SOUND = "application/vnd.rnncourse.sound+json"
RATE, SECONDS = 8000, 20  # of one page at most: a second is 8 kB


class Sound:
    """Some seconds of sound and their waveform, as the last value of a notebook's cell."""

    def __init__(self, data: dict, png: bytes):
        self.data, self.png = data, png

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        label = self.data["label"]
        return {SOUND: self.data, "text/html": player(self.data), "image/png": self.png, "text/plain": f"<{label}>"}


def sound(samples, rate: int, label: str) -> Sound:
    """A sound to play, as the last value of a notebook's cell; several in one cell with `display`.

    samples: (N,), numbers from -1 to 1.
    rate: samples a second, at most 8,000; a page holds at most 20 seconds.
    label: what one hears, which screen readers say before the controls.
    Raises ValueError for samples of another shape, too many, too large or not finite, and for a higher rate.
    """
    samples = np.asarray(samples, dtype=float)
    if samples.ndim != 1 or not samples.size:
        raise ValueError(f"samples has shape {samples.shape}, expected one row of them, (N,)")
    if not np.isfinite(samples).all():
        raise ValueError("samples holds NaN or infinity: replace them first")
    largest = np.abs(samples).max()
    if largest > 1:
        raise ValueError(f"the largest sample is {largest:.3g}, expected -1 to 1: divide the samples by it")
    if not 0 < rate <= RATE:
        raise ValueError(
            f"rate is {rate}, expected at most {RATE} samples a second: resample first, with scipy.signal.resample_poly"
        )
    if len(samples) > SECONDS * rate:
        raise ValueError(f"{len(samples) / rate:.1f} seconds of sound, at most {SECONDS} on a page: cut them")
    if not label.strip():
        raise ValueError("label is empty: say in a few words what one hears")
    data = {"label": label, "seconds": round(len(samples) / rate, 2), "wav": _wav(samples, int(rate))}
    return Sound(data, _waveform(samples, rate, label))


def player(data: dict, source: str = "") -> str:
    """The HTML element that plays a sound, from a file or from the data themselves."""
    source = source or f"data:audio/wav;base64,{data['wav']}"
    label = html.escape(data["label"], quote=True)
    return f'<audio controls preload="none" aria-label="{label}" src="{html.escape(source, quote=True)}"></audio>'


def _wav(samples, rate: int) -> str:
    """One channel of 8 bits, which WAV counts from 0 with silence at 128; in base 64."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(rate)
        file.writeframes((128 + np.round(127 * samples)).astype(np.uint8).tobytes())
    return base64.b64encode(stream.getvalue()).decode("ascii")


def _waveform(samples, rate: float, label: str) -> bytes:
    """A picture of the lowest and highest samples under each of 600 columns."""
    fig, ax = figure("seconds", "amplitude", title=label, height=1.6)
    columns = np.array_split(samples, min(600, len(samples)))
    ends = np.cumsum([len(column) for column in columns]) / rate
    low, high = [column.min() for column in columns], [column.max() for column in columns]
    ax.fill_between(ends, low, high, color=COLOURS["blue"], linewidth=0.5, step="pre")
    ax.set_ylim(-1, 1)
    stream = io.BytesIO()
    fig.savefig(stream, format="png", bbox_inches="tight", facecolor=fig.get_facecolor())
    plt.close(fig)
    return stream.getvalue()
