"""How fast the NumPy layers are, measured beside PyTorch's on one thread of the CPU.

To add a cell, write a function like ``gru_tasks`` and name it in ``CELLS``.
"""

import json
import math
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from rnncourse.bench.machine import environment
from rnncourse.layers import gru_backward, gru_forward, lstm_backward, lstm_forward, rnn_backward, rnn_forward

SIZES = ((35, 32, 64, 64), (64, 32, 128, 256), (100, 64, 256, 512), (784, 64, 1, 128), (128, 1, 64, 128))  # T, B, I, H
ONEDNN_OFF = "oneDNN off"  # torch's LSTM is one fused operation of oneDNN; without it, torch computes step by step
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
SHORTEST_TIMING = 0.02  # seconds; shorter calls are repeated until a timing lasts as long as this
SAME = 1e-4  # two float32 results are the same if they differ by less than this part of the largest entry


class Task(NamedTuple):
    """One computation in two versions. Both return their results in the order of ``names``."""

    name: str
    names: tuple[str, ...]
    ours: Callable[[], Sequence[np.ndarray]]
    torch: Callable[[], Sequence[torch.Tensor]]
    against: str = "torch.nn"  # which torch: as it is, or ONEDNN_OFF


def rnn_tasks(T, B, features, H):
    """The tanh cell against torch.nn.RNN, which has two biases and computes the gradient of each."""
    x, dh, (h0,), (W_x, W_h, b) = draw(T, B, features, H, gates=1, states=1, biases=1)
    module = torch_module(torch.nn.RNN, W_x, W_h, b, np.zeros_like(b))
    names = ("h", "dx", "dh0", "dW_x", "dW_h", "db")

    def forward():
        return rnn_forward(x, h0, W_x, W_h, b)

    def backward(cache):
        return rnn_backward(dh, cache)

    return pair_of_tasks(names, forward, backward, *torch_versions(module, x, [h0], dh))


def gru_tasks(T, B, features, H):
    """The GRU against torch.nn.GRU."""
    x, dh, (h0,), weights = draw(T, B, features, H, gates=3, states=1, biases=2)
    module = torch_module(torch.nn.GRU, *weights)
    names = ("h", "dx", "dh0", "dW_x", "dW_h", "db_x", "db_h")

    def forward():
        return gru_forward(x, h0, *weights)

    def backward(cache):
        return gru_backward(dh, cache)

    return pair_of_tasks(names, forward, backward, *torch_versions(module, x, [h0], dh))


def lstm_tasks(T, B, features, H):
    """The LSTM against torch.nn.LSTM, which has two biases and computes the gradient of each, with oneDNN and without.

    No loss reads c: our backward takes a dc_last of zeros, torch's takes none.
    """
    x, dh, (h0, c0), (W_x, W_h, b) = draw(T, B, features, H, gates=4, states=2, biases=1)
    module = torch_module(torch.nn.LSTM, W_x, W_h, b, np.zeros_like(b))
    names = ("h", "dx", "dh0", "dc0", "dW_x", "dW_h", "db")
    dc_last = np.zeros_like(c0)

    def forward():
        return lstm_forward(x, h0, c0, W_x, W_h, b)

    def backward(cache):
        return lstm_backward(dh, dc_last, cache)

    theirs = torch_versions(module, x, [h0, c0], dh)
    return [
        *pair_of_tasks(names, forward, backward, *theirs),
        *pair_of_tasks(names, forward, backward, *map(without_onednn, theirs), ONEDNN_OFF),
    ]


CELLS = {"rnn": rnn_tasks, "gru": gru_tasks, "lstm": lstm_tasks}


def goal(cell: str, task: str, against: str, size: Sequence[int]) -> float | None:
    """The part of torch's CPU time that we would like to stay below: a wish to report, not a test. None: no wish."""
    if cell == "rnn":
        return 0.7
    if task == "forward":
        return 2.3 if (cell, against) == ("lstm", "torch.nn") else None
    if cell == "gru":
        return 0.75
    if against == ONEDNN_OFF:
        return 0.8
    return 1.3 if tuple(size) == SIZES[0] else 2.0


def draw(T, B, features, H, gates, states, biases):
    """x (T, B, I), dh (T, B, H), a list of states (B, H), and the weights W_x, W_h and biases, in float32."""
    rng = np.random.default_rng(0)
    shapes = [(T, B, features), (T, B, H), *[(B, H)] * states]
    x, dh, *initial = (rng.standard_normal(shape, np.float32) for shape in shapes)
    shapes = [(gates * H, features), (gates * H, H), *[(gates * H,)] * biases]
    weights = [rng.standard_normal(shape, np.float32) / np.sqrt(np.float32(H)) for shape in shapes]  # torch's scale
    return x, dh, initial, weights


