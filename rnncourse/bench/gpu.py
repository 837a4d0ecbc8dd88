"""What a GPU waits for in an LSTM: one layer written five ways, timed beside the floor of arithmetic and memory.

`rnncourse bench gpu --record FILE` in the course's environment; on a machine that has only PyTorch and NumPy,
`python gpu.py --record FILE` with the file lstms.py beside this one. Every variant is compared with float64 before it
is timed. The record is written anew after each row, so an interrupted run keeps what it has measured.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

import numpy as np
import torch
from torch import nn

if __package__:
    from rnncourse.bench import lstms
else:  # started as a file
    import lstms

SIZES = {  # T, B, H; as many input features as hidden units
    "large": ((128, 64, 512), (1024, 16, 768), (256, 256, 1024)),
    "small": ((16, 4, 32), (48, 2, 24)),
}
SWEEPS = {  # T, H, batch sizes; B, H and numbers of steps for memory
    "large": {"batch": (256, 1024, (1, 4, 16, 64, 256)), "memory": (64, 512, (128, 512, 2048)), "vocabulary": 8192},
    "small": {"batch": (16, 32, (1, 4, 16)), "memory": (4, 32, (16, 64, 256)), "vocabulary": 64},
}
TASKS = ("forward", "forward+backward")
PRECISIONS = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16}
LARGEST_ERROR = {"fp32": 1e-4, "tf32": 2e-2, "bf16": 0.15}  # of the norm of each array, against float64
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


# The device


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


def launch_microseconds(device: torch.device, calls: int = 2000) -> float:
    """What starting one operation costs, if it has next to nothing to do."""
    one = torch.zeros(1, device=device)

    def many():
        for _ in range(calls):
            one.add_(1.0)

    return round(1e3 * timed(many, device, least=3)["ms"] / calls, 3)


def describe(device: torch.device) -> dict:
    """Device, driver and versions, as they stand in a record."""
    versions = {"python": platform.python_version(), "numpy": np.__version__, "torch": torch.__version__}
    found = {"type": device.type, "system": platform.system(), "machine": platform.machine()}
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(0)
        found |= {"name": properties.name, "memory_gb": round(properties.total_memory / 1e9, 1)}
        found |= {"multiprocessors": properties.multi_processor_count, "driver": driver()}
        versions |= {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    else:
        found |= {"name": processor(), "threads": torch.get_num_threads()}
    return {"device": found, "versions": versions}


def driver() -> str:
    """The version of NVIDIA's driver, or "unknown"."""
    path = Path("/sys/module/nvidia/version")
    return path.read_text().strip() if path.exists() else "unknown"


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    for line in cpuinfo.read_text().splitlines() if cpuinfo.exists() else []:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


# What is measured: each function yields rows


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


class Model(nn.Module):
    """Embedding, LSTM, readout: ids (T, B) to logits (T, B, V)."""

    def __init__(self, V: int, H: int):
        super().__init__()
        self.embedding, self.lstm, self.readout = nn.Embedding(V, H), nn.LSTM(H, H), nn.Linear(H, V)

    def forward(self, ids):
        return self.readout(self.lstm(self.embedding(ids))[0])


def training_step(device, T, B, H, V, precision) -> Callable:
    """A function that makes one step: scaled backward, unscale, clip, step, in this order where fp16 needs it."""
    model, x, y = model_and_batch(device, T, B, H, V)
    adam = torch.optim.Adam(model.parameters())
    dtype = torch.float16 if precision.startswith("fp16") else torch.bfloat16
    scaler = torch.amp.GradScaler(device.type, enabled=precision.startswith("fp16"))

    def step():
        with torch.autocast(device.type, dtype=dtype, enabled="autocast" in precision):
            loss = nn.functional.cross_entropy(model(x).flatten(0, 1), y.flatten())
        adam.zero_grad()
        scaler.scale(loss).backward()
        scaler.unscale_(adam)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(adam)
        scaler.update()
        return loss.detach()

    return step


def model_and_batch(device, T, B, H, V) -> tuple:
    torch.manual_seed(0)
    return Model(V, H).to(device), *torch.randint(V, (2, T, B)).to(device)


def loss_in_float64(device, T, B, H, V) -> float:
    """The loss before the first step, without rounding."""
    model, x, y = model_and_batch(device, T, B, H, V)
    with torch.no_grad():
        return nn.functional.cross_entropy(model.double()(x).flatten(0, 1), y.flatten()).item()


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


def attempt(function: Callable) -> dict:
    """What the function returns; if it fails, the first line of why: the other rows can still be measured."""
    try:
        return function()
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"}


# The whole


