"""The rows of one LSTM layer: its variants at every size and precision, their profiles, batch sizes and memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from rnncourse.bench.gpu import lstms
from rnncourse.bench.gpu.clock import attempt, multiplying, peak_bytes, read_profile, timed
from rnncourse.bench.gpu.roofline import PRECISIONS, floor

TASKS = ("forward", "forward+backward")
LARGEST_ERROR = {"fp32": 1e-4, "tf32": 2e-2, "bf16": 0.15}  # of the norm of each array, against float64


def layers(device, sizes, limits, variants, precisions) -> Iterator[dict]:
    """Every variant at every size and precision, forward and forward+backward; compared with float64, then timed."""
    for T, B, H in sizes:
        reference = lstms.reference(T, B, H, device)
        for precision in precisions:
            for variant in variants:
                for task in TASKS:
                    row = {"what": "layer", "variant": variant, "precision": precision, "task": task}
                    row |= {"T": T, "B": B, "I": H, "H": H}
                    with multiplying(precision):
                        found = attempt(lambda r=row, right=reference: one_layer(device, right, r, limits))
                    yield row | found


def one_layer(device, reference: list, row: dict, limits: dict) -> dict:
    """Compare one variant with float64, time it, and set the floor beside it."""
    T, B, H, precision, task = (row[k] for k in ("T", "B", "H", "precision", "task"))
    given = lstms.draw(T, B, H, device, PRECISIONS[precision])
    run = lstms.program(row["variant"], task, *given)
    error = lstms.error(run(), reference)
    if not error <= LARGEST_ERROR[precision]:
        return {"failed": f"differs from float64 by {error:.1e}, allowed {LARGEST_ERROR[precision]:.0e}: not timed"}
    found = timed(run, device) | {"error": float(f"{error:.2e}")}
    found["tokens_per_s"] = round(T * B / (1e-3 * found["ms"]))
    if precision in limits:
        found |= floor(T, B, H, H, task, precision, limits)
        found["of_floor"] = float(f"{found['floor_ms'] / found['ms']:.4g}")
    return found


def profiles(device, size, variants) -> Iterator[dict]:
    """How many kernels one forward and backward pass starts, and which part of its time at least one of them runs."""
    T, B, H = size
    for variant in variants:
        row = {"what": "profile", "variant": variant, "precision": "fp32", "T": T, "B": B, "H": H}

        def look(variant=variant):
            run = lstms.program(variant, "forward+backward", *lstms.draw(T, B, H, device, torch.float32))
            run()
            run()
            return read_profile(run, device)

        with multiplying("fp32"):
            found = attempt(look)
        yield row | found


def batch_sizes(device, T, H, batches) -> Iterator[dict]:
    """nn.LSTM, forward+backward in bf16, at growing batch sizes."""
    for B in batches:

        def look(B=B):
            run = lstms.program("nn.LSTM", "forward+backward", *lstms.draw(T, B, H, device, torch.bfloat16))
            found = timed(run, device)
            return found | {"tokens_per_s": round(T * B / (1e-3 * found["ms"]))}

        yield {"what": "batch", "variant": "nn.LSTM", "precision": "bf16", "T": T, "B": B, "H": H} | attempt(look)


def memory(device, B, H, steps) -> Iterator[dict]:
    """Peak memory and time of a forward and backward pass in fp32 against the number of steps backpropagated."""
    for T in steps:
        right = lstms.reference(T, B, H, device)
        for variant in ("Python loop", "Python loop, checkpointed", "nn.LSTM"):

            def look(variant=variant, T=T, right=right):
                run = lstms.program(variant, "forward+backward", *lstms.draw(T, B, H, device, torch.float32))
                if (error := lstms.error(run(), right)) > LARGEST_ERROR["fp32"]:
                    raise ValueError(f"differs from float64 by {error:.1e}: not timed")
                return {"peak_mb": round(peak_bytes(run, device) / 1e6, 3)} | timed(run, device, least=3)

            with multiplying("fp32"):
                found = attempt(look)
            yield {"what": "memory", "variant": variant, "precision": "fp32", "T": T, "B": B, "H": H} | found
