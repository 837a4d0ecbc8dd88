"""The processes that `bench.grading` measures with `wait4`: CPU time of a process and of all below it.

Only processes that somebody waited for count. `python run.py COMMAND ...`, in which both graders run, waits for
those whose starter is gone, as bubblewrap's inner one is. `python -m rnncourse.bench.run` grades as the JSON on stdin
says. Inside bubblewrap the server waits for every worker; that of a killed sandbox would take these times along, so the
measured engines close their sandbox before they end.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def close_sandbox_at_exit() -> None:
    """In an engine: end the sandbox before the process ends, so that its CPU time is counted."""
    import multiprocessing.util

    from rnncourse.grading.engine import Room

    multiprocessing.util.Finalize(None, Room.leave, exitpriority=10)


def grade(root: str, unit: str, workers: int, feedback: bool, submissions: str, output: str) -> dict:
    """One run of the grading; returns what only this process knows, its own CPU time and memory."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from rnncourse.grading import runner

    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=close_sandbox_at_exit) as pool:
        outcome = runner.run(
            Path(root), Path(submissions), Path(output), unit, workers=workers, executor=pool, feedback=feedback
        )
    if not outcome.complete:
        raise RuntimeError("the run was not completed")
    # not ru_maxrss: that begins with the memory of the process that started this one
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    peak = next(1024e-6 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return {"parent_cpu": time.process_time(), "peak_mb": round(peak, 1)}


def launch(command: list[str]) -> int:
    """Run a command and wait for all that it leaves behind, so that their times are counted."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    status = subprocess.call(command)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    return status


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(launch(sys.argv[1:]))
    json.dump(grade(**json.load(sys.stdin)), sys.stdout)
