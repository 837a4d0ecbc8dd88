"""For nbval: stderr (warnings, progress bars) and sounds are not compared; kernels start one after the other."""

import copy
import tempfile
from pathlib import Path

import nbval.kernel
import nbval.plugin
from filelock import FileLock

from rnncourse.plot.sound import SOUND

_start = nbval.kernel.start_new_kernel


def _start_alone(*args, **kwargs):
    """Two kernels that start at the same moment may pick the same free port, and one of them dies."""
    with FileLock(Path(tempfile.gettempdir()) / "rnncourse-kernel-start.lock"):
        return _start(*args, **kwargs)


nbval.kernel.start_new_kernel = _start_alone


_compare = nbval.plugin.IPyNbCell.compare_outputs


def _compare_without_sounds(cell, test, ref, skip_compare=None):
    """The last bit of a sound is another on another processor, as a picture's is; its HTML is stored in no notebook."""

    def rest(output):
        output = copy.deepcopy(output)
        if SOUND in output.get("data", {}):
            output["data"] = {mime: data for mime, data in output["data"].items() if mime not in (SOUND, "text/html")}
        return output

    return _compare(cell, [*map(rest, test)], [*map(rest, ref)], skip_compare)


nbval.plugin.IPyNbCell.compare_outputs = _compare_without_sounds


def pytest_collectstart(collector):
    if getattr(collector, "skip_compare", None) is not None:
        collector.skip_compare += ("stderr",)
