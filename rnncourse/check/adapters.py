"""Adapters call what works on tensors, a function or a class of torch.nn, and return plain arrays.

An adapter runs where the student's code is: in the notebook, or in the sandbox. An exercise names it: with
`adapter="tensors"` checks.py draws the function's own arguments, with `adapter="module"` those of `module`.
PyTorch is imported when an adapter is called: units without one do without it.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable

import numpy as np

from rnncourse.check.compare import described


class Misfit(ValueError):
    """What came cannot be used; the text is for the student."""


def bound(adapter: dict | None, arguments) -> Callable:
    """`invoke(function, args)` by an exercise's adapter: {"name": ...} and its options, or None for a plain function.

    `arguments` are the names of the function's parameters.
    """
    options = dict(adapter or {"name": None})
    name = options.pop("name")
    if name == "tensors":
        return lambda function, args: tensors(function, dict(zip(arguments, args, strict=True)), **options)
    return {None: lambda function, args: function(*args), "module": lambda cls, args: module(cls, *args)}[name]


def arguments(adapter: dict | None, function) -> tuple[str, ...]:
    """The names of an exercise's inputs: the parameters of the function, or of `module` after the class."""
    if adapter and adapter["name"] == "module":
        return tuple(inspect.signature(module).parameters)[1:]
    return tuple(inspect.signature(function).parameters)


def tensors(function, arguments: dict, returns=(), requires_grad=(), gradients=(), calls=()):
    """Call `function` with tensors in place of the arrays in `arguments`, also in lists, tuples and dicts.

    Floats are float64, integers int64, masks bool; tensors share the arrays' memory, so that changes show. The float
    tensors of the arguments named in `requires_grad` and `gradients` require gradients; in `.grad` of the former stands
    that of an earlier call. `returns` are the names of the returned values (one: the value itself), for the messages.
    Returns the values as arrays; with `gradients` or `calls` a tuple: the values, the gradient with respect to each
    argument named in `gradients` of the loss sum(weight * output) over all returned float tensors, zeros where none
    arrives, and how often each function named in `calls` was called.
    Raises Misfit if a NumPy array is returned, with `gradients` or `calls` another number of values, or if a tensor
    that required gradients does so no more.
    """
    import torch

    wanted = {*requires_grad, *gradients}
    counts = {k: 0 for k in calls}
    given = {k: _mapped(v, np.ndarray, lambda a, k=k: _tensor(a, k in wanted)) for k, v in arguments.items()}
    given |= {k: _counted(given[k], k, counts) for k in calls}
    held = {k: _found(v, torch.Tensor) for k, v in given.items()}
    for t in (t for k in requires_grad for t in held[k] if t.is_floating_point()):
        t.grad = _waves(t).detach()
    with torch.enable_grad():
        value = function(*given.values())
    for k, tensors_before in held.items():
        if isinstance(given[k], (list, dict)) and not _identical(_found(given[k], torch.Tensor), tensors_before):
            _replace(arguments[k], _mapped(given[k], torch.Tensor, _plain))
    values = value if len(returns) > 1 and isinstance(value, (tuple, list)) else (value,)
    if len(values) == len(returns):
        for name, part in zip(returns, values, strict=True):
            whole = isinstance(part, np.ndarray)
            _mapped(part, np.ndarray, lambda _, name=name, whole=whole: _no_tensor(name, whole))
    for k in wanted:
        if any(t.is_floating_point() and not t.requires_grad for t in held[k]):
            raise Misfit(f"{k} requires no gradient any more: work on what {k}.detach() gives, not on {k} itself.")
    plain = _mapped(value, torch.Tensor, _plain)
    if not gradients and not calls:
        return plain
    if len(values) != len(returns) or value is None:
        came = f"{len(values)} values" if len(values) > 1 else in_words_of_tensors(described(plain))
        asked = f"{len(returns)} values ({', '.join(returns)})" if len(returns) > 1 else f"{returns[0]}, a tensor"
        raise Misfit(f"returned {came}; expected {asked}.{' Is a `return` missing at the end?' * (value is None)}")
    found = _gradients(values, [given[k] for k in gradients]) if gradients else ()
    return (*(plain if len(returns) > 1 else (plain,)), *found, *counts.values())


def _counted(function, name: str, counts: dict) -> Callable:
    """The function, which from now on counts its calls."""

    @functools.wraps(function)
    def counted(*args, **kwargs):
        counts[name] += 1
        return function(*args, **kwargs)

    return counted


def _gradients(values, arguments) -> list:
    """The gradients of a fixed weighted sum of all float tensors in `values`, in the structure of the arguments."""
    import torch

    outputs = [y for y in _found(values, torch.Tensor) if y.is_floating_point() and y.requires_grad]
    sources = [x for x in _found(arguments, torch.Tensor) if x.requires_grad]
    weights = [_waves(y) for y in outputs]
    arrived = torch.autograd.grad(outputs, sources, weights, allow_unused=True) if outputs else [None] * len(sources)
    by_source = {id(x): torch.zeros_like(x) if g is None else g for x, g in zip(sources, arrived, strict=True)}
    return _mapped(arguments, torch.Tensor, lambda x: _plain(by_source[id(x)]) if id(x) in by_source else None)


