"""Measuring one function on a device: its time, its memory, the operations it starts and how busy they keep it."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import quantiles

import numpy as np
import torch


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all it was given: a GPU takes work long before it does it."""
    if device.type == "cuda":
        torch.cuda.synchronize()


@contextmanager
def multiplying(precision: str) -> Iterator[None]:
    """Products of float32 in full (fp32) or with inputs rounded to 10 bits (tf32). cuDNN's default is the latter."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer versions have a second way to say it
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
        try:
            yield
        finally:
            torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def timed(function: Callable, device: torch.device, least: int = 5, seconds: float = 0.5) -> dict:
    """Milliseconds per call, median and quartiles: wall time, the GPU idle before and after each; CPU time on a CPU.

    Two calls to warm up, then at least `least`, and more until `seconds` have passed (at most 50).
    """
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    for _ in range(2):
        function()
    synchronize(device)
    times, begin = [], clock()
    while len(times) < least or (clock() - begin < seconds and len(times) < 50):
        start = clock()
        function()
        synchronize(device)
        times.append(1e3 * (clock() - start))
    first, middle, third = quantiles(times, n=4)
    return {"ms": round(middle, 4), "quartiles": [round(first, 4), round(third, 4)], "calls": len(times)}


def launch_microseconds(device: torch.device, calls: int = 2000) -> float:
    """What starting one operation costs, if it has next to nothing to do."""
    one = torch.zeros(1, device=device)

    def many():
        for _ in range(calls):
            one.add_(1.0)

    return round(1e3 * timed(many, device, least=3)["ms"] / calls, 3)


def peak_bytes(function: Callable, device: torch.device) -> int:
    """The most memory that is in use at once while the function runs, beyond what was in use before."""
    if device.type == "cuda":
        synchronize(device)
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        function()
        synchronize(device)
        return torch.cuda.max_memory_allocated() - before
    with torch.profiler.profile(profile_memory=True) as profile:
        function()
    events = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    events.sort(key=lambda e: e.start_ns())
    return int(np.cumsum([e.nbytes() for e in events]).max(initial=0))


def read_profile(run: Callable, device: torch.device) -> dict:
    """Kernels of one call and, on a GPU, the share of the time from the first to the last in which one runs."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as profile:
        run()
        synchronize(device)
    events = profile.events()
    if device.type != "cuda":
        return {"operations": sum(e.name.startswith("aten::") for e in events)}
    spans = [(e.time_range.start, e.time_range.end) for e in events if e.device_type == torch.autograd.DeviceType.CUDA]
    return {"kernels": len(spans)} | busy(spans)


def busy(spans: list[tuple[float, float]]) -> dict:
    """Microseconds from the first beginning to the last end, and the share of them that the union of spans covers."""
    covered, end = 0.0, -math.inf
    for start, stop in sorted(spans):
        covered += max(0.0, stop - max(start, end))
        end = max(end, stop)
    whole = max((stop for _, stop in spans), default=0.0) - min((start for start, _ in spans), default=0.0)
    return {"microseconds": round(whole, 1), "busy": round(covered / whole, 4) if whole else None}


def attempt(function: Callable) -> dict:
    """What the function returns; if it fails, the first line of why: the other rows can still be measured."""
    try:
        return function()
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"}
