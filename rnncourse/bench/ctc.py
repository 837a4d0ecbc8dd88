"""How fast the NumPy loss of `rnncourse.ctc` is, with its gradient, beside PyTorch's on one thread of the CPU."""

import json
import sys
from collections.abc import Sequence

import numpy as np
import torch

from rnncourse import ctc
from rnncourse.bench.layers import Task, in_fresh_process, measure
from rnncourse.bench.machine import environment

SIZES = ((60, 32, 7, 8), (100, 32, 28, 30), (400, 16, 28, 60), (150, 1, 28, 30))  # T, B, V, U


def tasks(T: int, B: int, V: int, U: int) -> list[Task]:
    """The losses of a batch of random lengths and their gradient with respect to log_p, in float64.

    Float32 would not do for the comparison: alpha of 400 frames is some hundreds below zero, and both lose digits.
    """
    rng = np.random.default_rng(0)
    z = 2 * rng.standard_normal((T, B, V))
    log_p = z - np.logaddexp.reduce(z, axis=-1, keepdims=True)
    targets = rng.integers(1, V, (B, U))
    frames = rng.integers(max(2 * T // 3, 1), T + 1, B)
    letters = np.minimum(rng.integers(max(U // 2, 1), U + 1, B), frames // 2)  # so that every alignment is possible
    tensors = [torch.from_numpy(array) for array in (targets, frames, letters)]
    tracked = torch.from_numpy(log_p).requires_grad_()

    def theirs():
        losses = torch.nn.functional.ctc_loss(tracked, *tensors, reduction="none")
        return [losses.detach(), *torch.autograd.grad(losses.sum(), tracked)]

    return [
        Task(
            "loss+gradient", ("losses", "dz"), lambda: ctc.ctc_loss(log_p, targets, frames, letters), theirs, "ctc_loss"
        )
    ]


def losses(pairs: int = 21, sizes: Sequence[Sequence[int]] = SIZES) -> dict:
    """Measure `ctc.ctc_loss` against torch's in float64 on one thread; takes about a minute.

    pairs: timings of each version, in turn; sizes: (T, B, V, U) each. The work is done in a fresh Python process, as in
    ``bench.layers``. Returns what ``table`` prints and a record keeps.

    Raises ValueError for a size or a number of pairs that cannot be measured; RuntimeError if the measurement fails,
    for instance because the two do not give the same numbers.
    """
    for size in sizes:
        if len(size) != 4 or not all(isinstance(n, int) and n > 0 for n in size) or size[0] < 2 or size[2] < 2:
            raise ValueError(f"sizes has {size}, expected (T, B, V, U), positive integers, T and V at least 2")
    if pairs < 1:
        raise ValueError(f"pairs is {pairs}, expected at least 1: pass 21 for a median worth quoting")
    return in_fresh_process("rnncourse.bench.ctc", {"pairs": pairs, "sizes": [list(size) for size in sizes]})


def _measure_losses(pairs, sizes):
    """What ``losses`` runs in a process of its own."""
    torch.set_num_threads(1)
    results = []
    for size in sizes:
        named = dict(zip("TBVU", size, strict=True))
        print(f"measuring at {named}", file=sys.stderr, flush=True)
        for task in tasks(*size):
            results.append({"task": task.name, "against": task.against, **named} | measure(task, pairs))
    return {
        "command": "rnncourse bench ctc",
        **environment(),
        "measured": "CPU time in float64, ours and torch.nn.functional.ctc_loss in turn; ratio = ours / torch",
        "results": results,
    }


def table(record: dict) -> str:
    """The results as plain text, one line per size."""
    device, versions = record["device"], record["versions"]
    lines = [
        f"{record['measured']}; {device['cpu']}, one thread; NumPy {versions['numpy']}, torch {versions['torch']}",
        "task              T    B    V    U    ours ms   torch ms  ratio    quartiles",
    ]
    for row in record["results"]:
        sizes = "".join(f"{row[name]:>5}" for name in "TBVU")
        first, third = row["ratio_quartiles"]
        lines.append(
            f"{row['task']:<14}{sizes}{row['ours_ms']:>11.3f}{row['torch_ms']:>11.3f}{row['ratio']:>7.2f}"
            f"{first:>8.2f}-{third:.2f}"
        )
    worst = max((row["largest_relative_difference"] for row in record["results"]), default=0.0)
    lines.append(f"Before each timing both gave the same numbers (largest relative difference {worst:.0e}).")
    return "\n".join(lines)


if __name__ == "__main__":
    json.dump(_measure_losses(**json.load(sys.stdin)), sys.stdout)
