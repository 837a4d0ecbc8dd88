"""Adapters call what is no plain function, a class above all, and return plain arrays.

An adapter runs where the student's code is: in the notebook, or in the sandbox. An exercise names it
(`exercise(..., adapter="module")`), and its parameters after the first are the inputs that checks.py draws.
"""

from __future__ import annotations

import numpy as np


class Misfit(ValueError):
    """What came cannot be used; the text is for the student."""


def module(cls, init: dict, weights: dict, inputs: list, cotangents: list) -> dict:
    """Build `cls(**init)`, a torch.nn.Module, set its parameters, call it, and go backward.

    weights: array per parameter name; inputs: arrays or None, in the order of forward's parameters; cotangents: one
    array per output (None: none), of which sum(output * cotangent) is the loss. Float64 throughout.
    Returns the outputs "output 0", ..., the gradients "d NAME" of all parameters and "d input 0", ... of float inputs.
    Raises Misfit if it is no module, or its parameters have other names or shapes.
    """
    import torch

    if not (isinstance(cls, type) and issubclass(cls, torch.nn.Module)):
        raise Misfit(f"{getattr(cls, '__name__', cls)} is no class derived from torch.nn.Module.")
    built = cls(**init).double()
    own = {name: tuple(p.shape) for name, p in built.named_parameters()}
    wanted = {name: np.shape(w) for name, w in weights.items()}
    if own != wanted:
        raise Misfit(f"its parameters are {_listed(own)}; expected {_listed(wanted)}.")
    with torch.no_grad():
        for name, parameter in built.named_parameters():
            parameter.copy_(torch.as_tensor(weights[name]))
    given = [None if x is None else torch.as_tensor(np.ascontiguousarray(x)) for x in inputs]
    for x in given:
        if x is not None and x.is_floating_point():
            x.requires_grad_()
    outputs = _flat(built(*given))
    if len(outputs) != len(cotangents) or not all(isinstance(y, torch.Tensor) for y in outputs):
        raise Misfit(f"forward gave back {len(outputs)} values; expected {len(cotangents)} tensors.")
    found = {f"output {k}": y.detach().numpy() for k, y in enumerate(outputs)}
    pulled = [(y, torch.as_tensor(g)) for y, g in zip(outputs, cotangents, strict=True) if g is not None]
    pulled = [(y, g) for y, g in pulled if y.shape == g.shape and y.requires_grad]  # of others, the outputs will tell
    if pulled:
        sum((y * g).sum() for y, g in pulled).backward()
    for name, parameter in built.named_parameters():
        found[f"d {name}"] = _gradient(parameter)
    for k, x in enumerate(given):
        if x is not None and x.is_floating_point():
            found[f"d input {k}"] = _gradient(x)
    return found


def _gradient(tensor) -> np.ndarray:
    """The gradient as an array; zeros where none arrived."""
    return np.zeros(tuple(tensor.shape)) if tensor.grad is None else tensor.grad.numpy()


def _flat(value) -> list:
    """Outputs in order: (y, (h, c)) as [y, h, c]."""
    return [v for part in value for v in _flat(part)] if isinstance(value, (tuple, list)) else [value]


def _listed(shapes: dict) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "none"
