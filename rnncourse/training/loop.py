"""The loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from rnncourse.training import checkpoint, many
from rnncourse.training.device import detached, moved
from rnncourse.training.report import reports

HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Options:
    """How long and how a run goes; counted in optimiser steps, one batch each."""

    steps: int  # in all, also if the run is interrupted and goes on
    clip: float | None = 1.0  # the largest norm of the whole gradient; None: measured, not clipped
    validate_every: int = 100
    patience: int | None = None  # stop after so many validations in a row without a new best
    checkpoint: str | Path | None = None  # a file to go on from, if it is there, and to write to
    checkpoint_every: int = 100
    tensorboard: str | Path | None = None  # a folder for TensorBoard, which must be installed
    progress: bool | str | None = None  # a bar on stderr; None: if that is a terminal; "lines": a line per validation
    precision: str | None = None  # "bf16" or "fp16": the loss under autocast; fp16 with a scaled loss (chapter 14)

    def __post_init__(self):
        for name in ("steps", "validate_every", "checkpoint_every", "patience", "clip"):
            value = getattr(self, name)
            if value is None and name in ("patience", "clip"):
                continue
            if not isinstance(value, int if name != "clip" else (int, float)) or not value > 0:
                raise ValueError(f"{name}={value!r}, expected a positive {'number' if name == 'clip' else 'integer'}")
        if self.precision not in (None, *HALF):
            raise ValueError(f"precision={self.precision!r}, expected None (32 bits), 'bf16' or 'fp16'")


def train(
    model: torch.nn.Module,
    loss: Callable,
    batches: Iterable,
    optimizer: torch.optim.Optimizer,
    options: Options,
    *,
    valid: Iterable | None = None,
    scheduler: LRScheduler | None = None,
    same: dict | None = None,
) -> dict[str, list]:
    """Train the model where it is, and return the history of the run.

    loss: `loss(model, batch, state) -> mean, count, state`: the mean loss of the batch's tokens (or sequences), how
    many they are, and the state to carry into the next batch, or None. The first batch of an epoch and of a validation
    gets None; gradients never flow into an earlier batch.
    batches: gone through again and again; with a checkpoint they need `state_dict` (`Streams` and `Shuffled` have it).
    valid: batches to validate on, every `validate_every` steps and at the end. At the end the model has the weights of
    its best validation.
    scheduler: of `torch.optim.lr_scheduler`, moved on by one after each step; ReduceLROnPlateau after validations.
    same: settings by name, saved with the checkpoint; a run with others will not go on from it.

    Returns lists by name: "loss", "grad_norm" (before clipping) and "lr", one entry per step, and "valid_step",
    "valid_loss".

    With precision "fp16" a step whose gradient overflows is skipped, as GradScaler does it: the history has its norm,
    which is not finite, and the scheduler does not move. Validation is in 32 bits.

    Raises FloatingPointError if loss or gradient stop being finite (the weights are those before that step); ValueError
    for a checkpoint of another run, batches that run out, or a state carried between shuffled batches; OSError if a
    checkpoint cannot be written.
    """
    _check(model, batches, optimizer, options, valid)
    place = next(model.parameters()).device
    settings = _settings(batches, optimizer, scheduler, options, same or {})
    parts = model, optimizer, scheduler, batches
    scaler = torch.amp.GradScaler(place.type, enabled=options.precision == "fp16")  # else it changes nothing
    now = {"step": 0, "state": None, "best": None, "waited": 0}
    now["history"] = {name: [] for name in ("loss", "grad_norm", "lr", "valid_step", "valid_loss")}
    if options.checkpoint and Path(options.checkpoint).exists():
        stored = checkpoint.load(options.checkpoint)
        now = checkpoint.unpack(stored, options.checkpoint, *parts, settings)
        now["state"] = moved(now["state"], place)
        scaler.load_state_dict(now.pop("scaler", {}))
    model.train()
    with reports(options.steps, now, options.progress, options.tensorboard) as report:
        for batch in _endless(batches, now, options):
            with torch.autocast(place.type, HALF.get(options.precision), enabled=options.precision is not None):
                mean, count, state = _checked(loss(model, moved(batch, place), now["state"]), batches)
            optimizer.zero_grad()
            scaler.scale(mean).backward()
            scaler.unscale_(optimizer)  # before clipping: the norm is that of the gradient, not of what was scaled
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), options.clip or math.inf)
            lr = optimizer.param_groups[0]["lr"]
            may_skip = scaler.is_enabled() and scaler.get_scale() > 1
            _note(now, many.mean(mean.item(), place), norm.item(), float(lr), may_skip)
            scaler.step(optimizer)
            scaler.update()
            now["step"], now["state"] = now["step"] + 1, detached(state)
            if scheduler and not isinstance(scheduler, ReduceLROnPlateau) and norm.isfinite():
                scheduler.step()
            last = now["step"] == options.steps
            if valid is not None and (last or now["step"] % options.validate_every == 0):
                _validate(model, loss, valid, scheduler, now)
            last = last or _finished(now, options)
            if options.checkpoint and (last or now["step"] % options.checkpoint_every == 0):
                contents = checkpoint.pack(*parts, now | {"scaler": scaler.state_dict()}, settings)
                if many.rank() == 0:
                    checkpoint.save(options.checkpoint, contents)
            report(count)
    if now["best"]:
        many.bare(model).load_state_dict(now["best"]["model"])
    return now["history"]


def evaluate(model: torch.nn.Module, loss: Callable, batches: Iterable) -> float:
    """The mean loss per token (or whatever `loss` counts) over all batches, in evaluation mode, from a fresh state.

    Leaves no trace: the modes of all modules and torch's generators are as before. ValueError if there is no batch.
    """
    place = next(model.parameters()).device
    modes, states = {module: module.training for module in model.modules()}, checkpoint.generators()
    total, tokens, state = 0.0, 0, None
    model.eval()
    try:
        with torch.no_grad():
            for batch in batches:
                mean, count, state = _checked(loss(model, moved(batch, place), state), batches)
                total, tokens = total + mean.item() * count, tokens + count
    finally:
        for module, mode in modes.items():
            module.training = mode
        checkpoint.set_generators(states)
    if not tokens:
        raise ValueError("there is nothing to evaluate on: no batch, or none with a token that counts")
    return total / tokens


def _endless(batches, now: dict, options: Options) -> Iterator:
    """Batches, epoch after epoch, until the run is finished. The carried state ends with its epoch."""
    empty = 0
    while not _finished(now, options):
        empty += 1
        for batch in batches:
            empty = 0
            yield batch
            if _finished(now, options):
                return
        now["state"] = None
        if empty > 1:
            raise ValueError(
                f"batches ran out at step {now['step']} of {options.steps}: they are empty, or an iterator, which "
                "gives its batches once; give a list, or a class with __iter__"
            )


def _finished(now: dict, options: Options) -> bool:
    return now["step"] >= options.steps or (options.patience is not None and now["waited"] >= options.patience)


def _validate(model, loss, valid, scheduler, now: dict) -> None:
    value = many.mean(evaluate(model, loss, valid), next(model.parameters()).device)
    now["history"]["valid_step"].append(now["step"])
    now["history"]["valid_loss"].append(value)
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(value)
    now["waited"] += 1
    if now["best"] is None or value < now["best"]["loss"]:
        weights = {name: w.detach().cpu().clone() for name, w in many.bare(model).state_dict().items()}
        now["best"], now["waited"] = {"loss": value, "step": now["step"], "model": weights}, 0


def _note(now: dict, loss: float, grad_norm: float, lr: float, may_skip: bool = False) -> None:
    """Write the step into the history. Raises FloatingPointError where there is nothing to go on with.

    may_skip: a gradient that is not finite is an overflow of a scaled loss, whose scale can still be halved.
    """
    history = now["history"]
    if not math.isfinite(loss) or not (may_skip or math.isfinite(grad_norm)):
        said = f"the loss is {loss:.4g} and the norm of its gradient {grad_norm:.3g}, at learning rate {lr:.3g}"
        if history["loss"]:
            said += f"; at the step before {history['loss'][-1]:.4g} and {history['grad_norm'][-1]:.3g}"
        raise FloatingPointError(
            f"step {now['step']} (from 0): {said}. The weights are those before this step. Look at this batch, clip "
            "lower, or lower the learning rate"
        )
    for name, value in {"loss": loss, "grad_norm": grad_norm, "lr": lr}.items():
        history[name].append(value)


def _check(model, batches, optimizer, options: Options, valid) -> None:
    own = {id(p) for p in model.parameters()}
    foreign = sum(id(p) not in own for group in optimizer.param_groups for p in group["params"])
    if foreign:
        raise ValueError(f"the optimiser holds {foreign} parameters of another model: make it from model.parameters()")
    if valid is batches:
        raise ValueError("batches and valid are one object: validation would move the training on; build a second one")
    if options.checkpoint and not hasattr(batches, "state_dict"):
        raise ValueError(
            f"batches is {type(batches).__name__}, which cannot say where it is, so a checkpoint could not go on: use "
            "training.Streams or training.Shuffled, or give it state_dict and load_state_dict"
        )


def _checked(returned, batches) -> tuple:
    """What `loss` returned. Raises ValueError if a loop cannot use it."""
    if not (isinstance(returned, tuple) and len(returned) == 3 and getattr(returned[0], "shape", None) == ()):
        raise ValueError("loss(model, batch, state) must return three things: a tensor of one number, a count, a state")
    if returned[2] is not None and not getattr(batches, "carries", True):
        raise ValueError("loss returned a state to carry, but the next batch holds other sequences: return None")
    return returned


def _settings(batches, optimizer, scheduler, options: Options, same: dict) -> dict:
    """What must be the same when a run goes on, in plain values. `steps` is not among it: a run may be made longer."""
    plain = {
        "processes": many.processes(),
        "clip": options.clip,
        "precision": options.precision,
        "validate_every": options.validate_every,
        "patience": options.patience,
    }
    for name, thing in {"batches": batches, "optimizer": optimizer, "scheduler": scheduler}.items():
        plain[name] = None if thing is None else type(thing).__name__
    plain |= {f"the optimiser's {name}": _plain(value) for name, value in optimizer.defaults.items()}
    return plain | {name: _plain(value) for name, value in same.items()}


def _plain(value):
    """Tuples and arrays as lists, so that what is read equals what was written. ValueError for other things."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise ValueError(f"a setting is {type(value).__name__}, which a checkpoint cannot hold: give numbers, texts, lists")
