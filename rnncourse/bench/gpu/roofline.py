"""The floor of arithmetic and memory: what no program can beat, counted, and what a device can do at most."""

from __future__ import annotations

import torch

from rnncourse.bench.gpu.clock import multiplying, timed

PRECISIONS = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16}
DATA_SHEETS = {  # dense operations per second, and bytes per second, as NVIDIA's data sheets give them
    "H200": {"fp32": 67e12, "tf32": 494.7e12, "bf16": 989.4e12, "bandwidth": 4.8e12},
    "H100 80GB HBM3": {"fp32": 67e12, "tf32": 494.7e12, "bf16": 989.4e12, "bandwidth": 3.35e12},
    "A100-SXM4-80GB": {"fp32": 19.5e12, "tf32": 156e12, "bf16": 312e12, "bandwidth": 2.039e12},
    "A100-SXM4-40GB": {"fp32": 19.5e12, "tf32": 156e12, "bf16": 312e12, "bandwidth": 1.555e12},
}
PUBLISHED = {
    "what": "LSTM, T 1024, B 16, H 768, 16 bits (cuDNN fp16, the others bf16), forward+backward, H100",
    "source": "Pöppel, Beck and Hochreiter (2025), read off a figure, so about 5 % uncertain",
    "ms": {"PyTorch loop": 484.0, "FlashRNN alternating": 26.5, "FlashRNN fused": 13.6, "cuDNN": 5.2},
}


def floor(T: int, B: int, I: int, H: int, task: str, precision: str, ceilings: dict) -> dict:  # noqa: E741
    """The time no program can beat, from counting: operations, bytes, and the larger of their two times.

    Every array is counted as moved once: x and the weights read, h written; with the backward pass also the gates and
    cells written and read again, x, h and dh read, dx and the weights' gradients written. `streamed_ms` is the time to
    read W_h anew at each step, in each direction, which a layer pays unless it keeps the weights on the chip.

    Source: Williams, Waterman and Patterson (2009).
    """
    both = task == "forward+backward"
    size = PRECISIONS[precision].itemsize
    weights, W_h = 4 * H * (I + H + 1), 4 * H * H
    operations = 2 * T * B * 4 * H * (I + H) * (3 if both else 1)
    numbers = T * B * (I + H) + weights
    if both:
        numbers += 2 * T * B * 5 * H + T * B * (2 * H + 2 * I) + 2 * weights
    seconds = {"operations": operations / ceilings[precision], "bytes": size * numbers / ceilings["bandwidth"]}
    by = max(seconds, key=seconds.get)
    streamed = size * W_h * T * (2 if both else 1) / ceilings["bandwidth"]
    return {
        "operations": operations,
        "bytes": size * numbers,
        "floor_ms": 1e3 * seconds[by],
        "floor_by": by,
        "streamed_ms": 1e3 * streamed,
    }


def ceilings(device: torch.device, name: str) -> dict:
    """Operations per second by precision and bytes per second: measured by one product and one copy, and data sheet."""
    n, numbers = (8192, 2**28) if device.type == "cuda" else (512, 2**22)
    measured = {}
    for precision, dtype in PRECISIONS.items():
        if precision != "fp32" and device.type != "cuda":
            continue  # most CPUs compute with bf16 by way of fp32: a product of it is no ceiling
        with multiplying(precision):
            a, b = (torch.randn(n, n, device=device, dtype=dtype) for _ in range(2))
            measured[precision] = 2 * n**3 / (1e-3 * timed(lambda a=a, b=b: a @ b, device)["ms"])
    source = torch.zeros(numbers, device=device)
    target = torch.empty_like(source)
    measured["bandwidth"] = 2 * 4 * numbers / (1e-3 * timed(lambda: target.copy_(source), device)["ms"])
    sheet = next((sheet for part, sheet in DATA_SHEETS.items() if device.type == "cuda" and part in name), None)
    return {"measured": measured, "data sheet": sheet}