def in_words_of_tensors(text: str) -> str:
    """A message about arrays as one about tensors."""
    text = re.sub(r"\bnp\.array\b", "torch.tensor", re.sub(r"\bnp\.stack\b", "torch.stack", text))
    return re.sub(r"\b([Aa])n array\b", r"\1 tensor", text).replace("array", "tensor")


def _tensor(array: np.ndarray, requires_grad: bool):
    """The array as a tensor with the same memory, where its dtype allows that."""
    import torch

    if array.dtype.kind in "iu":
        array = array.astype(np.int64, copy=False)
    tensor = torch.from_numpy(array)
    return tensor.requires_grad_() if requires_grad and tensor.is_floating_point() else tensor


def _plain(tensor) -> np.ndarray:
    """The tensor as an array, from whatever device."""
    import torch

    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype is torch.bfloat16 else tensor).numpy()


def _no_tensor(name: str, whole: bool):
    if whole:
        raise Misfit(f"{name} is a NumPy array; a tensor was asked for, made by PyTorch's own functions throughout.")
    raise Misfit(f"{name} holds a NumPy array; tensors were asked for, made by PyTorch's own functions throughout.")


def _mapped(value, kind, change):
    """The value with `change` applied to all of type `kind` in lists, tuples and dicts."""
    if isinstance(value, kind):
        return change(value)
    if isinstance(value, (list, tuple)):
        parts = [_mapped(v, kind, change) for v in value]
        return parts if isinstance(value, list) else tuple(parts)
    return {k: _mapped(v, kind, change) for k, v in value.items()} if isinstance(value, dict) else value


def _identical(a: list, b: list) -> bool:
    return len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))


def _replace(container, new) -> None:
    """Put into a list or dict what the function has put into its own, so that the change shows."""
    container.clear()
    container.update(new) if isinstance(container, dict) else container.extend(new)


def _found(value, kind) -> list:
    """All of type `kind` in lists, tuples and dicts, in order."""
    found: list = []
    _mapped(value, kind, found.append)
    return found


def module(cls, init: dict, weights: dict, inputs: dict, cotangents: dict) -> dict:
    """Build `cls(**init)`, a torch.nn.Module, set its parameters, call it twice, and go backward from the second call.

    weights: array per parameter name; inputs: array or None by name, in the order of forward's parameters; cotangents:
    array by name of the output, of which sum(output * cotangent) is the loss. Float64 throughout. The
    first call is with other numbers: what a module keeps of it does harm.
    Returns the outputs by name, and the gradients "d NAME" of all parameters and float inputs.
    Raises Misfit if it is no module, its parameters have other names or shapes, or the outputs are no such tensors.
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
    given = {name: None if x is None else torch.tensor(x) for name, x in inputs.items()}
    floats = {name: x for name, x in given.items() if x is not None and x.is_floating_point()}
    with torch.no_grad():
        built(*(x / 2 if name in floats else x for name, x in given.items()))
    for x in floats.values():
        x.requires_grad_()
    outputs = _outputs(built(*given.values()), tuple(cotangents))
    found = {name: y.detach().numpy() for name, y in outputs.items()}
    pulled = [(y, _fitted(cotangents[name], y)) for name, y in outputs.items() if y.requires_grad]
    if pulled:
        sum((y * g).sum() for y, g in pulled).backward()
    return found | {f"d {name}": _gradient(x) for name, x in (*built.named_parameters(), *floats.items())}


def _outputs(value, names: tuple[str, ...]) -> dict:
    """What forward returned, by name. Raises Misfit for another number of values, or what is no tensor."""
    import torch

    asked = f"{names[0]}, a tensor" if len(names) == 1 else f"{len(names)} tensors ({', '.join(names)})"
    parts = value if isinstance(value, (tuple, list)) and len(names) > 1 else (value,)
    parts = parts if len(parts) == len(names) else _flat(value)
    if len(parts) != len(names):
        came = in_words_of_tensors(described(_mapped(value, torch.Tensor, _plain)))
        raise Misfit(f"forward returned {came}; expected {asked}.{' Is a `return` missing?' * (value is None)}")
    for name, part in zip(names, parts, strict=True):
        if not isinstance(part, torch.Tensor):
            hint = " torch.stack makes one of a list." if isinstance(part, list) else ""
            raise Misfit(f"forward: {name} is {described(part)}; expected a tensor.{hint}")
    return dict(zip(names, parts, strict=True))


def _fitted(cotangent: np.ndarray, output):
    """The cotangent as a tensor, also for too many or too few axes of length 1; other weights for other shapes."""
    import torch

    if cotangent.squeeze().shape == output.squeeze().shape:
        return torch.as_tensor(cotangent.reshape(output.shape))
    return _waves(output)


def _waves(y):
    """Weights of an output's shape, all different and not zero."""
    import torch

    return torch.cos(1.0 + torch.arange(y.numel()).to(y)).reshape(y.shape)


def _gradient(tensor) -> np.ndarray:
    """The gradient as an array; zeros where none arrived."""
    return np.zeros(tuple(tensor.shape)) if tensor.grad is None else tensor.grad.numpy()


def _flat(value) -> list:
    """Outputs in order: (y, (h, c)) as [y, h, c]."""
    return [v for part in value for v in _flat(part)] if isinstance(value, (tuple, list)) else [value]


def _listed(shapes: dict) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "none"
