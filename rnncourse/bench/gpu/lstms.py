"""One LSTM layer, written five ways: the same weights, the same results, other numbers of kernels."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

VARIANTS = ("nn.LSTM", "Python loop", "nn.LSTMCell", "compiled step", "CUDA graph")
BACKEND = "inductor"  # of torch.compile


def draw(T: int, B: int, H: int, device: torch.device, dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
    """x, dh (T, B, H), W_x, W_h (4H, H) and b (4H,), from seed 0; the same numbers in every dtype, rounded."""
    generator = torch.Generator(device).manual_seed(0)
    shapes = (T, B, H), (T, B, H), (4 * H, H), (4 * H, H), (4 * H,)
    x, dh, *weights = (torch.randn(s, generator=generator, device=device).bfloat16() for s in shapes)
    return tuple(a.to(dtype) for a in (x, dh, *((w / math.sqrt(H)).bfloat16() for w in weights)))


def step(projected, h, c, W_h):
    """One step: projected (B, 4H) holds the products with the input and the bias; h, c (B, H)."""
    i, f, g, o = (projected + h @ W_h.T).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def piece(x, h, c, W_x, W_h, b, step=step):
    """States (T, B, H) of an LSTM that begins with h and c, and its last h and c: one product, then a Python loop."""
    states = []
    for projected in (x @ W_x.T + b).unbind():  # not [t]: its gradient is an array of T steps, at each step
        h, c = step(projected, h, c, W_h)
        states.append(h)
    return torch.stack(states), h, c


def loop(x, W_x, W_h, b, step=step):
    """States (T, B, H) of an LSTM from zero."""
    zero = x.new_zeros(x.shape[1], W_h.shape[1])
    return piece(x, zero, zero, W_x, W_h, b, step)[0]


def checkpointed(x, W_x, W_h, b):
    """The same in pieces of about the square root of T steps, whose insides are computed again on the way back."""
    h = c = x.new_zeros(x.shape[1], W_h.shape[1])
    pieces = []
    for part in x.split(max(1, round(math.sqrt(len(x))))):
        states, h, c = checkpoint(piece, part, h, c, W_x, W_h, b, use_reentrant=False)
        pieces.append(states)
    return torch.cat(pieces)


def program(variant: str, task: str, x, dh, W_x, W_h, b) -> Callable[[], list[torch.Tensor]]:
    """A function without arguments: [h] for task "forward", else h, dx, dW_x, dW_h and db. ValueError for others."""
    weights = W_x, W_h, b
    if variant in ("nn.LSTM", "nn.LSTMCell"):
        module = getattr(nn, variant[3:])(x.shape[2], W_h.shape[1], device=x.device, dtype=x.dtype)
        weights = list(module.parameters())  # W_x, W_h and two biases
        with torch.no_grad():
            for own, given in zip(weights, (W_x, W_h, b, torch.zeros_like(b)), strict=True):
                own.copy_(given)
        forward = _layer(module) if variant == "nn.LSTM" else _cells(module)
    elif variant in ("Python loop", "CUDA graph"):
        forward = loop
    elif variant == "Python loop, checkpointed":
        forward = checkpointed
    elif variant == "compiled step":
        torch._dynamo.reset()  # a limit on recompilations counts earlier sizes, too
        fast = torch.compile(step, dynamic=False, backend=BACKEND)

        def forward(*given):
            return loop(*given, step=fast)
    else:
        raise ValueError(f"variant is {variant!r}, expected one of {', '.join(VARIANTS)}")
    run = _task(forward, task, x, dh, weights)
    return graphed(run) if variant == "CUDA graph" else run


def _layer(module):
    return lambda x, *weights: module(x)[0]


def _cells(module):
    def forward(x, *weights):
        h = c = x.new_zeros(x.shape[1], module.hidden_size)
        states = []
        for x_t in x.unbind():
            h, c = module(x_t, (h, c))
            states.append(h)
        return torch.stack(states)

    return forward


def _task(forward, task, x, dh, weights):
    if task == "forward":

        def run():
            with torch.no_grad():
                return [forward(x, *weights)]

    else:
        wanted = [a.detach().requires_grad_() if a.is_leaf and not a.requires_grad else a for a in (x, *weights)]

        def run():
            h = forward(*wanted)
            return [h.detach(), *torch.autograd.grad(h, wanted[:4], dh)]  # a second bias has the gradient of the first

    return run


def graphed(run: Callable) -> Callable:
    """Record all kernels that the function starts, once; the result starts them with one call, on the same memory.

    Needs CUDA. What the returned function gives is overwritten by its next call.
    """
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):  # libraries set themselves up in a first call, which must not be recorded
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = run()

    def replay():
        graph.replay()
        return results

    return replay


def reference(T: int, B: int, H: int, device: torch.device) -> list[torch.Tensor]:
    """h, dx, dW_x, dW_h and db in float64, by nn.LSTM."""
    return program("nn.LSTM", "forward+backward", *draw(T, B, H, device, torch.float64))()


def error(found: list[torch.Tensor], right: list[torch.Tensor]) -> float:
    """The norm of the difference over the norm of what is right, of the array where it is largest. NaN stays NaN."""
    parts = [((a.double() - b).norm() / b.norm()).item() for a, b in zip(found, right, strict=False)]
    return math.nan if any(math.isnan(p) for p in parts) else max(parts)
