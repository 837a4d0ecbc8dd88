"""Where and with what a record is made, and the file that keeps it; needs only PyTorch and NumPy."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch


def environment() -> dict:
    """Where and with what a record is made: its "device" (one thread of a CPU) and "versions"."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "device": {"cpu": processor(), "system": platform.system(), "machine": platform.machine(), "threads": 1},
        "versions": {
            "python": platform.python_version(),
            "rnncourse": version("rnncourse"),
            "numpy": np.__version__,
            "blas": f"{blas['name']} {blas['version']}",
            "torch": torch.__version__,
        },
    }


def environment_of(device: torch.device) -> dict:
    """The same for `rnncourse bench gpu`: of a GPU with its driver; rnncourse need not be installed."""
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
    """The model of the CPU, or "unknown"."""
    cpuinfo = Path("/proc/cpuinfo")
    for line in cpuinfo.read_text().splitlines() if cpuinfo.exists() else []:
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.processor() or "unknown"


def write_record(record: dict, path: str | Path) -> Path:
    """Write the record as JSON, whole or not at all, making its folder if need be; returns the path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(partial, path)
    return path