def torch_module(kind, W_x, W_h, b_x, b_h):
    """A layer of torch.nn of the given kind with these weights."""
    module = kind(W_x.shape[1], W_h.shape[1])
    weights = {"weight_ih_l0": W_x, "weight_hh_l0": W_h, "bias_ih_l0": b_x, "bias_hh_l0": b_h}
    module.load_state_dict({name: torch.from_numpy(weight) for name, weight in weights.items()})
    return module


def pair_of_tasks(names, forward, backward, torch_forward, torch_forward_backward, against="torch.nn"):
    """A cell's two tasks: 'forward', timed with torch's gradient tracking off, and 'forward+backward'.

    The latter gives h and the gradients of x, of the initial states and of all weights.
    """

    def ours_forward():
        return forward()[:1]

    def ours_forward_backward():
        h, *_, cache = forward()
        return [h, *backward(cache)]

    return [
        Task("forward", names[:1], ours_forward, torch_forward, against),
        Task("forward+backward", names, ours_forward_backward, torch_forward_backward, against),
    ]


def without_onednn(function):
    """The same function, computed by torch without its oneDNN library."""

    def run():
        with torch.backends.mkldnn.flags(enabled=False):
            return function()

    return run


def torch_versions(module, x, states, dh):
    """A recurrent module's forward and forward+backward as functions without arguments.

    x (T, B, I), states: the initial ones, (B, H) each, dh (T, B, H). The first function returns [h], the second h
    and the gradients of x, of the states and of the module's weights in their own order.
    """
    x, dh, *states = (torch.from_numpy(array) for array in (x, dh, *(state[None] for state in states)))
    tracked = [tensor.clone().requires_grad_() for tensor in (x, *states)]

    def run(x, *states):
        h, _ = module(x, states[0] if len(states) == 1 else states)
        return h

    def forward():
        with torch.no_grad():
            return [run(x, *states)]

    def forward_backward():
        h = run(*tracked)
        return [h.detach(), *torch.autograd.grad(h, [*tracked, *module.parameters()], dh)]

    return forward, forward_backward


def largest_difference(task: Task) -> float:
    """Run both versions once: the largest difference of their results, relative to the largest entry of each array.

    Raises RuntimeError, naming the array, if the two versions do not give the same numbers.
    """
    worst = 0.0
    for name, ours, theirs in zip(task.names, task.ours(), task.torch(), strict=False):  # torch adds a second bias
        theirs = np.asarray(theirs).reshape(ours.shape)
        difference = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
        if not difference <= SAME:
            raise RuntimeError(
                f"{task.name}: {name} differs from torch's by {difference:.1e} of its largest entry, expected at most "
                f"{SAME:.0e}: nothing was timed; mend the layer first (its tests compare it with torch)"
            )
        worst = max(worst, difference)
    return worst


def measure(task: Task, pairs: int) -> dict:
    """Time both versions in turn (ours, torch, ours, torch, ...), in CPU time. Times are per call, in milliseconds.

    ``ratio`` is the median over the pairs of ours / torch, ``ratio_quartiles`` its first and third quartile.
    Raises RuntimeError if the two versions do not give the same numbers.
    """
    difference = largest_difference(task)
    shortest = min(cpu_time(task.ours, 1), cpu_time(task.torch, 1))
    calls = math.ceil(SHORTEST_TIMING / max(shortest, 1e-5))
    times = np.array([[cpu_time(task.ours, calls), cpu_time(task.torch, calls)] for _ in range(pairs)])  # (pairs, 2)
    ratios = times[:, 0] / times[:, 1]
    ours, theirs = np.median(times, axis=0)
    first, third = np.quantile(ratios, [0.25, 0.75])
    return {
        "ours_ms": round(1e3 * float(ours), 4),
        "torch_ms": round(1e3 * float(theirs), 4),
        "ratio": round(float(np.median(ratios)), 4),
        "ratio_quartiles": [round(float(first), 4), round(float(third), 4)],
        "pairs": pairs,
        "calls_per_timing": calls,
        "largest_relative_difference": difference,
    }


def cpu_time(function: Callable, calls: int) -> float:
    """CPU seconds per call."""
    start = time.process_time()
    for _ in range(calls):
        function()
    return (time.process_time() - start) / calls


