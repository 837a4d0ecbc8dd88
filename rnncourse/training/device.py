"""Where models and their data go."""

from collections.abc import Callable

import torch


def device() -> torch.device:
    """The fastest device there is: a graphics card through CUDA, else Apple's through MPS, else the CPU.

    MPS computes in float32 at most; what compares at 1e-10 stays on the CPU.
    """
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def each(value, change: Callable):
    """`value` with `change` applied to everything in its tuples (named ones too), lists and dicts."""
    if isinstance(value, dict):
        return {name: each(part, change) for name, part in value.items()}
    if isinstance(value, (tuple, list)) and not hasattr(value, "to"):  # a packed sequence is a tuple, too
        parts = [each(part, change) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return change(value)


def moved(batch, place: torch.device):
    """The batch on a device, NumPy arrays as tensors; what is neither stays as it is."""

    def there(part):
        part = torch.as_tensor(part) if type(part).__module__ == "numpy" else part
        return part.to(place) if hasattr(part, "to") else part

    return each(batch, there)


def detached(state):
    """The state without the graph that made it: no gradient flows into an earlier batch."""
    return each(state, lambda part: part.detach() if isinstance(part, torch.Tensor) else part)