def gpu(
    device: str = "cuda",
    size: str = "large",
    minutes: float = 7.5,
    keep: Callable[[dict], None] = lambda record: None,
    variants: tuple[str, ...] | None = None,
) -> dict:
    """Measure everything; `keep(record)` is called after each row. No new row begins after `minutes`.

    device: "cuda" or "cpu"; size: "large" or "small"; minutes: after so many no new row is begun, and the record says
    that it is not complete; variants: of `lstms.VARIANTS`, all that the device can run if None.

    Raises ValueError where there is no such device, size or variant.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            "PyTorch sees no CUDA device here, so nothing was measured: run this on a machine that has one, or say "
            "--device cpu --size small to see it at small size"
        )
    if device not in ("cuda", "cpu") or size not in SIZES:
        raise ValueError(f"device is {device!r}, size {size!r}: expected cuda or cpu, and large or small")
    possible = [name for name in lstms.VARIANTS if device == "cuda" or name != "CUDA graph"]
    variants = tuple(possible if variants is None else variants)
    if unknown := [name for name in variants if name not in possible]:
        raise ValueError(f"variants has {unknown[0]!r}, expected names among {', '.join(possible)}")
    place, begin = torch.device(device), time.monotonic()
    if device == "cpu":
        torch.set_num_threads(1)
    record = {"command": f"rnncourse bench gpu --device {device} --size {size}", **describe(place)}
    clock = "wall time" if device == "cuda" else "CPU time on one thread"
    record |= {"measured": f"{clock}, medians; error: norm of the difference from float64, relative, worst array"}
    record["ceilings"] = ceilings(place, record["device"]["name"])
    record["floors_from"] = "data sheet" if record["ceilings"]["data sheet"] else "measured"
    limits = record["ceilings"][record["floors_from"]]
    record |= {"launch_us": launch_microseconds(place), "published": PUBLISHED, "complete": False, "results": []}
    precisions = [name for name in PRECISIONS if device == "cuda" or name != "tf32"]
    sizes, sweeps = SIZES[size], SWEEPS[size]
    parts = [
        profiles(place, sizes[0], variants),
        layers(place, sizes, limits, variants, precisions),
        batch_sizes(place, *sweeps["batch"]),
        training_steps(place, sizes[0], sweeps["vocabulary"]),
        loading(place, sizes[0]),
        memory(place, *sweeps["memory"]),
    ]
    late = False
    for rows in in_turn(parts):
        record["results"].append(rows)
        record["seconds"] = round(time.monotonic() - begin, 1)
        keep(record)
        print(said(rows), file=sys.stderr, flush=True)
        if late := time.monotonic() - begin > 60 * minutes:
            break
    record["complete"] = not late
    keep(record)
    return record


def in_turn(parts: list[Iterator[dict]]) -> Iterator[dict]:
    """The rows of all parts: the first part whole, then a row of each in turn, so that a cut-off leaves some of all."""
    yield from parts[0]
    parts = parts[1:]
    while parts:
        for rows in list(parts):
            row = next(rows, None)
            if row is None:
                parts.remove(rows)
            else:
                yield row


def said(row: dict) -> str:
    """A row as one line of text."""
    sizes = ", ".join(f"{k} {row[k]}" for k in "TBH" if k in row)
    name = ", ".join(str(row[k]) for k in ("what", "variant", "way", "precision", "task") if k in row)
    if "failed" in row:
        return f"{name} ({sizes}): {row['failed']}"
    told = (
        ("kernels", "operations", "busy") if row["what"] == "profile" else ("ms", "of_floor", "tokens_per_s", "peak_mb")
    )
    numbers = {k: row[k] for k in told if k in row}
    return f"{name} ({sizes}): " + ", ".join(f"{k} {v:,}" if v is not None else f"{k} ?" for k, v in numbers.items())


def table(record: dict) -> str:
    """The layers of a record as plain text: milliseconds by precision, and the share of the floor that they reach."""
    device, rows = record["device"], [row for row in record["results"] if row["what"] == "layer"]
    precisions = [name for name in PRECISIONS if any(row["precision"] == name for row in rows)]
    lines = [
        f"{device['name']}, torch {record['versions']['torch']}; {record['measured'].partition(',')[0]}",
        f"floors from {record['floors_from']} figures; starting an operation takes {record['launch_us']:.1f} µs",
    ]
    found = {(row["T"], row["B"], row["H"], row["task"], row["variant"], row["precision"]): row for row in rows}
    for T, B, H, task in dict.fromkeys(key[:4] for key in found):
        lines.append(f"T {T}, B {B}, H {H}, {task}")
        lines.append(f"{'':<16}" + "".join(f"{name + ' ms':>10}{'of floor':>9}" for name in precisions))
        for variant in dict.fromkeys(key[4] for key in found if key[:4] == (T, B, H, task)):
            cells = [found.get((T, B, H, task, variant, name), {}) for name in precisions]
            lines.append(f"  {variant:<14}" + "".join(map(cell, cells)))
    lines += [said(row) for row in rows if "failed" in row]
    if not record["complete"]:
        lines.append("The time was up, or somebody stopped it: not everything was measured.")
    return "\n".join(lines)


def cell(row: dict) -> str:
    """A time and its share of the floor; "-" for what was not measured, or has no floor."""
    ms = f"{row['ms']:.2f}" if "ms" in row else "-"
    share = f"{row['of_floor']:.1%}" if "of_floor" in row else "-"
    return f"{ms:>10}{share:>9}"


def write(record: dict, path: str | Path) -> Path:
    """Write the record as JSON, whole or not at all; returns the path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(partial, path)
    return path


def run(record: Path | None, device: str, size: str, minutes: float) -> int:
    """What the command does; returns its exit code. Ctrl-C leaves the rows so far in the record."""
    try:
        found = gpu(device, size, minutes, keep=lambda rows: write(rows, record) if record else None)
    except ValueError as error:
        print(error)
        return 1
    except KeyboardInterrupt:
        print(f"interrupted; what was measured so far is in {record}" if record else "interrupted; nothing was kept")
        return 130
    print(table(found))
    if record:
        print(f"recorded in {record}")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", type=Path, help="also write every figure to this JSON file")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--size", default="large", choices=tuple(SIZES))
    parser.add_argument("--minutes", type=float, default=7.5, help="begin no new row after so many")
    sys.exit(run(**vars(parser.parse_args())))
