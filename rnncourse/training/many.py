"""Several processes that train one model, one on each graphics card, started by torchrun.

Each process has the whole model and a share of every batch; DistributedDataParallel averages their gradients while
`backward` runs, so all take the same step. Without torchrun there is one process, and nothing here does anything.
"""

from __future__ import annotations

import os

import torch
from torch import distributed


def begin() -> None:
    """Join the other processes, if torchrun has started this one: over NCCL on graphics cards, else over gloo."""
    if "RANK" not in os.environ or distributed.is_initialized():
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))  # what "cuda" means from here on
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def end() -> None:
    """Leave the other processes."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def processes() -> int:
    """How many processes there are."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Which of them this one is, from 0. The first one writes and prints."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def joined(model: torch.nn.Module) -> torch.nn.Module:
    """The model as several processes train it: with the first one's weights, and gradients averaged over all."""
    return model if processes() == 1 else torch.nn.parallel.DistributedDataParallel(model)


def bare(model: torch.nn.Module) -> torch.nn.Module:
    """The model itself, whose weights have the same names however many processes train it."""
    return model.module if isinstance(model, torch.nn.parallel.DistributedDataParallel) else model


def mean(value: float, place: torch.device) -> float:
    """The mean of all processes' values, the same number in each, so that all decide alike."""
    if processes() == 1:
        return value
    number = torch.tensor(value, dtype=torch.float64 if place.type != "mps" else torch.float32, device=place)
    distributed.all_reduce(number)
    return number.item() / processes()


def gathered(value) -> list:
    """All processes' values (of any kind), in every process."""
    if processes() == 1:
        return [value]
    values = [None] * processes()
    distributed.all_gather_object(values, value)
    return values