def layers(pairs: int = 21, sizes: Sequence[Sequence[int]] = SIZES, cells: Sequence[str] = tuple(CELLS)) -> dict:
    """Measure the NumPy layers against torch.nn's in float32 on one thread; takes about ten minutes.

    pairs: timings of each version; sizes: (T, B, I, H) each; cells: names in ``CELLS``. The libraries read their number
    of threads once, when they start, so the work is done in a fresh Python process with that number set to 1. Progress
    goes to stderr. Returns what ``table`` prints and a record keeps: device, versions, settings, results.

    Raises ValueError for a cell, size or number of pairs that cannot be measured; RuntimeError if the measurement
    fails, for instance because a layer and torch's do not give the same numbers.
    """
    if unknown := [cell for cell in cells if cell not in CELLS]:
        raise ValueError(f"cells has {unknown[0]!r}, expected names among {', '.join(CELLS)}: use one of these")
    for size in sizes:
        if len(size) != 4 or not all(isinstance(n, int) and n > 0 for n in size):
            raise ValueError(f"sizes has {size}, expected (T, B, I, H), four positive integers: pass (35, 32, 64, 64)")
    if pairs < 1:
        raise ValueError(f"pairs is {pairs}, expected at least 1: pass 21 for a median worth quoting")
    request = {"pairs": pairs, "sizes": [list(size) for size in sizes], "cells": list(cells)}
    return in_fresh_process("rnncourse.bench.layers", request)


def in_fresh_process(module: str, request: dict) -> dict:
    """What ``python -m module`` prints as JSON when it reads `request`, on one thread from its start.

    Raises RuntimeError if that process fails.
    """
    command, given = [sys.executable, "-m", module], json.dumps(request)
    child = subprocess.run(command, input=given, stdout=subprocess.PIPE, text=True, env=os.environ | ONE_THREAD)
    if child.returncode != 0:
        raise RuntimeError(f"the measuring process stopped with status {child.returncode}: its error is printed above")
    return json.loads(child.stdout)


def _measure_layers(pairs, sizes, cells):
    """What ``layers`` runs in a process of its own."""
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="TF32 acceleration")  # turning oneDNN off makes torch speak of GPUs
    results = []
    for cell in cells:
        for size in sizes:
            named_sizes = dict(zip("TBIH", size, strict=True))
            print(f"measuring {cell} at {named_sizes}", file=sys.stderr, flush=True)
            for task in CELLS[cell](*size):
                wish = goal(cell, task.name, task.against, size)
                named = {"cell": cell, "task": task.name, "against": task.against, **named_sizes, "goal": wish}
                results.append(named | measure(task, pairs))
    return {
        "command": "rnncourse bench layers",
        **environment(),
        "measured": "CPU time in float32, ours and torch.nn in turn; ratio = ours / torch",
        "results": results,
    }


def table(record: dict) -> str:
    """The results as plain text: one line per cell, task, torch and size, then how often the goals were met."""
    device, versions, results = record["device"], record["versions"], record["results"]
    lines = [
        f"{record['measured']}; {device['cpu']}, one thread; NumPy {versions['numpy']}, torch {versions['torch']}",
        "cell  task              against        T    B    I    H    ours ms   torch ms  ratio    quartiles  goal",
    ]
    for row in results:
        first, third = row["ratio_quartiles"]
        wish = "" if row["goal"] is None else f"{row['goal']:.2f}{' met' if row['ratio'] <= row['goal'] else ''}"
        lines.append(
            f"{row['cell']:<5} {row['task']:<17} {row['against']:<11}"
            f"{row['T']:>5}{row['B']:>5}{row['I']:>5}{row['H']:>5}"
            f"{row['ours_ms']:>11.3f}{row['torch_ms']:>11.3f}{row['ratio']:>7.2f}{first:>8.2f}-{third:.2f}"
            f"  {wish}".rstrip()
        )
    wished = [row for row in results if row["goal"] is not None]
    met = sum(row["ratio"] <= row["goal"] for row in wished)
    worst = max((row["largest_relative_difference"] for row in results), default=0.0)
    lines.append(f"Of {len(wished)} rows that have a goal, a ratio to stay below, {met} meet it.")
    lines.append(f"Before each timing both gave the same numbers (largest relative difference {worst:.0e}).")
    return "\n".join(lines)


if __name__ == "__main__":
    json.dump(_measure_layers(**json.load(sys.stdin)), sys.stdout)
