"""A run on disk: written so that the last good file survives, read so that nothing foreign gets into a run.

What decides how a run goes on: model, optimiser, scheduler, the batches' position and generator, torch's generators,
the carried state, the best validation so far, and the settings. Chapter 13 leaves out one at a time.
"""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path

import torch

from rnncourse.training.device import each

PIECES = {"settings", "model", "optimizer", "scheduler", "batches", "generators", "progress"}


def save(path: str | Path, contents: dict) -> None:
    """Write a checkpoint: all of it or nothing.

    It is written to a second file, NAME.partial, brought to the disk and only then given its name; a process that is
    killed, or a disk that is full, leaves the checkpoint before as it was.

    Raises OSError if it cannot be written.
    """
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    stream = io.BytesIO()
    torch.save(contents, stream)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(partial, "wb") as file:
            file.write(stream.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        if partial.is_file():
            partial.unlink()
        kept = "the checkpoint before is intact" if path.is_file() else "there is no older one"
        raise OSError(
            error.errno,
            f"the checkpoint could not be written ({error.strerror}; it needs {stream.tell() / 1e6:.1f} MB): {kept}. "
            "Make room or write somewhere else, then run the same lines again",
            str(path),
        ) from error


def load(path: str | Path) -> dict:
    """Read a checkpoint, on the CPU, executing nothing that the file may hold (`weights_only`).

    Raises ValueError if the file is damaged, or no checkpoint of `train`; FileNotFoundError if there is none.
    """
    stored = Path(path).read_bytes()
    try:
        contents = torch.load(io.BytesIO(stored), map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, KeyError, ValueError, OSError, pickle.UnpicklingError) as error:
        raise ValueError(
            f"{path} ({len(stored):,} bytes) is no checkpoint that can be read: it is damaged or cut "
            "off, holds more than numbers and texts, or is another kind of file. Remove it to begin anew"
        ) from error
    if not isinstance(contents, dict) or contents.keys() != PIECES:
        raise ValueError(
            f"{path} is a file of PyTorch, but no checkpoint of training.train, which holds "
            f"{', '.join(sorted(PIECES))}. Choose another file name for the run"
        )
    return contents


def pack(model, optimizer, scheduler, batches, progress: dict, settings: dict) -> dict:
    """All that decides how a run goes on, as `save` takes it."""
    return {
        "settings": settings,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict() if scheduler else None,
        "batches": batches.state_dict(),
        "generators": generators(),
        "progress": progress | {"state": each(progress["state"], _alone)},
    }


def _alone(value):
    """A tensor without what else its memory holds."""
    return value.clone() if isinstance(value, torch.Tensor) else value


def unpack(contents: dict, path, model, optimizer, scheduler, batches, settings: dict) -> dict:
    """Put a run back to where it was; returns its progress. ValueError if it was another run: then nothing changes."""
    try:
        _same_settings(contents["settings"], settings)
        _same_weights(contents["model"], model.state_dict())
        batches.load_state_dict(contents["batches"])  # checks for itself
    except ValueError as error:
        raise ValueError(f"{path} is the checkpoint of another run: {error}") from error
    model.load_state_dict(contents["model"])
    optimizer.load_state_dict(contents["optimizer"])
    if scheduler:
        scheduler.load_state_dict(contents["scheduler"])
    set_generators(contents["generators"])
    return contents["progress"]


def _same_settings(stored: dict, now: dict) -> None:
    for name in stored | now:
        before, after = stored.get(name), now.get(name)
        if before != after:
            raise ValueError(
                f"{name} was {_short(before)} and is {_short(after)}{_difference(before, after)}. "
                "Go on with what the run began with, or begin a new run under another file name"
            )


def _same_weights(stored: dict, now: dict) -> None:
    before, after = ({name: tuple(w.shape) for name, w in weights.items()} for weights in (stored, now))
    for name in [*after, *before]:
        if before.get(name) != after.get(name):
            was, found = (f"of shape {s[name]}" if name in s else "missing" for s in (before, after))
            raise ValueError(
                f"{name} is {was} in the stored model and {found} in this one. Build the model as it was, "
                "or begin a new run under another file name"
            )


def _short(value) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:40]} ... ({len(value)} entries)"


def _difference(a, b) -> str:
    """The first entries of two long sequences that differ."""
    if not (isinstance(a, list) and isinstance(b, list)) or len(repr(a)) < 60:
        return ""
    k = next((k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return f"; the first difference is entry {k}: {a[k : k + 1]} and {b[k : k + 1]}"


def generators() -> dict:
    """The states of torch's own random generators, of the CPU and of graphics cards."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state_all()
    if torch.backends.mps.is_available():
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_generators(states: dict) -> None:
    """Undo `generators`; those of devices that are not here stay aside."""
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(states["cuda"][: torch.cuda.device_count()])
    if "mps" in states and torch.backends.mps.is_available():
        torch.mps.set_rng_state(states["mps"])
