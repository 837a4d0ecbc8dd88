"""The whole measurement: all rows in turn, and a record that is written anew after each of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from rnncourse.bench.gpu import lstms
from rnncourse.bench.gpu.clock import launch_microseconds
from rnncourse.bench.gpu.layer import batch_sizes, layers, memory, profiles
from rnncourse.bench.gpu.roofline import PRECISIONS, PUBLISHED, ceilings
from rnncourse.bench.gpu.tables import said, table
from rnncourse.bench.gpu.training import loading, training_steps
from rnncourse.bench.machine import environment_of, write_record

SIZES = {  # T, B, H; as many input features as hidden units
    "large": ((128, 64, 512), (1024, 16, 768), (256, 256, 1024)),
    "small": ((16, 4, 32), (48, 2, 24)),
}
SWEEPS = {  # T, H, batch sizes; B, H and numbers of steps for memory
    "large": {"batch": (256, 1024, (1, 4, 16, 64, 256)), "memory": (64, 512, (128, 512, 2048)), "vocabulary": 8192},
    "small": {"batch": (16, 32, (1, 4, 16)), "memory": (4, 32, (16, 64, 256)), "vocabulary": 64},
}


def measure(
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
    record = {"command": f"rnncourse bench gpu --device {device} --size {size}", **environment_of(place)}
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


def run(record: Path | None, device: str, size: str, minutes: float) -> int:
    """What the command does; returns its exit code. Ctrl-C leaves the rows so far in the record."""
    try:
        found = measure(device, size, minutes, keep=lambda rows: write_record(rows, record) if record else None)
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
