"""For nbval: stderr (warnings, progress bars) is not compared; kernels start one after the other."""

import tempfile
from pathlib import Path

import nbval.kernel
from filelock import FileLock

_start = nbval.kernel.start_new_kernel


def _start_alone(*args, **kwargs):
    """Two kernels that start at the same moment may pick the same free port, and one of them dies."""
    with FileLock(Path(tempfile.gettempdir()) / "rnncourse-kernel-start.lock"):
        return _start(*args, **kwargs)


nbval.kernel.start_new_kernel = _start_alone


def pytest_collectstart(collector):
    if getattr(collector, "skip_compare", None) is not None:
        collector.skip_compare += ("stderr",)
