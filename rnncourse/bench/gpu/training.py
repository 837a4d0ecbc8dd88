"""The rows of training: a whole step of a language model in four precisions, and batches that come from the host."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import nn

from rnncourse.bench.gpu.clock import attempt, multiplying, peak_bytes, timed
from rnncourse.models import LanguageModel


def training_steps(device, size, V) -> Iterator[dict]:
    """One whole training step of a language model: embedding, nn.LSTM, readout, clipping, Adam, in four precisions."""
    T, B, H = size
    for precision in ("fp32", "tf32", "bf16 autocast", "fp16 autocast, scaled"):

        def look(precision=precision):
            run = training_step(device, T, B, H, V, precision)
            loss, right = run().item(), loss_in_float64(device, T, B, H, V)
            if not abs(loss - right) < 0.01 * right:
                raise ValueError(f"the loss is {loss:.4f}, in float64 {right:.4f}: not timed")
            found = timed(run, device)
            return found | {
                "tokens_per_s": round(T * B / (1e-3 * found["ms"])),
                "peak_mb": round(peak_bytes(run, device) / 1e6, 2),
            }

        with multiplying(precision):
            found = attempt(look)
        yield {"what": "training step", "precision": precision, "T": T, "B": B, "H": H, "V": V} | found


def training_step(device, T, B, H, V, precision) -> Callable:
    """A function that makes one step: scaled backward, unscale, clip, step, in this order where fp16 needs it."""
    model, x, y = model_and_batch(device, T, B, H, V)
    adam = torch.optim.Adam(model.parameters())
    dtype = torch.float16 if precision.startswith("fp16") else torch.bfloat16
    scaler = torch.amp.GradScaler(device.type, enabled=precision.startswith("fp16"))

    def step():
        with torch.autocast(device.type, dtype=dtype, enabled="autocast" in precision):
            loss = nn.functional.cross_entropy(model(x)[0].flatten(0, 1), y.flatten())
        adam.zero_grad()
        scaler.scale(loss).backward()
        scaler.unscale_(adam)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(adam)
        scaler.update()
        return loss.detach()

    return step


def model_and_batch(device, T, B, H, V) -> tuple:
    """The language model of `rnncourse train`, with one layer of H units, and ids x, y (T, B)."""
    torch.manual_seed(0)
    return LanguageModel(V, E=H, H=H).to(device), *torch.randint(V, (2, T, B)).to(device)


def loss_in_float64(device, T, B, H, V) -> float:
    """The loss before the first step, without rounding."""
    model, x, y = model_and_batch(device, T, B, H, V)
    with torch.no_grad():
        return nn.functional.cross_entropy(model.double()(x)[0].flatten(0, 1), y.flatten()).item()


def loading(device, size, batches: int = 20) -> Iterator[dict]:
    """Batches that come from the host: copied and then used, copied from pinned memory, or copied one ahead."""
    T, B, H = size
    layer = nn.LSTM(H, H).to(device)
    host = torch.randn(T, B, H)
    x = host.to(device)

    def use(x):
        layer.zero_grad()
        layer(x)[0].sum().backward()

    ways = {"compute alone": lambda: [use(x) for _ in range(batches)]}
    ways["copy, then compute"] = lambda: [use(host.to(device)) for _ in range(batches)]
    if device.type == "cuda":
        pinned = host.pin_memory()
        ways["copy alone"] = lambda: [host.to(device) for _ in range(batches)]
        ways["pinned copy alone"] = lambda: [pinned.to(device, non_blocking=True) for _ in range(batches)]
        ways["pinned copy, then compute"] = lambda: [use(pinned.to(device, non_blocking=True)) for _ in range(batches)]
        ways["pinned copy one ahead"] = lambda: [use(x) for x in ahead([pinned] * batches, device)]
    for way, run in ways.items():
        found = attempt(lambda run=run: timed(run, device, least=3))
        yield {"what": "loading", "way": way, "T": T, "B": B, "H": H, "batches": batches} | found


def ahead(batches, device) -> Iterator[torch.Tensor]:
    """Batches on the device, each copied from pinned memory on a stream of its own while the one before is used."""
    side = torch.cuda.Stream()
    coming = None
    for host in batches:
        with torch.cuda.stream(side):
            copied = host.to(device, non_blocking=True)
        if coming is not None:
            yield coming
        torch.cuda.current_stream().wait_stream(side)  # whoever uses it waits for the copy, not for the host
        copied.record_stream(torch.cuda.current_stream())  # its memory is not given away while that stream uses it
        coming = copied
    if coming is not None:
        yield coming
